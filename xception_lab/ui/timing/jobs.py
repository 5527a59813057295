"""What the Time page's controls ask to have timed: settings, and the job of each view."""

from dataclasses import replace
from typing import Any

from xception_lab.common.accelerator import accelerator_likely
from xception_lab.spec import XceptionSpec
from xception_lab.timing.jobs import TimingJob, sweep_settings, three_blocks
from xception_lab.timing.settings import Settings
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.shell.language import translate as _


def run_options(state: TimingState) -> dict[str, Any]:
    """How the blocks are run, as keyword arguments of Settings."""
    return {
        "dtype": state.dtype,
        "memory_format": state.memory_format,
        "mode": state.mode,
        "backward": state.backward,
    }


def how_text(state: TimingState) -> str:
    """How the blocks are run, in torch's words, because the controls of it are in a popover."""
    passes = _("forward + backward") if state.backward else _("forward pass")
    return f"{state.dtype} · {state.memory_format} · {passes} · {state.mode}"


def settings_group(state: TimingState) -> tuple[Settings, ...]:
    """The three blocks that the controls ask for."""
    return three_blocks(state.spec, **run_options(state))


def swept_groups(state: TimingState) -> dict[int, tuple[Settings, ...]]:
    """The three blocks at each value of the field `timed_along`."""
    kind = "cpu" if state.measured_on == "here" and not accelerator_likely() else "cuda"
    return sweep_settings(state.spec, state.timed_along, kind, **run_options(state))


def network_settings(state: TimingState) -> tuple[Settings, ...]:
    """Xception as published, and for fast inference: batch norms folded, channels last."""
    plain = Settings(XceptionSpec(), 299, 299, dtype=state.dtype)
    return plain, replace(plain, mode="folded", memory_format="channels_last")


def profiled_settings(state: TimingState) -> tuple[Settings, ...]:
    """The three blocks as the profiler runs them: the forward pass, layer by layer."""
    return tuple(replace(settings, backward=False, mode="eager") for settings in settings_group(state))


def job_of(state: TimingState) -> TimingJob:
    """What the button Measure times for the view that is open."""
    match state.timing_view:
        case "running":
            return TimingJob(tuple(swept_groups(state).values()), limit_s=1.0)
        case "operations":
            return TimingJob((settings_group(state),), profiled_settings(state))
        case "xception":
            return TimingJob((network_settings(state),), limit_s=3.0)
        case _:
            return TimingJob((settings_group(state),))
