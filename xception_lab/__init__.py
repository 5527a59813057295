"""Xception Lab: the engine behind an explorable explanation of Xception (Chollet, CVPR 2017).

Importing the package imports no torch: names that need it are resolved when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from xception_lab.arch.cost import Cost, LayerCost, block_cost, network_cost
from xception_lab.spec import BlockSpec, TrainSpec, XceptionSpec

if TYPE_CHECKING:
    from xception_lab.measurement.measure import time_block
    from xception_lab.nn.blocks import build_block
    from xception_lab.nn.fusion import for_inference
    from xception_lab.nn.xception import build_xception
    from xception_lab.training.loop import train

__version__ = "0.1.0"

_NEED_TORCH = {
    "build_block": "xception_lab.nn.blocks",
    "build_xception": "xception_lab.nn.xception",
    "for_inference": "xception_lab.nn.fusion",
    "time_block": "xception_lab.measurement.measure",
    "train": "xception_lab.training.loop",
}

__all__ = [
    "BlockSpec",
    "Cost",
    "LayerCost",
    "TrainSpec",
    "XceptionSpec",
    "block_cost",
    "build_block",
    "build_xception",
    "for_inference",
    "network_cost",
    "time_block",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _NEED_TORCH:
        return getattr(import_module(_NEED_TORCH[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
