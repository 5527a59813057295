"""The terminal's `time`: the same measurements as the page's, as a table or as a file for the page."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from xception_lab.common.files import write_atomically
from xception_lab.spec import CompareSpec, XceptionSpec
from xception_lab.timing.analysis import estimate_s, timing_bar
from xception_lab.timing.jobs import TimingJob, full_job, three_blocks
from xception_lab.timing.results import MAX_BUSY_SHARE, Results, Timing
from xception_lab.timing.results_file import results_to_json
from xception_lab.timing.settings import DTYPES, MEMORY_FORMATS, MODES

MOST_LIMIT_S = 600.0
PART = ".part"  # a results file too: what was measured until the command was cut


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `time`."""
    default = CompareSpec()
    parser.add_argument("--all", action="store_true", help="every chart of the page; some minutes")
    parser.add_argument("--out", type=Path, help="write the results file that the page's upload reads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps or xpu")
    parser.add_argument("--threads", type=int, help="of the processor; one a core when left out")
    for name in ("in_channels", "out_channels", "kernel_size", "size", "batch_size"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(default, name))
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--memory-format", choices=MEMORY_FORMATS, default="contiguous")
    parser.add_argument("--mode", choices=MODES, default="eager")
    parser.add_argument("--backward", action="store_true", help="forward and backward")
    parser.add_argument(
        "--precision", type=float, default=0.02, help="half width of the median's 95%% interval, as a part"
    )
    parser.add_argument("--limit-s", type=float, default=2.0, help="at most so many seconds a setting")


def run_time(options: argparse.Namespace) -> int:
    """Run `time`."""
    import torch

    from xception_lab.measurement.device import select_device
    from xception_lab.measurement.runner import run_job

    if not 0 < options.limit_s <= MOST_LIMIT_S:
        raise ValueError(f"limit_s={options.limit_s:g}: must be above 0 and at most {MOST_LIMIT_S:g}")
    if not 0 < options.precision < 1:
        raise ValueError(f"precision={options.precision:g}: must be between 0 and 1")
    if options.threads is not None:
        if not 1 <= options.threads <= 4096:
            raise ValueError(f"threads={options.threads}: must be from 1 to 4,096")
        torch.set_num_threads(options.threads)
    part_path = options.out.with_name(options.out.name + PART) if options.out else None

    def report(share: float, results: Results) -> None:
        if part_path:  # before anything is measured too: that says whether it can be written
            _write(part_path, results)
        print(f"\r{share:4.0%}", end="", file=sys.stderr, flush=True)

    results = run_job(_job(options, select_device(options.device).type), report)
    print(file=sys.stderr)
    if part_path:
        _write(part_path, results)
        part_path.replace(options.out)
    print(results_to_json(results) if options.json else "\n".join(_lines(results)))
    return 0


def _write(path: Path, results: Results) -> None:
    """Raises RuntimeError."""
    try:
        write_atomically(path, (results_to_json(results) + "\n").encode())
    except OSError as error:
        raise RuntimeError(f"out={str(path)!r}: cannot be written: {error}") from error


def _job(options: argparse.Namespace, kind: str) -> TimingJob:
    if options.all:
        return replace(full_job(kind, options.device), precision=options.precision, limit_s=options.limit_s)
    spec = CompareSpec(
        options.in_channels, options.out_channels, options.kernel_size, options.size, batch_size=options.batch_size
    )
    group = three_blocks(
        spec, dtype=options.dtype, memory_format=options.memory_format, mode=options.mode, backward=options.backward
    )
    return TimingJob((group,), (), options.device, options.precision, options.limit_s)


def _lines(results: Results) -> Iterator[str]:
    machine = results.machine
    yield machine.label
    if machine.busy_share > MAX_BUSY_SHARE:
        yield f"warning: others used {machine.busy_share:.0%} of this machine: do not trust these times"
    if results.slowdown > 1:
        disturbed = sum(timing.disturbed for timing in results.latest)
        yield (
            f"warning: this machine was up to {results.slowdown:.2f} times slower than at its best: "
            f"do not trust the {disturbed} of {len(results.latest)} times marked with !"
        )
    for peaks in results.peaks:
        bandwidth = max(rate for _, rate in peaks.rates) / 1e9
        yield f"{peaks.dtype}: {peaks.flops_per_s / 1e9:,.0f} GFLOP/s, {bandwidth:,.0f} GB/s in cache, measured"
    properties = results.properties
    if properties and properties.last_cache_bytes and results.peaks:
        largest = results.peaks[-1].rates[-1][0]
        yield f"memory probed with {largest / 1e6:,.0f} MB, last cache {properties.last_cache_bytes / 1e6:,.0f} MB"
    if properties and properties.matmul_precision:
        yield (
            f"torch's own float32 here: products of matrices in {properties.matmul_precision}, convolutions in "
            f"{properties.conv_precision}; timed is what the dtype says, float32 without TF32"
        )
    yield f"{'what':40} {'format':14} {'pass':9} {'median':>11} {'quartiles':>23} {'estimate':>12}"
    for timing in results.latest:
        yield _line(timing, results)
    for timing in results.latest:
        if timing.output and timing.output.wrong:
            error = "no number" if timing.output.error is None else f"off by {timing.output.error:.2g}"
            yield f"warning: a wrong output, {error} where {timing.output.tolerance:.2g} is allowed: {timing.settings}"
    if any(_is_below_estimate(timing, results) for timing in results.latest):
        yield "< marks a median below its estimate, which is no bound: caches and fused layers can beat it"


def _is_below_estimate(timing: Timing, results: Results) -> bool:
    return timing_bar(timing.settings, results).beats_estimate


def _line(timing: Timing, results: Results) -> str:
    settings = timing.settings
    subject = settings.subject
    if isinstance(subject, XceptionSpec):
        what = f"xception @{settings.height}"
    else:
        what = f"{subject.kind} {subject.in_channels}->{subject.out_channels} @{settings.height}"
    what = f"{what} n={settings.batch_size} {settings.dtype} {settings.mode}"
    seconds = estimate_s(settings, results)
    wrong = "  WRONG OUTPUT" if timing.output and timing.output.wrong else ""
    mark = "<" if _is_below_estimate(timing, results) else " "
    estimate = "" if seconds is None else f"{seconds * 1e3:8.3f} ms{mark}"
    passes = "fwd+bwd" if settings.backward else "forward"
    quartiles = f"{timing.p25_s * 1e3:.3f} to {timing.p75_s * 1e3:.3f} ms"
    median = f"{timing.median_s * 1e3:8.3f} ms{'!' if timing.disturbed else ' '}"
    return f"{what:40} {settings.memory_format:14} {passes:9} {median} {quartiles:>23} {estimate:>12}{wrong}"
