"""The paper's conjecture as a curve: what a ReLU between the two convolutions loses, over the number of segments.

Section 4.7: for deep feature spaces the non-linearity helps, for one-channel-deep ones it becomes harmful, "possibly
due to a loss of information". Filters are random, so that the answer is the structure's and not a training's.
"""

import numpy as np

from xception_lab.data.dataset import ImageArray
from xception_lab.features.activations import activations, block_spec, build_random, picture_tensor
from xception_lab.features.filters import OUT_CHANNELS
from xception_lab.features.maps import Values
from xception_lab.features.recoverability import Recovery, recoverability
from xception_lab.spec import BlockSpec

SEGMENTS = tuple(number for number in range(1, OUT_CHANNELS + 1) if OUT_CHANNELS % number == 0)
DRAWS = 12  # random blocks, of which the median and the middle half are drawn


def recovery(picture: ImageArray, spec: BlockSpec, target: str, draws: int = DRAWS) -> Recovery:
    """How much of the block's input, or of the tensor before its activation between, its output still holds.

    The output is the last convolution's, before the activation after the block. Filters are drawn anew each time.
    """
    x = picture_tensor(picture)
    pairs: list[tuple[Values, Values]] = []
    for seed in range(draws):
        block = build_random(spec, seed)
        convs = [name for name, _ in block.named_children() if name not in ("intermediate", "activation")]
        seen = activations(block, x, convs)
        pairs.append((x[0].numpy() if target == "input" else seen[convs[0]], seen[convs[-1]]))
    # torch's work before numpy's: threads of the two that wait by spinning hold each other up when they alternate
    scores = [recoverability(before, after, spec.kernel_size) for before, after in pairs]
    low, median, high = (float(value) for value in np.quantile(scores, (0.25, 0.5, 0.75)))
    return Recovery(spec.kind, spec.segments, spec.between, target, median, low, high)


def recovery_curve(picture: ImageArray, kernel_size: int, target: str, draws: int = DRAWS) -> tuple[Recovery, ...]:
    """The extreme block over its segments and the separable block, each without and with a ReLU between."""
    found: list[Recovery] = []
    for between in ("none", "relu"):
        for segments in SEGMENTS:
            extreme = block_spec("extreme", kernel_size, between, segments)
            found.append(recovery(picture, extreme, target, draws))
        found.append(recovery(picture, block_spec("separable", kernel_size, between, None), target, draws))
    return tuple(found)
