"""Lists of settings to time: the three blocks, a sweep, everything that the page shows."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from xception_lab.arch.comparison import sweep_field
from xception_lab.spec import KINDS, CompareSpec, XceptionSpec
from xception_lab.timing.results_file import settings_from_dict
from xception_lab.timing.settings import Dtype, Settings

SettingsGroup = tuple[Settings, ...]

TIMED_SWEEP_VALUES: dict[str, tuple[int, ...]] = {
    "out_channels": (16, 32, 64, 128, 256, 512),
    "size": (7, 14, 28, 56, 112),
    "batch_size": (1, 2, 4, 8, 16, 32),
}

# (in_channels, out_channels, size) of the page's default, Xception's middle flow, an early layer, a small late one
LAYER_SIZES = ((64, 128, 56), (728, 728, 19), (64, 128, 147), (256, 256, 14))


@dataclass(frozen=True, slots=True)
class TimingJob:
    """What to time, and how precisely.

    groups: settings that are timed interleaved. profiled: settings whose time is profiled operation by operation.
    device: as in time_block. precision: half width of each median's 95 % interval, as a fraction of the median.
    limit_s: most seconds of sampling per setting. retries: how many times a group that was measured on a disturbed
    machine is measured again at the end.
    """

    groups: tuple[SettingsGroup, ...]
    profiled: tuple[Settings, ...] = ()
    device: str = "auto"
    precision: float = 0.02
    limit_s: float = 1.0
    retries: int = 0

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
    groups = tuple(tuple(map(settings_from_dict, group)) for group in values["groups"])
    profiled = tuple(map(settings_from_dict, values["profiled"]))
    return TimingJob(groups, profiled, values["device"], values["precision"], values["limit_s"], values["retries"])


def three_blocks(spec: CompareSpec, **chosen: Any) -> tuple[Settings, ...]:
    """The three blocks in one setting. chosen: fields of Settings: dtype, memory_format, mode, backward."""
    return tuple(Settings(spec.block(kind), spec.size, spec.size, spec.batch_size, **chosen) for kind in KINDS)


def sweep_settings(spec: CompareSpec, field: str, **chosen: Any) -> dict[int, tuple[Settings, ...]]:
    """The three blocks by each value of one field, its current value included; values that are invalid are left out."""
    return sweep_field(spec, field, TIMED_SWEEP_VALUES[field], lambda setting: three_blocks(setting, **chosen))


def full_job(device: str = "auto", accelerated: bool = False) -> TimingJob:
    """What `python -m xception_lab time --all` measures: enough for every chart of the page at its defaults.

    accelerated: whether the device is an accelerator, which has more dtypes and modes.
    """
    default = CompareSpec()
    formats: list[dict[str, Any]] = [{"memory_format": name} for name in ("contiguous", "channels_last")]
    groups: list[tuple[Settings, ...]] = []
    for in_channels, out_channels, size in LAYER_SIZES:
        spec = CompareSpec(in_channels=in_channels, out_channels=out_channels, size=size)
        backward = ({**layout, "backward": True} for layout in formats)
        groups += [three_blocks(spec, **chosen) for chosen in (*formats, *backward)]
        groups.append(three_blocks(spec, mode="folded", memory_format="channels_last"))
    for field in TIMED_SWEEP_VALUES:
        groups += sweep_settings(default, field).values()
    dtypes: tuple[Dtype, ...] = ("bfloat16", "float16", "tf32") if accelerated else ("bfloat16",)
    groups += [three_blocks(default, dtype=dtype, memory_format="channels_last") for dtype in dtypes]
    if accelerated:
        groups.append(three_blocks(default, mode="graph"))
    network = Settings(XceptionSpec(), 299, 299)
    fast = replace(network, mode="folded", memory_format="channels_last")
    groups.append((network, fast))
    return TimingJob(tuple(dict.fromkeys(groups)), (*three_blocks(default), network), device, limit_s=2.0, retries=2)
