"""The modules of the paper's Figures 1 to 4 as drawn: which channels they connect, and what they cost.

One size serves for all of them, small enough to draw every channel: CHANNELS in and out, SIZE pixels on each side.
"""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.comparison import divisors
from xception_lab.arch.cost import block_cost
from xception_lab.spec import BlockSpec

PaperFigure = Literal["canonical", "simplified", "equivalent", "extreme"]

CHANNELS = 24
SIZE = 14
# every number of towers of equal width
TOWERS = divisors(CHANNELS)


@dataclass(frozen=True, slots=True)
class InceptionModule:
    """The module with a number of segments. macs: of all convolutions; pointwise_macs, spatial_macs: of each half."""

    segments: int
    channels_per_segment: int
    params: int
    macs: int
    pointwise_macs: int
    spatial_macs: int

    @property
    def figure(self) -> PaperFigure:
        """Which of the paper's figures this is: 3, or 4 with one convolution per channel."""
        return "extreme" if self.channels_per_segment == 1 else "equivalent"


def inception_module(segments: int) -> InceptionModule:
    """The module of Figures 2 to 4 with that many segments (towers, in Figure 2); paper, sections 1.1 and 1.2.

    Raises ValueError when segments do not divide CHANNELS.
    """
    block = BlockSpec("extreme", CHANNELS, CHANNELS, segments=segments, batch_norm="none")
    cost = block_cost(block, SIZE, SIZE)
    pointwise, *spatial = (layer.macs for layer in cost.layers if layer.macs)
    return InceptionModule(segments, CHANNELS // segments, cost.params, cost.macs, pointwise, sum(spatial))
