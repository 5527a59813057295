"""Whether what was timed is right: a device's output against the processor's, in float64.

A fast wrong answer is no answer: devices and libraries were reported to give wrong convolutions (pytorch issue 188335:
depthwise ones of more than one picture on MPS), and a clock does not notice.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from xception_lab.measurement.sampling import matmul_precision
from xception_lab.nn.fusion import to_memory_format
from xception_lab.spec import BlockSpec
from xception_lab.timing.results import OutputCheck
from xception_lab.timing.settings import Dtype, Settings

# relative error of one convolution: four times the rounding error of a number of the dtype; for float32 more, as
# thousands of products are added up in it and fast algorithms lose some bits, but less than a tenth of TF32's error
ALLOWED: dict[Dtype, float] = {"float32": 2e-5, "tf32": 2**-9, "float16": 2**-9, "bfloat16": 2**-6}
MOST_MACS = 20_000_000_000  # of the reference: some seconds
MOST_BYTES = 1 << 30  # of its unrolled pictures


def check_output(
    settings: Settings, model: nn.Module, inputs: Tensor, call: Callable[[], Any], gradient: Tensor | None = None
) -> OutputCheck | None:
    """One call's result against the same weights, input and operations in float64 on the processor.

    model: uncompiled, on any device. gradient: of the output, which a backward pass starts from. A forward pass is
    checked for the first and the last picture of its batch; a backward pass, whose pictures meet in the batch norms,
    for all of them, by the gradients of the weights and of a block's input. None where the reference would take too
    long, and for a network's gradients, in which dozens of batch norms magnify the rounding.
    """
    pictures = sorted({0, settings.batch_size - 1})
    if settings.backward and not isinstance(settings.subject, BlockSpec):
        return None
    if not _affordable(settings, settings.batch_size if settings.backward else len(pictures)):
        return None
    with matmul_precision(settings.dtype):
        outputs = call()
    reference = to_memory_format(deepcopy(model).to("cpu", torch.float64), torch.contiguous_format)
    given = inputs.detach().to("cpu", torch.float64).contiguous()
    if gradient is not None:
        found: Sequence[Tensor] = outputs
        expected = _gradients(reference, given.requires_grad_(inputs.requires_grad), gradient)
    else:
        with torch.inference_mode():
            found, expected = [outputs[pictures]], [reference(given[pictures])]
    return OutputCheck(relative_error(found, expected), tolerance(settings))


def tolerance(settings: Settings) -> float:
    """The largest relative error that rounding explains, by dtype and number of convolutions.

    Of gradients it is the root of that: a value that rounding takes across zero switches a ReLU, and with it the whole
    gradient of that value. So many are wrong as values lie within the rounding error of zero, and the norm of the
    difference grows with the root of their number.
    """
    depth = sum(layer.macs > 0 for layer in settings.cost().layers)
    forward = ALLOWED[settings.dtype] * math.sqrt(depth)
    return math.sqrt(forward) if settings.backward else forward


def relative_error(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float | None:
    """The norm of the difference divided by the norm of what is expected, of all tensors together; None for NaN, inf.

    Together, because a gradient that a batch norm reduces to next to nothing is nothing but rounding.
    """
    pairs = [(one.detach().to("cpu", torch.float64), right) for one, right in zip(found, expected, strict=True)]
    difference = math.hypot(*(float((one - right).norm()) for one, right in pairs))
    if not math.isfinite(difference):
        return None
    return difference / max(math.hypot(*(float(right.norm()) for _, right in pairs)), 1e-300)


def _gradients(reference: nn.Module, inputs: Tensor, gradient: Tensor) -> Sequence[Tensor]:
    leaves: list[Tensor] = [parameter for parameter in reference.parameters() if parameter.requires_grad]
    if inputs.requires_grad:
        leaves.append(inputs)
    return torch.autograd.grad(reference(inputs), leaves, gradient.to("cpu", torch.float64))


def _affordable(settings: Settings, pictures: int) -> bool:
    cost = settings.cost()
    share = pictures / settings.batch_size
    passes = 3 if settings.backward else 1
    # torch's float64 convolution on a processor writes every tap's picture out before it multiplies
    unrolled = max(8 * layer.macs / layer.out_shape[1] for layer in cost.layers)
    return share * passes * cost.macs <= MOST_MACS and share * unrolled <= MOST_BYTES
