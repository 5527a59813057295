"""How much of a tensor can be read off what comes after it: held-out R2 of a ridge regression, by numpy's solver.

No torch here. One sample is one position of the picture. The answer is linear by design: what a linear map cannot find
may still be there for a deeper network, and what it finds on one picture is no claim about others.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xception_lab.features.maps import Values
from xception_lab.spec import Activation, Kind

Matrix = NDArray[np.float64]

ALPHA = 1e-4  # ridge, times the mean variance of the features and the number of samples
TILE = 6  # positions a side of the tiles that are held out in turn; no test pattern repeats with them


@dataclass(frozen=True, slots=True)
class Recovery:
    """Held-out R2 of the target from what comes after, over several draws of the filters.

    kind, segments, between: the block. target: "input" or "first", the tensor before the activation between.
    median, low, high: the middle draw and the quartiles.
    """

    kind: Kind
    segments: int | None
    between: Activation
    target: str
    median: float
    low: float
    high: float


def neighbourhoods(values: Values, size: int) -> Matrix:
    """(C, H, W) -> (H * W, C * size * size): what a size x size window around each position holds, zeros outside."""
    margin = size // 2
    padded = np.pad(values.astype(np.float64), ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(values.shape[1] * values.shape[2], -1)


def held_out_positions(height: int, width: int) -> NDArray[np.bool_]:
    """Which positions, row by row, are for the test: every second tile, so that neighbours stay together."""
    rows, columns = np.indices((height, width)) // TILE
    return ((rows + columns) % 2 == 1).ravel()


def ridge(features: Matrix, targets: Matrix, alpha: float) -> tuple[Matrix, Matrix]:
    """(weights, intercept) that minimise |targets - features @ weights - intercept|^2 + alpha |weights|^2."""
    centre, middle = features.mean(axis=0), targets.mean(axis=0)
    centred = features - centre
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += alpha
    weights = cast(Matrix, np.linalg.solve(gram, centred.T @ (targets - middle)))
    return weights, cast(Matrix, middle - centre @ weights)


def r2(targets: Matrix, predictions: Matrix) -> float:
    """1 - squared error / variance, all targets together; 0 where the targets do not vary."""
    spread = float(np.square(targets - targets.mean(axis=0)).sum())
    return 1 - float(np.square(targets - predictions).sum()) / spread if spread > 0 else 0.0


def recoverability(before: Values, after: Values, window: int) -> float:
    """Held-out R2 of `before` (C, H, W) from a window x window of `after` (C', H, W) around each position."""
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
    """Whether the held-out half of a picture is of one value a channel, so that there is nothing to recover."""
    held = before.reshape(len(before), -1)[:, held_out_positions(*before.shape[1:])]
    return bool((held == held[:, :1]).all())


def alpha_of(features: Matrix) -> float:
    """The ridge's strength for these features; the same whatever they are multiplied with."""
    return ALPHA * float(features.var(axis=0).mean()) * len(features) + np.finfo(float).tiny
