"""From measured times to what they say: ratios, the layer that takes the time, where two blocks cross. No torch."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Literal

from xception_lab.arch.comparison import Ratio, ratio
from xception_lab.spec import KINDS, BlockSpec, Kind
from xception_lab.timing.published_devices import DEVICES
from xception_lab.timing.results import OTHER_OPERATIONS, Operation, Peaks, Results, Timing
from xception_lab.timing.roofline import LayerBound, Limit, bounds, total_s
from xception_lab.timing.settings import Settings

REACH = (0.05, 2000.0)  # FLOPs a byte: left of every depthwise step, right of every ridge

Roof = tuple[tuple[float, ...], tuple[float, ...]]
SpeedOutcome = Literal["faster", "slower", "no difference seen"]


@dataclass(frozen=True, slots=True)
class TimingBar:
    """One setting on one machine. name: the block's kind or "xception". bound_s: None where no peak was measured."""

    name: str
    settings: Settings
    machine: str
    timing: Timing | None
    bound_s: float | None


@dataclass(frozen=True, slots=True)
class SpeedVerdict:
    """The separable block against the standard one: how many FLOPs, how much time, and what takes it.

    outcome: by the 95 % intervals of the medians, which must not meet. disturbed: the machine was slowed meanwhile.
    slowest, share, limit: the separable block's layer that takes the most time, its part of all layers' time, and which
    roof is over it; None when not told apart.
    """

    flops: Ratio
    times: Ratio
    outcome: SpeedOutcome
    disturbed: bool
    slowest: str | None
    share: float
    limit: Limit | None


@dataclass(frozen=True, slots=True)
class TimeShare:
    """One block's FLOPs and median time as parts of the standard block's."""

    kind: Kind
    flops: float
    time: float


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """One layer under the roof: measured_s is None where its time was not told apart."""

    kind: Kind
    bound: LayerBound
    measured_s: float | None

    @property
    def flops_per_s(self) -> float:
        """What it reached, or would reach at its bound."""
        return self.bound.flops / (self.measured_s or self.bound.seconds)


@dataclass(frozen=True, slots=True)
class MachineRoofline:
    """One machine's layers under its roofs: (intensities, FLOP/s) by name, as roofs gives them."""

    machine: str
    peaks: Peaks
    points: tuple[RooflinePoint, ...]
    roofs: dict[str, Roof]


@dataclass(frozen=True, slots=True)
class SweepLine:
    """One block's measured times while a field runs; NaN where nothing was measured."""

    kind: Kind
    medians_s: tuple[float, ...]
    p25_s: tuple[float, ...]
    p75_s: tuple[float, ...]
    bounds_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two blocks take the same time. at: the field's value, interpolated on logarithmic scales."""

    first: Kind
    second: Kind
    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class DevicePrediction:
    """The roofline's prediction for one device: seconds by block; None where no peak of the dtype is published."""

    device: str
    seconds: dict[Kind, float] | None
    limits: dict[Kind, Limit] | None
    source: str


def fast_algorithms(results: Results) -> bool:
    """Whether a machine's library may use Winograd's way; oneDNN on x86 does not, of all others we do not know."""
    return results.machine.kind != "cpu"


def timing_bar(settings: Settings, results: Results) -> TimingBar:
    """What a machine has on one setting."""
    subject = settings.subject
    name = subject.kind if isinstance(subject, BlockSpec) else "xception"
    return TimingBar(name, settings, results.machine.label, results.timing(settings), bound_s(settings, results))


def bound_s(settings: Settings, results: Results) -> float | None:
    """The lower bound from a machine's measured peaks, None where its dtype's were not measured."""
    peaks = results.peak(settings.dtype)
    return total_s(bounds(settings, peaks, fast_algorithms(results))) if peaks else None


def speed_verdict(group: Sequence[Settings], results: Results) -> SpeedVerdict | None:
    """What the three blocks' times come to; None unless standard and separable were measured."""
    standard, separable = results.timing(group[0]), results.timing(group[-1])
    if standard is None or separable is None:
        return None
    fewer = flops_ratio(group)
    times = ratio(separable.median_s, standard.median_s)
    (low, high), (low_standard, high_standard) = separable.interval_s, standard.interval_s
    apart = high < low_standard or high_standard < low
    outcome: SpeedOutcome = "no difference seen" if not apart else "faster" if high < low_standard else "slower"
    disturbed = separable.disturbed or standard.disturbed
    if not separable.layers:
        return SpeedVerdict(fewer, times, outcome, disturbed, None, 0.0, None)
    name, seconds = max(separable.layers, key=lambda layer: layer[1])
    whole = sum(spent for _, spent in separable.layers)
    if not whole:  # a clock too coarse for them, or a file that says so
        return SpeedVerdict(fewer, times, outcome, disturbed, None, 0.0, None)
    peaks = results.peak(separable.settings.dtype)
    limits: dict[str, Limit] = {}
    if peaks:
        limits = {layer.name: layer.limit for layer in bounds(separable.settings, peaks, fast_algorithms(results))}
    return SpeedVerdict(fewer, times, outcome, disturbed, name, seconds / whole, limits.get(name))


def flops_ratio(group: Sequence[Settings]) -> Ratio:
    """The separable block's FLOPs against the standard one's."""
    return ratio(group[-1].cost().flops, group[0].cost().flops)


def time_shares(group: Sequence[Settings], results: Results) -> tuple[TimeShare, ...]:
    """The three blocks against the standard one; empty unless all were measured."""
    timings = [timing for timing in map(results.timing, group) if timing]
    if len(timings) < len(group):
        return ()
    whole, flops = timings[0].median_s, group[0].cost().flops
    return tuple(
        TimeShare(kind, timing.settings.cost().flops / flops, timing.median_s / whole)
        for kind, timing in zip(KINDS, timings, strict=True)
    )


