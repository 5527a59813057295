"""How much of a tensor's variance a linear reader explains from a later one: held-out R2 of a ridge regression.

No torch. One sample is one position of the picture. Half of the picture teaches and half judges; how strong the ridge
is, is chosen by cross-validation inside the half that teaches, so the judging half is met once. The regression is
linear by design: what it cannot explain may still be there for a deeper network, and what it explains on one picture
says nothing about others.
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from xception_lab.features.maps import Values

Matrix = NDArray[np.float64]

TILE = 6  # side in positions of the tiles that are held out; no test pattern of the lab has this period
FOLDS = 5  # of the cross-validation, at most
# of the ridge, from which cross-validation chooses: times the mean variance of the features and the number of samples
STRENGTHS: Matrix = np.logspace(-8, 2, 11)
WINDOW = 3  # side in positions of what the reader sees of a layer around each position
# luma of ITU-R BT.601 for red, green and blue, which JPEG and PIL's "L" use as well
LUMINANCE = (0.299, 0.587, 0.114)


def neighbourhoods(values: Values, size: int) -> Matrix:
    """(C, H, W) -> (H * W, C * size * size): the values in a size x size window around each position, zeros outside."""
    margin = size // 2
    padded = np.pad(values.astype(np.float64), ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(values.shape[1] * values.shape[2], -1)


def held_out_positions(height: int, width: int) -> NDArray[np.bool_]:
    """Which positions, row by row, are held out to judge: every second tile, so that neighbours stay together."""
    rows, columns = np.indices((height, width)) // TILE
    return ((rows + columns) % 2 == 1).ravel()


def training_folds(height: int, width: int) -> NDArray[np.int64]:
    """For each position that teaches, row by row, its fold of the cross-validation, (number of these,).

    Whole tiles go to a fold, in reading order by turns: single positions would have their neighbours in other folds,
    and the weakest ridge would always seem the best.
    """
    rows, columns = np.indices((height, width)) // TILE
    tiles = (rows * (columns.max() + 1) + columns).ravel()[~held_out_positions(height, width)]
    numbers = np.unique(tiles, return_inverse=True)[1]
    return numbers % FOLDS


def ridge(features: Matrix, targets: Matrix, alpha: float) -> tuple[Matrix, Matrix]:
    """(weights, intercept) that minimise |targets - features @ weights - intercept|^2 + alpha |weights|^2."""
    feature_means, target_means = features.mean(axis=0), targets.mean(axis=0)
    centred = features - feature_means
    gram = centred.T @ centred
    gram[np.diag_indices_from(gram)] += alpha
    weights = cast(Matrix, np.linalg.solve(gram, centred.T @ (targets - target_means)))
    return weights, cast(Matrix, target_means - feature_means @ weights)


def alpha_of(features: Matrix, strength: float) -> float:
    """The ridge's alpha for these features: relative to their variance, which makes the regression free of scale."""
    return strength * float(features.var(axis=0).mean()) * len(features) + np.finfo(float).tiny


def choose_strength(features: Matrix, targets: Matrix, folds: NDArray[np.int64]) -> float:
    """The largest of STRENGTHS that is no worse, by one standard error over the folds, than the one of least error.

    Each fold is predicted from the others, and the standard error is that of the differences, fold by fold, to the
    strength of least squared error. The least error itself is not taken: behind a ReLU a feature may be zero in all but
    a few positions, the error is then flat over weak ridges, and the weakest extrapolates without bound elsewhere.

    features: (N, P). targets: (N, T). folds: (N,), at least two different numbers.
    """
    # a fold is needed only by its sums of products, and what the other folds have is the total less its own
    table = np.hstack([np.ones((len(features), 1)), features - features.mean(axis=0), targets - targets.mean(axis=0)])
    grams = np.stack([table[folds == fold].T @ table[folds == fold] for fold in np.unique(folds)])
    errors = np.stack([_squared_errors(grams.sum(axis=0) - gram, gram, features.shape[1]) for gram in grams])
    excess = errors - errors[:, [np.argmin(errors.sum(axis=0))]]  # (folds, STRENGTHS)
    standard_error = excess.std(axis=0, ddof=1) / np.sqrt(len(grams))
    return float(STRENGTHS[np.flatnonzero(excess.mean(axis=0) <= standard_error)[-1]])


