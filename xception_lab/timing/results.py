"""What was measured: timings, peaks, profiles and the machine. Frozen, and read by pages without torch."""

from dataclasses import dataclass, fields, replace

from xception_lab.spec import XceptionSpec
from xception_lab.timing.settings import Dtype, Settings

MAX_SLOWDOWN = 1.12  # an idle machine's speed varied by 9 %
MAX_BUSY_SHARE = 0.2  # of the processor used by others: above it times are not to be trusted
# the largest working set is at least so many times the last-level cache: much of a smaller one would still be in it
CACHE_MULTIPLE = 4
FLOAT32_PRECISIONS = ("ieee", "tf32")
OTHER_OPERATIONS = "other"  # stands for the operations of a profile that are too short to be named


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """A timed configuration's output beside the processor's in float64.

    error: the norm of the difference divided by the reference's; None where the output is not a number. tolerance: the
    largest that rounding in its dtype explains (measurement/outputs.py).
    """

    error: float | None
    tolerance: float

    @property
    def wrong(self) -> bool:
        """Whether the output is further off than rounding explains."""
        return self.error is None or self.error > self.tolerance


@dataclass(frozen=True, slots=True)
class Timing:
    """Every sample of one setting on one device, in seconds.

    times_s: the samples, each the mean of calls_per_sample calls, which is 1 unless a call is too short for the clock.
    first_call_s: the first call, with what is paid once (choice of an algorithm, compilation).
    layers: (name, median seconds) of each layer inside the forward pass, by the names in Cost.layers.
    peak_memory_bytes, energy_j (of one call): None where the device does not report them.
    reached: whether the wanted precision was reached before the time was up.
    slowdown: how many times slower than at its best the machine was (measurement/throttling.py); None if unknown.
    device_s: the median once the host is ahead, so that the device waits for no launch; None on a processor.
    loop_s: the median per call of calls in a row by the host's clock, launches included; None on a processor.
    output: whether the output is right; None where it was not checked.
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
    device_s: float | None = None
    loop_s: float | None = None
    output: OutputCheck | None = None

    def __post_init__(self) -> None:
        if not self.times_s:
            raise ValueError("times_s=(): must hold at least one sample")

    @property
    def median_s(self) -> float:
        """The median sample."""
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
    def work_s(self) -> float:
        """What the work itself takes: device_s, the samples' median on a processor.

        A device's samples also hold launches that it waited for, wherever the host took longer to launch a call than
        the device took to flush its cache before it.
        """
        return self.median_s if self.device_s is None else self.device_s

    @property
    def disturbed(self) -> bool:
        """Whether the machine was slowed down so much that these times are not to be trusted."""
        return self.slowdown is not None and self.slowdown > MAX_SLOWDOWN

    @property
    def interval_s(self) -> tuple[float, float]:
        """The 95 % confidence interval of the median."""
        return median_interval(self.times_s)


@dataclass(frozen=True, slots=True)
class Peaks:
    """The best that a device reached in the probes: arithmetic in flops_per_s, data movement in rates.

    rates: (working set in bytes, bytes per second), smallest set first: a small set stays in a cache.
    vector_flops_per_s: the best without the units that multiply matrices, which a depthwise convolution cannot use;
    None where flops_per_s is that, or where a file is older than this.
    """

    dtype: Dtype
    flops_per_s: float
    rates: tuple[tuple[int, float], ...]
    vector_flops_per_s: float | None = None

    @property
    def memory_bytes_per_s(self) -> float:
        """The rate of the memory: that of the largest working set (DeviceProperties says whether a cache holds it)."""
        return self.rates[-1][1]

    @property
    def cache_bytes_per_s(self) -> float:
        """The rate of the fastest cache."""
        return max(rate for _, rate in self.rates)


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that measured. kind: "cpu", "cuda", "mps" or "xpu". clock_mhz: None if unknown.

    busy_share: the largest fraction of the processor that others used just before or meanwhile, 0 to 1.
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
        """The processor with its threads, "AMD EPYC, 2 threads", or the accelerator."""
        count = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.name}, {count}" if self.kind == "cpu" else self.name

    @property
    def label(self) -> str:
        """In one line: "AMD EPYC, 2 threads, torch 2.13.0"."""
        return f"{self.device}, torch {self.torch}"


@dataclass(frozen=True, slots=True)
class DeviceProperties:
    """What a device's peaks and float32 times depend on besides its name; None where the device does not say.

    last_cache_bytes: all that its last-level caches hold together, of a processor those that this process can use.
    launch_s: from one operation of torch to the next where the device has next to nothing to do; None on a processor.
    matmul_precision, conv_precision: how torch multiplies float32 numbers there unless it is told otherwise, "ieee" or
    "tf32"; None on a device without TF32. The timings here are made with what their own dtype says.
    """

    last_cache_bytes: int | None = None
    matmul_precision: str | None = None
    conv_precision: str | None = None
    launch_s: float | None = None

    @property
    def defaults_to_tf32(self) -> bool:
        """Whether torch rounds some float32 products to TF32 on this device without being asked."""
        return "tf32" in (self.matmul_precision, self.conv_precision)


@dataclass(frozen=True, slots=True)
class Operation:
    """Own time of one of torch's operations in a forward pass of one setting."""

    settings: Settings
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Results:
    """What one machine measured; the content of a results file.

    properties: None in files that are older than it.
    """

    machine: Machine
    peaks: tuple[Peaks, ...] = ()
    timings: tuple[Timing, ...] = ()
    operations: tuple[Operation, ...] = ()
    properties: DeviceProperties | None = None

    def timing(self, settings: Settings) -> Timing | None:
        """The latest timing of these settings, None if they were not measured."""
        return next((timing for timing in reversed(self.timings) if timing.settings == settings), None)

    def peak(self, dtype: Dtype) -> Peaks | None:
        """The best that a dtype reached in all measurements of its peaks; None if there is none."""
        measured = [peaks for peaks in self.peaks if peaks.dtype == dtype]
        if not measured:
            return None
        rates: dict[int, float] = {}
        for size, rate in (pair for peaks in measured for pair in peaks.rates):
            rates[size] = max(rate, rates.get(size, 0.0))
        vector = max((peaks.vector_flops_per_s for peaks in measured if peaks.vector_flops_per_s), default=None)
        return Peaks(dtype, max(peaks.flops_per_s for peaks in measured), tuple(sorted(rates.items())), vector)

    def peak_range(self, dtype: Dtype) -> tuple[float, float] | None:
        """The least and the greatest FLOP/s among the probes of a dtype; None if there is none."""
        probed = [peaks.flops_per_s for peaks in self.peaks if peaks.dtype == dtype]
        return (min(probed), max(probed)) if probed else None

    def cache_multiple(self, dtype: Dtype) -> float | None:
        """The largest working set that was probed, as a multiple of the last-level caches; None if unknown."""
        peaks, properties = self.peak(dtype), self.properties
        if peaks is None or properties is None or not properties.last_cache_bytes:
            return None
        return peaks.rates[-1][0] / properties.last_cache_bytes

    @property
    def latest(self) -> tuple[Timing, ...]:
        """The latest timing of each setting."""
        return tuple({timing.settings: timing for timing in self.timings}.values())

    @property
    def slowdown(self) -> float:
        """The largest slowdown among the latest timings that were disturbed, 1 if none was."""
        return max((timing.slowdown for timing in self.latest if timing.slowdown and timing.disturbed), default=1.0)

    def operations_of(self, settings: Settings) -> tuple[Operation, ...]:
        """The profile of these settings, empty if there is none."""
        return tuple(operation for operation in self.operations if operation.settings == settings)

    def with_newer(self, newer: "Results") -> "Results":
        """These results and newer ones of the same machine, which take precedence."""
        profiled = {operation.settings for operation in newer.operations}
        older = tuple(operation for operation in self.operations if operation.settings not in profiled)
        return replace(
            newer,
            peaks=(*self.peaks, *newer.peaks),
            timings=(*self.timings, *newer.timings),
            operations=(*older, *newer.operations),
            properties=newer.properties or self.properties,
        )


