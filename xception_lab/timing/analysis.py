"""What measured times say: ratios, the slowest layer, distance from the roofline, where two blocks cross. No torch.

`group` is everywhere the three blocks in KINDS' order, in one setting: standard first, separable last.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, pairwise
from statistics import median
from typing import Literal

from xception_lab.arch.comparison import Ratio, ratio
from xception_lab.spec import KINDS, BlockSpec, Kind
from xception_lab.timing.results import MAX_BUSY_SHARE, OTHER_OPERATIONS, Operation, Peaks, Results, Timing
from xception_lab.timing.roofline import LayerEstimate, Limit, estimates, total_s
from xception_lab.timing.settings import Settings

# of a processor's: two ways of timing one block, this code's and torch's Timer, are held to agree within it
CPU_SPREAD = 0.05
# of a device's own time, which two measurements of the same GPU agreed about within a tenth: less is no difference seen
DEVICE_SPREAD = 0.1
# of calls in a row, which the host's launches make less steady: two measurements of one GPU differed by up to 21 %
LOOP_SPREAD = 0.25
# of all layers' time: a layer that loses this much beyond its estimate explains why FLOPs are not seconds
LEAST_LOSS = 0.1
# of what that layer loses: another that loses this much of its own is named beside it
LEAST_SECOND = 0.5
# how many times its estimate a layer may take and still be called bound by the peak that the estimate comes from
MOST_EXPLAINED = 3.0
INTENSITIES = (0.05, 2000.0)  # FLOPs per byte, of the plot: from below every depthwise layer to above every ridge

Roof = tuple[tuple[float, ...], tuple[float, ...]]  # (intensities, FLOP/s)
SpeedOutcome = Literal["faster", "slower", "no difference seen"]


@dataclass(frozen=True, slots=True)
class TimingBar:
    """One setting on one machine. name: the block's kind or "xception". estimate_s: None if no peaks were measured.

    disturbed: as SpeedVerdict.disturbed. direct_s: direct_estimate_s, where that is another.
    """

    name: str
    settings: Settings
    machine: str
    timing: Timing | None
    estimate_s: float | None
    disturbed: bool
    direct_s: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether its output was checked and is wrong."""
        return bool(self.timing and self.timing.output and self.timing.output.wrong)

    @property
    def beats_estimate(self) -> bool:
        """Whether the median is shorter than the estimate; False where either is missing."""
        return bool(self.timing and self.estimate_s and self.timing.work_s < self.estimate_s)


@dataclass(frozen=True, slots=True)
class SpeedVerdict:
    """The separable block against the standard one: the ratios of FLOPs and of times, and what takes the time.

    outcome: a difference is one only if the 95 % intervals of the two medians do not overlap and it is larger than
    CPU_SPREAD; on an accelerator, whose own times are compared, if it is larger than DEVICE_SPREAD.
    launches: what a program waits for on an accelerator, which may be more than the device's work; None on a processor.
    disturbed: whether the machine was slowed down meanwhile, or other work took much of it.
    slowest, share, limit: the separable block's layer that takes the most time, its fraction of all layers' time, and
    which peak limits it; None where the layers were not timed or no peaks measured. excess: how many times its estimate
    that layer took; above MOST_EXPLAINED it is no peak that limits it.
    losses: the layer that takes most beyond its estimate, if that is LEAST_LOSS of all layers' time or more, and the
        next one, if it loses LEAST_SECOND of that or more; the one with the smaller part of the MACs comes first.
    """

    flops: Ratio
    times: Ratio
    outcome: SpeedOutcome
    disturbed: bool
    slowest: str | None
    share: float
    limit: Limit | None
    launches: "LaunchVerdict | None" = None
    excess: float | None = None
    losses: "tuple[LayerLoss, ...]" = ()


@dataclass(frozen=True, slots=True)
class LayerLoss:
    """A layer of the separable block that takes longer than its estimate.

    mac_share: its fraction of the block's MACs. time_share: its time, measured alone, as a fraction of the block's.
    bound_s: its estimate.
    """

    name: str
    mac_share: float
    time_share: float
    seconds: float
    bound_s: float

    @property
    def lost_s(self) -> float:
        """What it takes beyond its estimate."""
        return self.seconds - self.bound_s


@dataclass(frozen=True, slots=True)
class LaunchVerdict:
    """Calls in a row on an accelerator: how the two blocks compare.

    outcome: a difference is one only if it is larger than LOOP_SPREAD.
    """

    times: Ratio
    outcome: SpeedOutcome


