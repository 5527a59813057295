"""Running a timing job: what the terminal calls, and the page's measuring process."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from xception_lab.measurement.device import free_bytes, launch_s, make_clock, select_device
from xception_lab.measurement.machine import OtherProcesses, busy_share, describe_machine, device_properties
from xception_lab.measurement.measure import check_settings, measure
from xception_lab.measurement.peaks import measure_peaks, working_sets
from xception_lab.measurement.profiler import profile_operations
from xception_lab.measurement.throttling import SpeedMonitor, load_best_s, save_best_s
from xception_lab.timing.jobs import SettingsGroup, TimingJob
from xception_lab.timing.results import Results, merge_results
from xception_lab.timing.settings import Dtype

PEAKS_LIMIT_S = 1.0
RETRY_S = 420.0  # after so long no disturbed group is measured again: a machine that stays slow must not hold anybody
MAX_WAIT_S = 3.0  # for the machine to settle before a profile


def run_job(
    job: TimingJob, report: Callable[[float, Results], None] | None = None, before: Results | None = None
) -> Results:
    """Run the job in this process. Raises as time_block does.

    report: called with the share done, 0 to 1, and all results so far, before the first is measured and after each.
    before: what the same job has measured on this machine until it was cut; only what is missing is measured.
    """
    results = before
    for share, part in run_job_parts(job, before):
        results = merge_results(results, part)
        assert results
        if report:
            report(share, results)
    assert results
    return results


def run_job_parts(job: TimingJob, before: Results | None = None) -> Iterator[tuple[float, Results]]:
    """(share done, new results), part after part; the first part has the machine alone. Raises as time_block does.

    before: as in run_job.
    """
    busy = max(busy_share(), before.machine.busy_share if before else 0.0)  # before torch is at work
    device = select_device(job.device)
    for settings in (*job.settings, *job.profiled):
        check_settings(settings, device)
    run = _JobRun(job, device, busy, before)
    total = 2 * len(job.dtypes) + len(job.groups) + len(job.profiled)
    already = total - run.num_parts
    yield already / total, run.empty
    for done, part in enumerate(run.parts(), already + 1):
        yield min(done / total, 1.0), part


class _JobRun:
    """One job on one device. empty: results of the machine alone, its busy_share the largest so far.

    before: as in run_job.
    """

    def __init__(self, job: TimingJob, device: torch.device, busy: float, before: Results | None) -> None:
        self._job, self._device, self._before = job, device, before
        probed = {peaks.dtype for peaks in before.peaks} if before else set[Dtype]()
        self._unprobed: tuple[Dtype, ...] = tuple(dtype for dtype in job.dtypes if dtype not in probed)
        self._unprofiled = tuple(each for each in job.profiled if not (before and before.operations_of(each)))
        self._begun_s = time.perf_counter()
        self._clock = make_clock(device)
        machine = describe_machine(device.type, device.index or 0, busy)
        properties = device_properties(device.type, device.index or 0)
        self.empty = Results(machine, properties=replace(properties, launch_s=launch_s(device)))
        self._working_sets = working_sets(properties.last_cache_bytes, free_bytes(device))
        self._others = OtherProcesses()
        self._speed_monitor = SpeedMonitor(device, self._clock, load_best_s(machine))

    @property
    def num_parts(self) -> int:
        """How many parts are left to do, without those that are measured again."""
        timed = sum(self._earlier(group) is None for group in self._job.groups)
        return len(self._unprobed) + timed + len(self._unprofiled) + len(self._job.dtypes)

    def parts(self) -> Iterator[Results]:
        """The job's results, part after part: peaks, timings, profiles, peaks again, timings of disturbed groups."""
        yield from self._measure_peaks(self._unprobed)
        slowdowns: dict[SettingsGroup, float] = {}
        for group in self._job.groups:
            earlier = self._earlier(group)
            part = earlier or self._measure(group)
            slowdowns[group] = part.slowdown
            if not earlier:
                yield part
        for settings in self._unprofiled:
            self._speed_monitor.wait_until_settled(MAX_WAIT_S)
            yield replace(self.empty, operations=profile_operations(settings, self._device))
        # once more: what disturbed the first measurement may have passed, and an estimate is made from the best
        yield from self._measure_peaks(self._job.dtypes)
        yield from self._retry(slowdowns)

    def _earlier(self, group: SettingsGroup) -> Results | None:
        """What was measured of all of a group before the job was cut; None where something is missing."""
        timings = [self._before.timing(settings) for settings in group] if self._before else []
        complete = tuple(timing for timing in timings if timing)
        return replace(self.empty, timings=complete) if self._before and len(complete) == len(group) else None

    def _measure_peaks(self, dtypes: tuple[Dtype, ...]) -> Iterator[Results]:
        limit_s = min(PEAKS_LIMIT_S, 2 * self._job.limit_s)
        for dtype in dtypes:
            peaks = measure_peaks(self._device, dtype, self._clock, working_sets=self._working_sets, limit_s=limit_s)
            yield replace(self.empty, peaks=(peaks,))

    def _measure(self, group: SettingsGroup) -> Results:
        job, machine, monitor = self._job, self.empty.machine, self._speed_monitor
        self._others.share()  # what follows is counted from now on
        quick = group in job.quick
        timings = measure(
            group, self._device, self._clock, job.precision, job.limit_s, speed_monitor=monitor, energy=not quick
        )
        save_best_s(machine, monitor.best_s)
        busy = max(machine.busy_share, round(self._others.share(), 3))
        self.empty = replace(self.empty, machine=replace(machine, busy_share=busy))
        return replace(self.empty, timings=timings)

    def _retry(self, slowdowns: dict[SettingsGroup, float]) -> Iterator[Results]:
        """Measure the disturbed groups again; the results that are less disturbed than those before."""
        for _ in range(self._job.retries):
            for group, slowdown in list(slowdowns.items()):
                if time.perf_counter() - self._begun_s > RETRY_S:
                    return
                if slowdown > 1 and (part := self._measure(group)).slowdown < slowdown:
                    slowdowns[group] = part.slowdown
                    yield part
