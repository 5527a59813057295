"""Other devices' runs of the plans: whole, beside the first result and never in its place, and compared run by run."""

import json
import sys
from concurrent.futures import Future
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tools import build_atlas
from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.inference import mean_interval
from xception_lab.experiments.plan import load_plan, plan_names
from xception_lab.experiments.repetition import (
    Repetition,
    agreement,
    effect_shift,
    effects_of_predictions,
    load_repetition,
    predictions_of,
    repeating_devices,
    repetition_from_json,
    repetition_to_json,
)
from xception_lab.experiments.results_file import RESULTS, Provenance, load_stored_result
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.spec import TrainSpec
from xception_lab.training.checkpoint import Checkpoint
from xception_lab.training.records import EpochRecord

STORED = [(name, device) for name in plan_names() for device in repeating_devices(name)]
PLAN = "figure-10"
EXPERIMENT = load_plan(PLAN).experiment
LABELS = load_dataset("fashion-mnist").test_labels


def made_up(seeds: int) -> Repetition:
    """A repetition of the first seeds with predictions that tell the runs apart."""
    specs = EXPERIMENT.variants(seeds)
    predictions = {spec: np.arange(5000) % (3 + number) for number, spec in enumerate(specs)}
    validation = {spec: (0.5, 0.25 + number / 100) for number, spec in enumerate(specs)}
    return Repetition("abacus", "an abacus", EXPERIMENT, Provenance("c", "h", 1, "float32"), predictions, validation)


@pytest.mark.parametrize(("name", "device"), STORED)
def test_a_stored_repetition_is_of_its_plans_own_runs(name: str, device: str) -> None:
    repetition, experiment = load_repetition(name, device), load_plan(name).experiment
    specs = experiment.variants(len(repetition.seeds))
    assert set(repetition.predictions) == set(repetition.validation) == set(specs), "whole seeds, the first ones"
    assert repetition.machine
    assert repetition.provenance
    labels = load_dataset(experiment.base.dataset).test_labels
    for spec in specs:
        assert len(repetition.predictions[spec]) == len(labels)
        assert len(repetition.validation[spec]) == spec.epochs
    effects = effects_of_predictions(experiment, repetition.predictions)
    assert all((effect.verdict is not None) == (len(specs) == len(experiment.variants())) for effect in effects.primary)
    if repetition.result:
        # the accuracies of the records are those of the predictions
        assert repetition.result.progress.effects() == effects
        assert repetition.result.plan == load_plan(name)
        for run in repetition.result.progress.runs:
            assert all(record.test_accuracy is None for record in run.records[:-1])


def test_a_repetition_is_not_taken_for_a_plan_or_for_another_plans(tmp_path: Path) -> None:
    assert {"nvidia-h100", "xeon"} <= set(repeating_devices(PLAN))
    assert not set(repeating_devices(PLAN)) & {"emoji", "narrow"}
    assert not {f"{name}-{device}" for name, device in STORED} & set(plan_names())
    for name in ("figure-10", "figure-10-emoji", "figure-10-emoji-abacus", "figure-10-abacus", "figure-9-abacus"):
        (tmp_path / f"{name}.json").touch()
    assert repeating_devices("figure-10", tmp_path) == ("abacus",)
    assert repeating_devices("figure-10-emoji", tmp_path) == ("abacus",)
    first = load_stored_result(PLAN)
    assert first
    assert first.machine != load_repetition(PLAN, "nvidia-h100").machine, "the page opens with the first result"


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"device='abacus': must be one of .*'nvidia-h100'"):
        load_repetition(PLAN, "abacus")
    with pytest.raises(ValueError, match="'dose' has no other device"):
        load_repetition("dose", "abacus")


