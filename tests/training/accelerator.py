"""An accelerator for training that is not there: torch's meta device, whose tensors have sizes and types but no values.

It refuses what a real device refuses: an operation on tensors of two devices and, where it has none, float64. And it
counts what makes the host wait: values that are read from it, and copies from it.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import adam, adamw, optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from xception_lab.training import loop, state, tensors

DEVICE = torch.device("meta")
aten = torch.ops.aten
MOVES = (aten._to_copy.default, aten.copy_.default)


class Accelerator(TorchDispatchMode):
    """waits: how often the host has waited for the device, by the reason."""

    def __init__(self, has_float64: bool) -> None:
        super().__init__()
        self.waits = Counter[str]()
        self._has_float64 = has_float64

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        kwargs = kwargs or {}
        with self:  # in inference mode operations arrive as they were called, and not in their parts
            parts = function.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        if function is aten._local_scalar_dense.default and given[0].is_meta:
            self.waits["read"] += 1
            return 0.5 if given[0].is_floating_point() else 1
        # a tensor of no dimensions counts as a number and may be on the host
        if function not in MOVES and len({each.device for each in given if each.dim()}) > 1:
            raise RuntimeError(f"Expected all tensors to be on the same device, in {function}")
        if function is aten._to_copy.default and given[0].is_meta and kwargs.get("device", DEVICE).type == "cpu":
            self.waits["copy"] += 1
            return torch.zeros(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        if function is aten.copy_.default and given[1].is_meta and not given[0].is_meta:
            self.waits["copy"] += 1
            return given[0].zero_()
        result = function(*args, **kwargs)
        if not self._has_float64 and isinstance(result, Tensor) and result.is_meta and result.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64")
        return result


@contextmanager
def accelerator(monkeypatch: pytest.MonkeyPatch, has_float64: bool = True) -> Iterator[Accelerator]:
    """Training on such a device. has_float64: CUDA has, MPS has not."""
    device = Accelerator(has_float64)
    for room in (loop, state):
        monkeypatch.setattr(room, "training_device", lambda: DEVICE)
    for module in (optimizer, adam, adamw):
        if hasattr(module, "_get_fused_kernels_supported_devices"):
            monkeypatch.setattr(module, "_get_fused_kernels_supported_devices", lambda: ["meta"])
    monkeypatch.setattr(torch, "get_device_module", lambda _: SimpleNamespace(manual_seed=lambda _: None))
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda _=None: device.waits.update(["synchronize"]))
    tensors.load_pictures.cache_clear()
    with device:
        yield device
    tensors.load_pictures.cache_clear()
