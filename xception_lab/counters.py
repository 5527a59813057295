"""What other counters print for the same block, computed live by running them."""

from dataclasses import dataclass

from xception_lab.cost import block_cost
from xception_lab.spec import BlockSpec


@dataclass(frozen=True, slots=True)
class Count:
    """A counter's figure and how far it stands from our MACs. quantity: "MACs" or "FLOPs", as the counter calls it."""

    counter: str
    quantity: str
    figure: int
    macs: int

    @property
    def excess(self) -> int:
        """The figure, in MACs, minus ours."""
        return (self.figure // 2 if self.quantity == "FLOPs" else self.figure) - self.macs


def count(spec: BlockSpec, height: int, width: int, batch_size: int = 1) -> tuple[Count, ...]:
    """Our closed form, torch's FlopCounterMode and torchinfo on the same block; imports torch, takes about 10 ms."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from torchinfo import summary

    from xception_lab.blocks import build_block

    ours = block_cost(spec, height, width, batch_size)
    shape = (batch_size, spec.in_channels, height, width)
    with torch.device("meta"):
        block = build_block(spec).eval()
        counter = FlopCounterMode(display=False)
        with counter:
            block(torch.empty(shape))
    # torchinfo moves data to a real device; its counts need the shapes alone, so a meta input will do
    info = summary(block, input_data=torch.empty(shape, device="meta"), device="meta", verbose=0)
    return (
        Count("xception_lab", "MACs", ours.macs, ours.macs),
        Count("torch FlopCounterMode", "FLOPs", int(counter.get_total_flops()), ours.macs),
        Count("torchinfo", "MACs", int(info.total_mult_adds), ours.macs),
    )
