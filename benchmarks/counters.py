"""How much faster is the closed form than counters that run the model, and where do their figures differ?

Prints one Markdown table: each counter on the three blocks (64 -> 128 at 56 x 56) and on Xception at 299 x 299, once as
this project builds it and once with torch's own pooling modules, which some counters know and ours they do not. The
figures of Xception are those of assets/citations.json. A counter that is not installed is named as such. The counters
come with the extra `benchmarks`; where torch's CPU build is wanted, install it first:

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
from typing import Any

import torch
from torch import nn

from xception_lab import BlockSpec, Cost, XceptionSpec, block_cost, build_block, build_xception, network_cost
from xception_lab.nn.other_counters import NETWORK_COUNTERS, NetworkCounter
from xception_lab.nn.pooling import SameMaxPool2d


@dataclass(frozen=True)
class Subject:
    """What is counted, the closed form's cost of it, and how often each count is timed."""

    name: str
    model: nn.Module
    shape: tuple[int, int, int, int]
    closed: Callable[[], Cost]
    rounds: int


COUNTS = {
    "torch FlopCounterMode": "2 x MACs, conv + linear",
    "torchinfo": "MACs + one a BN parameter + linear bias",
    "fvcore": "MACs + 2 a BN element + pooling; called flops",
    "ptflops (pytorch)": "MACs + BN, ReLU and pooling twice",
    "ptflops (aten)": "MACs + linear bias",
    "thop": "MACs + 4 a BN element + pooling",
    "calflops, MACs": "MACs, conv + linear",
    "calflops, FLOPs": "2 x MACs + BN, ReLU and pooling",
}


@dataclass(frozen=True)
class Counter:
    """A counter on one of torch's devices."""

    peer: NetworkCounter
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The counter's name, with its device where that is not the CPU."""
        return self.peer.name if self.device == "cpu" else f"{self.peer.name}, {self.device}"


COUNTERS = (
    *map(Counter, NETWORK_COUNTERS),
    *(Counter(peer, "meta") for peer in NETWORK_COUNTERS if peer.package == "torch"),
)


def _subjects() -> list[Subject]:
    def block(kind: Any) -> Subject:
        spec = BlockSpec(kind)
        return Subject(f"{kind} block", build_block(spec), (1, 64, 56, 56), lambda: block_cost(spec, 56, 56), 15)

    def xception(name: str, model: nn.Module) -> Subject:
        return Subject(name, model, (1, 3, 299, 299), lambda: network_cost(XceptionSpec(), 299, 299), 5)

    own = xception("Xception, ours", build_xception(XceptionSpec()))
    torch_pooling = xception("Xception, torch's pooling", _with_torch_pooling())
    return [block("standard"), block("extreme"), block("separable"), own, torch_pooling]


def _with_torch_pooling() -> nn.Module:
    """Xception with torch's own pooling modules in place of ours: it costs the same in the closed form."""
    model = build_xception(XceptionSpec())
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, SameMaxPool2d):
                setattr(module, name, nn.MaxPool2d(3, 2, padding=1))
            elif name == "global_pool":
                setattr(module, name, nn.AdaptiveAvgPool2d(1))
    return model


def _count(counter: Counter, subject: Subject) -> tuple[float, float]:
    """(figure, seconds) of one count; in eval on a copy, since some peers leave traces in the model."""
    model = copy.deepcopy(subject.model).eval().to(counter.device)
    x = torch.zeros(subject.shape, device=counter.device)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        start = perf_counter()
        figure = counter.peer.count(model, x)
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
            rows.append((subject.name, counter.name, absent, "", COUNTS[counter.peer.name], "", ""))
            continue
        figure, seconds = measured[counter.name]
        exact = cost.macs if counter.peer.quantity == "MACs" else cost.flops
        off = figure - exact
        difference = "0" if off == 0 else f"{off:+,.0f} ({off / exact:+.4%})"
        time = (_time(seconds), f"{seconds / ours:,.0f}")
        rows.append(
            (
                subject.name,
                counter.name,
                f"{figure:,.0f} {counter.peer.quantity}",
                difference,
                COUNTS[counter.peer.name],
                *time,
            )
        )
    return rows


def _versions() -> str:
    packages = sorted({counter.peer.package for counter in COUNTERS})
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
