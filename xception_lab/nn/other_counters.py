"""What other counters print for the same block or network, by running them.

Blocks are counted in this process, with counters that several threads can use at once. The app's own Xception is
counted with every counter that is installed, in a child process: calflops and ptflops go wrong when two threads count,
and ptflops patches torch for the whole process.
"""

import io
import json
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from xception_lab.arch.cost import block_cost, network_cost
from xception_lab.common.child_process import leave_with_parent, start_child
from xception_lab.common.messages import say
from xception_lab.spec import BlockSpec, XceptionSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

Quantity = Literal["MACs", "FLOPs"]
COUNTING_TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class CounterResult:
    """A counter's figure beside our MACs. quantity: "MACs" or "FLOPs", as the counter calls it."""

    counter: str
    quantity: Quantity
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


@dataclass(frozen=True, slots=True)
class NetworkCounter:
    """A counter of whole networks. count(model, x): its figure, in `quantity`, of a model in eval mode on a CPU.

    key: of its stored figures in assets/citations.json, own_<key> for build_xception(XceptionSpec()) and
    torch_pooling_<key> for the same with torch's pooling modules. package: the one that it comes from.
    """

    name: str
    key: str
    package: str
    quantity: Quantity
    count: Callable[["nn.Module", "Tensor"], float]


def _flop_counter(model: "nn.Module", x: "Tensor") -> float:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops()


def _torchinfo(model: "nn.Module", x: "Tensor") -> float:
    from torchinfo import summary

    return summary(model, input_data=x, verbose=0).total_mult_adds


def _fvcore(model: "nn.Module", x: "Tensor") -> float:
    from fvcore.nn import FlopCountAnalysis  # pyright: ignore[reportMissingImports]

    return FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def _ptflops(backend: str) -> Callable[["nn.Module", "Tensor"], float]:
    def count(model: "nn.Module", x: "Tensor") -> float:
        from ptflops import get_model_complexity_info  # pyright: ignore[reportMissingImports]

        options: dict[str, Any] = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
        return get_model_complexity_info(model, tuple(x.shape[1:]), **options)[0]

    return count


def _thop(model: "nn.Module", x: "Tensor") -> float:
    from thop import profile  # pyright: ignore[reportMissingImports]

    return profile(model, inputs=(x,), verbose=False)[0]


def _calflops(figure: int) -> Callable[["nn.Module", "Tensor"], float]:
    def count(model: "nn.Module", x: "Tensor") -> float:
        from calflops import calculate_flops  # pyright: ignore[reportMissingImports]

        return calculate_flops(
            model, args=[x], output_as_string=False, print_results=False, print_detailed=False, output_precision=10
        )[figure]

    return count


NETWORK_COUNTERS = (
    NetworkCounter("torch FlopCounterMode", "flop_counter", "torch", "FLOPs", _flop_counter),
    NetworkCounter("calflops, MACs", "calflops_macs", "calflops", "MACs", _calflops(1)),
    NetworkCounter("calflops, FLOPs", "calflops_flops", "calflops", "FLOPs", _calflops(0)),
    NetworkCounter("ptflops (aten)", "ptflops_aten", "ptflops", "MACs", _ptflops("aten")),
    NetworkCounter("torchinfo", "torchinfo", "torchinfo", "MACs", _torchinfo),
    # it calls them flops
    NetworkCounter("fvcore", "fvcore", "fvcore", "MACs", _fvcore),
    NetworkCounter("ptflops (pytorch)", "ptflops_pytorch", "ptflops", "MACs", _ptflops("pytorch")),
    NetworkCounter("thop", "thop", "thop", "MACs", _thop),
)


def count_network(counter: NetworkCounter, model: "nn.Module", x: "Tensor") -> int:
    """A counter's figure of a model on a picture. Raises ImportError where the counter is not installed.

    On a copy in eval mode: some counters leave traces in the model, others advance its batch statistics.
    """
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return int(counter.count(deepcopy(model).eval(), x))


_own_figures: dict[str, int] = {}
_counting = threading.Lock()


def count_own_xception() -> dict[str, int]:
    """What the installed counters print for build_xception(XceptionSpec()) at 1 x 3 x 299 x 299, by the counter's key.

    One child process for everybody, once: it takes some ten seconds and more on a busy machine. Raises OSError where
    none can be started, and RuntimeError where it fails or takes longer than COUNTING_TIMEOUT_S.
    """
    with _counting:
        if not _own_figures:
            with start_child("xception_lab.nn.other_counters") as child:
                assert child.stdout
                deadline = threading.Timer(COUNTING_TIMEOUT_S, child.kill)
                deadline.start()
                # not communicate: it would close the child's standard input, with which the child ends
                output = child.stdout.read()
                status = child.wait()
                deadline.cancel()
            if status:
                raise RuntimeError(say("counting ended with status {status}", status=status))
            _own_figures.update(json.loads(output))
        return dict(_own_figures)


def _main() -> None:
    """In the child: print the figures of the installed counters as one line of JSON."""
    leave_with_parent()
    import torch

    from xception_lab.nn.xception import build_xception

    # on a CPU, not on meta: there our pooling takes another way, which ptflops (pytorch) counts differently
    model = build_xception(XceptionSpec()).eval()
    x = torch.zeros(1, 3, 299, 299)
    figures: dict[str, int] = {}
    for counter in NETWORK_COUNTERS:
        try:
            figures[counter.key] = count_network(counter, model, x)
        except ImportError:
            continue
    sys.stdout.write(json.dumps(figures))
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