def test_predictions_alone_come_back_as_they_were_and_a_changed_byte_is_noticed() -> None:
    before = made_up(2)
    text = repetition_to_json(PLAN, before)
    after = repetition_from_json(text, PLAN, "abacus")
    assert {spec: classes.tolist() for spec, classes in after.predictions.items()} == {
        spec: classes.tolist() for spec, classes in before.predictions.items()
    }
    assert replace(after, predictions=before.predictions) == before
    assert after.seeds == (100, 101)
    for damaged in (text.replace("0.25", "0.35"), text.replace("abacus", "abacvs"), text.replace('"relu"', '"elu"')):
        assert damaged != text
        with pytest.raises(ValueError, match="as it was written"):
            repetition_from_json(damaged, PLAN, "abacus")
    with pytest.raises(ValueError, match="of the plan 'dose'"):
        repetition_from_json(text, "dose", "abacus")
    whole = (RESULTS / "dose.json").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="its experiment is not the plan's"):
        repetition_from_json(whole, PLAN, "abacus")
    part = replace(before, predictions=dict(list(before.predictions.items())[1:]))
    with pytest.raises(ValueError, match="all variants of the first seeds"):
        repetition_to_json(PLAN, part)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"experiment": 1}', '{"plan": "figure-10", "runs": 1}'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a broken file has many sentences
        repetition_from_json(text, PLAN, "abacus")


def test_agreement_counts_what_is_equal_and_compares_it_with_other_seeds() -> None:
    labels = np.zeros(100, np.int64)
    one, other = (replace(TrainSpec(), seed=seed) for seed in (0, 1))

    def wrong(count: int) -> NDArray[np.int64]:
        return (np.arange(100) < count).astype(np.int64)

    first = {one: wrong(10), other: wrong(16)}
    found = agreement(first, {one: wrong(13), other: wrong(15)}, labels)
    expected = {"runs": 2, "lowest": 0.97, "highest": 0.99, "mean": 0.98, "largest": 3, "seeds_mean": 0.94}
    expected |= {"typical": np.sqrt((3**2 + 1**2) / 2), "seeds_typical": 6}
    assert asdict(found) == pytest.approx(expected)
    assert found.is_between
    assert not agreement(first, first, labels).is_between, "a copy"
    assert not agreement(first, {one: wrong(30)}, labels).is_between, "further off than another seed"
    for missing in ({}, {replace(one, seed=7): wrong(1)}):
        with pytest.raises(ValueError, match="in common"):
            agreement(first, missing, labels)


def test_the_shift_of_an_effect_is_paired_by_seed() -> None:
    first, there = load_stored_result(PLAN), load_repetition(PLAN, "nvidia-h100")
    assert first
    here = effects_of_predictions(EXPERIMENT, predictions_of(first))
    assert here == first.progress.effects()
    again = effects_of_predictions(EXPERIMENT, there.predictions)
    for one, other in zip(here.primary, again.primary, strict=True):
        differences = np.subtract(other.differences, one.differences)
        points, *interval = effect_shift(one, other)
        assert points == pytest.approx(other.points - one.points)
        assert tuple(interval) == pytest.approx(mean_interval(differences.tolist(), 0.95))
    with pytest.raises(ValueError, match="one comparison"):
        effect_shift(here.primary[0], again.primary[1])


def test_a_part_of_the_seeds_has_no_verdict_and_is_compared_with_the_same_seeds() -> None:
    first, there = load_stored_result(PLAN), load_repetition(PLAN, "xeon")
    assert first
    for predictions in (there.predictions, predictions_of(first)):
        effects = effects_of_predictions(EXPERIMENT, predictions, there.seeds)
        assert effects.seeds == there.seeds
        assert effects.seeds_missing == EXPERIMENT.seeds - len(there.seeds)
        assert not any(effect.verdict for effect in effects.effects)


def checkpoint(spec: TrainSpec) -> Checkpoint:
    """What a run of EXPERIMENT may end with, as far as a result has it."""
    records = tuple(
        EpochRecord(epoch, 1.0, 0.5, None, None, 0.1, 100.0, float(epoch), 0.5, 0.8) for epoch in range(spec.epochs)
    )
    predictions = torch.tensor(LABELS).clone()
    predictions[: spec.seed] = 9 - predictions[: spec.seed]
    accuracy = float((predictions.numpy() == LABELS).mean())
    return Checkpoint(spec, (*records[:-1], replace(records[-1], test_accuracy=accuracy)), {}, {}, predictions)


