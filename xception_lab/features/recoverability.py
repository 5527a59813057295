"""How much of a tensor can be recovered from a later one: held-out R2 of a ridge regression, solved by numpy.

No torch. One sample is one position of the picture. The regression is linear by design: what it cannot recover may
still be recoverable for a deeper network, and what it recovers on one picture says nothing about others.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xception_lab.features.maps import Values
from xception_lab.spec import Activation, Kind

Matrix = NDArray[np.float64]

ALPHA = 1e-4  # of the ridge, times the mean variance of the features and the number of samples
TILE = 6  # side in positions of the tiles that are held out; no test pattern of the lab has this period


@dataclass(frozen=True, slots=True)
class Recovery:
    """Held-out R2 of the target from the block's output, over several draws of the filters.

    kind, segments, between: the block. target: "input" or "first", the tensor before the activation between.
    median, low, high: the median and the quartiles over the draws.
    """

    kind: Kind
    segments: int | None
    between: Activation
    target: str
    median: float
    low: float
    high: float


def neighbourhoods(values: Values, size: int) -> Matrix:
    """(C, H, W) -> (H * W, C * size * size): the values in a size x size window around each position, zeros outside."""
    margin = size // 2
    padded = np.pad(values.astype(np.float64), ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(values.shape[1] * values.shape[2], -1)


def held_out_positions(height: int, width: int) -> NDArray[np.bool_]:
    """Which positions, row by row, are held out for the test: every second tile, so that neighbours stay together."""
    rows, columns = np.indices((height, width)) // TILE
    return ((rows + columns) % 2 == 1).ravel()


def ridge(features: Matrix, targets: Matrix, alpha: float) -> tuple[Matrix, Matrix]:
    """(weights, intercept) that minimise |targets - features @ weights - intercept|^2 + alpha |weights|^2."""
    feature_means, target_means = features.mean(axis=0), targets.mean(axis=0)
    centred = features - feature_means
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += alpha
    weights = cast(Matrix, np.linalg.solve(gram, centred.T @ (targets - target_means)))
    return weights, cast(Matrix, target_means - feature_means @ weights)


def r2(targets: Matrix, predictions: Matrix) -> float:
    """1 - squared error / variance, all targets together; 0 where the targets do not vary."""
    variance = float(np.square(targets - targets.mean(axis=0)).sum())
    return 1 - float(np.square(targets - predictions).sum()) / variance if variance > 0 else 0.0


def recoverability(before: Values, after: Values, window: int) -> float:
    """Held-out R2 of `before` (C, H, W) from a window x window of `after` (C', H, W) around each position.

    Raises ValueError when the two differ in size or are no larger than a tile.
    """
    if before.shape[1:] != after.shape[1:]:
        raise ValueError(f"after: must have the size of before, {before.shape[1:]}, has {after.shape[1:]}")
    features = neighbourhoods(after, window)
    targets = before.reshape(len(before), -1).T.astype(np.float64)
    test = held_out_positions(*before.shape[1:])
    if not test.any() or test.all():
        raise ValueError(f"before: must be larger than one tile of {TILE} positions, is {before.shape[1:]}")
    train = features[~test]
    weights, intercept = ridge(train, targets[~test], alpha_of(train))
    return r2(targets[test], features[test] @ weights + intercept)


def is_constant(before: NDArray[Any]) -> bool:
    """Whether the held-out half of a picture (C, H, W) has one value per channel, so that nothing can be recovered."""
    held_out = before.reshape(len(before), -1)[:, held_out_positions(*before.shape[1:])]
    return bool((held_out == held_out[:, :1]).all())


def alpha_of(features: Matrix) -> float:
    """The strength of the ridge for these features, which makes the regression independent of their scale."""
    return ALPHA * float(features.var(axis=0).mean()) * len(features) + np.finfo(float).tiny
