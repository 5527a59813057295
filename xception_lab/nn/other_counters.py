"""What other counters print for the same block or network, by running them."""

from dataclasses import dataclass

from xception_lab.arch.cost import block_cost, network_cost
from xception_lab.spec import BlockSpec, XceptionSpec


@dataclass(frozen=True, slots=True)
class CounterResult:
    """A counter's figure beside our MACs. quantity: "MACs" or "FLOPs", as the counter calls it."""

    counter: str
    quantity: str
    figure: int
    macs: int

    @property
    def excess(self) -> int:
        """The figure, in MACs, minus ours."""
        return (self.figure // 2 if self.quantity == "FLOPs" else self.figure) - self.macs


def run_counters(spec: BlockSpec, height: int, width: int, batch_size: int = 1) -> tuple[CounterResult, ...]:
    """Our closed form, torch's FlopCounterMode and torchinfo on the same block. Imports torch, takes about 10 ms."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from torchinfo import summary

    from xception_lab.nn.blocks import build_block

    ours = block_cost(spec, height, width, batch_size)
    shape = (batch_size, spec.in_channels, height, width)
    with torch.device("meta"):
        block = build_block(spec).eval()
        counter = FlopCounterMode(display=False)
        with counter:
            block(torch.empty(shape))
    # torchinfo counts from shapes alone, so a meta input serves; without `device` it would move it to a real device
    info = summary(block, input_data=torch.empty(shape, device="meta"), device="meta", verbose=0)
    return (
        CounterResult("xception_lab", "MACs", ours.macs, ours.macs),
        CounterResult("torch FlopCounterMode", "FLOPs", int(counter.get_total_flops()), ours.macs),
        CounterResult("torchinfo", "MACs", int(info.total_mult_adds), ours.macs),
    )


@dataclass(frozen=True, slots=True)
class TorchinfoSummary:
    """torchinfo's summary of a network beside our count of it.

    text: the table as torchinfo prints it. params, macs: ours, of network_cost. torchinfo's MACs add one for each
    batch-norm parameter and one for each bias of the linear layer.
    """

    text: str
    torchinfo_params: int
    torchinfo_macs: int
    params: int
    macs: int
    batch_norm_params: int
    linear_biases: int

    @property
    def unexplained(self) -> int:
        """By how much torchinfo's MACs exceed ours and what it is known to add: zero."""
        return self.torchinfo_macs - self.macs - self.batch_norm_params - self.linear_biases


def torchinfo_summary(spec: XceptionSpec, size: int) -> TorchinfoSummary:
    """torchinfo's summary of the network on a (1, in_channels, size, size) picture. Imports torch, takes 0.3 s."""
    import torch
    from torch import nn
    from torchinfo import summary

    from xception_lab.nn.xception import build_xception

    ours = network_cost(spec, size, size)
    with torch.device("meta"):
        model = build_xception(spec).eval()
    shape = (1, spec.in_channels, size, size)
    columns = ("input_size", "output_size", "num_params", "mult_adds")
    info = summary(
        model, input_data=torch.empty(shape, device="meta"), device="meta", verbose=0, depth=4, col_names=columns
    )
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    return TorchinfoSummary(
        str(info),
        int(info.total_params),
        int(info.total_mult_adds),
        ours.params,
        ours.macs,
        sum(parameter.numel() for norm in norms for parameter in norm.parameters()),
        spec.num_classes,
    )
