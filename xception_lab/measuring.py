"""A list of things to time, as one job: what the terminal and the page's worker process run."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from xception_lab.spec import KINDS, CompareSpec, XceptionSpec
from xception_lab.timings import Dtype, Results, Settings, joined
from xception_lab.timings_file import settings_from_dict, settings_to_dict

if TYPE_CHECKING:
    import torch

Group = tuple[Settings, ...]

SWEPT: dict[str, tuple[int, ...]] = {
    "out_channels": (16, 32, 64, 128, 256, 512),
    "size": (7, 14, 28, 56, 112),
    "batch_size": (1, 2, 4, 8, 16, 32),
}
PROBE_S = 1.0
PATIENCE_S = 3.0  # before a profile, for the machine to be at its pace
# the page's first sight, Xception's own middle flow, an early layer, a small late one: (in, out, size)
PLACES = ((64, 128, 56), (728, 728, 19), (64, 128, 147), (256, 256, 14))


@dataclass(frozen=True, slots=True)
class Job:
    """What to time. groups: settings timed turn and turn about. profiled: settings whose operations are told apart.

    precision: half width of each median's 95 % interval to be reached, as a part of it; limit_s: at most, a setting.
    again: how many times what was measured on a disturbed machine is measured anew at the end.
    """

    groups: tuple[Group, ...]
    profiled: tuple[Settings, ...] = ()
    device: str = "auto"
    precision: float = 0.02
    limit_s: float = 1.0
    again: int = 0

    @property
    def settings(self) -> tuple[Settings, ...]:
        """Everything that is timed, in order."""
        return tuple(settings for group in self.groups for settings in group)

    @property
    def dtypes(self) -> tuple[Dtype, ...]:
        """Every dtype in it, in order: each has peaks of its own."""
        return tuple(dict.fromkeys(settings.dtype for settings in self.settings))

    def to_dict(self) -> dict[str, Any]:
        """As JSON's values."""
        groups = [[settings_to_dict(settings) for settings in group] for group in self.groups]
        return {**asdict(self), "groups": groups, "profiled": [settings_to_dict(s) for s in self.profiled]}


def job_from_dict(values: dict[str, Any]) -> Job:
    """The inverse of Job.to_dict."""
    groups = tuple(tuple(map(settings_from_dict, group)) for group in values["groups"])
    profiled = tuple(map(settings_from_dict, values["profiled"]))
    return Job(groups, profiled, values["device"], values["precision"], values["limit_s"], values["again"])


def three_blocks(spec: CompareSpec, **chosen: Any) -> tuple[Settings, ...]:
    """The three blocks in one setting. chosen: dtype, memory_format, mode, backward."""
    return tuple(Settings(spec.block(kind), spec.size, spec.size, spec.batch_size, **chosen) for kind in KINDS)


def swept(spec: CompareSpec, field: str, **chosen: Any) -> dict[int, tuple[Settings, ...]]:
    """The three blocks while one field runs over its values and its current one; what no block can take is left out."""
    values = sorted({*SWEPT[field], getattr(spec, field)})
    found: dict[int, tuple[Settings, ...]] = {}
    for value in values:
        try:
            found[value] = three_blocks(replace(spec, **{field: value}), **chosen)
        except ValueError:
            continue
    return found


def everything(device: str = "auto", accelerated: bool = False) -> Job:
    """What `python -m xception_lab time --all` measures: enough for every chart of the page at its defaults."""
    default = CompareSpec()
    formats: list[dict[str, Any]] = [{"memory_format": name} for name in ("contiguous", "channels_last")]
    groups: list[tuple[Settings, ...]] = []
    for ins, outs, size in PLACES:
        spec = CompareSpec(in_channels=ins, out_channels=outs, size=size)
        both = ({**layout, "backward": True} for layout in formats)
        groups += [three_blocks(spec, **chosen) for chosen in (*formats, *both)]
        groups.append(three_blocks(spec, mode="folded", memory_format="channels_last"))
    for field in SWEPT:
        groups += swept(default, field).values()
    dtypes: tuple[Dtype, ...] = ("bfloat16", "float16", "tf32") if accelerated else ("bfloat16",)
    groups += [three_blocks(default, dtype=dtype, memory_format="channels_last") for dtype in dtypes]
    if accelerated:
        groups.append(three_blocks(default, mode="graph"))
    network = Settings(XceptionSpec(), 299, 299)
    fast = replace(network, mode="folded", memory_format="channels_last")
    groups.append((network, fast))
    return Job(tuple(dict.fromkeys(groups)), (*three_blocks(default), network), device, limit_s=2.0, again=2)


