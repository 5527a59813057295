"""The stack in either order, against modules that share their weights."""

import pytest
import torch
from torch import nn

from xception_lab import BlockSpec, build_block
from xception_lab.arch.stacking import stacked_convs, stacks_agree
from xception_lab.spec import Activation

C = 6


@pytest.mark.parametrize("between", ["relu", "none"])
def test_the_boundary_moves_by_one(between: Activation) -> None:
    depthwise_first, pointwise_first = (
        stacked_convs(order, between) for order in ("depthwise-first", "pointwise-first")
    )
    roles = ["pointwise", "depthwise", "pointwise", "depthwise", "pointwise"]
    assert [conv.role for conv in depthwise_first] == [conv.role for conv in pointwise_first] == roles
    assert [conv.block for conv in depthwise_first] == [0, 1, 1, 2, 2]
    assert [conv.block for conv in pointwise_first] == [1, 1, 2, 2, 3]
    after = {"relu": (["relu"] * 5, ["relu"] * 5), "none": (["relu", "none"] * 2 + ["relu"], ["none", "relu"] * 2)}
    expected = after[between]
    assert [conv.activation for conv in depthwise_first] == expected[0]
    assert [conv.activation for conv in pointwise_first][: len(expected[1])] == expected[1]
    assert stacks_agree(between) == (True, between == "relu")


@pytest.mark.parametrize("between", ["relu", "none"])
def test_modules_agree_where_the_picture_says_so(between: Activation) -> None:
    torch.manual_seed(0)
    one_by_one = nn.Sequential(nn.Conv2d(C, C, 1, bias=False), nn.ReLU())
    last = nn.Sequential(nn.Conv2d(C, C, 1, bias=False), nn.ReLU())

    def blocks(kind: str) -> list[nn.Module]:
        spec = BlockSpec(kind, C, C, batch_norm="none", intermediate=between)  # type: ignore[arg-type]
        return [build_block(spec), build_block(spec)]

    depthwise_first = nn.Sequential(one_by_one, *blocks("separable"))
    pointwise_first = nn.Sequential(*blocks("extreme"), last)
    convs = [
        [module for module in stack.modules() if isinstance(module, nn.Conv2d)]
        for stack in (depthwise_first, pointwise_first)
    ]
    assert [conv.kernel_size for conv in convs[0]] == [conv.kernel_size for conv in convs[1]]
    for ours, theirs in zip(*convs, strict=True):
        theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, C, 9, 9)
    same = torch.equal(depthwise_first(x), pointwise_first(x))
    assert same == stacks_agree(between)[1]
