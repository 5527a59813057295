"""Files of an untrained network: ONNX and safetensors, with torch's initial weights from a seed."""

import io
import json
import warnings
from dataclasses import asdict
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any

from xception_lab.arch.cost import network_cost
from xception_lab.spec import XceptionSpec

if TYPE_CHECKING:
    from torch import nn

MOST_WEIGHT_BYTES = 250_000_000
OPSET = 17
# a network and its copies take much memory: one export at a time, however many people ask
_export_lock = Lock()


class MissingPackageError(RuntimeError):
    """An export needs a package that is not installed; the message says which, and how to get it."""


def has_onnx() -> bool:
    """Whether the package that ONNX export needs is installed."""
    return find_spec("onnx") is not None


def weights_note(spec: XceptionSpec, size: int, seed: int = 0) -> dict[str, str]:
    """The metadata of an exported file: the spec, the size of the picture, and that its weights are untrained."""
    return {
        "made_by": "xception_lab",
        "spec": json.dumps(asdict(spec), sort_keys=True),
        "size": str(size),
        "weights": f"initial, seed {seed}",
    }


def to_safetensors(spec: XceptionSpec, size: int, seed: int = 0) -> bytes:
    """The network's state_dict under its own names (timm's, for the paper's network), with initial weights.

    Raises ValueError when the weights are larger than MOST_WEIGHT_BYTES.
    """
    from safetensors.torch import save

    with _export_lock:
        return save(_initial_network(spec, size, seed).state_dict(), metadata=weights_note(spec, size, seed))


def to_onnx(spec: XceptionSpec, size: int, seed: int = 0) -> bytes:
    """The network in evaluation mode as an ONNX model, "input" (N, C, size, size) -> "logits" (N, num_classes).

    Raises MissingPackageError without the package onnx, ValueError when the weights are larger than MOST_WEIGHT_BYTES.
    """
    if not has_onnx():
        raise MissingPackageError("ONNX export needs the package onnx: pip install onnx")
    with _export_lock:
        return _export_onnx(spec, size, seed)


def _export_onnx(spec: XceptionSpec, size: int, seed: int) -> bytes:
    import onnx
    import torch

    model = _initial_network(spec, size, seed).eval()
    file: Any = io.BytesIO()  # accepted by this exporter, though its signature asks for a path
    with warnings.catch_warnings():
        # this exporter needs onnx alone and a third of the newer one's time, but is deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        # the picture's size is fixed in the file on purpose
        warnings.filterwarnings("ignore", "Converting a tensor to a Python integer")
        torch.onnx.export(
            model,
            (torch.zeros(1, spec.in_channels, size, size),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        )
    exported = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(exported, weights_note(spec, size, seed))
    return exported.SerializeToString()


def _initial_network(spec: XceptionSpec, size: int, seed: int) -> "nn.Module":
    import torch

    from xception_lab.nn.xception import build_xception

    weight_bytes = network_cost(spec, size, size).weight_bytes
    if weight_bytes > MOST_WEIGHT_BYTES:
        raise ValueError(
            f"weight_bytes={weight_bytes:,}: must be at most {MOST_WEIGHT_BYTES:,} to be exported; "
            "the snippet builds the network at any size"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_xception(spec)