def _squared_errors(fit: Matrix, judge: Matrix, num_features: int) -> Matrix:
    """The squared error on the samples of `judge` of ridges learned on those of `fit`, for each of STRENGTHS.

    fit, judge: (1 + P + T, 1 + P + T), the Gram matrices of [1, features, targets] of these samples.
    """
    count, means = fit[0, 0], fit[0, 1:] / fit[0, 0]
    centred = fit[1:, 1:] - count * np.outer(means, means)
    values, vectors = np.linalg.eigh(centred[:num_features, :num_features])
    alphas = np.trace(centred[:num_features, :num_features]) / num_features * STRENGTHS + np.finfo(float).tiny
    projected = vectors.T @ centred[:num_features, num_features:]
    weights = vectors @ (projected / (np.maximum(values, 0) + alphas[:, None])[:, :, None])  # (STRENGTHS, P, T)
    intercepts = means[num_features:] - means[:num_features] @ weights
    # what makes residuals of [1, features, targets]
    identity = np.broadcast_to(np.eye(weights.shape[2]), (len(alphas), weights.shape[2], weights.shape[2]))
    residual = np.concatenate([-intercepts[:, None], -weights, identity], axis=1)
    return np.sum(residual * (judge @ residual), axis=(1, 2))


def r2(targets: Matrix, predictions: Matrix) -> float:
    """1 - squared error / variance, all targets together; 0 where the targets do not vary."""
    variance = float(np.square(targets - targets.mean(axis=0)).sum())
    return 1 - float(np.square(targets - predictions).sum()) / variance if variance > 0 else 0.0


def recoverability(before: Values, after: Values, window: int = WINDOW) -> float:
    """Explained variance, the held-out R2 of `before` (C, H, W), for a reader of `after` (C', H, W).

    window: side of what the reader sees around each position.

    Raises ValueError when the two differ in size, or have no two tiles that teach and one that judges.
    """
    return linear_reading(before, after, window)[1]


def linear_reading(before: Values, after: Values, window: int = WINDOW) -> tuple[Values, float]:
    """`before` as the reader of recoverability gives it back, (C, H, W), the half that taught included; and the R2."""
    if before.shape[1:] != after.shape[1:]:
        raise ValueError(f"after: must have the size of before, {before.shape[1:]}, has {after.shape[1:]}")
    test, folds = held_out_positions(*before.shape[1:]), training_folds(*before.shape[1:])
    if not test.any() or folds.max() == 0:
        raise ValueError(f"before: must be larger than one tile of {TILE} positions each way, is {before.shape[1:]}")
    features = neighbourhoods(after, window)
    targets = before.reshape(len(before), -1).T.astype(np.float64)
    train, train_targets = features[~test], targets[~test]
    strength = choose_strength(train, train_targets, folds)
    weights, intercept = ridge(train, train_targets, alpha_of(train, strength))
    predictions = features @ weights + intercept
    return predictions.T.reshape(before.shape).astype(np.float32), r2(targets[test], predictions[test])


def luminance_baseline(picture: Values) -> float:
    """Explained variance of a colour picture (3, H, W) for the same reader of its luminance alone.

    Raises ValueError where recoverability does.
    """
    return recoverability(picture, np.tensordot(np.array(LUMINANCE, np.float32), picture, axes=1)[None])


def is_constant(before: NDArray[Any]) -> bool:
    """Whether the held-out half of a picture (C, H, W) has one value per channel, so that nothing can be explained."""
    held_out = before.reshape(len(before), -1)[:, held_out_positions(*before.shape[1:])]
    return bool((held_out == held_out[:, :1]).all())
