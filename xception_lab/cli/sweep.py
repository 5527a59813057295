"""An experiment on a terminal: progress while it runs, and its effects as a table or as JSON."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xception_lab.experiments.effects import PRECISION, Effect, Setting
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.scheduler import Scheduler

BAR = 30
LOOK_S = 0.5


def follow(scheduler: Scheduler, experiment: str, *, quiet: bool) -> Progress:
    """Wait for the experiment's end, showing how far it is on standard error unless quiet."""
    moves = sys.stderr.isatty()
    said = (-1.0, "")
    while True:
        progress = scheduler.progress(experiment)
        new = (progress.share, progress.reason)
        # a terminal gets one line that moves, a file one line for each change
        if not quiet and (moves or new != said):
            print(_bar(progress), end="\x1b[K\r" if moves else "\n", file=sys.stderr, flush=True)
            said = new
        if progress.finished:
            return progress
        time.sleep(LOOK_S)


def _bar(progress: Progress) -> str:
    full = round(progress.share * BAR)
    done = sum(run.state == "done" for run in progress.runs)
    left = "" if progress.time_left_s is None else f", about {progress.time_left_s:.0f} s left"
    why = f" ({progress.reason})" if progress.reason else ""
    return f"{'#' * full}{'.' * (BAR - full)} {done}/{len(progress.runs)} runs{left}{why}"


def show(progress: Progress, *, as_json: bool) -> None:
    """The experiment's runs and effects on standard output."""
    if as_json:
        print(json.dumps(as_dict(progress)))
    else:
        print("\n".join(_lines(progress)))


def as_dict(progress: Progress) -> dict[str, Any]:
    """Runs, records and effects, ready for JSON."""
    return {**asdict(progress), "effects": asdict(progress.effects())}


def _lines(progress: Progress) -> Iterator[str]:
    effects = progress.effects()
    yield f"{progress.spec.question}"
    yield f"experiment {progress.id}: {progress.state}" + (f", {progress.reason}" if progress.reason else "")
    if not effects.seeds:
        yield "no seed has all its variants yet"
        return
    yield ""
    yield f"{'variant':56} {'mean':>7} {'95 %':>7}  accuracies"
    for cell in effects.cells:
        each = " ".join(f"{accuracy:.2f}" for accuracy in cell.accuracies)
        yield f"{_text(cell.setting):56} {cell.mean:7.2f} {_half(cell.half_width):>7}  {each}"
    yield ""
    yield f"{'effect on test accuracy, points':56} {'mean':>7} {'95 %':>7}  verdict"
    for effect in effects.effects:
        yield f"{_name(effect):56} {effect.points:+7.2f} {_half(effect.half_width):>7}  {_verdict(effect)}"
    yield ""
    yield f"{len(effects.seeds)} seeds, paired; intervals are Student's t over seeds, each by itself."
    yield f"An accuracy here is within ±{effects.sampling_error:.2f} points of that on all pictures of this kind."


def _text(setting: Setting) -> str:
    return ", ".join(f"{name}={value}" for name, value in setting) or "all"


def _name(effect: Effect) -> str:
    if effect.kind == "interaction":
        return f"interaction of {_text(effect.change)}"
    at = f" at {_text(effect.where)}" if effect.where else ""
    return f"{_text(effect.baseline)} -> {effect.change[0][1]}{at}"


def _half(half: float | None) -> str:
    return "-" if half is None else f"±{half:.2f}"


def _verdict(effect: Effect) -> str:
    if effect.verdict != "undecided":
        return effect.verdict
    if effect.seeds_needed is None:
        return "undecided: more seeds are needed"
    return f"undecided: {effect.seeds_needed} seeds in all would narrow it to ±{PRECISION}"
