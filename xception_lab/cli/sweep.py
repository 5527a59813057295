"""The terminal's `sweep` and `report`: an experiment's progress while it runs, its effects as a table or as JSON."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace

from xception_lab.cli.experiments import open_store
from xception_lab.cli.fields import parse_levels, parse_run
from xception_lab.common.home import StoreError
from xception_lab.common.units import format_near
from xception_lab.experiments.effects import Effect, Effects
from xception_lab.experiments.lease import LEASE_S
from xception_lab.experiments.ownership import TERMINAL
from xception_lab.experiments.plan import load_plan
from xception_lab.experiments.progress import IDLE_QUEUE, Progress, make_progress
from xception_lab.experiments.repetition import effects_of_predictions, load_repetition, repeating_devices
from xception_lab.experiments.results_file import load_stored_result
from xception_lab.experiments.scheduler import LeaseHeldError, Scheduler
from xception_lab.experiments.spec import MARGIN, ExperimentSpec, Setting

BAR_WIDTH = 30
POLL_S = 0.5


def run_sweep(options: argparse.Namespace) -> int:
    """Run `sweep`."""
    store = open_store()
    scheduler = Scheduler(store, options.scheduler, options.workers)
    key = ""
    try:
        if options.resume:
            key = options.resume
            _resume(scheduler, key)
        else:
            key = scheduler.submit(_experiment(options), TERMINAL)
        progress = _follow(scheduler, key, quiet=options.json)
    except KeyboardInterrupt:
        what = f"what is done stays: go on with sweep --resume {key}" if key else "nothing had begun"
        print(f"\nstopped; {what}", file=sys.stderr)
        return 130
    finally:
        scheduler.close()
    _print(progress, as_json=options.json)
    return 0 if progress.state == "done" else 1


def _resume(scheduler: Scheduler, experiment: str) -> None:
    """Queue again what is not done, after the lease of a process that may have been killed. Raises as resume does."""
    end_s = time.monotonic() + LEASE_S + POLL_S
    has_said = False
    while True:
        try:
            scheduler.resume(experiment)
        except LeaseHeldError as error:
            if not error.may_be_gone or time.monotonic() > end_s:
                raise
            if not has_said:
                print(f"waiting for at most {LEASE_S:.0f} s: {error}", file=sys.stderr, flush=True)
                has_said = True
            time.sleep(POLL_S)
        else:
            return


def _experiment(options: argparse.Namespace) -> ExperimentSpec:
    """The experiment that the options ask for. Raises ValueError naming option, value and rule."""
    if options.plan is None:
        grid = tuple(map(parse_levels, options.vary))
        seeds = 3 if options.seeds is None else options.seeds
        preset = options.preset or "two-differences"
        return ExperimentSpec(preset, seeds, parse_run(options.field), grid, options.first_seed or 0)
    if options.field or options.vary or options.preset:
        raise ValueError(f"--plan {options.plan}: a plan is fixed, give neither fields nor --vary nor --preset")
    planned = load_plan(options.plan).experiment
    changes = {"seeds": options.seeds, "first_seed": options.first_seed}
    return replace(planned, **{name: value for name, value in changes.items() if value is not None})


def run_report(options: argparse.Namespace) -> int:
    """Run `report`."""
    if options.device and not options.plan:
        raise ValueError(f"--device {options.device}: must come with --plan")
    if options.plan:
        return _report_plan(load_plan(options.plan).name, options)
    store = open_store()
    key = options.id or next(iter(store.experiments()), None)
    if key is None:
        raise ValueError(f"no experiment in {store.folder}")
    _print(make_progress(store.experiment(key), IDLE_QUEUE), as_json=options.json)
    return 0


def _report_plan(name: str, options: argparse.Namespace) -> int:
    """The stored result of a plan, or what another device made of it."""
    if options.device:
        repetition = load_repetition(name, options.device)
        progress = repetition.result.progress if repetition.result else None
        effects = effects_of_predictions(repetition.experiment, repetition.predictions)
        if options.json:
            values = {"device": repetition.device, "machine": repetition.machine, "effects": asdict(effects)}
            print(json.dumps({**(asdict(progress) if progress else {}), **values}))
        else:
            print(f"{repetition.experiment.question}\nmade by {repetition.machine}: the plan's own seeds, no new data")
            print("\n".join(_effect_lines(effects)))
        return 0
    result = load_stored_result(name)
    if result is None:
        raise ValueError(f"--plan {name}: has no stored result yet")
    _print(result.progress, as_json=options.json)
    if not options.json:
        for device in repeating_devices(name):
            print(f"The same plan on another device: --device {device}")
    return 0


def _follow(scheduler: Scheduler, experiment: str, *, quiet: bool) -> Progress:
    """Wait for the experiment's end, with its progress on standard error unless quiet.

    A store that cannot be read is said also then, and waited for.
    """
    is_terminal = sys.stderr.isatty()
    last_line = (-1.0, "")
    last_trouble = ""
    notes = set[str]()
    while True:
        try:
            progress = scheduler.progress(experiment)
        except StoreError as error:
            if str(error) != last_trouble:
                last_trouble = str(error)
                print(f"waiting: {error}", file=sys.stderr, flush=True)
            time.sleep(POLL_S)
            continue
        for note in progress.notes:
            if note not in notes:
                notes.add(note)
                print(f"note: {note}", file=sys.stderr, flush=True)
        if quiet and progress.reason != last_trouble and not progress.finished:
            last_trouble = progress.reason
            if last_trouble:
                print(last_trouble, file=sys.stderr, flush=True)
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
    yield f"{progress.spec.question}"
    if progress.id:  # a stored result has none
        yield f"experiment {progress.id}: {progress.state}" + (f", {progress.reason}" if progress.reason else "")
    for note in progress.notes:
        yield f"note: {note}"
    yield from _effect_lines(progress.effects())


def _effect_lines(effects: Effects) -> Iterator[str]:
    """The variants' accuracies, the effects and what was done to them."""
    if not effects.seeds:
        yield "no seed has all its variants yet"
        return
    yield ""
    yield f"{'variant':56} {'mean':>7} {'95 %':>7}  accuracies"
    for cell in effects.cells:
        each = " ".join(f"{accuracy:.2f}" for accuracy in cell.accuracies)
        yield f"{_text(cell.setting):56} {cell.mean:7.2f} {_half(cell.half_width):>7}  {each}"
    for title, chosen in (("primary", effects.primary), ("exploratory", effects.exploratory)):
        if not chosen:
            continue
        yield ""
        yield f"{f'{title} effects on test accuracy, points':56} {'mean':>7}  interval"
        for effect in chosen:
            yield f"{_name(effect):56} {effect.points:+7.2f}  {_interval(effect)}  {_verdict(effect, effects)}".rstrip()
    yield ""
    if effects.seeds_missing:
        missing = "seed that is" if effects.seeds_missing == 1 else f"{effects.seeds_missing} seeds that are"
        yield f"No verdict before the {missing} missing: how many was fixed beforehand."
    seeds = "1 seed" if len(effects.seeds) == 1 else f"{len(effects.seeds)} seeds, one difference each"
    yield f"{seeds}; intervals are Student's t over the seeds."
    yield "Primary differences are corrected by Holm's method; exploratory intervals stand each by itself."
    yield f"An accuracy here is within ±{effects.sampling_error:.2f} points of that on all pictures of this kind."