def run(job: Job, report: Callable[[float], None] = lambda _: None) -> Results:
    """Do the job in this process. report: called with the share done, 0 to 1. Raises as timing.measure does."""
    results: Results | None = None
    for share, part in run_parts(job):
        results = joined(results, part)
        report(share)
    assert results
    return results


def run_parts(job: Job) -> Iterator[tuple[float, Results]]:
    """(share done, what is new), part after part; the first has the machine alone. Raises as timing.measure does."""
    from xception_lab import accelerator
    from xception_lab.machine import busy_share
    from xception_lab.timing import check

    busy = busy_share()  # before torch is at work
    device = accelerator.device_of(job.device)
    for settings in (*job.settings, *job.profiled):
        check(settings, device)
    bench = _Bench(job, device, busy)
    whole = 2 * len(job.dtypes) + len(job.groups) + len(job.profiled)
    yield 0.0, bench.empty
    for done, part in enumerate(bench.parts(), 1):
        yield min(done / whole, 1.0), part


class _Bench:
    """A job at work on one device. empty: the machine alone, with the most that others were seen to use of it."""

    def __init__(self, job: Job, device: "torch.device", busy: float) -> None:
        from xception_lab import accelerator
        from xception_lab.machine import Others, describe
        from xception_lab.pace import Pace, known_best_s

        self._job, self._device = job, device
        self._clock = accelerator.clock_of(device)
        machine = describe(device.type, device.index or 0, busy)
        self.empty = Results(machine)
        self._others = Others()
        self._pace = Pace(device, self._clock, known_best_s(machine))

    def parts(self) -> Iterator[Results]:
        """The job's results, one after the other."""
        from xception_lab.operations import profiled

        yield from self._peaks()
        slowed: dict[Group, float] = {}
        for group in self._job.groups:
            part = self._timed(group)
            slowed[group] = part.slowdown
            yield part
        for settings in self._job.profiled:
            self._pace.settled(PATIENCE_S)
            yield replace(self.empty, operations=profiled(settings, self._device))
        # once more: what disturbed the first probe may have passed, and a bound needs the best
        yield from self._peaks()
        yield from self._again(slowed)

    def _peaks(self) -> Iterator[Results]:
        from xception_lab.peaks import measured_peaks

        limit_s = min(PROBE_S, 2 * self._job.limit_s)
        for dtype in self._job.dtypes:
            yield replace(self.empty, peaks=(measured_peaks(self._device, dtype, self._clock, limit_s=limit_s),))

    def _timed(self, group: Group) -> Results:
        from xception_lab.pace import remember_best
        from xception_lab.timing import measure

        job, machine = self._job, self.empty.machine
        self._others.share()  # from here on
        timings = measure(group, self._device, self._clock, job.precision, job.limit_s, pace=self._pace)
        remember_best(machine, self._pace.best_s)
        busy = max(machine.busy_share, round(self._others.share(), 3))
        self.empty = replace(self.empty, machine=replace(machine, busy_share=busy))
        return replace(self.empty, timings=timings)

    def _again(self, slowed: dict[Group, float]) -> Iterator[Results]:
        """What was disturbed, measured anew; only what came out less disturbed than before."""
        for _ in range(self._job.again):
            for group, slowdown in list(slowed.items()):
                if slowdown > 1 and (part := self._timed(group)).slowdown < slowdown:
                    slowed[group] = part.slowdown
                    yield part
