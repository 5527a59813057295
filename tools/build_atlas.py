"""Build assets/plans and the runs behind assets/results: the confirmatory experiments that come with the lab.

    python -m tools.build_atlas tune RUNS NAME ...     # chooses the learning rates, writes assets/plans/NAME.json
    git commit assets/plans                            # a plan is fixed before its runs touch the test pictures
    python -m tools.build_atlas train RUNS NAME ...    # the plan's runs, one thread each, as many at once as fit
    python -m tools.build_atlas store RUNS NAME ...    # writes assets/results/NAME.json, once all runs are done

RUNS is a folder with a checkpoint per run, named by a digest of its spec: a run that is there goes on where it ended,
and plans share the runs that they have in common. No run is left out.
"""

import argparse
import hashlib
import multiprocessing
import os
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from xception_lab.experiments.placement import place_workers
from xception_lab.experiments.plan import (
    FIRST_SEED,
    FOLDER,
    Score,
    load_plan,
    make_plan,
    plan_to_json,
)
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.results_file import RESULTS, Provenance, experiment_to_json
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.spec import SMALL_XCEPTION, TrainSpec
from xception_lab.training.checkpoint import Checkpoint, checkpoint_from_bytes
from xception_lab.training.records import train_spec_to_json

LEARNING_RATES = (0.006, 0.012, 0.024, 0.048)
TUNING_SEEDS = (50, 51)
BASE = TrainSpec(autocast=False)
HALF_AS_WIDE = replace(
    SMALL_XCEPTION,
    stem_channels=(4, 8),
    entry_channels=(16, 32),
    middle_channels=32,
    exit_channels=(48, 64, 80),
)
OUTLINES = {
    "figure-10": ExperimentSpec("figure-10", 12, BASE, first_seed=FIRST_SEED),
    "two-differences": ExperimentSpec("two-differences", 12, BASE, first_seed=FIRST_SEED),
    "figure-10-emoji": ExperimentSpec("figure-10", 12, replace(BASE, dataset="emoji"), first_seed=FIRST_SEED),
    "two-differences-emoji": ExperimentSpec(
        "two-differences", 12, replace(BASE, dataset="emoji"), first_seed=FIRST_SEED
    ),
    "figure-10-narrow": ExperimentSpec("figure-10", 12, replace(BASE, xception=HALF_AS_WIDE), first_seed=FIRST_SEED),
    "figure-9": ExperimentSpec("figure-9", 8, BASE, first_seed=FIRST_SEED),
    "batch-norm": ExperimentSpec("batch-norm", 10, BASE, first_seed=FIRST_SEED),
    "dose": ExperimentSpec("dose", 8, BASE, first_seed=FIRST_SEED),
    "conjecture": ExperimentSpec("conjecture", 8, BASE, first_seed=FIRST_SEED),
}


def checkpoint_path(runs: Path, spec: TrainSpec) -> Path:
    """Where a run's checkpoint is."""
    return runs / f"{hashlib.sha256(train_spec_to_json(spec).encode()).hexdigest()[:20]}.safetensors"


def load_checkpoint(runs: Path, spec: TrainSpec) -> Checkpoint | None:
    """A run's last checkpoint; None where the run is not done."""
    path = checkpoint_path(runs, spec)
    checkpoint = checkpoint_from_bytes(path.read_bytes()) if path.exists() else None
    return checkpoint if checkpoint and len(checkpoint.records) == spec.epochs else None


def train_run(path: Path, spec: TrainSpec) -> str:
    """Train one run to its end, in a process that does nothing else. Returns its line of the log."""
    from xception_lab.training.loop import train
    from xception_lab.training.state import prepare_process

    prepare_process()
    last = list(train(spec, checkpoint_path=path))[-1]
    accuracy = last.validation_accuracy if last.test_accuracy is None else last.test_accuracy
    return f"seed {spec.seed}, rate {spec.learning_rate}: {accuracy:.4f}, {last.elapsed_s:.0f} s"


def train_all(runs: Path, specs: Iterable[TrainSpec], processes: int) -> None:
    """Train the runs that are not done, each once."""
    runs.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in dict.fromkeys(specs) if not load_checkpoint(runs, spec)]
    # one run a process: what a run leaves behind must not slow the next one
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        futures = [pool.submit(train_run, checkpoint_path(runs, spec), spec) for spec in missing]
        for number, future in enumerate(futures, 1):
            print(f"{number}/{len(missing)} {future.result()}", flush=True)


