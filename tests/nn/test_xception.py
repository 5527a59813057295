"""The network against timm's keys, a functional recomputation from the state_dict, and pooling done in numpy."""

from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, least_size, sizes, xception_specs
from torch import Tensor, nn
from weights import network_by_hand, randomised, tensorflow_same

from xception_lab import XceptionSpec, build_xception, network_cost
from xception_lab.arch.breakdown import StageCost, break_down
from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool
from xception_lab.nn import xception
from xception_lab.nn.fusion import for_inference
from xception_lab.nn.init import initialise
from xception_lab.nn.pooling import SameMaxPool2d
from xception_lab.nn.xception import GlobalAvgPool2d, SeparableConv2d
from xception_lab.spec import ORDERS, Order

SMALL = XceptionSpec(
    num_classes=7,
    stem_channels=(4, 8),
    entry_channels=(8, 12),
    middle_blocks=1,
    middle_channels=12,
    exit_channels=(16, 20, 24),
)


def _layer_text(op: Op) -> str:
    match op:
        case Conv():
            stride = f"/{op.stride}" if op.stride > 1 else ""
            return f"conv {op.kernel_size}x{op.kernel_size}{stride} {op.out_channels}"
        case Act():
            return {"relu": "ReLU"}[op.function]
        case Pool(size=None):
            return "mean pool"
        case Pool():
            return "max pool 3x3/2"
        case Linear():
            return f"linear {op.out_features}"
        case Norm():
            raise AssertionError(op)


def _stage_row(stage: StageCost) -> tuple[str, str, str]:
    """(output, layers, shortcut) of a stage, as the table of the docstring has them."""
    layers: list[str] = []
    convs: list[Conv] = []
    for op in stage.stage.body:
        if isinstance(op, Norm):
            # every convolution and every separable one is followed by its batch norm
            pair = [conv.role for conv in convs] == ["depthwise", "pointwise"]
            layers.append(f"sep {convs[-1].out_channels}" if pair else _layer_text(*convs))
            convs = []
        elif isinstance(op, Conv):
            convs.append(op)
        else:
            layers.append(_layer_text(op))
    match stage.stage.shortcut:
        case None:
            shortcut = "none"
        case ():
            shortcut = "identity"
        case (project, _norm):
            shortcut = _layer_text(project)
    return " x ".join(map(str, stage.out_shape[1:])), ", ".join(layers), shortcut


def test_the_docstring_shows_the_stages_of_the_papers_network() -> None:
    assert xception.__doc__
    lines = [line.split("  ") for line in xception.__doc__.splitlines() if line.startswith("    ")]
    header, *table = [tuple(cell.strip() for cell in line if cell.strip()) for line in lines]
    assert header == ("stage", "output", "layers", "shortcut")
    expected: list[tuple[str, ...]] = []
    for row, group in groupby(break_down(XceptionSpec(), 299).stages, _stage_row):
        names = [stage.name for stage in group]
        name = names[0] if len(names) == 1 else f"{names[0]}-{names[-1].removeprefix('block')}"
        expected.append((name, *row))
    assert table == expected


def _timm_keys() -> set[str]:
    """The 276 keys of timm's legacy_xception, from its description and not from our plan."""

    def norm(name: str) -> set[str]:
        return {f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}

    def separable(name: str) -> set[str]:
        return {f"{name}.conv1.weight", f"{name}.pointwise.weight"}

    keys = {"conv1.weight", "conv2.weight", "fc.weight", "fc.bias"}
    keys |= norm("bn1") | norm("bn2") | norm("bn3") | norm("bn4") | separable("conv3") | separable("conv4")
    # where each separable convolution stands in rep; a ReLU stands before it, block 1 starts without one
    places = {1: (0, 3), **dict.fromkeys((2, 3, 12), (1, 4)), **dict.fromkeys(range(4, 12), (1, 4, 7))}
    for block, indices in places.items():
        for index in indices:
            keys |= separable(f"block{block}.rep.{index}") | norm(f"block{block}.rep.{index + 1}")
    for block in (1, 2, 3, 12):
        keys |= {f"block{block}.skip.weight"} | norm(f"block{block}.skipbn")
    return keys


def test_the_state_dict_has_timms_keys() -> None:
    with torch.device("meta"):
        network = build_xception(XceptionSpec())
    keys = list(network.state_dict())
    assert len(keys) == 276
    assert set(keys) == _timm_keys()


def test_the_papers_network_maps_a_picture_to_1000_classes() -> None:
    with torch.device("meta"):
        network = build_xception(XceptionSpec()).eval()
        assert network(torch.empty(1, 3, 299, 299)).shape == (1, 1000)
        assert network.forward_features(torch.empty(1, 3, 299, 299)).shape == (1, 2048, 10, 10)


