"""Build assets/plans and the runs behind assets/results: the confirmatory experiments that come with the lab.

    python -m tools.build_atlas tune RUNS NAME ...     # chooses the learning rates, writes assets/plans/NAME.json
    git commit assets/plans                            # a plan is fixed before its runs touch the test pictures
    python -m tools.build_atlas train RUNS NAME ...    # the plan's runs, one thread each, as many at once as fit
    python -m tools.build_atlas store RUNS NAME ...    # writes assets/results/NAME.json, once all runs are done
    python -m tools.build_atlas refresh . NAME ...     # writes a stored result anew: its effects, and whose runs it has
    python -m tools.build_atlas machine                # the line that names this machine in a result

RUNS is a folder with a checkpoint per run, named by a digest of its spec: a run that is there goes on where it ended,
and plans share the runs that they have in common. No run is left out.

Another device trains the same plans in a folder of its own. That folder is brought here and stored beside the first
result, as a repetition: all runs, or all variants of the first few seeds.

    python -m tools.build_atlas store RUNS NAME --device nvidia-h100 --machine "what `machine` printed there" \\
        --commit HASH                                  # writes assets/results/NAME-nvidia-h100.json
"""

import argparse
import hashlib
import multiprocessing
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from xception_lab.experiments.placement import environment_of, place_workers
from xception_lab.experiments.plan import (
    FIRST_SEED,
    FOLDER,
    Plan,
    Score,
    load_plan,
    make_plan,
    plan_names,
    plan_to_json,
)
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.repetition import Repetition, repetition_to_json
from xception_lab.experiments.results_file import (
    RESULTS,
    EarlierRuns,
    ExperimentResult,
    Provenance,
    experiment_to_json,
    load_stored_result,
)
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


def train_run(path: Path, spec: TrainSpec, device: int | None) -> str:
    """Train one run to its end, in a process that does nothing else. Returns its line of the log.

    device: the number of the accelerator that the process sees; None for the CPU.
    """
    os.environ.update(environment_of(device))
    from xception_lab.training.loop import train
    from xception_lab.training.state import prepare_process

    prepare_process()
    last = list(train(spec, checkpoint_path=path))[-1]
    accuracy = last.validation_accuracy if last.test_accuracy is None else last.test_accuracy
    return f"seed {spec.seed}, rate {spec.learning_rate}: {accuracy:.4f}, {last.elapsed_s:.0f} s"


