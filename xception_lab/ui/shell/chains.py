"""A block as a row of boxes, as the drawing component shows it."""

from typing import Any

from xception_lab.arch.plan import Act, Conv, Norm, block_ops
from xception_lab.spec import BlockSpec
from xception_lab.ui.shell.names import ACTIVATION_NAMES


def block_chain(spec: BlockSpec) -> list[dict[str, Any]]:
    """A block's convolutions, batch norms and activations in their order."""
    layers: list[dict[str, Any]] = []
    for op in block_ops(spec):
        match op:
            case Conv():
                layers.append({"kind": op.role, "text": f"{op.kernel_size}×{op.kernel_size}"})
            case Norm():
                layers.append({"kind": "norm", "text": "BN"})
            case Act():
                text = ACTIVATION_NAMES[op.function]
                layers.append({"kind": "activation", "text": text, "is_between": op.is_between})
            case _:
                raise AssertionError(op)
    return layers