@dataclass(frozen=True, slots=True)
class PredictionError:
    """How far one kind of layer's measured times are above their estimates. op: as in LayerCost; count: of layers.

    median, worst: the median and the largest measured/estimate, or the smallest where that is further from 1.
    """

    op: str
    count: int
    median: float
    worst: float


@dataclass(frozen=True, slots=True)
class TimeShare:
    """One block's FLOPs and median time as fractions of the standard block's."""

    kind: Kind
    flops: float
    time: float


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """One layer in the roofline plot. measured_s: None where the layer was not timed."""

    kind: Kind
    estimate: LayerEstimate
    measured_s: float | None

    @property
    def flops_per_s(self) -> float | None:
        """The speed that it reached, None if it was not timed."""
        return self.estimate.flops / self.measured_s if self.measured_s else None

    @property
    def estimated_flops_per_s(self) -> float:
        """The speed that its estimate says: that of the roof which holds for it, more where a fast way is counted."""
        return self.estimate.flops / self.estimate.seconds

    @property
    def beats_estimate(self) -> bool:
        """Whether the layer was timed, and faster than its estimate."""
        # a layer that the clock could not tell from nothing was not timed
        return bool(self.measured_s) and self.measured_s < self.estimate.seconds


@dataclass(frozen=True, slots=True)
class MachineRoofline:
    """The roofline plot of one machine. roofs: by name, as from roofs().

    peak_range: the least and the greatest FLOP/s among the probes: how far the peak can be relied on.
    cache_multiple: as from Results.cache_multiple.
    """

    machine: str
    peaks: Peaks
    points: tuple[RooflinePoint, ...]
    roofs: dict[str, Roof]
    peak_range: tuple[float, float]
    cache_multiple: float | None


@dataclass(frozen=True, slots=True)
class SweepLine:
    """One block's measured and estimated times over a sweep of a field; NaN where nothing was measured."""

    kind: Kind
    medians_s: tuple[float, ...]
    p25_s: tuple[float, ...]
    p75_s: tuple[float, ...]
    estimates_s: tuple[float, ...]

    @property
    def beaten(self) -> tuple[int, ...]:
        """The positions at which the median is shorter than the estimate."""
        # nothing is shorter than NaN
        pairs = enumerate(zip(self.medians_s, self.estimates_s, strict=True))
        return tuple(position for position, (median_s, seconds) in pairs if median_s < seconds)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where two blocks take the same time. at: the field's value, interpolated on logarithmic scales."""

    first: Kind
    second: Kind
    at: float
    seconds: float


def fast_algorithms(results: Results) -> bool:
    """Whether a machine's library may use Winograd's algorithm: oneDNN on x86 does not, others may."""
    return results.machine.kind != "cpu"


def timing_bar(settings: Settings, results: Results) -> TimingBar:
    """One setting's timing and estimate on one machine."""
    subject = settings.subject
    name = subject.kind if isinstance(subject, BlockSpec) else "xception"
    timing = results.timing(settings)
    disturbed = bool(timing and (timing.disturbed or results.machine.busy_share > MAX_BUSY_SHARE))
    fast_s = estimate_s(settings, results)
    direct_s = direct_estimate_s(settings, results) if fast_algorithms(results) else fast_s
    other_s = direct_s if direct_s != fast_s else None
    return TimingBar(name, settings, results.machine.label, timing, fast_s, disturbed, other_s)


def estimate_s(settings: Settings, results: Results) -> float | None:
    """The estimate from a machine's measured peaks, None if those of the dtype were not measured."""
    peaks = results.peak(settings.dtype)
    return total_s(estimates(settings, peaks, fast_algorithms(results))) if peaks else None


def direct_estimate_s(settings: Settings, results: Results) -> float | None:
    """As estimate_s, with every product of a convolution done, whatever faster ways the library may have."""
    peaks = results.peak(settings.dtype)
    return total_s(estimates(settings, peaks)) if peaks else None


def smallest_block(results: Results) -> TimingBar | None:
    """The separable block with the least estimate among the float32 forward passes: what starting its layers costs."""
    bars = [
        timing_bar(timing.settings, results)
        for timing in results.latest
        if isinstance(timing.settings.subject, BlockSpec)
        and timing.settings.subject.kind == "separable"
        and (timing.settings.dtype, timing.settings.mode, timing.settings.backward) == ("float32", "eager", False)
    ]
    return min((bar for bar in bars if bar.estimate_s), key=lambda bar: bar.estimate_s or 0.0, default=None)


