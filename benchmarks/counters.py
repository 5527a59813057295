"""How much faster is the closed form than counters that run the model, and where do their figures differ?

Prints one Markdown table: each counter on the three blocks (64 -> 128 at 56 x 56) and on Xception at 299 x 299.
A counter that is not installed is named as such. The counters come with the extra `benchmarks`; where torch's CPU build
is wanted, install it first:

    pip install ".[benchmarks]"
    python -m benchmarks.counters
"""

import copy
import io
import logging
import timeit
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor, nn

from xception_lab import BlockSpec, Cost, XceptionSpec, block_cost, build_block, build_xception, network_cost

Unit = Literal["MACs", "FLOPs"]


@dataclass(frozen=True)
class Counter:
    """Another counter. count(model, x): its figure, in `unit`. package: the one that it comes from."""

    name: str
    package: str
    unit: Unit
    counts: str
    count: Callable[[nn.Module, Tensor], float]
    device: str = "cpu"


@dataclass(frozen=True)
class Subject:
    """What is counted, the closed form's cost of it, and how often each count is timed."""

    name: str
    model: nn.Module
    shape: tuple[int, int, int, int]
    closed: Callable[[], Cost]
    rounds: int


def _flop_counter(model: nn.Module, x: Tensor) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops()


def _torchinfo(model: nn.Module, x: Tensor) -> float:
    from torchinfo import summary

    return summary(model, input_data=x, verbose=0).total_mult_adds


def _fvcore(model: nn.Module, x: Tensor) -> float:
    from fvcore.nn import FlopCountAnalysis

    return FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def _ptflops(backend: str) -> Callable[[nn.Module, Tensor], float]:
    def count(model: nn.Module, x: Tensor) -> float:
        from ptflops import get_model_complexity_info

        options: dict[str, Any] = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
        return get_model_complexity_info(model, tuple(x.shape[1:]), **options)[0]

    return count


def _thop(model: nn.Module, x: Tensor) -> float:
    from thop import profile

    return profile(model, inputs=(x,), verbose=False)[0]


def _calflops(figure: int) -> Callable[[nn.Module, Tensor], float]:
    def count(model: nn.Module, x: Tensor) -> float:
        from calflops import calculate_flops

        return calculate_flops(
            model, args=[x], output_as_string=False, print_results=False, print_detailed=False, output_precision=10
        )[figure]

    return count


COUNTERS = (
    Counter("torch FlopCounterMode", "torch", "FLOPs", "2 x MACs, conv + linear", _flop_counter),
    Counter("torch FlopCounterMode, meta", "torch", "FLOPs", "2 x MACs, conv + linear", _flop_counter, "meta"),
    Counter("torchinfo", "torchinfo", "MACs", "MACs + one a BN parameter + linear bias", _torchinfo),
    Counter("fvcore", "fvcore", "MACs", "MACs + 2 a BN element + pooling; called flops", _fvcore),
    Counter("ptflops (pytorch)", "ptflops", "MACs", "MACs + BN, ReLU and pooling twice", _ptflops("pytorch")),
    Counter("ptflops (aten)", "ptflops", "MACs", "MACs + linear bias", _ptflops("aten")),
    Counter("thop", "thop", "MACs", "MACs + 4 a BN element + pooling", _thop),
    Counter("calflops, MACs", "calflops", "MACs", "MACs, conv + linear", _calflops(1)),
    Counter("calflops, FLOPs", "calflops", "FLOPs", "2 x MACs + BN, ReLU and pooling", _calflops(0)),
)


def _subjects() -> list[Subject]:
    def block(kind: Any) -> Subject:
        spec = BlockSpec(kind)
        return Subject(f"{kind} block", build_block(spec), (1, 64, 56, 56), lambda: block_cost(spec, 56, 56), 15)

    # torch's own pooling, as in timm: it costs the same, and peers that go by module class would miss ours
    paper = XceptionSpec(same_pooling=False)
    xception = Subject("Xception", build_xception(paper), (1, 3, 299, 299), lambda: network_cost(paper, 299, 299), 5)
    return [block("standard"), block("extreme"), block("separable"), xception]


def _count(counter: Counter, subject: Subject) -> tuple[float, float]:
    """(figure, seconds) of one count; in eval on a copy, since some peers leave traces in the model."""
    model = copy.deepcopy(subject.model).eval().to(counter.device)
    x = torch.zeros(subject.shape, device=counter.device)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        start = perf_counter()
        figure = counter.count(model, x)
        return figure, perf_counter() - start


def _measure(counters: list[Counter], subject: Subject) -> tuple[float, dict[str, tuple[float, float]]]:
    """(median seconds of the closed form, counter -> (figure, median seconds)).

    One count of each a round, one counter at a time: a load on the machine falls on all of them, and calflops
    and ptflops go wrong when counted from several threads at once.
    """
    loops = 100
    ours: list[float] = []
    results: dict[str, list[tuple[float, float]]] = {counter.name: [] for counter in counters}
    for _ in range(subject.rounds):
        ours.append(timeit.timeit(subject.closed, number=loops) / loops)
        for counter in counters:
            results[counter.name].append(_count(counter, subject))
    measured: dict[str, tuple[float, float]] = {}
    for name, rounds in results.items():
        figures, times = zip(*rounds, strict=True)
        if len(set(figures)) > 1:
            raise RuntimeError(f"{name} gave several figures for one model: {figures}")
        measured[name] = figures[0], median(times)
    return median(ours), measured


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:,.1f} µs"


def _rows(subject: Subject) -> list[tuple[str, ...]]:
    missing: dict[str, str | None] = {}
    for counter in COUNTERS:
        try:
            # also pays for the imports, before anything is timed
            _count(counter, subject)
        except ModuleNotFoundError as absent:
            missing[counter.name] = absent.name
    ours, measured = _measure([counter for counter in COUNTERS if counter.name not in missing], subject)
    cost = subject.closed()
    rows = [(subject.name, "**closed form**", f"{cost.macs:,} MACs", "", "MACs, conv + linear", _time(ours), "1")]
    for counter in COUNTERS:
        if counter.name in missing:
            absent = f"not installed ({missing[counter.name]})"
            rows.append((subject.name, counter.name, absent, "", counter.counts, "", ""))
            continue
        figure, seconds = measured[counter.name]
        exact = cost.macs if counter.unit == "MACs" else cost.flops
        off = figure - exact
        difference = "0" if off == 0 else f"{off:+,.0f} ({off / exact:+.4%})"
        time = (_time(seconds), f"{seconds / ours:,.0f}")
        rows.append((subject.name, counter.name, f"{figure:,.0f} {counter.unit}", difference, counter.counts, *time))
    return rows


def _versions() -> str:
    packages = sorted({counter.package for counter in COUNTERS})
    lines: list[str] = []
    for package in packages:
        try:
            lines.append(f"{package} {version(package)}")
        except ModuleNotFoundError:
            lines.append(f"{package} not installed")
    return ", ".join(lines)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    head = ("of", "counter", "figure", "difference", "what it counts", "median time", "times the closed form")
    print(f"{torch.get_num_threads()} threads, batch 1, {_versions()}\n")
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for subject in _subjects():
        for row in _rows(subject):
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
