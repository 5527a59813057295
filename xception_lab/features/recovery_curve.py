"""The paper's conjecture as a curve: what a ReLU between the two convolutions loses, over the number of segments.

Section 4.7: for deep feature spaces the non-linearity helps, for one-channel-deep ones it becomes harmful, "possibly
due to a loss of information". Filters are random, so that the curve shows the block's structure and not its training.
"""

import numpy as np

from xception_lab.data.dataset import ImageArray
from xception_lab.features.activations import activations, block_spec, build_random, picture_tensor
from xception_lab.features.filters import OUT_CHANNELS
from xception_lab.features.maps import Values
from xception_lab.features.recoverability import Recovery, recoverability
from xception_lab.spec import BlockSpec

SEGMENTS = tuple(number for number in range(1, OUT_CHANNELS + 1) if OUT_CHANNELS % number == 0)
DRAWS = 12  # of random filters, over which the median and the quartiles are taken


def recovery(picture: ImageArray, spec: BlockSpec, target: str, draws: int = DRAWS) -> Recovery:
    """How much of a tensor can be recovered from the block's output, over several draws of its filters.

    target: "input", or "first" for the tensor before the activation between. The output is the last convolution's,
    before the activation after the block.
    """
    x = picture_tensor(picture)
    pairs: list[tuple[Values, Values]] = []
    for seed in range(draws):
        block = build_random(spec, seed)
        convs = [name for name, _ in block.named_children() if name not in ("intermediate", "activation")]
        outputs = activations(block, x, convs)
        pairs.append((x[0].numpy() if target == "input" else outputs[convs[0]], outputs[convs[-1]]))
    # all of torch's work before numpy's: alternating, the waiting threads of one slow down those of the other
    scores = [recoverability(before, after, spec.kernel_size) for before, after in pairs]
    low, median, high = (float(value) for value in np.quantile(scores, (0.25, 0.5, 0.75)))
    return Recovery(spec.kind, spec.segments, spec.between, target, median, low, high)


def recovery_curve(picture: ImageArray, kernel_size: int, target: str, draws: int = DRAWS) -> tuple[Recovery, ...]:
    """The extreme block over its segments and the separable block, each without and with a ReLU between.

    target, draws: as in recovery.
    """
    curve: list[Recovery] = []
    for between in ("none", "relu"):
        for segments in SEGMENTS:
            extreme = block_spec("extreme", kernel_size, between, segments)
            curve.append(recovery(picture, extreme, target, draws))
        curve.append(recovery(picture, block_spec("separable", kernel_size, between, None), target, draws))
    return tuple(curve)