def speed_verdict(group: Sequence[Settings], results: Results) -> SpeedVerdict | None:
    """The separable block's speed against the standard one's; None unless both were measured."""
    standard, separable = results.timing(group[0]), results.timing(group[-1])
    if standard is None or separable is None:
        return None
    flops = flops_ratio(group)
    times = ratio(separable.work_s, standard.work_s)
    launches: LaunchVerdict | None = None
    if separable.device_s is None or standard.device_s is None:
        (low, high), (low_standard, high_standard) = separable.interval_s, standard.interval_s
        apart = high < low_standard or high_standard < low
        outcome = _spread_outcome(separable.work_s, standard.work_s, CPU_SPREAD) if apart else "no difference seen"
    else:
        outcome = _spread_outcome(separable.device_s, standard.device_s, DEVICE_SPREAD)
        if separable.loop_s and standard.loop_s:
            in_a_row = _spread_outcome(separable.loop_s, standard.loop_s, LOOP_SPREAD)
            loops = ratio(separable.loop_s, standard.loop_s)
            launches = LaunchVerdict(loops, in_a_row)
    disturbed = separable.disturbed or standard.disturbed or results.machine.busy_share > MAX_BUSY_SHARE
    if not separable.layers:
        return SpeedVerdict(flops, times, outcome, disturbed, None, 0.0, None, launches)
    name, seconds = max(separable.layers, key=lambda layer: layer[1])
    total_layers_s = sum(layer_s for _, layer_s in separable.layers)
    if not total_layers_s:  # the clock was too coarse for them, or a file says so
        return SpeedVerdict(flops, times, outcome, disturbed, None, 0.0, None, launches)
    share = seconds / total_layers_s
    losses = _losses(separable, results)
    peaks = results.peak(separable.settings.dtype)
    if peaks is None:
        return SpeedVerdict(flops, times, outcome, disturbed, name, share, None, launches, None, losses)
    layers = {layer.name: layer for layer in estimates(separable.settings, peaks, fast_algorithms(results))}
    layer = layers.get(name)
    if layer is None or not layer.seconds:
        return SpeedVerdict(flops, times, outcome, disturbed, name, share, None, launches, None, losses)
    excess = seconds / layer.seconds
    return SpeedVerdict(flops, times, outcome, disturbed, name, share, layer.limit, launches, excess, losses)


def _losses(timing: Timing, results: Results) -> tuple[LayerLoss, ...]:
    peaks = results.peak(timing.settings.dtype)
    if peaks is None:
        return ()
    cost = timing.settings.cost()
    macs = {layer.name: layer.macs / cost.macs for layer in cost.layers}
    bounds_s = {layer.name: layer.seconds for layer in estimates(timing.settings, peaks, fast_algorithms(results))}
    layers_s = sum(seconds for _, seconds in timing.layers)
    losses = [
        LayerLoss(name, macs[name], seconds / timing.work_s, seconds, bounds_s[name])
        for name, seconds in timing.layers
        if name in bounds_s
    ]
    losses.sort(key=lambda one: one.lost_s, reverse=True)
    if not losses or losses[0].lost_s < LEAST_LOSS * layers_s:
        return ()
    largest = [one for one in losses[:2] if one.lost_s >= LEAST_SECOND * losses[0].lost_s]
    return tuple(sorted(largest, key=lambda one: one.mac_share))


def separable_share(group: Sequence[Settings], results: Results) -> TimeShare | None:
    """The separable block's FLOPs and time as fractions of the standard one's; None unless both were measured well."""
    verdict = speed_verdict(group, results)
    if verdict is None or verdict.disturbed:
        return None
    standard, separable = results.timing(group[0]), results.timing(group[-1])
    assert standard is not None
    assert separable is not None
    flops = group[-1].cost().flops / group[0].cost().flops
    return TimeShare("separable", flops, separable.work_s / standard.work_s)


def _spread_outcome(separable_s: float, standard_s: float, spread: float) -> SpeedOutcome:
    """Two times of which two measurements differ by up to `spread`, as a fraction."""
    low, high = sorted((separable_s, standard_s))
    if high <= (1 + spread) * low:
        return "no difference seen"
    return "faster" if separable_s < standard_s else "slower"