def _text(setting: Setting) -> str:
    return ", ".join(f"{name}={value}" for name, value in setting) or "all"


def _name(effect: Effect) -> str:
    if effect.kind == "interaction":
        return f"interaction of {_text(effect.change)}"
    if effect.kind == "diagonal":
        return f"{_text(effect.baseline)} -> {', '.join(str(level) for _, level in effect.change)}"
    change = f"{_text(effect.baseline)} -> {effect.change[0][1]}"
    if effect.kind == "slope":
        return f"{change}, per doubling of {effect.where[0][0]}"
    return change + (f" at {_text(effect.where)}" if effect.where else "")


def _half(half: float | None) -> str:
    return "-" if half is None else f"±{half:.2f}"


def _interval(effect: Effect) -> str:
    if effect.low is None or effect.high is None:
        return "-"
    limits = (0.0,) if effect.kind == "slope" else (0.0, -MARGIN, MARGIN)
    low, high = (format_near(end, limits) for end in (effect.low, effect.high))
    return f"{low} to {high} ({effect.confidence:.4g})"


def _verdict(effect: Effect, effects: Effects) -> str:
    match effect.verdict:
        case None:
            return ""
        case "not decided" if effect.objection == "did not learn":
            return "not decided: a variant did not learn, its accuracy is that of always the same class"
        case "not decided" if effect.objection == "few pictures":
            return "not decided: too few test pictures"
        case "equivalent":
            return f"equivalent within ±{effects.margin}"
        case "not decided" if effect.seeds_needed is not None:
            return f"not decided: a new experiment with about {effect.seeds_needed} seeds would decide it"
        case verdict:
            return verdict