def merge_results(before: Results | None, newer: Results | None) -> Results | None:
    """Two parts of one machine's results as one; either may be None."""
    return before.with_newer(newer) if before and newer else newer or before


def quantile(values: tuple[float, ...], share: float) -> float:
    """The value below which the fraction `share` of the values lies, interpolated as numpy.quantile does."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def median_interval(values: tuple[float, ...]) -> tuple[float, float]:
    """The 95 % confidence interval of the median: two order statistics, valid for any distribution.

    With fewer than six values it spans all of them. Source: Conover, Practical Nonparametric Statistics, section 3.2,
    the normal approximation of the binomial.
    """
    ordered = sorted(values)
    reach = 0.98 * len(ordered) ** 0.5
    low = max(int(len(ordered) / 2 - reach), 0)
    high = min(int(len(ordered) / 2 + reach) + 1, len(ordered) - 1)
    return ordered[low], ordered[high]


def timing_row(timing: Timing) -> dict[str, str | int | float | None]:
    """One timing as a row of a table: median and quartiles in seconds, and the settings."""
    settings, subject = timing.settings, timing.settings.subject
    names = ("median_s", "p25_s", "p75_s", "first_call_s", "device_s", "loop_s", "energy_j", "slowdown", "device")
    spec_names = ("in_channels", "out_channels", "kernel_size", "stride")
    return {
        "subject": "xception" if isinstance(subject, XceptionSpec) else subject.kind,
        **{name: getattr(timing, name) for name in names},
        **{name: getattr(subject, name, None) for name in spec_names},
        **{field.name: getattr(settings, field.name) for field in fields(Settings) if field.name != "subject"},
        "samples": len(timing.times_s),
        "output_error": timing.output.error if timing.output else None,
        "output_wrong": timing.output.wrong if timing.output else None,
    }
