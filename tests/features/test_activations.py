"""Maps, hooks, ranks and receptive fields against numpy, scipy and autograd."""

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn
from weights import randomised

from xception_lab import XceptionSpec, build_xception
from xception_lab.arch.receptive_field import layer_geometries
from xception_lab.features.activations import (
    ROUNDING,
    activations,
    block_spec,
    build_hand_set,
    build_random,
    capture_outputs,
    check_memory,
    hand_maps,
    input_gradient,
    needed_bytes,
    picture_tensor,
    random_maps,
    ranks,
    summaries,
    top_classes,
)
from xception_lab.features.filters import (
    KERNELS,
    MIXES,
    HandFilters,
    format_grid,
    make_kernel,
    make_mix,
    parse_grid,
    resize_kernel,
)
from xception_lab.features.layer_names import lite0_layers
from xception_lab.features.maps import (
    LayerMaps,
    channel_limits,
    colour_maps,
    downsample,
    grey_levels,
    histogram,
    sort_channels,
    strength,
    tile_maps,
    zeros_share,
)
from xception_lab.features.readings import SIDE, sample_of
from xception_lab.features.sample_pictures import PICTURE_SIDE, SAMPLES, draw_stroke, resize, sample_picture
from xception_lab.nn.pooling import SameMaxPool2d
from xception_lab.spec import KINDS

RNG = np.random.default_rng(0)
torch.set_num_threads(1)  # these tensors are too small to share
PICTURE = RNG.integers(0, 256, (24, 24, 3), np.uint8)
SMALL = XceptionSpec(
    num_classes=4,
    stem_channels=(4, 8),
    entry_channels=(8, 12),
    middle_blocks=1,
    middle_channels=12,
    exit_channels=(16, 20, 24),
    small_stem=True,
)


# Filters by hand


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("mixing", MIXES)
def test_hand_set_filters_compute_what_scipy_computes(name: str, mixing: str, size: int) -> None:
    weights, mixed = make_kernel(name, size), make_mix(mixing)
    planes = PICTURE.transpose(2, 0, 1) / 127.5 - 1
    filtered = np.array([ndimage.correlate(plane, weights, mode="constant") for plane in planes])
    expected = np.tensordot(mixed, filtered, axes=1)
    for block in hand_maps(PICTURE, HandFilters(weights, mixed), "none"):
        maps = block.step("second")
        assert maps
        np.testing.assert_allclose(maps.values, expected, atol=2e-5 * max(1, size**2))


def test_a_relu_between_acts_where_it_stands() -> None:
    weights, mixed = make_kernel("edge", 3), make_mix("colours")
    planes = PICTURE.transpose(2, 0, 1) / 127.5 - 1
    standard, extreme, separable = hand_maps(PICTURE, HandFilters(weights, mixed), "relu")
    cut = np.maximum(np.tensordot(mixed, planes, axes=1), 0)
    after = np.array([ndimage.correlate(plane, weights, mode="constant") for plane in cut])
    np.testing.assert_allclose(extreme.step("second").values, after, atol=1e-4)
    cut = np.maximum([ndimage.correlate(plane, weights, mode="constant") for plane in planes], 0)
    np.testing.assert_allclose(separable.step("second").values, np.tensordot(mixed, cut, axes=1), atol=1e-4)
    assert standard.step("between") is None


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_keeps_or_removes_the_mean(name: str) -> None:
    total = make_kernel(name, 3).sum()
    assert total == pytest.approx(0 if name in ("edge", "vertical") else 1)


