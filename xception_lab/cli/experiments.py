"""The terminal's `list`, `show` and `delete`: what the run store under XCEPTION_LAB_HOME holds."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xception_lab.common.work_state import WorkState
from xception_lab.experiments.progress import IDLE_QUEUE, Progress, make_progress
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import level_of
from xception_lab.experiments.store import ExperimentSummary, Store
from xception_lab.training.records import train_spec_to_dict

MB = 1e6


def open_store() -> Store:
    """The store under XCEPTION_LAB_HOME; what was done about a damaged one goes to standard error."""
    store = Store()
    if store.notice:
        print(f"note: {store.notice}", file=sys.stderr, flush=True)
    return store


def run_list(options: argparse.Namespace) -> int:
    """Run `list`."""
    store = open_store()
    summaries = store.summaries()
    if options.json:
        print(json.dumps([_summary_values(summary) for summary in summaries]))
        return 0
    if not summaries:
        print(f"no experiment in {store.folder}")
        return 0
    print(f"{'id':24}  {'started':16}  {'state':11}  {'runs done':>9}  {'disk':>9}  data set, question, label")
    for summary in summaries:
        disk = f"{summary.disk_bytes / MB:,.1f} MB"
        what = ", ".join(filter(None, (summary.spec.base.dataset, summary.spec.preset, summary.label)))
        done = f"{summary.states.get('done', 0)}/{summary.runs}"
        print(f"{summary.id:24}  {_date(summary.created)}  {_state(summary):11}  {done:>9}  {disk:>9}  {what}")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Run `show`. Raises KeyError."""
    store = open_store()
    stored = store.experiment(options.id)
    progress = make_progress(stored, IDLE_QUEUE)
    (summary,) = store.summaries(ids=[stored.id])
    if options.json:
        runs = [
            {
                "id": run.id,
                "spec": train_spec_to_dict(run.spec),
                "state": run.state,
                "reason": run.reason,
                "note": run.note,
                "records": [asdict(record) for record in run.records],
            }
            for run in progress.runs
        ]
        values = _summary_values(summary)
        print(json.dumps({**values, "spec": json.loads(stored.spec.to_json()), "runs": runs}))
    else:
        print("\n".join(_show_lines(summary, progress)))
    return 0


def run_delete(options: argparse.Namespace) -> int:
    """Run `delete`. Raises KeyError, LeaseHeldError where the experiment is being trained."""
    store = open_store()
    found = store.summaries(ids=[options.id])
    if not found:
        raise KeyError(options.id)
    (summary,) = found
    if not options.yes and not _agrees(summary):
        print("nothing was deleted", file=sys.stderr)
        return 1
    freed = Scheduler(store).delete(summary.id)
    if options.json:
        print(json.dumps({"id": summary.id, "freed_bytes": freed}))
    else:
        print(f"deleted {summary.id}: {summary.runs} runs, {freed / MB:,.1f} MB are free")
    return 0


def _agrees(summary: ExperimentSummary) -> bool:
    """What a person answers; nobody who could answer counts as no."""
    done = summary.states.get("done", 0)
    question = f"delete {summary.spec.preset} of {_date(summary.created)}, {done} of {summary.runs} runs done? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().lower() in ("y", "yes")


def _summary_values(summary: ExperimentSummary) -> dict[str, Any]:
    """As JSON. The owner is left out: what is stored of one is a hash that names nobody."""
    return {
        "id": summary.id,
        "created": summary.created,
        "dataset": summary.spec.base.dataset,
        "preset": summary.spec.preset,
        "label": summary.label,
        "state": summary.state,
        "trained_now": summary.is_leased,
        "states": dict(summary.states),
        "runs": summary.runs,
        "share": summary.share,
        "disk_bytes": summary.disk_bytes,
    }


def _state(summary: ExperimentSummary) -> WorkState | str:
    """The state; "interrupted" where runs are left to do and no process works on them."""
    is_unfinished = summary.state in ("queued", "running")
    return "interrupted" if is_unfinished and not summary.is_leased else summary.state


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _show_lines(summary: ExperimentSummary, progress: Progress) -> Iterator[str]:
    base = progress.spec.base
    yield progress.spec.question
    label = f", {summary.label}" if summary.label else ""
    yield f"experiment {summary.id} of {_date(summary.created)}{label}: {_state(summary)}"
    if progress.reason:
        yield f"reason: {progress.reason}"
    for note in progress.notes:
        yield f"note: {note}"
    first = progress.spec.first_seed
    yield f"question {progress.spec.preset}, seeds {first} to {first + progress.spec.seeds - 1}"
    for name, value in train_spec_to_dict(base).items():
        if name == "xception":
            for field, inner in value.items():
                yield f"  {field} = {inner}"
        elif name != "seed":
            yield f"{name} = {value}"
    yield f"on disk: {summary.disk_bytes / MB:,.1f} MB of checkpoints"
    yield ""
    yield f"{'run':>5}  {'state':10} {'epochs':>8}  {'test':>6}  what"
    names = [name for name, _ in progress.spec.levels]
    for run in progress.runs:
        setting = ", ".join(f"{name}={level_of(run.spec, name)}" for name in names)
        last = run.records[-1].test_accuracy if run.records else None
        accuracy = "-" if last is None else f"{100 * last:.2f}"
        epochs = f"{len(run.records)}/{run.spec.epochs}"
        reason = f": {run.reason}" if run.reason else ""
        yield f"{run.id:5}  {run.state:10} {epochs:>8}  {accuracy:>6}  {setting}, seed {run.spec.seed}{reason}"
