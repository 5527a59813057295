"""The drawing is honest: few stand-ins, but the right bundles, the module's own shapes, and bars to scale."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import block_specs, divisors, examples, sizes
from torch import nn

from xception_lab import BlockSpec, block_cost, build_block
from xception_lab.drawing.block_diagram import MOST_STAND_INS, Diagram, block_diagram, stand_in_channels


def _drawn(spec: BlockSpec, height: int = 12, width: int = 12, batch: int = 1) -> Diagram:
    cost = block_cost(spec, height, width, batch)
    return block_diagram(spec, cost, height, width, max(layer.macs for layer in cost.layers))


@examples(200)
@given(spec=block_specs(), size=sizes())
def test_a_drawing_follows_the_module(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    batch, height, width = size
    try:
        drawn = _drawn(spec, height, width, batch)
    except ValueError:
        assume(False)
        return
    with torch.device("meta"):
        block = build_block(spec).eval()
        x = torch.empty(batch, spec.in_channels, height, width)
    assert drawn.in_shape == tuple(x.shape[1:])
    functions = {nn.ReLU: "relu", nn.ELU: "elu"}
    convs: list[nn.Conv2d] = []
    shapes: list[tuple[int, ...]] = []
    between: list[str] = []
    after: list[str] = []
    whole = sum(isinstance(layer, nn.Conv2d) for layer in block)
    for layer in block:
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            convs.append(layer)
            shapes.append(tuple(x.shape))
        else:
            (after if len(convs) == whole else between).append(functions.get(type(layer), "bn"))
    assert drawn.out_shape == tuple(x.shape[1:])
    assert [conv.layer.out_shape for conv in drawn.convs] == shapes
    assert [(c.kernel_size, c.real_groups) for c in drawn.convs] == [(c.kernel_size[0], c.groups) for c in convs]
    assert (drawn.between is None) == (spec.kind == "standard")
    assert [drawn.between] == (["none"] if drawn.between == "none" else [b for b in between if b != "bn"] or [None])
    assert (drawn.norm_between, drawn.norm_after) == ("bn" in between, "bn" in after)
    assert drawn.after == next((a for a in after if a != "bn"), "none")


@examples(200)
@given(spec=block_specs(), scale=st.sampled_from([1, 7, 64, 300]))
def test_bundles_are_few_and_true(spec: BlockSpec, scale: int) -> None:
    segments = spec.segments and spec.segments * scale
    ins, outs = spec.in_channels * scale, spec.out_channels * scale
    spec = BlockSpec(spec.kind, ins, outs, segments=segments, depth_multiplier=spec.depth_multiplier)
    for conv in _drawn(spec).convs:
        assert 1 <= conv.groups <= conv.tops <= MOST_STAND_INS
        assert conv.groups <= conv.bottoms <= MOST_STAND_INS, "a bundle without an end would be no bundle"
        if conv.role == "depthwise":
            assert conv.groups == conv.tops
        elif conv.role in ("standard", "pointwise"):
            assert conv.groups == 1
    roles = [conv.role for conv in _drawn(spec).convs]
    spatial = "depthwise" if spec.segments in (None, spec.out_channels) else "spatial"
    expected = {"standard": ["standard"], "extreme": ["pointwise", spatial], "separable": ["depthwise", "pointwise"]}
    assert roles == expected[spec.kind]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8, 9, 12, 15, 64, 96, 128, 728, 2048])
def test_segments_between_the_ends_are_drawn_between_the_ends(channels: int) -> None:
    drawn: list[int] = []
    for segments in divisors(channels):
        conv = _drawn(BlockSpec("extreme", 8, channels, segments=segments)).convs[-1]
        drawn.append(conv.groups)
        assert conv.real_groups == segments
        if segments == channels:
            assert conv.groups == conv.tops
        elif segments == 1:
            assert conv.groups == 1
        else:
            assert 1 < conv.groups < conv.tops
    assert drawn == sorted(drawn), "more segments are never drawn as fewer"


def test_more_channels_are_never_drawn_as_fewer() -> None:
    rows = [stand_in_channels(channels) for channels in range(1, 4097)]
    assert rows == sorted(rows)
    assert rows[:4] == [1, 2, 3, 4]
    assert rows[-1] == MOST_STAND_INS


@examples(200)
@given(spec=block_specs(), whole=st.integers(0, 10**9))
def test_a_bar_is_the_layers_share_of_the_whole(spec: BlockSpec, whole: int) -> None:
    cost = block_cost(spec, 20, 20)
    for conv in block_diagram(spec, cost, 20, 20, whole).convs:
        assert conv.share * whole == pytest.approx(conv.layer.macs if whole else 0)
    if whole >= cost.macs:
        assert sum(conv.share for conv in block_diagram(spec, cost, 20, 20, whole).convs) <= 1 + 1e-9