def test_grids_survive_a_link_and_invalid_text_is_refused() -> None:
    values = np.array([[0.5, -1], [99, 0]])
    np.testing.assert_array_equal(parse_grid(format_grid(values), 2, 2), values)
    for text in ("", "1", "1,2,3", "1,2,3,4,5", "1,2,3,x", "nan,0,0,0", "inf,0,0,0", "1e9,0,0,0", "1," * 10_000):
        with pytest.raises(ValueError, match="must hold"):
            parse_grid(text, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 2)), np.ones((6, 3))), "kernel: must be square"),
        ((np.ones((3, 3)), np.ones((3, 6))), "mix: must have shape"),
        ((np.full((3, 3), np.nan), np.ones((6, 3))), "kernel: must hold numbers"),
        ((np.ones((3, 3)), np.full((6, 3), 1e6)), "mix: must hold numbers"),
    ],
)
def test_bad_filters_are_refused(arguments: tuple[np.ndarray, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HandFilters(*arguments)


def test_the_same_seed_gives_the_same_filters() -> None:
    first, again, other = (random_maps(PICTURE, 3, None, None, seed) for seed in (0, 0, 1))
    for one, same, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one.steps[-1].values, same.steps[-1].values)
        assert not np.array_equal(one.steps[-1].values, different.steps[-1].values)
    assert [block.kind for block in first] == list(KINDS)


# Hooks


class InPlace(nn.Module):
    """A convolution whose output an in-place ReLU overwrites."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x)).mul_(2)


def test_in_place_operations_cannot_corrupt_a_map() -> None:
    network, x = InPlace().eval(), torch.randn(1, 3, 9, 9)
    outputs = activations(network, x, ("conv", "relu"))
    expected = F.conv2d(x, network.conv.weight, network.conv.bias).detach()
    np.testing.assert_allclose(outputs["conv"], expected[0], atol=1e-6)
    np.testing.assert_allclose(outputs["relu"], expected[0].relu(), atol=1e-6)
    assert outputs["conv"].min() < 0


def _hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


class _Shared(nn.Module):
    """A network that another session runs on another picture, just after this one has run it."""

    def __init__(self, network: nn.Module, other: Tensor) -> None:
        super().__init__()
        self.network, self.other = network, other

    def forward(self, x: Tensor) -> Tensor:
        y = self.network(x)
        session = threading.Thread(target=self.network, args=(self.other,))
        session.start()
        session.join()
        return y


def test_nobody_gets_anothers_picture_where_a_network_is_shared() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))
    x, other = torch.randn(2, 1, 3, 9, 9)
    shared = _Shared(network, other)
    maps = activations(shared, x, ["network.0"])["network.0"]
    assert np.array_equal(maps, activations(network, x, ["0"])["0"])
    gradient = input_gradient(shared, x, "network.1", 2, 2)
    assert np.array_equal(gradient, input_gradient(network, x, "1", 2, 2))


def test_hooks_are_removed_whatever_happens() -> None:
    network = InPlace().eval()
    activations(network, torch.randn(1, 3, 9, 9), ("conv",))
    with pytest.raises(RuntimeError):
        activations(network, torch.randn(1, 4, 9, 9), ("conv",))
    with pytest.raises(AttributeError), capture_outputs(network, ("conv", "no such module"), lambda *_: None):
        pass
    with pytest.raises(RuntimeError):
        input_gradient(network, torch.randn(1, 4, 9, 9), "conv", 0, 0)
    assert _hooks(network) == 0


def test_memory_is_estimated_before_anything_runs() -> None:
    network = build_xception(SMALL).eval()
    names = [name for name, module in network.named_modules() if not list(module.children()) and name != "dropout"]
    outputs = activations(network, torch.randn(1, 3, 32, 32), names)
    kept = sum(values.nbytes for values in outputs.values())
    # the sums with the shortcuts come on top
    assert kept <= needed_bytes(SMALL, 32) <= 1.3 * kept
    assert check_memory(SMALL, 32) == needed_bytes(SMALL, 32)
    with pytest.raises(ValueError, match=r"side=4096: needs [0-9,]+ MB"):
        check_memory(XceptionSpec(), 4096)


# Numbers


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (30, 30), (64, 100)])
@pytest.mark.parametrize("rank", [1, 3, 5, 30])
def test_ranks_are_numpys(shape: tuple[int, int], rank: int) -> None:
    rank = min(rank, *shape)
    matrix = (RNG.standard_normal((shape[0], rank)) @ RNG.standard_normal((rank, shape[1]))).astype(np.float32)
    found, effective = ranks(torch.from_numpy(matrix))
    assert found == np.linalg.matrix_rank(matrix) == rank
    singular = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    share = singular[singular > 1e-7 * singular[0]] / singular.sum()
    assert effective == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-4)


def test_a_dead_layer_has_no_rank() -> None:
    assert ranks(torch.zeros(3, 4)) == (0, 0.0)


def test_zeros_and_dead_channels_are_counted_directly() -> None:
    values = RNG.standard_normal((6, 5, 7)).astype(np.float32)
    values[values < 0.3] = 0
    values[2] = 0
    (found,) = summaries({"layer": values}, ("layer",))
    count = sum(1 for value in values.ravel().tolist() if value == 0)
    assert found.zeros == zeros_share(values) == count / values.size
    assert found.dead == 1
    assert (found.channels, found.height, found.width, found.largest) == (6, 5, 7, 6)
    assert found.rank == np.linalg.matrix_rank(values.reshape(6, -1))


def test_the_most_probable_classes_come_first() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0]])
    found = top_classes(logits, ("a", "b", "c", "d"), 3)
    expected = np.exp([3, 2, 1]) / np.exp([0, 3, 1, 2]).sum()
    assert [name for name, _ in found] == ["b", "d", "c"]
    np.testing.assert_allclose([share for _, share in found], expected, rtol=1e-6)


# Receptive field


class SameSum(nn.Module):
    """The windows of SameMaxPool2d, all of whose values count."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return F.avg_pool2d(F.pad(x, (width % 2, 1, height % 2, 1)), 3, 2, divisor_override=1)


def _every_value_counts(network: nn.Module) -> nn.Module:
    """Positive weights, no activation, sums in place of maxima: the gradient is zero only where nothing is read."""
    for parent in list(network.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, SameMaxPool2d):
                setattr(parent, name, SameSum())
            elif isinstance(module, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(3, 2, padding=1))
            elif isinstance(module, nn.ReLU | nn.BatchNorm2d):
                setattr(parent, name, nn.Identity())
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    return network.double().eval()


@pytest.mark.parametrize(
    ("side", "small_stem", "same_pooling"), [(31, True, True), (32, True, True), (45, False, True), (32, True, False)]
)
def test_the_receptive_field_is_the_gradients_support(side: int, small_stem: bool, same_pooling: bool) -> None:
    spec = XceptionSpec(
        num_classes=2,
        stem_channels=(2, 2),
        entry_channels=(2, 3),
        middle_blocks=1,
        middle_channels=3,
        exit_channels=(3, 3, 3),
        small_stem=small_stem,
        same_pooling=same_pooling,
    )
    network = _every_value_counts(build_xception(spec))
    layers = layer_geometries(spec, side)
    x = torch.rand(1, 3, side, side, dtype=torch.float64)
    for name in (
        "conv1",
        "conv2",
        "block1.rep.0.conv1",
        "block1",
        "block2",
        "block3.rep.7.conv1",
        "block4",
        "conv4.conv1",
    ):
        layer = layers[name]
        for position in {0, layer.side // 3, layer.side - 1}:
            heat = input_gradient(network, x, name, position, layer.side - 1 - position)
            rows, columns = (np.flatnonzero(heat.any(axis=axis)) for axis in (1, 0))
            assert (rows[0], rows[-1]) == layer.receptive_field(position), (name, position)
            assert (columns[0], columns[-1]) == layer.receptive_field(layer.side - 1 - position), (name, position)


def test_the_receptive_field_of_lite0_is_its_gradients_support() -> None:
    from efficientnet_lite_pytorch import EfficientNet

    network = _every_value_counts(EfficientNet.from_name("efficientnet-lite0"))
    for parent in list(network.modules()):
        if hasattr(parent, "_swish"):
            parent._swish = nn.Identity()
    layers, x = lite0_layers(), torch.rand(1, 3, 224, 224, dtype=torch.float64)
    outputs = activations(network, x, list(layers))
    assert {name: values.shape for name, values in outputs.items()} == {
        name: (layer.channels, layer.side, layer.side) for name, layer in layers.items()
    }
    for name in ("_conv_stem", "_blocks.1._bn1", "_blocks.1._swish", "_blocks.3", "_blocks.5", "_blocks.11"):
        side = layers[name].side
        for row, column in ((0, side - 1), (side // 2, side // 3)):
            heat = input_gradient(network, x, name, row, column)
            rows, columns = (np.flatnonzero(heat.any(axis=axis)) for axis in (1, 0))
            assert (rows[0], rows[-1]) == layers[name].receptive_field(row), name
            assert (columns[0], columns[-1]) == layers[name].receptive_field(column), name


def test_layer_geometries_have_the_shapes_of_the_network() -> None:
    network = build_xception(SMALL).eval()
    layers = layer_geometries(SMALL, 32)
    outputs = activations(network, torch.randn(1, 3, 32, 32), [name for name in layers if name != "fc"])
    assert {n: (len(v), v.shape[1], v.shape[2]) for n, v in outputs.items()} == {
        n: (p.channels, p.side, p.side) for n, p in layers.items() if n != "fc"
    }
    assert list(outputs) == [name for name in layers if name != "fc"]
    with pytest.raises(ValueError, match="position=8"):
        layers["block2"].receptive_field(8)
    with pytest.raises(ValueError, match="too small"):
        layer_geometries(XceptionSpec(), 4)


# What is drawn


def test_zero_is_the_middle_grey_level() -> None:
    values = np.array([[[-2.0, 0, 1]], [[0, 0, 0]]], np.float32)
    assert grey_levels(values, None).tolist() == [[[1, 128, 192]], [[128, 128, 128]]]
    assert grey_levels(values, 4.0)[0].tolist() == [[64, 128, 160]]
    assert channel_limits(values).tolist() == [2, 0]


def test_maps_are_sorted_downsampled_and_tiled() -> None:
    values = np.stack([np.full((4, 4), v, np.float32) for v in (1, -3, 2)])
    assert sort_channels(values, "index").tolist() == [0, 1, 2]
    assert sort_channels(values, "strength").tolist() == [1, 2, 0]
    small = downsample(np.arange(32, dtype=np.float32).reshape(2, 4, 4), 2)
    assert small[0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert downsample(values, 9) is values
    assert tile_maps(grey_levels(values, None), 2).shape == (8, 8)
    assert colour_maps(values, None, 2, 3).shape == (24, 24, 3)


def test_every_value_is_in_the_histogram() -> None:
    values = RNG.standard_normal((9, 9)).astype(np.float32)
    counts = histogram(values, float(values.min()), float(values.max()))
    assert sum(counts) == values.size
    assert counts[:16] == np.histogram(values, 32)[0].tolist()[:16]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("side", [28, 320])
def test_every_sample_is_a_picture(name: str, side: int) -> None:
    picture = sample_picture(name, side)
    assert picture.shape == (side, side, 3)
    assert picture.dtype == np.uint8
    assert np.ptp(picture) > 100


def test_an_impulse_shows_the_kernel() -> None:
    weights = np.arange(9.0).reshape(3, 3)
    picture = sample_picture("impulse", 17)
    grey = HandFilters(weights, np.repeat([[1.0, 0, 0]], 6, axis=0))
    values = hand_maps(picture, grey, "none")[0].steps[1].values[0]
    # black is -1: the impulse stands 2 above it
    np.testing.assert_allclose((values[7:10, 7:10] + weights.sum()) / 2, weights[::-1, ::-1], atol=1e-5)


def test_the_impulse_of_the_page_is_one_bright_pixel_for_the_blocks() -> None:
    """The page keeps pictures at 320 pixels and averages them down."""
    small = resize(sample_picture("impulse", PICTURE_SIDE), SIDE)
    assert small.reshape(-1, 3).max(axis=1).tolist().count(255) == 1
    assert np.count_nonzero(small) == 3


def test_what_rounding_leaves_of_0_is_0() -> None:
    """With nothing between, both blocks hold the same product: what is dead in one is dead in the other."""
    dim = np.zeros((SIDE, SIDE, 3), np.uint8)
    dim[SIDE // 2, SIDE // 2] = 10
    filters = HandFilters(make_kernel("sharpen", 3), make_mix("colours"))
    standard, _extreme, separable = hand_maps(dim, filters, None)
    dead = [(block.steps[-1].values == 0).all(axis=(1, 2)).tolist() for block in (standard, separable)]
    assert dead[0] == dead[1]
    assert True in dead[0]
    for block in (standard, separable):
        values = np.abs(block.steps[-1].values)
        assert not ((values > 0) & (values < ROUNDING)).any()


def test_invalid_strokes_and_samples_are_refused() -> None:
    assert draw_stroke([(0.5, 0.5)], 32).max() > 200
    for points in ([], [(2.0, 0.5)], [(float("nan"), 0.1)], [(0.1, 0.1)] * 5_000):
        with pytest.raises(ValueError, match="points: must"):
            draw_stroke(points, 32)
    with pytest.raises(ValueError, match="name='cat'"):
        sample_picture("cat", 32)
    with pytest.raises(ValueError, match="side=4"):
        sample_picture("coffee", 4)


def test_a_picture_is_preprocessed_as_for_xception() -> None:
    x = picture_tensor(PICTURE)
    assert x.shape == (1, 3, 24, 24)
    np.testing.assert_allclose(x[0, 1], PICTURE[..., 1] / 127.5 - 1, atol=1e-6)


def test_segments_change_the_extreme_block_alone() -> None:
    one, many = (random_maps(PICTURE, 3, None, segments, 0) for segments in (1, 6))
    assert one[1].weights.keys() == {"pointwise", "spatial"}
    assert many[1].weights.keys() == {"pointwise", "depthwise"}
    assert build_random(block_spec("extreme", 3, None, 2), 0)[2].groups == 2
    for place in (0, 2):
        np.testing.assert_array_equal(one[place].steps[-1].values, many[place].steps[-1].values)


def test_the_bundled_maps_are_what_the_code_computes() -> None:
    from xception_lab.features import bundled as stored

    filters = HandFilters(make_kernel(stored.KERNEL, stored.KERNEL_SIZE), make_mix(stored.MIX))
    today = hand_maps(sample_of(stored.PICTURE), filters, None)
    for kept, fresh in zip(stored.load_bundled().blocks, today, strict=True):
        assert [(maps.step, maps.layer) for maps in kept.steps] == [(maps.step, maps.layer) for maps in fresh.steps]
        for one, two in zip(kept.steps, fresh.steps, strict=True):
            np.testing.assert_allclose(one.values, two.values, atol=1e-5)
            np.testing.assert_array_equal(one.values == 0, two.values == 0)
        assert kept.weights.keys() == fresh.weights.keys()


def test_activations_of_random_networks_are_torchs() -> None:
    network = randomised(build_xception(SMALL), 0)
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    outputs = activations(network, x, ("conv1", "bn1", "act1"))
    state = network.state_dict()
    conv = F.conv2d(x, state["conv1.weight"], padding=1)
    names = ("running_mean", "running_var", "weight", "bias")
    norm = F.batch_norm(conv, *(state[f"bn1.{n}"] for n in names), eps=SMALL.batch_norm_eps)
    for name, value in (("conv1", conv), ("bn1", norm), ("act1", norm.relu())):
        np.testing.assert_allclose(outputs[name], value[0], rtol=1e-5, atol=1e-5)


# Found by changing the code and seeing no test fail


def test_the_strength_of_a_channel_is_its_root_mean_square() -> None:
    values = np.array([[[3.0, 4], [0, 0]], [[1, -1], [1, -1]]], np.float32)
    np.testing.assert_allclose(strength(values), [2.5, 1])


def test_tiles_are_row_by_row_and_keep_their_values() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert tile_maps(pixels, 2).tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 128, 128], [10, 11, 128, 128]]
    with pytest.raises(ValueError, match="read-only"):
        LayerMaps("input", "", np.zeros((1, 2, 2), np.float32)).values[:] = 1


def test_below_zero_is_blue_and_above_it_orange() -> None:
    below, zero, above = colour_maps(np.array([[[-1.0, 0, 1]]], np.float32), None, 1, 1)[0].astype(int)
    assert below[2] > below[0]
    assert above[0] > above[2]
    assert zero.tolist() == [255, 255, 255]


def test_just_too_much_memory_is_refused() -> None:
    needed = needed_bytes(SMALL, 32)
    assert check_memory(SMALL, 32, needed) == needed
    with pytest.raises(ValueError, match="side=32"):
        check_memory(SMALL, 32, needed - 1)


def test_the_vertical_kernel_is_positive_where_dark_is_left_of_bright() -> None:
    ramp = np.tile(np.arange(7.0), (7, 1))
    # the right neighbour less the left one
    assert ndimage.correlate(ramp, make_kernel("vertical", 3))[3, 3] == pytest.approx(2)


class Twice(nn.Module):
    """One convolution that runs twice, over channels that answer differently."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x))


def test_the_gradient_is_that_of_all_channels_at_the_position_when_the_layer_last_ran() -> None:
    torch.manual_seed(0)
    network, x = Twice().double(), torch.randn(1, 2, 6, 7, dtype=torch.float64)
    found = input_gradient(network, x, "conv", 1, 4)
    weight, bias = network.conv.weight.detach(), network.conv.bias.detach()

    def summed(picture: Tensor) -> Tensor:
        once = F.conv2d(picture, weight, bias, padding=1)
        return F.conv2d(once, weight, bias, padding=1)[0, :, 1, 4].sum()

    expected = torch.autograd.functional.jacobian(summed, x)[0].abs().sum(0)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert not network.conv._forward_hooks
    # maps are those of the last time as well
    last = F.conv2d(F.conv2d(x, weight, bias, padding=1), weight, bias, padding=1)
    np.testing.assert_allclose(activations(network, x, ("conv",))["conv"], last[0], rtol=1e-5)


def test_segments_by_hand_compute_what_single_channels_do() -> None:
    filters = HandFilters(make_kernel("sharpen", 3), make_mix("colours"))
    x = picture_tensor(PICTURE)
    one, two, all_ = (
        build_hand_set(block_spec("extreme", 3, "none", segments), filters)(x) for segments in (1, 2, None)
    )
    torch.testing.assert_close(one, all_)
    torch.testing.assert_close(two, all_)


def test_a_resized_kernel_keeps_its_centre() -> None:
    small = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(resize_kernel(resize_kernel(small, 7), 3), small)
    np.testing.assert_array_equal(resize_kernel(small, 3), small)
    assert resize_kernel(small, 1) == 4
    np.testing.assert_allclose(
        ndimage.correlate(PICTURE[..., 0] / 1.0, resize_kernel(small, 5), mode="constant"),
        ndimage.correlate(PICTURE[..., 0] / 1.0, small, mode="constant"),
    )


def test_random_filters_reach_as_far_as_he_et_al_say_and_differ_from_each_other() -> None:
    for spec in (block_spec("standard", 7, None, None), block_spec("extreme", 7, None, 1)):
        weight = build_random(spec, 0)[-2].weight.detach()
        fan_in = weight[0].numel()
        # uniform with the variance 2 / fan_in
        assert 0.98 * (6 / fan_in) ** 0.5 < float(weight.abs().max()) <= (6 / fan_in) ** 0.5
    pointwise, _, spatial, _ = build_random(block_spec("extreme", 1, None, 2), 0)
    assert pointwise.weight.shape == spatial.weight.shape
    assert not torch.equal(pointwise.weight, spatial.weight)


def test_a_negative_position_is_refused() -> None:
    with pytest.raises(ValueError, match="position=-1"):
        layer_geometries(SMALL, 32)["block2"].receptive_field(-1)


def test_values_past_the_range_are_drawn_and_counted_at_its_ends() -> None:
    values = np.array([[[-5.0, 0, 5]]], np.float32)
    assert grey_levels(values, 1.0).tolist() == [[[1, 128, 255]]]
    counts = histogram(values, -1, 1)
    assert (counts[0], counts[-1], sum(counts)) == (1, 1, 3)
