"""Explained variance against scikit-learn, least squares and closed forms; the shipped readings against new ones."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import PredefinedSplit, cross_val_score

from xception_lab.features import block_readings
from xception_lab.features import recoverability as module
from xception_lab.features.activations import activations, build_random, hand_maps, picture_tensor, random_maps
from xception_lab.features.block_readings import (
    hand_readings,
    relu_readings,
    relu_spec,
    trained_readings,
)
from xception_lab.features.filters import KERNELS, MIXES, HandFilters, make_kernel, make_mix
from xception_lab.features.image_models import trained_maps
from xception_lab.features.layer_names import TRAINED_ON
from xception_lab.features.maps import BlockMaps, LayerMaps
from xception_lab.features.readings import (
    BETWEENS,
    KERNEL_SIZE,
    ORDERS,
    PLACES,
    READS,
    TARGETS,
    WIDTH,
    WIDTHS,
    BlockRange,
    Comparison,
    ReluReadings,
    hand_range,
    load_readings,
    read_block,
    relu_range,
    sample_of,
    stored_relu_readings,
    trained_range,
)
from xception_lab.features.recoverability import (
    LUMINANCE,
    STRENGTHS,
    alpha_of,
    choose_strength,
    held_out_positions,
    is_constant,
    luminance_baseline,
    neighbourhoods,
    recoverability,
    ridge,
    training_folds,
)
from xception_lab.features.sample_pictures import PICTURE_SIDE, SAMPLES, sample_picture
from xception_lab.spec import KINDS

RNG = np.random.default_rng(0)
torch.set_num_threads(1)  # these tensors are too small to share


def _before_and_after() -> tuple[np.ndarray, np.ndarray]:
    """A smooth tensor of three channels, and what a ReLU leaves of four mixtures of it."""
    before = ndimage.gaussian_filter(RNG.standard_normal((3, 30, 24)), (0, 1, 1)).astype(np.float32)
    return before, np.maximum(np.tensordot(RNG.standard_normal((4, 3)), before, axes=1), 0).astype(np.float32)


def _gram(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    table = np.hstack([np.ones((len(features), 1)), features, targets])
    return table.T @ table


# The reader


@pytest.mark.parametrize("window", [1, 3])
def test_recoverability_is_scikit_learns(window: int) -> None:
    before, after = _before_and_after()
    height, width = before.shape[1:]
    margin = window // 2
    padded = np.pad(after, ((0, 0), (margin, margin), (margin, margin)))
    features = np.array(
        [padded[:, r : r + window, c : c + window].ravel() for r in range(height) for c in range(width)], np.float64
    )
    np.testing.assert_array_equal(neighbourhoods(after, window), features)
    targets = before.reshape(3, -1).T.astype(np.float64)
    test = held_out_positions(height, width)
    alpha = alpha_of(features[~test], choose_strength(features[~test], targets[~test], training_folds(height, width)))
    model = Ridge(alpha=alpha).fit(features[~test], targets[~test])
    expected = r2_score(targets[test], model.predict(features[test]), multioutput="variance_weighted")
    assert recoverability(before, after, window) == pytest.approx(expected, abs=1e-9)
    weights, intercept = ridge(features[~test], targets[~test], alpha)
    np.testing.assert_allclose(weights.T, model.coef_, atol=1e-7)
    np.testing.assert_allclose(intercept, model.intercept_, atol=1e-7)


@pytest.mark.parametrize(("samples", "width"), [(90, 7), (40, 60)])
def test_each_strengths_error_is_that_of_least_squares_with_the_ridge_as_more_rows(samples: int, width: int) -> None:
    features, targets = RNG.standard_normal((samples, width)), RNG.standard_normal((samples, 2))
    judged, judged_targets = RNG.standard_normal((11, width)), RNG.standard_normal((11, 2))
    errors = module._squared_errors(_gram(features, targets), _gram(judged, judged_targets), width)
    means = features.mean(axis=0), targets.mean(axis=0)
    for strength, error in zip(STRENGTHS[2:], errors[2:], strict=True):
        scale = np.sqrt(strength * features.var(axis=0).mean() * samples)
        rows = np.vstack([features - means[0], scale * np.eye(width)])
        weights = np.linalg.lstsq(rows, np.vstack([targets - means[1], np.zeros((width, 2))]), rcond=None)[0]
        predictions = means[1] + (judged - means[0]) @ weights
        assert error == pytest.approx(np.square(predictions - judged_targets).sum(), rel=1e-6), strength


def test_the_strength_is_the_largest_within_one_standard_error_of_scikit_learns_best() -> None:
    folds = training_folds(30, 24)
    stronger = 0
    for noise in (0, 0.03, 0.3, 3):
        before, after = _before_and_after()
        test = held_out_positions(30, 24)
        features, targets = neighbourhoods(after, 3)[~test], before.reshape(3, -1).T.astype(np.float64)[~test]
        targets = targets + noise * RNG.standard_normal(targets.shape)
        errors = np.empty((folds.max() + 1, len(STRENGTHS)))
        for index, strength in enumerate(STRENGTHS):
            for fold, (train, judge) in enumerate(PredefinedSplit(folds).split()):
                model = Ridge(alpha=strength * features[train].var(axis=0).mean() * len(train))
                scores = cross_val_score(
                    model, features, targets, cv=[(train, judge)], scoring="neg_mean_squared_error"
                )
                errors[fold, index] = -scores[0] * len(judge)
        best = errors.sum(axis=0).argmin()
        differences = errors - errors[:, [best]]
        allowed = STRENGTHS[differences.mean(axis=0) <= stats.sem(differences, axis=0)]
        assert choose_strength(features, targets, folds) == allowed.max()
        stronger += allowed.max() > STRENGTHS[best]
    assert stronger, "no case can tell the rule from the least error"


def test_the_half_that_judges_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = _before_and_after()
    chosen: list[float] = []

    def spy(*arguments: np.ndarray) -> float:
        chosen.append(choose_strength(*arguments))
        return chosen[-1]

    monkeypatch.setattr(module, "choose_strength", spy)
    recoverability(before, after)
    judging = held_out_positions(30, 24).reshape(30, 24)
    other = before.copy()
    other[:, judging] = 50 * RNG.standard_normal((3, judging.sum()))
    recoverability(other, after)
    assert chosen[0] == chosen[1]


def test_folds_are_whole_tiles_of_the_half_that_teaches() -> None:
    folds = np.full((40, 33), -1)
    folds[~held_out_positions(40, 33).reshape(40, 33)] = training_folds(40, 33)
    for row in range(0, 40, 6):
        for column in range(0, 33, 6):
            assert np.ptp(folds[row : row + 6, column : column + 6]) == 0, "a tile is in one fold, or judges"
    sizes = np.bincount(folds[folds >= 0])
    assert len(sizes) == 5
    assert sizes.min() > 0.5 * sizes.max()


def test_a_feature_that_is_rare_in_the_half_that_teaches_does_not_run_away() -> None:
    # the cat with the colour opponents behind a ReLU: with the weakest ridge R2 is below -10
    filters = HandFilters(make_kernel("sharpen", 3), make_mix("colours"))
    block = hand_maps(sample_picture("chelsea", 64), filters, "relu")[1]
    before, after = block.steps[0].values, block.step("second").values
    assert 0.7 < recoverability(before, after) < 0.85
    test = held_out_positions(64, 64)
    features, targets = neighbourhoods(after, 3), before.reshape(3, -1).T
    model = Ridge(alpha=alpha_of(features[~test], STRENGTHS[0])).fit(features[~test], targets[~test])
    assert r2_score(targets[test], model.predict(features[test]), multioutput="variance_weighted") < -10


def test_a_mixture_is_recoverable_and_noise_is_not() -> None:
    before = RNG.standard_normal((3, 32, 32)).astype(np.float32)
    mixed = np.tensordot(RNG.standard_normal((3, 3)), before, axes=1).astype(np.float32)
    assert recoverability(before, mixed, 1) > 0.999
    assert abs(recoverability(before, RNG.standard_normal((3, 32, 32)).astype(np.float32), 1)) < 0.05


def test_explained_variance_is_what_a_known_noise_leaves() -> None:
    # of a variance of 1 + 1 the reader can explain one half
    signal, noise = RNG.standard_normal((2, 1, 96, 96)).astype(np.float32)
    assert recoverability(signal + noise, signal, 1) == pytest.approx(0.5, abs=0.03)


def test_the_luminance_baseline_is_the_r2_of_one_line_per_colour() -> None:
    # colours without any neighbourhood: luminance explains of each what their correlation squared says
    picture = RNG.standard_normal((3, 96, 96)).astype(np.float32)
    luma = np.array(LUMINANCE)
    expected = np.square(luma / np.linalg.norm(luma)).sum() / 3
    assert luminance_baseline(picture) == pytest.approx(expected, abs=0.02)
    grey = np.repeat(RNG.standard_normal((1, 24, 24)), 3, axis=0).astype(np.float32)
    assert luminance_baseline(grey) == pytest.approx(1, abs=1e-6)
    assert sum(LUMINANCE) == pytest.approx(1)


def test_neither_half_is_empty_and_different_sizes_are_refused() -> None:
    test = held_out_positions(28, 28)
    assert 0.4 < test.mean() < 0.6
    with pytest.raises(ValueError, match="must have the size"):
        recoverability(np.zeros((1, 8, 8), np.float32), np.zeros((1, 4, 4), np.float32), 1)
    for shape in ((1, 4, 4), (1, 6, 12)):
        with pytest.raises(ValueError, match="larger than one tile"):
            recoverability(np.zeros(shape, np.float32), np.zeros(shape, np.float32), 1)
    small = RNG.standard_normal((1, 8, 8)).astype(np.float32)
    assert recoverability(small, small, 1) > 0.99


def test_constant_targets_have_no_recoverability() -> None:
    flat = np.ones((1, 24, 24), np.float32)
    assert recoverability(flat, flat, 1) == 0.0


def test_only_a_held_out_half_of_one_colour_has_nothing_to_recover() -> None:
    flat = np.ones((3, 24, 24), np.float32)
    assert is_constant(flat)
    for held, there in ((True, False), (False, True)):
        values = flat.copy()
        at = np.flatnonzero(held_out_positions(24, 24) == held)[0]
        values.reshape(3, -1)[1, at] = 2
        assert is_constant(values) is there


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_recoverability_is_independent_of_scale(factor: float) -> None:
    before = RNG.standard_normal((2, 24, 24)).astype(np.float32)
    after = np.maximum(before, 0)
    scaled = (after * factor).astype(np.float32)
    assert recoverability(before, scaled, 1) == pytest.approx(recoverability(before, after, 1), rel=1e-4)


# Blocks


def test_a_block_is_read_before_and_after_its_last_activation() -> None:
    block = hand_maps(sample_of("coffee"), HandFilters(make_kernel("blur", 3), make_mix("colours")), "relu")[2]
    before, second, after = (block.step(step).values for step in ("input", "second", "after"))
    np.testing.assert_allclose(after, np.maximum(second, 0))
    expected = [recoverability(before, second, 3), recoverability(before, after, 3)]
    np.testing.assert_allclose(read_block(block), expected, rtol=1e-6)
    assert READS == ("second", "after")


def test_a_block_without_a_reading_has_nan() -> None:
    def block(before: np.ndarray, after: np.ndarray) -> BlockMaps:
        return BlockMaps(
            "standard", tuple(LayerMaps(s, s, v) for s, v in (("input", before), *((r, after) for r in READS))), {}
        )

    picture = RNG.standard_normal((3, 14, 14)).astype(np.float32)
    wide = np.zeros((223, 14, 14), np.float32)
    assert np.isnan(read_block(block(picture, np.zeros((3, 7, 7), np.float32)))).all()
    assert np.isnan(read_block(block(picture, wide))).all()
    assert np.isfinite(read_block(block(picture, picture))).all()
    assert np.isnan(read_block(block(np.ones((3, 14, 14), np.float32), picture))).all()


@pytest.mark.parametrize("width", WIDTHS)
def test_both_orders_have_the_same_channels_and_share_what_filters_they_can(width: int) -> None:
    blocks = {(k, b): build_random(relu_spec(k, width, 3, b), 5) for k in ORDERS for b in BETWEENS}
    x = picture_tensor(sample_picture("coffee", 16))
    for (kind, _), block in blocks.items():
        names = ["pointwise", "depthwise"] if kind == "extreme" else ["depthwise", "pointwise"]
        assert [name for name, m in block.named_children() if hasattr(m, "weight")] == names
        shapes = [
            values.shape for values in activations(block, x, [name for name, _ in block.named_children()]).values()
        ]
        assert set(shapes) == {(width, 16, 16)}
        for other in ORDERS:
            for name in names:
                theirs = blocks[other, "relu"].get_submodule(name).weight
                if theirs.shape == block.get_submodule(name).weight.shape:
                    assert torch.equal(theirs, block.get_submodule(name).weight)
    first, second = (blocks[kind, "relu"].get_submodule("depthwise").weight for kind in ORDERS)
    assert first.shape == second.shape


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("target", TARGETS)
def test_readings_along_a_block_are_those_of_its_steps(kind: str, target: str) -> None:
    picture = sample_picture("astronaut", 32)
    readings = relu_readings(picture, kind, 6, target, draws=2)
    x = picture_tensor(picture)
    for draw in range(2):
        for b, between in enumerate(BETWEENS):
            block = build_random(relu_spec(kind, 6, 3, between), draw)
            first = block[0](x).detach()
            between_out = first.relu() if between == "relu" else first
            second = block.get_submodule("depthwise" if kind == "extreme" else "pointwise")(between_out).detach()
            before = (x if target == "input" else first)[0].numpy()
            expected = [
                recoverability(before, step[0].numpy(), 3) for step in (first, between_out, second, second.relu())
            ]
            np.testing.assert_allclose(readings.values[draw, b], expected, atol=1e-4)
    # the same filters: what enters is the same without and with the ReLU
    np.testing.assert_array_equal(readings.values[:, 0, 0], readings.values[:, 1, 0])


def test_a_loss_is_paired_by_draw() -> None:
    values = np.zeros((3, 2, 4), np.float32)
    values[:, 1, 0] = [0.9, 0.5, 0.7]
    values[:, 1, 1] = [0.8, 0.1, 0.5]
    readings = ReluReadings("extreme", 6, values)
    np.testing.assert_allclose(readings.losses(), [0.1, 0.4, 0.2], atol=1e-6)
    # the medians' difference would be 0.2 as well, but not the quartiles'
    assert readings.loss() == pytest.approx((0.15, 0.2, 0.3), abs=1e-6)
    assert readings.quartiles("relu")[0] == pytest.approx((0.6, 0.7, 0.8), abs=1e-6)
    assert PLACES[:2] == ("enters", "leaves")


def test_a_range_knows_its_ends_and_counts_its_cases() -> None:
    values = np.zeros((3, 2, 3, 2), np.float32)
    values[1, :, :, 0] = [[0.5, 0.495, np.nan], [0.9, 0.1, np.nan]]
    values[2, :, :, 0] = [[0.6, 0.5, np.nan], [0.5, 0.5, np.nan]]
    readings = BlockRange(values)
    assert readings.compare("extreme", "separable", "second") == Comparison(less=2, same=1, more=1)
    assert readings.compare("separable", "extreme", "second") == Comparison(less=1, same=1, more=2)
    assert readings.compare("extreme", "separable", "after") == Comparison(0, 6, 0)
    assert readings.ends("extreme", "second") == pytest.approx((0.1, 0.9))
    assert readings.ends("extreme", "second", 0) == pytest.approx((0.495, 0.5))
    assert readings.num_pictures() == 2
    assert np.isnan(BlockRange(values * np.nan).ends("extreme", "second")).all()


# What is shipped, against a fresh computation of a part


def test_the_stored_readings_lack_nothing_but_what_cannot_be_read() -> None:
    stored = load_readings()
    constant = [name for name in SAMPLES if is_constant(sample_of(name).transpose(2, 0, 1))]
    assert constant == ["impulse"]
    assert stored.hand.shape[:3] == (len(KERNELS), len(MIXES), len(SAMPLES))
    drawn = stored.relu[:, WIDTHS.index(WIDTH)]
    losses = stored.relu[..., : PLACES.index("second")]
    for values, axis in ((stored.hand, 2), (drawn, 1), (losses, 2)):
        missing = np.isnan(np.moveaxis(values, axis, 0).reshape(len(SAMPLES), -1))
        assert [name for name, flags in zip(SAMPLES, missing, strict=True) if flags.any()] == constant
        assert missing[SAMPLES.index("impulse")].all()
    assert np.isfinite(stored.trained).all()


@pytest.mark.parametrize(("kernel", "mix", "picture"), [("sharpen", "colours", "chelsea"), ("edge", "grey", "emoji")])
def test_stored_readings_by_hand_are_what_the_code_computes(kernel: str, mix: str, picture: str) -> None:
    filters = HandFilters(make_kernel(kernel, KERNEL_SIZE), make_mix(mix))
    fresh = hand_readings(sample_of(picture), filters)
    stored = load_readings().hand[KERNELS.index(kernel), MIXES.index(mix), SAMPLES.index(picture)]
    np.testing.assert_allclose(stored, fresh, atol=2e-3)
    for intermediate in (None, "none", "elu"):
        blocks = hand_maps(sample_of(picture), filters, intermediate)
        values = hand_range(kernel, intermediate).values[:, MIXES.index(mix), SAMPLES.index(picture)]
        # with nothing between, one block stands for all three, whose sums are in another order
        np.testing.assert_allclose(values, [read_block(block) for block in blocks], atol=5e-3)


@pytest.mark.parametrize("dataset", TRAINED_ON)
def test_stored_trained_readings_are_those_of_the_shipped_weights(dataset: str) -> None:
    # after new weights: python -m tools.build_feature_maps --only trained
    picture = sample_picture("edge", PICTURE_SIDE)
    stored = load_readings().trained[TRAINED_ON.index(dataset), SAMPLES.index("edge")]
    np.testing.assert_allclose(stored, trained_readings(picture, dataset), atol=5e-3)
    blocks = trained_maps(picture, dataset, "relu")
    values = trained_range(dataset, "relu").values[:, 0, SAMPLES.index("edge")]
    np.testing.assert_allclose(values, [read_block(block) for block in blocks], atol=5e-3)


@pytest.mark.parametrize(("kind", "target", "width"), [("extreme", "input", WIDTH), ("separable", "first", 3)])
def test_stored_readings_along_a_block_are_what_the_code_computes(kind: str, target: str, width: int) -> None:
    (stored,) = [reading for reading in stored_relu_readings("coffee", width, target) if reading.kind == kind]
    fresh = relu_readings(sample_of("coffee"), kind, width, target, draws=2, whole=width == WIDTH)
    np.testing.assert_allclose(stored.values[:2], fresh.values, atol=2e-3)


def test_a_range_over_pictures_is_that_of_their_medians() -> None:
    pictures = [name for name in SAMPLES if name != "impulse"]
    found = relu_range(WIDTH, "input")
    assert stored_relu_readings("impulse", WIDTH, "input") == ()
    for index, kind in enumerate(ORDERS):
        readings = [stored_relu_readings(name, WIDTH, "input")[index] for name in pictures]
        losses = [np.median(reading.losses()) for reading in readings]
        assert found.loss_ends(kind) == pytest.approx((min(losses), max(losses)))
        leaves = [np.median(reading.values[:, 1, 1]) for reading in readings]
        assert found.ends(kind, "relu")[1] == pytest.approx((min(leaves), max(leaves)))
    assert found.compare().cases == len(pictures)


def test_ranges_that_are_computed_are_those_of_single_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_readings, "SAMPLES", ("boot", "coffee"))
    sets = [HandFilters(make_kernel("blur", 3), make_mix(mix)) for mix in ("grey", "channels")]
    found = block_readings.hand_set_range(sets, None)
    expected = [
        [[read_block(block) for block in hand_maps(sample_of(name), one, None)] for name in ("boot", "coffee")]
        for one in sets
    ]
    np.testing.assert_allclose(found.values, np.moveaxis(np.array(expected), 2, 0))
    drawn = block_readings.random_range(5, "elu", 2, 4)
    blocks = random_maps(sample_of("coffee"), 5, "elu", 2, 4)
    np.testing.assert_allclose(drawn.values[:, 0, 1], [read_block(block) for block in blocks])
    assert found.values.shape == (len(KINDS), 2, 2, 2)
