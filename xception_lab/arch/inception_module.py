"""The paper's Figures 1 to 4 as drawings: who reads which channels, and what each figure's convolutions cost.

One small module stands for all of them, every channel drawn: CHANNELS in, CHANNELS out, SIZE pixels a side.
"""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.comparison import divisors
from xception_lab.arch.cost import block_cost
from xception_lab.spec import BlockSpec

PaperFigure = Literal["canonical", "simplified", "equivalent", "extreme"]

CHANNELS = 24
SIZE = 14
# every number of towers that shares the channels out evenly
TOWERS = divisors(CHANNELS)


@dataclass(frozen=True, slots=True)
class InceptionModule:
    """The module cut into `segments`: their channels, and the cost of the 1x1 and of the spatial convolutions."""

    segments: int
    channels_per_segment: int
    params: int
    macs: int
    pointwise_macs: int
    spatial_macs: int

    @property
    def figure(self) -> PaperFigure:
        """Which of the paper's figures this is: 3, or 4 at one convolution a channel."""
        return "extreme" if self.channels_per_segment == 1 else "equivalent"


def inception_module(segments: int) -> InceptionModule:
    """The module of Figures 2 to 4 with that many segments (towers, in Figure 2).

    Raises ValueError when segments do not divide CHANNELS.
    """
    block = BlockSpec("extreme", CHANNELS, CHANNELS, segments=segments, batch_norm="none")
    cost = block_cost(block, SIZE, SIZE)
    pointwise, *spatial = (layer.macs for layer in cost.layers if layer.macs)
    return InceptionModule(segments, CHANNELS // segments, cost.params, cost.macs, pointwise, sum(spatial))