def prediction_errors(results: Results) -> tuple[PredictionError, ...]:
    """Measured layer times beside their estimates by kind of layer, from every forward pass that has both.

    The kinds are in the order of their names; empty where no peaks or no layers were measured.
    """
    ratios: dict[str, list[float]] = {}
    for timing in results.latest:
        for layer, measured_s in layer_times_and_estimates(timing.settings, results):
            if measured_s and layer.seconds:
                ratios.setdefault(layer.op, []).append(measured_s / layer.seconds)
    return tuple(
        PredictionError(op, len(found), median(found), max(found, key=lambda one: abs(math.log(one))))
        for op, found in sorted(ratios.items())
    )


def flops_ratio(group: Sequence[Settings]) -> Ratio:
    """The separable block's FLOPs relative to the standard one's."""
    return ratio(group[-1].cost().flops, group[0].cost().flops)


def loop_shares(group: Sequence[Settings], results: Results) -> tuple[TimeShare, ...]:
    """As time_shares, of calls in a row on an accelerator, launches included; empty unless all were measured so."""
    return _shares(group, [timing.loop_s if timing else None for timing in map(results.timing, group)])


def time_shares(group: Sequence[Settings], results: Results) -> tuple[TimeShare, ...]:
    """The three blocks relative to the standard one; empty unless all were measured."""
    return _shares(group, [timing.work_s if timing else None for timing in map(results.timing, group)])


def _shares(group: Sequence[Settings], seconds: Sequence[float | None]) -> tuple[TimeShare, ...]:
    known = [each for each in seconds if each]
    if len(known) < len(group):
        return ()
    standard_flops = group[0].cost().flops
    return tuple(
        TimeShare(kind, settings.cost().flops / standard_flops, each / known[0])
        for kind, settings, each in zip(KINDS, group, known, strict=True)
    )


def roofline_points(group: Sequence[Settings], results: Results) -> tuple[RooflinePoint, ...]:
    """Every layer of the blocks, with its estimate and its measured time; empty if no peaks were measured."""
    return tuple(
        RooflinePoint(kind, layer, measured_s)
        for kind, settings in zip(KINDS, group, strict=True)
        for layer, measured_s in layer_times_and_estimates(settings, results)
    )


def layer_times_and_estimates(settings: Settings, results: Results) -> tuple[tuple[LayerEstimate, float | None], ...]:
    """(estimate, measured seconds) of each layer, None where it was not timed; empty if no peaks were measured."""
    peaks, timing = results.peak(settings.dtype), results.timing(settings)
    if peaks is None:
        return ()
    measured = dict(timing.layers) if timing else {}
    return tuple((layer, measured.get(layer.name)) for layer in estimates(settings, peaks, fast_algorithms(results)))


def roofline_rows(points: Iterable[RooflinePoint]) -> list[dict[str, str | float | bool | None]]:
    """One row per layer for a table, times in microseconds.

    below_estimate: whether it was faster than estimated, None where it was not timed.
    """
    return [
        {
            "kind": point.kind,
            "layer": point.estimate.name,
            "flops_per_byte": round(point.estimate.intensity, 2),
            "limit": point.estimate.limit,
            "estimate_us": round(point.estimate.seconds * 1e6, 2),
            "measured_us": round(point.measured_s * 1e6, 2) if point.measured_s else None,
            "below_estimate": point.beats_estimate if point.measured_s else None,
        }
        for point in points
    ]


def machine_roofline(machine: str, group: Sequence[Settings], results: Results) -> MachineRoofline | None:
    """The roofline plot of one machine; None if the peaks of the dtype were not measured."""
    dtype = group[0].dtype
    peaks, peak_range = results.peak(dtype), results.peak_range(dtype)
    if peaks is None or peak_range is None:
        return None
    points, multiple = roofline_points(group, results), results.cache_multiple(dtype)
    return MachineRoofline(machine, peaks, points, roofs(peaks), peak_range, multiple)


def roofs(peaks: Peaks) -> dict[str, Roof]:
    """The corners of two roofs: "memory_roof" of the largest set that was probed, "cache_roof" of the fastest cache."""
    slopes = {"memory_roof": peaks.memory_bytes_per_s, "cache_roof": peaks.cache_bytes_per_s}
    low, high = INTENSITIES
    return {
        name: ((low, peaks.flops_per_s / rate, high), (low * rate, peaks.flops_per_s, peaks.flops_per_s))
        for name, rate in slopes.items()
    }


def sweep_lines(
    groups: dict[int, tuple[Settings, ...]], results: Results, in_a_row: bool = False
) -> tuple[SweepLine, ...]:
    """The three blocks' times over the values of a swept field. groups: by value, as from sweep_settings.

    in_a_row: of calls in a row on an accelerator, launches included, rather than of the device's own work. Neither has
    quartiles.
    """
    return tuple(
        _line(kind, [group[position] for group in groups.values()], results, in_a_row)
        for position, kind in enumerate(KINDS)
    )