@pytest.mark.parametrize(("seeds", "is_whole"), [(12, True), (5, False), (0, False)])
def test_a_folder_of_runs_is_stored_under_its_devices_name(
    seeds: int, is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one run of the next seed is there too: a seed counts once all its variants are done
    done = EXPERIMENT.variants()[: seeds * 3 + 1]

    def load_checkpoint(_: Path, spec: TrainSpec) -> Checkpoint | None:
        return checkpoint(spec) if spec in done else None

    monkeypatch.setattr(build_atlas, "load_checkpoint", load_checkpoint)
    monkeypatch.setattr(build_atlas, "RESULTS", tmp_path)
    arguments = ["store", str(tmp_path), PLAN, "--device", "abacus", "--machine", "an abacus", "--commit", "a" * 40]
    monkeypatch.setattr(sys, "argv", ["build_atlas", *arguments])
    build_atlas.main()
    assert sorted(path.name for path in tmp_path.iterdir()) == ([f"{PLAN}-abacus.json"] if seeds else [])
    if seeds:
        stored = load_repetition(PLAN, "abacus", tmp_path)
        assert (stored.machine, len(stored.seeds)) == ("an abacus", seeds)
        assert stored.provenance
        assert stored.provenance.commit == "a" * 40
        assert bool(stored.result) == is_whole


def test_a_device_is_not_stored_without_what_made_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["build_atlas", "store", str(tmp_path), PLAN, "--device", "abacus"])
    with pytest.raises(SystemExit):
        build_atlas.main()


def test_the_machines_line_names_the_accelerator_that_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "(CPU only, " in build_atlas.machine_text()
    described = SimpleNamespace(device="NVIDIA H100", driver="580.1, CUDA 13.0")

    def describe_machine(_kind: str) -> SimpleNamespace:
        return described

    monkeypatch.setattr("xception_lab.training.state.training_device", lambda: torch.device("cuda"))
    monkeypatch.setattr("xception_lab.measurement.machine.describe_machine", describe_machine)
    version = torch.__version__.split("+")[0]
    assert build_atlas.machine_text() == f"NVIDIA H100 (580.1, CUDA 13.0), torch {version}"


def test_the_runs_are_spread_over_the_devices_each_in_a_process_that_sees_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[tuple[int, int | None]] = []

    class Pool:
        def __init__(self, processes: int, *_: object, **__: object) -> None:
            assert processes == 3

        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def submit(self, _run: object, _path: Path, spec: TrainSpec, device: int | None) -> "Future[str]":
            submitted.append((spec.seed, device))
            done = Future[str]()
            done.set_result("")
            return done

    monkeypatch.setattr(build_atlas, "ProcessPoolExecutor", Pool)
    specs = ExperimentSpec("own", 5, grid=(("epochs", (1,)),)).variants()
    build_atlas.train_all(tmp_path, specs, (0, 1, 0))
    assert submitted == [(0, 0), (1, 1), (2, 0), (3, 0), (4, 1)]


def test_a_run_trains_on_the_device_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xception_lab.training.state.prepare_process", lambda: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    seen: list[str] = []

    def train(*_: object, **__: object) -> list[EpochRecord]:
        seen.append(build_atlas.os.environ["CUDA_VISIBLE_DEVICES"])
        return [EpochRecord(1, 1.0, 0.5, None, None, 0.1, 100.0, 1.0, 0.5, 0.8)]

    monkeypatch.setattr("xception_lab.training.loop.train", train)
    build_atlas.train_run(tmp_path / "run", TrainSpec(), 1)
    assert seen == ["6"]


def test_the_file_of_predictions_alone_names_every_run() -> None:
    values = json.loads((RESULTS / f"{PLAN}-xeon.json").read_text(encoding="utf-8"))
    assert [(run["seed"], dict(run["setting"])["intermediate"]) for run in values["runs"]] == [
        (spec.seed, spec.xception.intermediate) for spec in EXPERIMENT.variants(4)
    ]
