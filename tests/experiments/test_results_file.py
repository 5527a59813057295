"""A stored experiment: what goes out comes back, and the curves are the seeds' means and ranges."""

import base64
import csv
import json
import zlib
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from paths import ROOT

from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.results_file import (
    EarlierRuns,
    Provenance,
    experiment_from_json,
    experiment_to_json,
    with_data_shape,
)
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.tables import curves, records_csv, run_rows
from xception_lab.figures.training import curves_figure, effects_figure
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord

RESULTS = ROOT / "assets" / "results"


def experiment(epochs: int = 2, seeds: int = 3) -> Progress:
    """An experiment whose accuracies tell variant, seed and epoch."""
    spec = ExperimentSpec("two-differences", seeds, TrainSpec(epochs=epochs))
    runs = tuple(
        RunProgress(
            number,
            run,
            "done",
            "",
            tuple(
                EpochRecord(e, 1.0, 0.5, 0.9, 0.5 + number / 100 + e / 1000, 0.001, 100.0, 10.0 * e)
                for e in range(1, epochs + 1)
            ),
            1000,
            0.0,
        )
        for number, run in enumerate(spec.variants())
    )
    return Progress("id", "owner", spec, "done", "", False, 0, 1.0, 0.0, runs)


def test_a_stored_experiment_comes_back_as_it_was() -> None:
    before = experiment()
    predictions = {run.id: np.arange(1000) % (run.id + 2) for run in before.runs[1:]}
    stored = experiment_from_json(experiment_to_json(before, "a machine", predictions))
    assert stored.machine == "a machine"
    assert {run: classes.tolist() for run, classes in stored.predictions.items()} == {
        0: [],
        **{run: classes.tolist() for run, classes in predictions.items()},
    }
    assert stored.progress.spec == before.spec
    assert [run.spec for run in stored.progress.runs] == [run.spec for run in before.runs]
    assert [run.records for run in stored.progress.runs] == [run.records for run in before.runs]
    assert stored.progress.effects() == before.effects()


def test_records_with_validation_come_back_and_the_curve_is_of_validation() -> None:
    whole = experiment()
    runs = tuple(
        replace(
            run,
            records=(
                replace(run.records[0], test_loss=None, test_accuracy=None, validation_accuracy=0.25),
                replace(run.records[1], validation_loss=0.5, validation_accuracy=0.75),
            ),
        )
        for run in whole.runs
    )
    before = replace(whole, runs=runs)
    stored = experiment_from_json(experiment_to_json(before, "a machine", {}))
    assert [run.records for run in stored.progress.runs] == [run.records for run in runs]
    assert {curve.mean for curve in curves(stored.progress)} == {(25.0, 75.0)}
    # what is compared is the test accuracy of the last epoch
    assert stored.progress.effects() == whole.effects()


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "9" * 5_000, '{"runs": NaN}', '{"experiment": ' + "[" * 900 + "]" * 900 + "}", "{}," * 100_001],
)
def test_a_text_that_would_hold_the_reader_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each has a sentence of its own
        experiment_from_json(text)


def test_predictions_unpack_to_no_more_than_a_test_set() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(10**7), 9)).decode()
    values = json.loads(experiment_to_json(experiment(), "a machine", {}))
    del values["sha256"]  # as an earlier version wrote it
    values["runs"][0]["predictions"] = bomb
    stored = experiment_from_json(json.dumps(values))
    assert len(stored.predictions[0]) == 100_000
    values["runs"] *= 300
    with pytest.raises(ValueError, match="at most 1,000"):
        experiment_from_json(json.dumps(values))


def test_a_changed_digit_is_noticed_and_another_format_of_the_same_values_is_not() -> None:
    text = experiment_to_json(experiment(), "a machine", {})
    assert experiment_from_json(json.dumps(json.loads(text), indent=1)).machine == "a machine"
    for damaged in (
        text.replace('"test_accuracy": 0.501', '"test_accuracy": 0.511', 1),
        text.replace('"a machine"', '"a macoine"'),
        text.replace('"sha256"', '"sha257"'),
    ):
        assert damaged != text
        with pytest.raises(ValueError, match="its checksum is wrong"):
            experiment_from_json(damaged)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"machine": 1, "experiment": {}, "runs": []}', "null"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - a broken file has many sentences
        experiment_from_json(text)


def test_curves_are_mean_lowest_and_highest_of_the_seeds() -> None:
    drawn = curves(experiment())
    assert len(drawn) == 4
    first = drawn[0]
    # the first variant's runs are numbers 0, 4 and 8
    assert first.epochs == (1, 2)
    assert first.mean == pytest.approx((54.1, 54.2))
    assert first.low == pytest.approx((50.1, 50.2))
    assert first.high == pytest.approx((58.1, 58.2))


def test_rows_and_csv_hold_every_run_and_every_record() -> None:
    progress = experiment()
    assert len(run_rows(progress)) == 12
    rows = list(csv.DictReader(StringIO(records_csv(progress))))
    assert len(rows) == 24
    assert {row["order"] for row in rows} == {"depthwise-first", "pointwise-first"}
    assert [float(row["test_accuracy"]) for row in rows] == [
        record.test_accuracy for run in progress.runs for record in run.records
    ]


def test_figures_show_the_numbers_they_are_given() -> None:
    progress = experiment()
    drawn = curves(progress)
    colours = ["#111111", "#222222", "#333333", "#444444"]
    figure = curves_figure(drawn, ["a", "b", "c", "d"], colours, ["solid"] * 4, "accuracy", "epoch")
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert [tuple(line.y) for line in lines] == [pytest.approx(curve.mean) for curve in drawn]
    assert [line.line.color for line in lines] == colours
    effects = progress.effects().primary
    figure = effects_figure(effects, ["x", "y"], "points", 0.5)
    assert list(figure.data[1].x) == [effect.points for effect in effects]
    bars = figure.data[1].error_x
    assert list(bars.array) == [pytest.approx(effect.half_width) for effect in effects]
    assert list(bars.arrayminus) == [pytest.approx(effect.half_width) for effect in effects]
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0, 0), (-0.5, 0.5)]
    assert len(figure.data[0].x) == sum(len(effect.differences) for effect in effects)


def test_a_file_of_a_live_experiment_names_the_machine_and_has_the_datas_channels_and_classes() -> None:
    progress = with_data_shape(experiment(), 3, 9)
    again = experiment_from_json(experiment_to_json(progress, "a machine", {}))
    assert again.machine == "a machine"
    assert {(run.spec.xception.in_channels, run.spec.xception.num_classes) for run in again.progress.runs} == {(3, 9)}
    assert again.progress.effects() == experiment().effects()
    (row, *_) = csv.DictReader(StringIO(records_csv(experiment(), "a machine")))
    assert (row["machine"], row["experiment"], row["dataset"]) == ("a machine", "id", experiment().spec.base.dataset)


def test_where_copied_runs_came_from_comes_back_and_is_left_out_where_there_are_none() -> None:
    made = Provenance("a command", "c0ffee", 1, "float32")
    copied = replace(made, earlier=(EarlierRuns("figure-10", "beef", 12), EarlierRuns("figure-9", "cafe", 1)))
    for provenance in (made, copied):
        text = experiment_to_json(experiment(), "a machine", {}, provenance)
        assert experiment_from_json(text).provenance == provenance
        assert ("earlier" in json.loads(text)["provenance"]) == bool(provenance.earlier)
