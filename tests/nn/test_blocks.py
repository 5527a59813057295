"""The blocks against the same arithmetic written by hand with torch.nn.functional."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import block_specs, examples, sizes
from torch import Tensor, nn
from weights import randomised

from xception_lab import BlockSpec, block_cost, build_block

ACTIVATE: dict[str, Callable[[Tensor], Tensor]] = {"none": lambda x: x, "relu": F.relu, "elu": F.elu}


def _picture(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _by_hand(spec: BlockSpec, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The block's output from the spec's fields and a state_dict, by its documented definition."""

    def norm(name: str, x: Tensor) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])

    def between(name: str, default: str, x: Tensor) -> Tensor:
        x = norm(f"{name}_bn", x) if spec.batch_norm == "every" else x
        return ACTIVATE[spec.intermediate or default](x)

    def conv(name: str, x: Tensor, **how: int) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **how)

    pixels = {"same": spec.dilation * (spec.kernel_size - 1) // 2, "valid": 0}.get(spec.padding, spec.padding)
    how = {"stride": spec.stride, "padding": pixels, "dilation": spec.dilation}
    if spec.kind == "standard":
        x = conv("conv", x, **how)
    elif spec.kind == "separable":
        x = conv("depthwise", x, **how, groups=spec.in_channels)
        x = conv("pointwise", between("depthwise", "none", x))
    else:
        groups = spec.out_channels if spec.segments is None else spec.segments
        x = between("pointwise", "relu", conv("pointwise", x))
        x = conv("depthwise" if groups == spec.out_channels else "spatial", x, **how, groups=groups)
    x = x if spec.batch_norm == "none" else norm("bn", x)
    return ACTIVATE[spec.activation](x)


def _fits(spec: BlockSpec, size: tuple[int, int, int]) -> bool:
    try:
        block_cost(spec, *size[1:])
    except ValueError:
        return False
    return True


@examples(250)
@given(spec=block_specs(), size=sizes(1, 9), seed=st.integers(0, 2**31))
def test_a_block_computes_what_its_definition_says(spec: BlockSpec, size: tuple[int, int, int], seed: int) -> None:
    assume(_fits(spec, size))
    block = randomised(build_block(spec), seed)
    x = _picture((size[0], spec.in_channels, *size[1:]), seed + 1)
    y = block(x)
    assert y.shape[1] == spec.out_channels
    torch.testing.assert_close(y, _by_hand(spec, block.state_dict(), x))


@examples(200)
@given(spec=block_specs(), size=sizes(2, 8), seed=st.integers(0, 2**31))
def test_nothing_is_computed_in_place(spec: BlockSpec, size: tuple[int, int, int], seed: int) -> None:
    assume(_fits(spec, size))
    block = randomised(build_block(spec), seed)
    kept: list[tuple[Tensor, Tensor]] = []
    for layer in block:
        layer.register_forward_hook(lambda _, inputs, output: kept.extend((t, t.clone()) for t in (*inputs, output)))
    block(_picture((size[0], spec.in_channels, *size[1:]), seed))
    for tensor, copy in kept:
        assert torch.equal(tensor, copy)


@pytest.mark.parametrize("padding", ["same", "valid", 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_one_segment_is_a_regular_convolution_after_a_1x1(padding: str | int, stride: int) -> None:
    plain = {"batch_norm": "none", "activation": "none", "padding": padding, "stride": stride}
    block = randomised(build_block(BlockSpec("extreme", 5, 6, segments=1, **plain)), 0)
    standard = randomised(build_block(BlockSpec("standard", 6, 6, **plain)), 1)
    standard.conv.weight.data = block.spatial.weight.data
    assert block.spatial.weight.shape == (6, 6, 3, 3)
    x = _picture((2, 5, 8, 7), 2)
    torch.testing.assert_close(block(x), standard(F.relu(F.conv2d(x, block.pointwise.weight))))


def test_segments_are_disjoint_parts_of_the_channels() -> None:
    # the spectrum of section 1.2: a change in one segment's channels reaches no other segment
    spec = BlockSpec("extreme", 4, 12, segments=3, intermediate="none", batch_norm="none", activation="none")
    block = randomised(build_block(spec), 0)
    x = _picture((1, 4, 6, 6), 1)
    before = block(x)
    block.pointwise.weight.data[4:8] += 1.0
    changed = (block(x) != before).any(dim=(0, 2, 3))
    assert changed.tolist() == [False] * 4 + [True] * 4 + [False] * 4


def test_the_extreme_block_is_a_1x1_then_one_spatial_convolution_a_channel() -> None:
    spec = BlockSpec("extreme", 5, 7, intermediate="none", batch_norm="none", activation="none")
    block = randomised(build_block(spec), 0)
    assert [type(layer) for layer in block] == [nn.Conv2d, nn.Conv2d]
    assert (block.pointwise.kernel_size, block.pointwise.groups) == ((1, 1), 1)
    assert (block.depthwise.kernel_size, block.depthwise.groups) == ((3, 3), 7)
    x = _picture((2, 5, 6, 9), 1)
    wide = F.conv2d(x, block.pointwise.weight)
    planes = [F.conv2d(wide[:, [c]], block.depthwise.weight[[c]], padding=1) for c in range(7)]
    torch.testing.assert_close(block(x), torch.cat(planes, dim=1))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize(("kind", "multiplier"), [("extreme", 1), ("separable", 1), ("separable", 3)])
def test_without_a_non_linearity_each_is_one_dense_convolution(
    kind: str, multiplier: int, dilation: int, stride: int
) -> None:
    # both factorise a dense kernel; the 1x1 is bias-free, so zero padding commutes with it
    spec = BlockSpec(
        kind,
        4,
        6,
        stride=stride,
        dilation=dilation,
        depth_multiplier=multiplier,
        batch_norm="none",
        intermediate="none",
        activation="none",
    )
    block = randomised(build_block(spec), 0)
    mix, planes = block.pointwise.weight[:, :, 0, 0], block.depthwise.weight[:, 0]
    if kind == "extreme":
        kernel = torch.einsum("oi,ohw->oihw", mix, planes)
    else:
        mix, planes = mix.unflatten(1, (4, multiplier)), planes.unflatten(0, (4, multiplier))
        kernel = torch.einsum("oim,imhw->oihw", mix, planes)
    x = _picture((2, 4, 9, 8), 1)
    torch.testing.assert_close(block(x), F.conv2d(x, kernel, stride=stride, padding=dilation, dilation=dilation))


def test_order_does_not_matter_to_stacked_blocks_without_a_non_linearity() -> None:
    # the paper's first difference: pointwise-first twice is depthwise-first inside, ends aside
    plain = {"intermediate": "none", "batch_norm": "none", "activation": "none"}
    first, second = (randomised(build_block(BlockSpec("extreme", 4, 4, **plain)), seed) for seed in (0, 1))
    separable = randomised(build_block(BlockSpec("separable", 4, 4, **plain)), 2)
    separable.depthwise.weight.data = first.depthwise.weight.data
    separable.pointwise.weight.data = second.pointwise.weight.data
    x = _picture((1, 4, 7, 7), 3)
    torch.testing.assert_close(second(first(x)), second.depthwise(separable(first.pointwise(x))))


@pytest.mark.parametrize("batch_norm", ["none", "last", "every"])
@pytest.mark.parametrize("kind", ["standard", "extreme", "separable"])
def test_batch_norms_stand_between_convolution_and_activation(kind: str, batch_norm: str) -> None:
    between = {} if kind == "standard" else {"intermediate": "elu"}
    block = build_block(BlockSpec(kind, 4, 4, batch_norm=batch_norm, **between))
    last = [] if batch_norm == "none" else [nn.BatchNorm2d]
    every = [nn.BatchNorm2d] if batch_norm == "every" else []
    first = [] if kind == "standard" else [nn.Conv2d, *every, nn.ELU]
    assert [type(layer) for layer in block] == [*first, nn.Conv2d, *last, nn.ReLU]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["standard", "extreme", "separable"])
def test_every_convolution_has_a_bias_or_none_has(kind: str, bias: bool) -> None:
    block = build_block(BlockSpec(kind, 4, 4, bias=bias))
    assert [layer.bias is not None for layer in block if isinstance(layer, nn.Conv2d)] == [bias] * (
        1 if kind == "standard" else 2
    )
