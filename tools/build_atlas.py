"""Build assets/plans and the runs behind assets/results: the confirmatory experiments that come with the lab.

    python -m tools.build_atlas tune RUNS NAME ...     # chooses the learning rates, writes assets/plans/NAME.json
    git commit assets/plans                            # a plan is fixed before its runs touch the test pictures
    python -m tools.build_atlas train RUNS NAME ...    # the plan's runs, one thread each, one process a core
    python -m tools.build_atlas store RUNS NAME ...    # writes assets/results/NAME.json: all seeds that are complete

RUNS is a folder with a checkpoint per run, named by a digest of its spec: a run that is there goes on where it ended,
and plans share the runs that they have in common. No run is left out.
"""

import argparse
import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from xception_lab.experiments.plan import (
    FIRST_SEED,
    FOLDER,
    Score,
    load_plan,
    make_plan,
    plan_to_json,
)
from xception_lab.experiments.spec import ExperimentSpec, Overrides
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
# deeper segments have more weights: with these widths every depth has depth 1's 82,802 parameters to half a percent
WIDTHS = {
    2: ((30, 62), (92, 124, 150)),
    4: ((28, 56), (84, 116, 144)),
    8: ((24, 48), (72, 96, 128)),
    16: ((16, 32), (64, 80, 96)),
}
EQUAL_PARAMETERS: Overrides = tuple(
    (
        (("segment_depth", depth),),
        (("entry_channels", entry), ("middle_channels", entry[-1]), ("exit_channels", exits)),
    )
    for depth, (entry, exits) in WIDTHS.items()
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
    "conjecture": ExperimentSpec("conjecture", 8, BASE, first_seed=FIRST_SEED, overrides=EQUAL_PARAMETERS),
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


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Builds the confirmatory experiments that come with the lab.")
    parser.add_argument("command", choices=("tune", "train"))
    parser.add_argument("runs", type=Path)
    parser.add_argument("names", nargs="*", choices=tuple(OUTLINES), default=tuple(OUTLINES))
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.command == "tune":
        tune(options.runs, options.names, options.processes)
    else:
        # seed after seed, so that what is interrupted has whole seeds
        variants = [load_plan(name).experiment.variants() for name in options.names]
        train_all(options.runs, (spec for of in variants for spec in of), options.processes)


if __name__ == "__main__":
    main()
