"""Figures 2 and 3 are one function, Figures 3 and 4 one family; each claim against F.conv2d."""

import pytest
import torch
import torch.nn.functional as F

from xception_lab import BlockSpec, build_block
from xception_lab.arch.inception_module import CHANNELS, SIZE, TOWERS, inception_module
from xception_lab.nn.inception import (
    CanonicalInception,
    ExtremeInception,
    SegmentedInception,
    SimplifiedInception,
    check_equivalence,
    stack_towers,
)


@pytest.mark.parametrize("towers", TOWERS)
def test_figures_2_and_3_give_the_same_outputs(towers: int) -> None:
    check = check_equivalence(towers)
    assert check.max_difference <= 1e-6
    assert check.max_difference_float64 <= 1e-12
    assert check.max_output > 0.1, "outputs of nothing are equal too"
    assert (check.segments, check.outputs) == (towers, 4 * CHANNELS * SIZE * SIZE)


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(towers: SimplifiedInception) -> SegmentedInception:
        wrong = stack_towers(towers)
        with torch.no_grad():
            wrong.spatial.weight.copy_(wrong.spatial.weight.flip(0))
        return wrong

    monkeypatch.setattr("xception_lab.nn.inception.stack_towers", shuffled)
    assert check_equivalence(3).max_difference > 1e-2


@pytest.mark.parametrize("segments", TOWERS)
def test_a_segment_sees_no_other(segments: int) -> None:
    torch.manual_seed(1)
    figure = SegmentedInception(CHANNELS, CHANNELS, segments).double().eval()
    x = torch.randn(2, CHANNELS, 5, 6, dtype=torch.float64)
    between = F.conv2d(x, figure.pointwise.weight, figure.pointwise.bias).relu()
    width = CHANNELS // segments
    assert figure.spatial.bias is not None
    parts = [
        F.conv2d(
            between[:, at : at + width],
            figure.spatial.weight[at : at + width],
            figure.spatial.bias[at : at + width],
            padding=1,
        )
        for at in range(0, CHANNELS, width)
    ]
    torch.testing.assert_close(figure(x), torch.cat(parts, 1).relu(), rtol=0, atol=1e-12)


def test_figure_4_is_the_extreme_block() -> None:
    figure = ExtremeInception(CHANNELS, CHANNELS).eval()
    block = build_block(BlockSpec("extreme", CHANNELS, CHANNELS, bias=True, batch_norm="none")).eval()
    block.load_state_dict(
        {
            f"{ours}.{part}": value
            for ours, theirs in (("pointwise", figure.pointwise), ("depthwise", figure.spatial))
            for part, value in theirs.state_dict().items()
        }
    )
    x = torch.randn(2, CHANNELS, SIZE, SIZE)
    torch.testing.assert_close(figure(x), block(x), rtol=0, atol=1e-6)


def test_figure_1_has_four_towers_and_keeps_the_picture() -> None:
    figure = CanonicalInception(10, 8)
    kernels = [[m.kernel_size for m in tower.modules() if isinstance(m, torch.nn.Conv2d)] for tower in figure.towers]
    assert kernels == [[(1, 1)], [(1, 1), (3, 3)], [(1, 1), (3, 3), (3, 3)], [(1, 1)]]
    assert figure(torch.randn(2, 10, 7, 9)).shape == (2, 8, 7, 9)


def test_segments_must_share_the_channels_out() -> None:
    for build in (lambda: check_equivalence(5), lambda: SimplifiedInception(4, 6, 4), lambda: CanonicalInception(4, 6)):
        with pytest.raises(ValueError, match="must divide out_channels="):
            build()
    with pytest.raises(ValueError, match="segments=0"):
        SegmentedInception(4, 6, 0)


@pytest.mark.parametrize("segments", TOWERS)
def test_the_drawing_costs_what_the_module_holds(segments: int) -> None:
    drawn = inception_module(segments)
    figure = SegmentedInception(CHANNELS, CHANNELS, segments)
    weights = (figure.pointwise.weight.numel(), figure.spatial.weight.numel())
    assert drawn.params == sum(weights)
    assert (drawn.pointwise_macs, drawn.spatial_macs) == tuple(SIZE * SIZE * count for count in weights)
    assert drawn.figure == ("extreme" if segments == CHANNELS else "equivalent")