def tuning_runs(outline: ExperimentSpec) -> dict[tuple[TrainSpec, float], tuple[TrainSpec, ...]]:
    """By variant and learning rate, the runs on the tuning seeds, none of which sees a test picture."""
    return {
        (cell, rate): tuple(replace(cell, learning_rate=rate, seed=seed, use_test=False) for seed in TUNING_SEEDS)
        for cell in outline.cells()
        for rate in LEARNING_RATES
    }


def tune(runs: Path, names: Sequence[str], processes: int) -> None:
    """Choose every variant's learning rate, and write the plans."""
    train_all(runs, (run for name in names for of in tuning_runs(OUTLINES[name]).values() for run in of), processes)
    for name in names:
        outline = OUTLINES[name]
        tried = tuning_runs(outline)
        scores: list[Score] = []
        for setting, cell in zip(outline.settings(), outline.cells(), strict=True):
            for rate in LEARNING_RATES:
                checkpoints = [load_checkpoint(runs, run) for run in tried[cell, rate]]
                accuracies = [each.records[-1].validation_accuracy for each in checkpoints if each]
                scores.append(Score(setting, rate, tuple(value for value in accuracies if value is not None)))
        FOLDER.mkdir(exist_ok=True)
        plan = make_plan(name, outline, TUNING_SEEDS, tuple(scores))
        (FOLDER / f"{name}.json").write_text(plan_to_json(plan), encoding="utf-8")
        print(f"{name}: planned")


def store(runs: Path, names: Sequence[str]) -> None:
    """Write the results of the plans all of whose runs are done: a part of the seeds would tempt to stop early."""
    for name in names:
        plan = load_plan(name)
        found = [(spec, load_checkpoint(runs, spec)) for spec in plan.experiment.variants()]
        done = [(spec, checkpoint) for spec, checkpoint in found if checkpoint]
        if len(done) < len(found):
            print(f"{name}: {len(done)} of {len(found)} runs are done, nothing is stored yet")
            continue
        run_progress = tuple(
            RunProgress(number, spec, "done", "", checkpoint.records, len(checkpoint.predictions), 0.0)
            for number, (spec, checkpoint) in enumerate(done)
        )
        progress = Progress("", "", plan.experiment, "done", "", False, 0, 1.0, 0.0, run_progress)
        predictions = {number: checkpoint.predictions.numpy() for number, (_, checkpoint) in enumerate(done)}
        provenance = Provenance(f"xception-lab sweep --plan {name}", plan_commit(name), 1, "float32")
        text = experiment_to_json(progress, machine_text(), predictions, provenance, plan)
        (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}: {plan.experiment.seeds} seeds, {len(text):,} bytes")


def plan_commit(name: str) -> str:
    """The commit that fixed a plan: its runs were made by the code of that commit."""
    command = ["git", "log", "-1", "--format=%H", "--", str(FOLDER / f"{name}.json")]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER).stdout.strip()


def machine_text() -> str:
    """The machine in one line, with the instructions that torch uses on it: other ones give other bits."""
    import torch

    from xception_lab.measurement.machine import cpu_name

    version, instructions = torch.__version__.split("+")[0], torch.backends.cpu.get_cpu_capability()
    return f"{os.cpu_count()} cores of an {cpu_name()} (CPU only, {instructions}), torch {version}"


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Builds the confirmatory experiments that come with the lab.")
    parser.add_argument("command", choices=("tune", "train", "store"))
    parser.add_argument("runs", type=Path)
    parser.add_argument("names", nargs="*", choices=tuple(OUTLINES), default=tuple(OUTLINES))
    parser.add_argument("--processes", type=int, help="at once; as many as the lab's own cluster has when left out")
    options = parser.parse_args()
    processes = options.processes or len(place_workers().devices)
    if options.command == "tune":
        tune(options.runs, options.names, processes)
    elif options.command == "store":
        store(options.runs, options.names)
    else:
        # seed after seed, so that what is interrupted has whole seeds
        variants = [load_plan(name).experiment.variants() for name in options.names]
        train_all(options.runs, (spec for of in variants for spec in of), processes)


if __name__ == "__main__":
    main()