def _line(kind: Kind, settings: list[Settings], results: Results, in_a_row: bool) -> SweepLine:
    timings = [results.timing(value) for value in settings]
    spans: list[tuple[float, float, float]] = []
    for timing in timings:
        if timing is None:
            spans.append((math.nan, math.nan, math.nan))
        elif in_a_row or timing.device_s is not None:
            seconds = (timing.loop_s if in_a_row else timing.device_s) or math.nan
            spans.append((seconds, seconds, seconds))
        else:
            spans.append((timing.median_s, timing.p25_s, timing.p75_s))
    medians, p25, p75 = zip(*spans, strict=True)
    estimated = [estimate_s(value, results) for value in settings]
    return SweepLine(kind, medians, p25, p75, tuple(math.nan if value is None else value for value in estimated))


def crossings(values: Sequence[int], lines: Sequence[SweepLine], spread: float = 0.0) -> tuple[Crossing, ...]:
    """Where one block's line crosses another's, between two neighbouring values that were both measured.

    spread: by how much two measurements differ, as a fraction: where the lines are not that far apart on both sides,
    and the other way round, nothing has been seen to cross.
    """
    points: list[Crossing] = []
    apart = math.log1p(spread)
    for first, second in combinations(lines, 2):
        # NaN where one was not measured: no comparison with it holds
        ratios = [math.log(a / b) for a, b in zip(first.medians_s, second.medians_s, strict=True)]
        for left, (before, after) in enumerate(pairwise(ratios)):
            sides = (
                next((one for one in ratios[left::-1] if abs(one) > apart), 0.0),
                next((one for one in ratios[left + 1 :] if abs(one) > apart), 0.0),
            )
            if before * after < 0 and sides[0] * sides[1] < 0:
                share = before / (before - after)
                at = _interpolate(values[left], values[left + 1], share)
                seconds = _interpolate(first.medians_s[left], first.medians_s[left + 1], share)
                points.append(Crossing(first.kind, second.kind, at, seconds))
    return tuple(points)


def overtakes_from(values: Sequence[int], slow: SweepLine, fast: SweepLine) -> int | None:
    """The least measured value from which on `fast` is always the faster, by more than LOOP_SPREAD; None: none.

    The lines are those of calls in a row.
    """
    found: int | None = None
    for value, slow_s, fast_s in reversed(list(zip(values, slow.medians_s, fast.medians_s, strict=True))):
        if math.isnan(slow_s) or math.isnan(fast_s):
            continue
        if fast_s * (1 + LOOP_SPREAD) >= slow_s:
            break
        found = value
    return found


def _interpolate(low: float, high: float, share: float) -> float:
    """The value at this fraction of the way from low to high on a logarithmic scale."""
    return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))


def longest_operations(profiles: Iterable[Iterable[Operation]], most: int) -> tuple[str, ...]:
    """The operations that take the most time in all profiles together: at most `most` names, the longest first.

    The last is OTHER_OPERATIONS where there are more.
    """
    totals: dict[str, float] = {}
    for operation in chain.from_iterable(profiles):
        totals[operation.name] = totals.get(operation.name, 0.0) + operation.seconds
    names = sorted(totals, key=lambda name: -totals[name])
    if len(names) <= most:
        return tuple(names)
    return (*[name for name in names if name != OTHER_OPERATIONS][: most - 1], OTHER_OPERATIONS)


def fold_operations(profile: Iterable[Operation], names: Sequence[str]) -> tuple[Operation, ...]:
    """A profile whose operations outside `names` are added to OTHER_OPERATIONS: no measured time is left out."""
    folded: dict[str, Operation] = {}
    for operation in profile:
        name = operation.name if operation.name in names else OTHER_OPERATIONS
        before = folded[name].seconds if name in folded else 0.0
        folded[name] = replace(operation, name=name, seconds=before + operation.seconds)
    return tuple(folded.values())


def align_names(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """The names in `theirs` in the order of `ours`, so that in two charts a name has the same position and colour.

    A position whose name they lack is taken by a name that is theirs alone, or "" if there is none left; further names
    of theirs follow at the end.
    """
    free = iter([name for name in theirs if name not in ours])
    return (*(name if name in theirs else next(free, "") for name in ours), *free)
