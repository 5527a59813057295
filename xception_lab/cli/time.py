"""The terminal's `time`: the same measurements as the page's, as a table or as a file for the page."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from xception_lab.common.files import set_aside, write_atomically
from xception_lab.spec import CompareSpec, XceptionSpec
from xception_lab.timing.analysis import estimate_s, timing_bar
from xception_lab.timing.jobs import TimingJob, full_job, three_blocks
from xception_lab.timing.results import MAX_BUSY_SHARE, Machine, Results, Timing
from xception_lab.timing.results_file import results_from_json, results_to_json
from xception_lab.timing.settings import DTYPES, MEMORY_FORMATS, MODES

MOST_LIMIT_S = 600.0
PART = ".part"  # a results file too: what was measured until the command was cut
JOB = ".job"  # beside the part: what it is a part of


@dataclass(frozen=True, slots=True)
class _Part:
    """The part file of a command that writes a results file, from which the same command goes on after a cut."""

    path: Path
    job: TimingJob
    machine: Machine

    @property
    def job_path(self) -> Path:
        return self.path.with_name(self.path.name + JOB)

    def read(self) -> Results | None:
        """What was measured before; None where there is nothing, or nothing that fits: that is set aside, and said."""
        if not self.path.exists():
            return None
        try:
            results = results_from_json(self.path.read_bytes())
            is_same_job = json.loads(self.job_path.read_text(encoding="utf-8")) == _as_json(self.job)
            if not _is_same_machine(results.machine, self.machine):
                reason = f"it is of another machine, {results.machine.label}"
            elif not is_same_job:
                reason = "it was measured with other settings"
            else:
                _say(f"going on from {self.path}, which has {len(results.latest)} of {len(self.job.settings)} timings")
                return results
        except FileNotFoundError:
            reason = "what it is a part of was not noted"
        except (OSError, ValueError) as error:
            reason = str(error)
        _say(f"{self.path} is set aside as {set_aside(self.path).name} and everything is measured: {reason}")
        return None

    def write(self, results: Results) -> None:
        """Raises RuntimeError."""
        try:
            if not self.path.exists():
                write_atomically(self.job_path, json.dumps(_as_json(self.job)).encode())
            write_atomically(self.path, (results_to_json(results) + "\n").encode())
        except OSError as error:
            raise RuntimeError(f"out={str(self.path)!r}: cannot be written: {error}") from error

    def finish(self, out: Path, results: Results) -> None:
        """Make the part the results file. Raises RuntimeError."""
        self.write(results)
        self.path.replace(out)
        self.job_path.unlink(missing_ok=True)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `time`."""
    default = CompareSpec()
    parser.add_argument("--all", action="store_true", help="every chart of the page; some minutes")
    out = "write the results file that the page's upload reads; a command that was cut goes on from OUT.part"
    parser.add_argument("--out", type=Path, help=out)
    parser.add_argument("--device", default="auto", help="auto (when left out), cpu, cuda, mps or xpu")
    parser.add_argument("--threads", type=int, help="of the processor; one a core when left out")
    for name in ("in_channels", "out_channels", "kernel_size", "size", "batch_size"):
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=int, default=value, metavar="N", help=f"{value} when left out")
    for option, choices in (("--dtype", DTYPES), ("--memory-format", MEMORY_FORMATS), ("--mode", MODES)):
        parser.add_argument(option, choices=choices, default=choices[0], help=f"{choices[0]} when left out")
    parser.add_argument("--backward", action="store_true", help="forward and backward")
    parser.add_argument(
        "--precision", type=float, default=0.02, help="half width of the median's 95%% interval, as a part (0.02)"
    )
    parser.add_argument("--limit-s", type=float, default=2.0, help="at most so many seconds a setting (2)")


def run_time(options: argparse.Namespace) -> int:
    """Run `time`."""
    import torch

    from xception_lab.measurement.device import select_device
    from xception_lab.measurement.machine import describe_machine
    from xception_lab.measurement.runner import run_job

    if not 0 < options.limit_s <= MOST_LIMIT_S:
        raise ValueError(f"limit_s={options.limit_s:g}: must be above 0 and at most {MOST_LIMIT_S:g}")
    if not 0 < options.precision < 1:
        raise ValueError(f"precision={options.precision:g}: must be between 0 and 1")
    if options.threads is not None:
        if not 1 <= options.threads <= 4096:
            raise ValueError(f"threads={options.threads}: must be from 1 to 4,096")
        torch.set_num_threads(options.threads)
    device = select_device(options.device)
    job = _job(options, device.type)
    part = None
    if options.out:
        machine = describe_machine(device.type, device.index or 0)
        part = _Part(options.out.with_name(options.out.name + PART), job, machine)

    def report(share: float, results: Results) -> None:
        if part:  # before anything is measured too: that says whether it can be written
            part.write(results)
        print(f"\r{share:4.0%}", end="", file=sys.stderr, flush=True)

    results = run_job(job, report, part.read() if part else None)
    print(file=sys.stderr)
    if part:
        part.finish(options.out, results)
    print(results_to_json(results) if options.json else "\n".join(_lines(results)))
    return 0


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _as_json(job: TimingJob) -> object:
    """The job as its file has it: with lists for tuples."""
    return json.loads(json.dumps(job.to_dict()))


def _is_same_machine(one: Machine, other: Machine) -> bool:
    """Whether two measurements are of the same machine and software, however busy it was."""
    return replace(one, clock_mhz=None, busy_share=0.0) == replace(other, clock_mhz=None, busy_share=0.0)


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