def test_the_papers_network_runs_on_a_real_small_picture() -> None:
    network = build_xception(XceptionSpec()).eval()
    with torch.inference_mode():
        logits = network(torch.randn(1, 3, 71, 71))
    assert logits.shape == (1, 1000)
    assert logits.isfinite().all()


def test_a_small_network_learns_from_every_parameter() -> None:
    network = build_xception(SMALL)
    network(torch.randn(2, 3, 71, 71)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@examples(120)
@given(spec=xception_specs(), size=sizes(7, 40), seed=st.integers(0, 2**31))
def test_a_network_computes_what_figure_5_says(spec: XceptionSpec, size: tuple[int, int, int], seed: int) -> None:
    assert min(size[1:]) >= least_size(spec)
    network = randomised(build_xception(spec), seed)
    x = torch.randn(
        size[0], spec.in_channels, *size[1:], dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    torch.testing.assert_close(network(x), network_by_hand(spec, network.state_dict(), x))


@pytest.mark.parametrize("same_pooling", [True, False])
def test_the_papers_shape_of_network_computes_what_figure_5_says(same_pooling: bool) -> None:
    spec = XceptionSpec(
        stem_channels=(4, 4),
        entry_channels=(4, 8, 8),
        middle_channels=8,
        exit_channels=(8, 12, 16),
        same_pooling=same_pooling,
    )
    network = randomised(build_xception(spec), 1)
    x = torch.randn(2, 3, 71, 90, dtype=torch.float64)
    torch.testing.assert_close(network(x), network_by_hand(spec, network.state_dict(), x))


@examples(60)
@given(spec=xception_specs(), size=sizes(7, 20), seed=st.integers(0, 2**31))
def test_folding_the_batch_norms_changes_nothing(spec: XceptionSpec, size: tuple[int, int, int], seed: int) -> None:
    network = randomised(build_xception(spec), seed)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fast = for_inference(network.train())
    x = torch.randn(size[0], spec.in_channels, *size[1:], dtype=torch.float64)
    torch.testing.assert_close(fast(x), network.eval()(x))
    assert not [module for module in fast.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_mean_over_the_picture_hands_back_a_gradient_that_lies_as_its_input_does() -> None:
    x = torch.randn(2, 8, 4, 5, dtype=torch.float64).to(memory_format=torch.channels_last).requires_grad_()
    y = GlobalAvgPool2d()(x)
    torch.testing.assert_close(y, x.mean((2, 3), keepdim=True))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, torch.full_like(x, 1 / 20))
    assert gradient.stride() == x.stride()


def _same_max_pool(x: np.ndarray) -> np.ndarray:
    """TensorFlow's SAME 3/2 max pooling of a picture, window by window."""
    (top, _), (left, _) = (tensorflow_same(side) for side in x.shape)
    rows, columns = (-(-side // 2) for side in x.shape)
    pooled = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            r, c = 2 * i - top, 2 * j - left
            pooled[i, j] = x[max(r, 0) : r + 3, max(c, 0) : c + 3].max()
    return pooled


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 10, 11])
@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 8, 13])
def test_same_pooling_is_tensorflows(height: int, width: int) -> None:
    # all negative, so a zero from the padding would win
    x = -1 - np.random.default_rng(0).random((height, width))
    pooled = SameMaxPool2d()(torch.from_numpy(x)[None, None])
    np.testing.assert_array_equal(pooled[0, 0].numpy(), _same_max_pool(x))


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (1, 2), (5, 12)])
def test_same_pooling_hands_the_gradient_to_the_pixel_it_took(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SameMaxPool2d(), x)


@pytest.mark.parametrize("size", [5, 8, 19, 37, 74, 147])
def test_same_pooling_differs_from_padding_1_at_even_sizes_only(size: int) -> None:
    x = torch.randn(1, 1, size, size)
    assert torch.equal(SameMaxPool2d()(x), F.max_pool2d(x, 3, 2, padding=1)) == (size % 2 == 1)


def _inputs_of(network: nn.Module, names: list[str], x: Tensor) -> dict[str, Tensor]:
    """What each named module reads, as it stood when the module read it."""
    seen: dict[str, Tensor] = {}
    for name in names:
        module = network.get_submodule(name)
        module.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs[0].clone()}))
    network(x)
    return seen


def test_a_shortcut_reads_what_stands_before_the_blocks_first_relu() -> None:
    network = randomised(build_xception(SMALL), 0)
    names = [
        "block1",
        "block1.skip",
        "block2",
        "block2.skip",
        "block2.rep.1",
        "block3",
        "block4",
        "block4.skip",
        "conv3",
    ]
    seen = _inputs_of(network, names, torch.randn(2, 3, 71, 71, dtype=torch.float64))
    # block 1 follows the stem's ReLU: its shortcut can read nothing negative
    assert torch.equal(seen["block1.skip"], seen["block1"])
    assert seen["block1.skip"].min() >= 0
    for block in ("block2", "block4"):
        assert torch.equal(seen[f"{block}.skip"], seen[block])
        assert seen[f"{block}.skip"].min() < 0
    # the convolutions of block 2 do read behind its ReLU
    assert torch.equal(seen["block2.rep.1"], seen["block2"].relu())
    # block 3 is the middle flow: an identity around it, and no ReLU after the addition
    middle = network.get_submodule("block3")
    assert torch.equal(seen["block4"], middle.rep(seen["block3"]) + seen["block3"])
    assert seen["block4"].min() < 0


