"""Lists of settings to time: the three blocks, a sweep, everything that the page shows."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from xception_lab.arch.comparison import sweep_field
from xception_lab.spec import KINDS, BlockSpec, CompareSpec, XceptionSpec
from xception_lab.timing.results import Results
from xception_lab.timing.results_file import settings_from_dict
from xception_lab.timing.settings import MEMORY_FORMATS, Dtype, Settings

SettingsGroup = tuple[Settings, ...]

TIMED_SWEEP_VALUES: dict[str, tuple[int, ...]] = {
    "out_channels": (16, 32, 64, 128, 256, 512),
    "size": (7, 14, 28, 56, 112),
    "batch_size": (1, 2, 4, 8, 16, 32),
}

# that an accelerator has room and time for as well
LARGE_BATCHES = (64, 128, 256)

# (in_channels, out_channels, size) of the page's default, Xception's middle flow, an early layer, a small late one
LAYER_SIZES = ((64, 128, 56), (728, 728, 19), (64, 128, 147), (256, 256, 14))


_BLOCK_FIELDS = ("in_channels", "out_channels", "kernel_size", "stride")
# by which one setting is nearer to another
NEARNESS_FIELDS = (*_BLOCK_FIELDS, "size", "batch_size")


@dataclass(frozen=True, slots=True)
class TimingJob:
    """What to time, and how precisely.

    groups: settings that are timed interleaved. profiled: settings whose time is profiled operation by operation.
    device: as in time_block. precision: half width of each median's 95 % interval, as a fraction of the median.
    limit_s: most seconds of sampling per setting. retries: how many times a group that was measured on a disturbed
    machine is measured again at the end. quick: groups whose energy is not measured, which takes a second a setting.
    """

    groups: tuple[SettingsGroup, ...]
    profiled: tuple[Settings, ...] = ()
    device: str = "auto"
    precision: float = 0.02
    limit_s: float = 1.0
    retries: int = 0
    quick: tuple[SettingsGroup, ...] = ()

    @property
    def settings(self) -> tuple[Settings, ...]:
        """Everything that is timed, in order."""
        return tuple(settings for group in self.groups for settings in group)

    @property
    def dtypes(self) -> tuple[Dtype, ...]:
        """Every dtype among the settings, in order: each has peaks of its own."""
        return tuple(dict.fromkeys(settings.dtype for settings in self.settings))

    def to_dict(self) -> dict[str, Any]:
        """As values of JSON."""
        return asdict(self)


def job_from_dict(values: dict[str, Any]) -> TimingJob:
    """The inverse of TimingJob.to_dict."""
    groups, quick = (
        tuple(tuple(map(settings_from_dict, group)) for group in values[name]) for name in ("groups", "quick")
    )
    profiled = tuple(map(settings_from_dict, values["profiled"]))
    plain = {name: values[name] for name in ("device", "precision", "limit_s", "retries")}
    return TimingJob(groups, profiled, quick=quick, **plain)


def three_blocks(spec: CompareSpec, **chosen: Any) -> tuple[Settings, ...]:
    """The three blocks in one setting. chosen: fields of Settings: dtype, memory_format, mode, backward."""
    return tuple(Settings(spec.block(kind), spec.size, spec.size, spec.batch_size, **chosen) for kind in KINDS)


def sweep_settings(spec: CompareSpec, field: str, kind: str = "cpu", **chosen: Any) -> dict[int, tuple[Settings, ...]]:
    """The three blocks by each value of one field, its current value included; values that are invalid are left out.

    kind: the device's type: an accelerator has room and time for larger batches.
    """
    values = TIMED_SWEEP_VALUES[field] + (LARGE_BATCHES if field == "batch_size" and kind != "cpu" else ())
    return sweep_field(spec, field, values, lambda setting: three_blocks(setting, **chosen))


def nearest_timed(spec: CompareSpec, results: Results, **chosen: Any) -> CompareSpec | None:
    """The likest setting whose three blocks were all timed; None where these themselves were, or none at all.

    chosen: as in three_blocks. Likest: the least sum of distances, in octaves, of its channels, kernel, size, batch and
    stride. Fields beside these are at their defaults.
    """

    def is_timed(other: CompareSpec) -> bool:
        return all(map(results.timing, three_blocks(other, **chosen)))

    def distance(other: CompareSpec) -> float:
        return sum(abs(math.log2(getattr(other, name) / getattr(spec, name))) for name in NEARNESS_FIELDS)

    if is_timed(spec):
        return None
    timed = [
        CompareSpec(
            **{name: getattr(settings.subject, name) for name in _BLOCK_FIELDS},
            size=settings.height,
            batch_size=settings.batch_size,
        )
        for settings in (timing.settings for timing in results.latest)
        if isinstance(settings.subject, BlockSpec) and settings.subject.kind == KINDS[0]
    ]
    return min(filter(is_timed, dict.fromkeys(timed)), key=distance, default=None)


def full_job(kind: str, device: str = "auto") -> TimingJob:
    """What `python -m xception_lab time --all` measures: enough for every chart of the page at its defaults.

    kind: the device's type: an accelerator has more dtypes and modes, and room for larger batches.
    """
    default, network = CompareSpec(), Settings(XceptionSpec(), 299, 299)
    formats: list[dict[str, Any]] = [{"memory_format": name} for name in MEMORY_FORMATS]
    # what the page shows first comes first: a file that is cut has it
    groups = [three_blocks(default, **chosen) for chosen in formats]
    groups.append((network, replace(network, mode="folded", memory_format="channels_last")))
    groups += [three_blocks(default, dtype=dtype, memory_format="channels_last") for dtype in _other_dtypes(kind)]
    if kind != "cpu":
        groups += [three_blocks(default, mode=mode) for mode in ("graph", "compiled")]
    quick: list[SettingsGroup] = []
    for in_channels, out_channels, size in LAYER_SIZES:
        spec = CompareSpec(in_channels=in_channels, out_channels=out_channels, size=size)
        quick += [three_blocks(spec, **chosen) for chosen in formats]
        quick += [three_blocks(spec, **layout, backward=True) for layout in formats]
        quick.append(three_blocks(spec, mode="folded", memory_format="channels_last"))
    for field in TIMED_SWEEP_VALUES:
        quick += sweep_settings(default, field, kind).values()
    everything = tuple(dict.fromkeys((*groups, *quick)))
    quick_ones = tuple(group for group in everything if group not in groups)
    profiled = (*three_blocks(default), network)
    return TimingJob(everything, profiled, device, limit_s=2.0, retries=2, quick=quick_ones)


def _other_dtypes(kind: str) -> tuple[Dtype, ...]:
    """The dtypes beside float32 that a device of this type may have; TF32 is NVIDIA's."""
    match kind:
        case "cuda":
            return "bfloat16", "float16", "tf32"
        case "cpu":
            return ("bfloat16",)
        case _:
            return "bfloat16", "float16"