def roofline_points(group: Sequence[Settings], results: Results) -> tuple[RooflinePoint, ...]:
    """Every layer of the blocks, with its bound and its measured time; empty where no peak was measured."""
    found: list[RooflinePoint] = []
    for kind, settings in zip(KINDS, group, strict=True):
        peaks = results.peak(settings.dtype)
        timing = results.timing(settings)
        measured = dict(timing.layers) if timing else {}
        layers = bounds(settings, peaks, fast_algorithms(results)) if peaks else ()
        found += [RooflinePoint(kind, layer, measured.get(layer.name)) for layer in layers]
    return tuple(found)


def roofline_rows(layers: Iterable[RooflinePoint]) -> list[dict[str, str | float | None]]:
    """One row a layer: what the table shows, microseconds."""
    return [
        {
            "kind": point.kind,
            "layer": point.bound.name,
            "flops_per_byte": round(point.bound.intensity, 2),
            "limit": point.bound.limit,
            "bound_us": round(point.bound.seconds * 1e6, 2),
            "measured_us": round(point.measured_s * 1e6, 2) if point.measured_s else None,
        }
        for point in layers
    ]


def machine_roofline(machine: str, group: Sequence[Settings], results: Results) -> MachineRoofline | None:
    """What the roofline plot shows of one machine; None where the dtype's peaks were not measured."""
    peaks = results.peak(group[0].dtype)
    if peaks is None:
        return None
    return MachineRoofline(machine, peaks, roofline_points(group, results), roofs(peaks))


def roofs(peaks: Peaks) -> dict[str, Roof]:
    """(intensities, FLOP/s) of the roof of the memory behind all caches, and of the fastest cache."""
    slopes = {"memory_roof": peaks.memory_bytes_per_s, "cache_roof": peaks.cache_bytes_per_s}
    low, high = REACH
    return {
        name: ((low, peaks.flops_per_s / rate, high), (low * rate, peaks.flops_per_s, peaks.flops_per_s))
        for name, rate in slopes.items()
    }


def sweep_lines(groups: dict[int, tuple[Settings, ...]], results: Results) -> tuple[SweepLine, ...]:
    """The three blocks' times over the field's values."""
    return tuple(
        _line(kind, [group[position] for group in groups.values()], results) for position, kind in enumerate(KINDS)
    )


def _line(kind: Kind, settings: list[Settings], results: Results) -> SweepLine:
    timings = [results.timing(one) for one in settings]
    columns = [
        tuple(getattr(timing, name) if timing else math.nan for timing in timings)
        for name in ("median_s", "p25_s", "p75_s")
    ]
    bound = tuple(value if (value := bound_s(one, results)) is not None else math.nan for one in settings)
    return SweepLine(kind, columns[0], columns[1], columns[2], bound)


def crossings(values: Sequence[int], drawn: Sequence[SweepLine]) -> tuple[Crossing, ...]:
    """Where one block's line crosses another's, between two values that were both measured."""
    found: list[Crossing] = []
    for number, first in enumerate(drawn):
        for second in drawn[number + 1 :]:
            ratios = [math.log(a / b) for a, b in zip(first.medians_s, second.medians_s, strict=True)]
            for place, (before, after) in enumerate(pairwise(ratios)):
                if before * after < 0:
                    share = before / (before - after)
                    at = _between(values[place], values[place + 1], share)
                    seconds = _between(first.medians_s[place], first.medians_s[place + 1], share)
                    found.append(Crossing(first.kind, second.kind, at, seconds))
    return tuple(found)


def _between(low: float, high: float, share: float) -> float:
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


def longest_operations(profiles: Iterable[Iterable[Operation]], most: int) -> tuple[str, ...]:
    """Names of the operations that take the most time in all profiles together, REST last where more are cut."""
    whole: dict[str, float] = {}
    for operation in chain.from_iterable(profiles):
        whole[operation.name] = whole.get(operation.name, 0.0) + operation.seconds
    names = sorted(whole, key=lambda name: -whole[name])
    return (
        tuple(names)
        if len(names) <= most
        else (*[name for name in names if name != OTHER_OPERATIONS][: most - 1], OTHER_OPERATIONS)
    )


def fold_operations(profile: Iterable[Operation], names: Sequence[str]) -> tuple[Operation, ...]:
    """A profile in which what is not in `names` is added to REST: nothing that was measured is left out."""
    found: dict[str, Operation] = {}
    for operation in profile:
        name = operation.name if operation.name in names else OTHER_OPERATIONS
        before = found[name].seconds if name in found else 0.0
        found[name] = replace(operation, name=name, seconds=before + operation.seconds)
    return tuple(found.values())


def align_names(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """Their names in our order, "" where they lack one of ours: what both have keeps its place, and so its colour.

    A place that they leave is taken by one that we lack: no two of theirs share a colour while there are enough.
    """
    free = iter([name for name in theirs if name not in ours])
    return (*(name if name in theirs else next(free, "") for name in ours), *free)


def predict_devices(group: Sequence[Settings]) -> tuple[DevicePrediction, ...]:
    """The three blocks' textbook rooflines on devices that are not here, from published peaks."""
    found: list[DevicePrediction] = []
    for device in DEVICES:
        seconds: dict[Kind, float] = {}
        limits: dict[Kind, Limit] = {}
        for kind, settings in zip(KINDS, group, strict=True):
            layers = device.predict(settings)
            if layers:
                seconds[kind] = total_s(layers)
                limits[kind] = max(layers, key=lambda layer: layer.seconds).limit
        found.append(DevicePrediction(device.name, seconds or None, limits or None, device.source))
    return tuple(found)
