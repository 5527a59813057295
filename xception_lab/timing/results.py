"""What is timed and what came of it: frozen, free of torch, so that a page can read a result without it."""

from dataclasses import dataclass, fields, replace

from xception_lab.spec import XceptionSpec
from xception_lab.timing.settings import Dtype, Settings

MAX_SLOWDOWN = 1.12  # an idle machine's pace was seen to vary by 9 %
OTHER_OPERATIONS = "other"  # the operations of a profile that are too short to be named


@dataclass(frozen=True, slots=True)
class Timing:
    """Every sample of one setting on one device, in seconds.

    A sample is the mean of calls_per_sample calls, 1 unless a call is too short for the clock. layers: median seconds
    of each operation inside the forward pass, by the name that Cost.layers has. first_call_s: the first call, with
    what is paid once (search for an algorithm, compilation). peak_memory_bytes, energy_j (a call): where the device
    says so. reached: the asked precision was reached before the time was up. slowdown: how many times slower than at
    its best the machine was meanwhile, see pace.py; None where nobody looked.
    """

    settings: Settings
    device: str
    times_s: tuple[float, ...]
    calls_per_sample: int = 1
    first_call_s: float = 0.0
    layers: tuple[tuple[str, float], ...] = ()
    peak_memory_bytes: int | None = None
    energy_j: float | None = None
    reached: bool = True
    slowdown: float | None = None

    def __post_init__(self) -> None:
        if not self.times_s:
            raise ValueError("times_s=(): must hold at least one sample")

    @property
    def median_s(self) -> float:
        """The median."""
        return quantile(self.times_s, 0.5)

    @property
    def p25_s(self) -> float:
        """The lower quartile."""
        return quantile(self.times_s, 0.25)

    @property
    def p75_s(self) -> float:
        """The upper quartile."""
        return quantile(self.times_s, 0.75)

    @property
    def disturbed(self) -> bool:
        """Whether the machine was so much slower than at its best that these are not the block's own times."""
        return self.slowdown is not None and self.slowdown > MAX_SLOWDOWN

    @property
    def interval_s(self) -> tuple[float, float]:
        """The 95 % confidence interval of the median."""
        return median_interval(self.times_s)


@dataclass(frozen=True, slots=True)
class Peaks:
    """What a device reaches at best, as measured: products in flops_per_s, data in rates.

    rates: (working set in bytes, bytes a second), the smallest set first: a small set stays in a cache.
    """

    dtype: Dtype
    flops_per_s: float
    rates: tuple[tuple[int, float], ...]

    @property
    def memory_bytes_per_s(self) -> float:
        """Of the memory behind all caches: the largest set's."""
        return self.rates[-1][1]

    @property
    def cache_bytes_per_s(self) -> float:
        """Of the fastest cache."""
        return max(rate for _, rate in self.rates)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a result comes from. kind: "cpu", "cuda", "mps" or "xpu". clock_mhz: None where it is not told.

    busy_share: the most that others used of the processor just before and meanwhile, 0 to 1; above 0.2 the times are
    not to be trusted.
    """

    kind: str
    name: str
    threads: int
    memory_bytes: int
    clock_mhz: float | None
    driver: str
    system: str
    python: str
    torch: str
    busy_share: float = 0.0

    @property
    def device(self) -> str:
        """What does the work: "AMD EPYC, 2 threads"."""
        count = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.name}, {count}" if self.kind == "cpu" else self.name

    @property
    def label(self) -> str:
        """In one line: "AMD EPYC, 2 threads, torch 2.13.0"."""
        return f"{self.device}, torch {self.torch}"


@dataclass(frozen=True, slots=True)
class Operation:
    """Time that one of torch's operations took by itself in a forward pass of one setting."""

    settings: Settings
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Results:
    """What one machine measured; the content of a results file."""

    machine: Machine
    peaks: tuple[Peaks, ...] = ()
    timings: tuple[Timing, ...] = ()
    operations: tuple[Operation, ...] = ()

    def timing(self, settings: Settings) -> Timing | None:
        """What was measured of this, the last where it was measured more than once."""
        return next((timing for timing in reversed(self.timings) if timing.settings == settings), None)

    def peak(self, dtype: Dtype) -> Peaks | None:
        """The best that a dtype was seen to reach in all probes; None without one."""
        probes = [peaks for peaks in self.peaks if peaks.dtype == dtype]
        if not probes:
            return None
        rates: dict[int, float] = {}
        for size, rate in (pair for peaks in probes for pair in peaks.rates):
            rates[size] = max(rate, rates.get(size, 0.0))
        return Peaks(dtype, max(peaks.flops_per_s for peaks in probes), tuple(sorted(rates.items())))

    @property
    def latest(self) -> tuple[Timing, ...]:
        """Every setting's last timing."""
        return tuple({timing.settings: timing for timing in self.timings}.values())

    @property
    def slowdown(self) -> float:
        """Of the most disturbed of the latest timings, 1 where none was."""
        return max((timing.slowdown for timing in self.latest if timing.slowdown and timing.disturbed), default=1.0)

    def operations_of(self, settings: Settings) -> tuple[Operation, ...]:
        """The profile of this, empty where there is none."""
        return tuple(operation for operation in self.operations if operation.settings == settings)

    def with_newer(self, newer: "Results") -> "Results":
        """These results with newer ones of the same machine in front."""
        fresh = {operation.settings for operation in newer.operations}
        kept = tuple(operation for operation in self.operations if operation.settings not in fresh)
        return replace(
            newer,
            peaks=(*self.peaks, *newer.peaks),
            timings=(*self.timings, *newer.timings),
            operations=(*kept, *newer.operations),
        )


def merge_results(before: Results | None, newer: Results | None) -> Results | None:
    """Two parts of one machine's results, either of which may not be there yet."""
    return before.with_newer(newer) if before and newer else newer or before


def quantile(values: tuple[float, ...], share: float) -> float:
    """The value below which `share` of the values lie, interpolated as numpy.quantile does."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def median_interval(values: tuple[float, ...]) -> tuple[float, float]:
    """The 95 % confidence interval of the median: two order statistics, whatever the distribution.

    With fewer than six values it is all of them. Source: the binomial's normal approximation, Conover, Practical
    Nonparametric Statistics, section 3.2.
    """
    ordered = sorted(values)
    reach = 0.98 * len(ordered) ** 0.5
    low = max(int(len(ordered) / 2 - reach), 0)
    high = min(int(len(ordered) / 2 + reach) + 1, len(ordered) - 1)
    return ordered[low], ordered[high]


def timing_row(timing: Timing) -> dict[str, str | int | float | None]:
    """One timing as a row of a table: what was set, then median and quartiles in seconds."""
    settings = timing.settings
    subject = settings.subject
    what = {"subject": "xception" if isinstance(subject, XceptionSpec) else subject.kind}
    chosen = ("in_channels", "out_channels", "kernel_size", "stride")
    parts = {name: getattr(subject, name, None) for name in chosen}
    rest = {field.name: getattr(settings, field.name) for field in fields(Settings) if field.name != "subject"}
    names = ("median_s", "p25_s", "p75_s", "first_call_s", "slowdown", "device")
    figures = {name: getattr(timing, name) for name in names}
    return {**what, **figures, **parts, **rest, "samples": len(timing.times_s)}


MAX_BUSY_SHARE = 0.2
