"""A list of things to time, as one job: what the terminal and the page's worker process run."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from xception_lab.measurement.device import make_clock, select_device
from xception_lab.measurement.machine import OtherProcesses, busy_share, describe_machine
from xception_lab.measurement.measure import check_settings, measure
from xception_lab.measurement.peaks import measure_peaks
from xception_lab.measurement.profiler import profile_operations
from xception_lab.measurement.throttling import SpeedMonitor, load_best_s, save_best_s
from xception_lab.timing.jobs import SettingsGroup, TimingJob
from xception_lab.timing.results import Results, merge_results

PROBE_S = 1.0
PATIENCE_S = 3.0  # before a profile, for the machine to be at its pace


def run_job(job: TimingJob, report: Callable[[float], None] = lambda _: None) -> Results:
    """Do the job in this process. report: called with the share done, 0 to 1. Raises as timing.measure does."""
    results: Results | None = None
    for share, part in run_job_parts(job):
        results = merge_results(results, part)
        report(share)
    assert results
    return results


def run_job_parts(job: TimingJob) -> Iterator[tuple[float, Results]]:
    """(share done, what is new), part after part; the first has the machine alone. Raises as timing.measure does."""
    busy = busy_share()  # before torch is at work
    device = select_device(job.device)
    for settings in (*job.settings, *job.profiled):
        check_settings(settings, device)
    bench = _Bench(job, device, busy)
    whole = 2 * len(job.dtypes) + len(job.groups) + len(job.profiled)
    yield 0.0, bench.empty
    for done, part in enumerate(bench.parts(), 1):
        yield min(done / whole, 1.0), part


class _Bench:
    """A job at work on one device. empty: the machine alone, with the most that others were seen to use of it."""

    def __init__(self, job: TimingJob, device: torch.device, busy: float) -> None:
        self._job, self._device = job, device
        self._clock = make_clock(device)
        machine = describe_machine(device.type, device.index or 0, busy)
        self.empty = Results(machine)
        self._others = OtherProcesses()
        self._pace = SpeedMonitor(device, self._clock, load_best_s(machine))

    def parts(self) -> Iterator[Results]:
        """The job's results, one after the other."""
        yield from self._peaks()
        slowed: dict[SettingsGroup, float] = {}
        for group in self._job.groups:
            part = self._timed(group)
            slowed[group] = part.slowdown
            yield part
        for settings in self._job.profiled:
            self._pace.settled(PATIENCE_S)
            yield replace(self.empty, operations=profile_operations(settings, self._device))
        # once more: what disturbed the first probe may have passed, and a bound needs the best
        yield from self._peaks()
        yield from self._again(slowed)

    def _peaks(self) -> Iterator[Results]:
        limit_s = min(PROBE_S, 2 * self._job.limit_s)
        for dtype in self._job.dtypes:
            yield replace(self.empty, peaks=(measure_peaks(self._device, dtype, self._clock, limit_s=limit_s),))

    def _timed(self, group: SettingsGroup) -> Results:
        job, machine = self._job, self.empty.machine
        self._others.share()  # from here on
        timings = measure(group, self._device, self._clock, job.precision, job.limit_s, pace=self._pace)
        save_best_s(machine, self._pace.best_s)
        busy = max(machine.busy_share, round(self._others.share(), 3))
        self.empty = replace(self.empty, machine=replace(machine, busy_share=busy))
        return replace(self.empty, timings=timings)

    def _again(self, slowed: dict[SettingsGroup, float]) -> Iterator[Results]:
        """What was disturbed, measured anew; only what came out less disturbed than before."""
        for _ in range(self._job.again):
            for group, slowdown in list(slowed.items()):
                if slowdown > 1 and (part := self._timed(group)).slowdown < slowdown:
                    slowed[group] = part.slowdown
                    yield part
