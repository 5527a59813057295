"""Pooling line by line against torch's own, which it must equal to the bit."""

import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xception_lab.nn.pooling import MaxPool2d, SameMaxPool2d

SIDES = (1, 2, 3, 4, 7, 10)


def _torchs(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, padding=1)


def _tensorflows(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    return F.max_pool2d(F.pad(x, (width % 2, 1, height % 2, 1), value=-torch.inf), 3, 2)


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
@pytest.mark.parametrize(("pool", "expected"), [(MaxPool2d(), _torchs), (SameMaxPool2d(), _tensorflows)])
def test_every_size_equals_torchs_own(
    height: int, width: int, pool: nn.Module, expected: Callable[[Tensor], Tensor]
) -> None:
    x = torch.randn(2, 3, height, width)
    before = x.clone()
    pooled = pool(x)
    assert torch.equal(pooled, expected(x))
    assert pooled.is_contiguous()
    assert torch.equal(x, before)  # what is pooled may still be read by a shortcut


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("pool", [MaxPool2d(), SameMaxPool2d()])
def test_other_dtypes_infinities_and_nan_go_through(dtype: torch.dtype, pool: nn.Module) -> None:
    x = torch.randn(1, 2, 9, 9).to(dtype)
    x[0, 0, 4, 4], x[0, 1, 0, 0], x[0, 1, 8, 8] = torch.nan, torch.inf, -torch.inf
    pooled = pool(x)
    assert pooled.dtype == dtype
    assert torch.equal(pooled.isnan(), _torchs(x).isnan())
    assert torch.equal(pooled.nan_to_num(), _torchs(x).nan_to_num())


@pytest.mark.parametrize("pool", [MaxPool2d(), SameMaxPool2d()])
def test_channels_last_stays_channels_last(pool: nn.Module) -> None:
    x = torch.randn(2, 5, 8, 9)
    pooled = pool(x.to(memory_format=torch.channels_last))
    assert pooled.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pooled, pool(x))


@pytest.mark.parametrize("pool", [MaxPool2d(), SameMaxPool2d()])
def test_a_gradient_goes_to_the_pixel_that_was_taken(pool: nn.Module) -> None:
    x = torch.randn(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pool, x)
    with torch.no_grad():
        assert torch.equal(pool(x), pool(x.detach()))


@pytest.mark.parametrize("pool", [MaxPool2d(), SameMaxPool2d()])
def test_a_traced_network_holds_torchs_own_operation(pool: nn.Module) -> None:
    x = torch.randn(1, 2, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the ONNX exporter still traces
        traced = torch.jit.trace(pool, x)
    exported = torch.export.export(pool, (x,))
    assert {"aten::max_pool2d"} == {k for node in traced.inlined_graph.nodes() if "max" in (k := node.kind())}
    assert [node.name for node in exported.graph.nodes if "max" in node.name] == ["max_pool2d"]