def test_without_residuals_nothing_is_added_and_no_shortcut_is_built() -> None:
    spec = XceptionSpec(
        stem_channels=(4, 4), entry_channels=(4,), middle_channels=4, exit_channels=(4, 4, 4), residual=False
    )
    network = build_xception(spec)
    assert not [name for name in network.state_dict() if "skip" in name]
    assert not [layer for layer in network_cost(spec, 71, 71).layers if layer.op in ("add", "shortcut")]


def test_batch_norm_and_dropout_are_the_papers() -> None:
    network = build_xception(SMALL)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    # Keras: epsilon 1e-3, momentum 0.99, which torch calls 0.01
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.5]


def test_dropout_acts_in_training_only() -> None:
    network = randomised(build_xception(SMALL), 0)
    x = torch.randn(2, 3, 40, 40, dtype=torch.float64)
    assert torch.equal(network(x), network(x))
    network.dropout.train()
    assert not torch.equal(network(x), network(x))


@pytest.mark.parametrize("height", range(1, 9))
@pytest.mark.parametrize("width", range(1, 9))
def test_same_pooling_is_padding_with_nothing_then_pooling(height: int, width: int) -> None:
    pictures = torch.randn(2, 3, height, width)
    padded = F.pad(pictures, (width % 2, 1, height % 2, 1), value=float("-inf"))
    assert torch.equal(SameMaxPool2d()(pictures), F.max_pool2d(padded, 3, 2))


TINY = replace(SMALL, small_stem=True, in_channels=1, stem_channels=(4, 8), entry_channels=(8,), middle_channels=8)


@pytest.mark.parametrize("order", ORDERS)
def test_a_norm_after_every_half_stands_before_the_activation_between(order: Order) -> None:
    network = build_xception(replace(TINY, order=order, batch_norm="every", intermediate="relu", negative_slope=0.2))
    separable = [module for module in network.modules() if isinstance(module, SeparableConv2d)]
    # two in the entry block, three in the middle, two in the exit block, two in the head
    assert len(separable) == 9
    for module in separable:
        assert [type(child) for child in module] == [nn.Conv2d, nn.BatchNorm2d, nn.LeakyReLU, nn.Conv2d]
        first, norm, activation, second = module
        assert norm.num_features == first.out_channels == second.in_channels
        assert activation.negative_slope == 0.2
        is_depthwise = [convolution.groups > 1 for convolution in (first, second)]
        assert is_depthwise == ([True, False] if order == "depthwise-first" else [False, True])


@pytest.mark.parametrize(
    "change",
    [{"batch_norm": "every"}, {"intermediate": "relu", "negative_slope": 0.5}, {"segment_depth": 4}],
    ids=str,
)
@pytest.mark.parametrize("order", ORDERS)
def test_the_new_fields_cost_what_torchs_modules_have(order: Order, change: dict[str, Any]) -> None:
    spec = replace(TINY, order=order, **change)
    params = sum(parameter.numel() for parameter in build_xception(spec).parameters())
    assert network_cost(spec, 16, 16).params == params
    plain = network_cost(replace(TINY, order=order), 16, 16).params
    middles = [pair[0 if order == "depthwise-first" else 1] for pair in spec.separable_channels]
    # a norm has a weight and a bias for each channel; a kernel of depth four has three times nine weights more
    more = {"batch_norm": 2, "intermediate": 0, "segment_depth": 3 * 9}[next(iter(change))]
    assert params - plain == more * sum(middles)


def test_a_leaky_relu_of_slope_one_is_nothing_bit_for_bit_and_of_slope_zero_a_relu() -> None:
    x = torch.randn(2, 1, 16, 16)
    outputs: list[Tensor] = []
    for fields in (
        {},
        {"intermediate": "relu", "negative_slope": 1.0},
        {"intermediate": "relu"},
        {"intermediate": "relu", "negative_slope": 0.5},
    ):
        network = build_xception(replace(TINY, **fields)).eval()
        initialise(network, 0)
        with torch.inference_mode():
            outputs.append(network(x))
    nothing, identity, relu, leaky = outputs
    assert torch.equal(nothing, identity)
    assert not torch.equal(nothing, relu)
    assert not torch.equal(leaky, relu)
    assert not torch.equal(leaky, nothing)
