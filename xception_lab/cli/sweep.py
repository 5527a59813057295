"""The terminal's `sweep` and `report`: an experiment's progress while it runs, its effects as a table or as JSON."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict

from xception_lab.cli.fields import parse_levels, parse_run
from xception_lab.experiments.effects import PRECISION, Effect, Setting
from xception_lab.experiments.progress import IDLE_QUEUE, Progress, make_progress
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store

BAR_WIDTH = 30
POLL_S = 0.5


def run_sweep(options: argparse.Namespace) -> int:
    """Run `sweep`."""
    scheduler = Scheduler(Store(), options.scheduler, options.workers)
    try:
        if options.resume:
            key = options.resume
            scheduler.resume(key)
        else:
            grid = tuple(map(parse_levels, options.vary))
            spec = ExperimentSpec(options.preset, options.seeds, parse_run(options.field), grid)
            key = scheduler.submit(spec, "terminal")
        progress = _follow(scheduler, key, quiet=options.json)
    except KeyboardInterrupt:
        print("stopped; what is done stays: go on with sweep --resume ID", file=sys.stderr)
        return 130
    finally:
        scheduler.close()
    _print(progress, as_json=options.json)
    return 0 if progress.state == "done" else 1


def run_report(options: argparse.Namespace) -> int:
    """Run `report`."""
    store = Store()
    key = options.id or next(iter(store.experiments()), None)
    if key is None:
        raise ValueError(f"no experiment in {store.folder}")
    _print(make_progress(store.experiment(key), IDLE_QUEUE), as_json=options.json)
    return 0


def _follow(scheduler: Scheduler, experiment: str, *, quiet: bool) -> Progress:
    """Wait for the experiment's end, with its progress on standard error unless quiet."""
    is_terminal = sys.stderr.isatty()
    last_line = (-1.0, "")
    while True:
        progress = scheduler.progress(experiment)
        line = (progress.share, progress.reason)
        # a terminal gets one line that is overwritten, a file one line for each change
        if not quiet and (is_terminal or line != last_line):
            print(_bar(progress), end="\x1b[K\r" if is_terminal else "\n", file=sys.stderr, flush=True)
            last_line = line
        if progress.finished:
            return progress
        time.sleep(POLL_S)


def _bar(progress: Progress) -> str:
    full = round(progress.share * BAR_WIDTH)
    done = sum(run.state == "done" for run in progress.runs)
    left = "" if progress.time_left_s is None else f", about {progress.time_left_s:.0f} s left"
    why = f" ({progress.reason})" if progress.reason else ""
    return f"{'#' * full}{'.' * (BAR_WIDTH - full)} {done}/{len(progress.runs)} runs{left}{why}"


def _print(progress: Progress, *, as_json: bool) -> None:
    """The experiment's runs and effects on standard output."""
    if as_json:
        print(json.dumps({**asdict(progress), "effects": asdict(progress.effects())}))
    else:
        print("\n".join(_lines(progress)))


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