def train_all(runs: Path, specs: Iterable[TrainSpec], devices: Sequence[int | None]) -> None:
    """Train the runs that are not done, each once. devices: as in Placement, one process for each of them."""
    runs.mkdir(parents=True, exist_ok=True)
    missing = [spec for spec in dict.fromkeys(specs) if not load_checkpoint(runs, spec)]
    # one run a process: what a run leaves behind must not slow the next one
    with ProcessPoolExecutor(len(devices), multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        futures = [
            pool.submit(train_run, checkpoint_path(runs, spec), spec, device)
            for spec, device in zip(missing, cycle(devices), strict=False)
        ]
        for number, future in enumerate(futures, 1):
            print(f"{number}/{len(missing)} {future.result()}", flush=True)


def tuning_runs(outline: ExperimentSpec) -> dict[tuple[TrainSpec, float], tuple[TrainSpec, ...]]:
    """By variant and learning rate, the runs on the tuning seeds, none of which sees a test picture."""
    return {
        (cell, rate): tuple(replace(cell, learning_rate=rate, seed=seed, use_test=False) for seed in TUNING_SEEDS)
        for cell in outline.cells()
        for rate in LEARNING_RATES
    }


def tune(runs: Path, names: Sequence[str], devices: Sequence[int | None]) -> None:
    """Choose every variant's learning rate, and write the plans."""
    train_all(runs, (run for name in names for of in tuning_runs(OUTLINES[name]).values() for run in of), devices)
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
        plan, done = load_plan(name), load_done(runs, name)
        if len(done) < len(plan.experiment.variants()):
            print(f"{name}: {len(done)} of {len(plan.experiment.variants())} runs are done, nothing is stored yet")
            continue
        write_result(name, done_to_json(plan, done, machine_text(), plan_commit(name)))
        refresh([name])  # which of its runs are another result's


def refresh(names: Sequence[str]) -> None:
    """Write stored results anew from their own runs: with the effects that this code computes, and runs' origins."""
    for name in names:
        if stored := load_stored_result(name):
            assert stored.provenance
            made = replace(stored.provenance, earlier=earlier_runs(name, stored))
            write_result(
                name, experiment_to_json(stored.progress, stored.machine, stored.predictions, made, stored.plan)
            )


def earlier_runs(name: str, result: ExperimentResult) -> tuple[EarlierRuns, ...]:
    """Which runs of a plan's result are copies of those of plans that were fixed before it, the first plan first.

    A copy has the very records, seconds included. Of two plans that one commit fixed, OUTLINES has the first one first.
    """

    def age(plan: str) -> tuple[int, int]:
        return commit_time(plan_commit(plan)), list(OUTLINES).index(plan)

    left = {run.spec: run for run in result.progress.runs}
    found: list[EarlierRuns] = []
    for plan in sorted((plan for plan in plan_names() if plan != name and age(plan) < age(name)), key=age):
        if stored := load_stored_result(plan):
            same = [
                run.spec for run in stored.progress.runs if run.spec in left and left[run.spec].records == run.records
            ]
            if same:
                found.append(EarlierRuns(plan, plan_commit(plan), len(same)))
            for spec in same:
                del left[spec]
    return tuple(found)


def store_repetition(runs: Path, name: str, device: str, machine: str, commit: str) -> None:
    """Write another device's runs of a plan: whole, or the predictions of the first seeds whose variants are all done.

    device: the end of the file's name. machine: what machine_text gave there. commit: of the code there.
    """
    plan, done = load_plan(name), load_done(runs, name)
    if len(done) == len(plan.experiment.variants()):
        write_result(f"{name}-{device}", done_to_json(plan, done, machine, commit))
        return
    counts = range(plan.experiment.seeds, 0, -1)
    seeds = next((count for count in counts if set(plan.experiment.variants(count)) <= set(done)), 0)
    if not seeds:
        print(f"{name}: no seed has all its variants yet, nothing is stored")
        return
    specs = plan.experiment.variants(seeds)
    repetition = Repetition(
        device,
        machine,
        plan.experiment,
        Provenance(f"xception-lab sweep --plan {name} --seeds {seeds}", commit, 1, "float32"),
        {spec: done[spec].predictions.numpy() for spec in specs},
        {spec: tuple(each.validation_accuracy or 0.0 for each in done[spec].records) for spec in specs},
    )
    write_result(f"{name}-{device}", repetition_to_json(name, repetition))


def load_done(runs: Path, name: str) -> dict[TrainSpec, Checkpoint]:
    """A plan's runs that are done, in the plan's order."""
    found = {spec: load_checkpoint(runs, spec) for spec in load_plan(name).experiment.variants()}
    return {spec: checkpoint for spec, checkpoint in found.items() if checkpoint}


def done_to_json(plan: Plan, done: Mapping[TrainSpec, Checkpoint], machine: str, commit: str) -> str:
    """The result of a plan all of whose runs are done."""
    run_progress = tuple(
        RunProgress(number, spec, "done", "", checkpoint.records, len(checkpoint.predictions), 0.0)
        for number, (spec, checkpoint) in enumerate(done.items())
    )
    progress = Progress("", "", plan.experiment, "done", "", False, 0, 1.0, 0.0, run_progress)
    predictions = {number: checkpoint.predictions.numpy() for number, checkpoint in enumerate(done.values())}
    provenance = Provenance(f"xception-lab sweep --plan {plan.name}", commit, 1, "float32")
    return experiment_to_json(progress, machine, predictions, provenance, plan)


def write_result(name: str, text: str) -> None:
    """Write a file of assets/results."""
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{name}: {len(text):,} bytes")


def plan_commit(name: str) -> str:
    """The commit that fixed a plan: its runs were made by the code of that commit."""
    command = ["git", "log", "-1", "--format=%H", "--", str(FOLDER / f"{name}.json")]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER).stdout.strip()


def commit_time(commit: str) -> int:
    """When a commit was made, in seconds since 1970."""
    command = ["git", "log", "-1", "--format=%ct", commit]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER).stdout)


def machine_text() -> str:
    """The machine in one line, as machine.machine_text has it."""
    from xception_lab.measurement import machine
    from xception_lab.training.state import training_device

    return machine.machine_text(training_device().type)


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description="Builds the confirmatory experiments that come with the lab.")
    parser.add_argument("command", choices=("tune", "train", "store", "refresh", "machine"))
    parser.add_argument("runs", type=Path, nargs="?", default=Path())
    parser.add_argument("names", nargs="*", help=f"plans, all when left out: {', '.join(OUTLINES)}")
    parser.add_argument("--processes", type=int, help="at once; as many as the lab's own cluster has when left out")
    parser.add_argument("--device", help="store the runs as the repetition by this device")
    parser.add_argument("--machine", help="the line that names the device's machine")
    parser.add_argument("--commit", help="of the code that trained there")
    options = parser.parse_args()
    names = options.names or tuple(OUTLINES)
    if unknown := set(names) - set(OUTLINES):
        parser.error(f"no outline of {', '.join(sorted(unknown))}: there are {', '.join(OUTLINES)}")
    if options.device and not (options.machine and options.commit):
        parser.error("--device needs --machine and --commit: what is stored names what made it")
    match options.command:
        case "machine":
            print(machine_text())
        case "store" if options.device:
            for name in names:
                store_repetition(options.runs, name, options.device, options.machine, options.commit)
        case "store":
            store(options.runs, names)
        case "refresh":
            refresh(names)
        case "tune":
            tune(options.runs, names, place_workers(options.processes).devices)
        case _:
            # seed after seed, so that what is interrupted has whole seeds
            variants = [load_plan(name).experiment.variants() for name in names]
            specs = (spec for of in variants for spec in of)
            train_all(options.runs, specs, place_workers(options.processes).devices)


if __name__ == "__main__":
    main()
