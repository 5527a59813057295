"""What the version before wrote and read, still read the same: links, results files, stores and checkpoints.

The files in tests/recorded were recorded at version 0.1.0, before the layout of rooms, and never change: each is what
that version wrote, or a question with the answer that it gave. timing-v1.json is of an earlier version still. Whoever
finds a file here that is not read as it was has broken somebody's link, file or store.
"""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT
from states import (
    COMPARE_KEYS,
    FEATURE_KEYS,
    NETWORK_KEYS,
    TIMING_KEYS,
    TRAIN_KEYS,
    compare_spec,
    experiment_spec,
    network_spec,
)
from torch import Tensor

from xception_lab.cli.main import main
from xception_lab.common.messages import Message
from xception_lab.data.custom import load_custom, save_dataset
from xception_lab.experiments.progress import IDLE_QUEUE, make_progress
from xception_lab.experiments.results_file import experiment_from_json as experiment_result
from xception_lab.experiments.results_file import experiment_to_json as experiment_result_to_json
from xception_lab.experiments.spec import experiment_spec_from_json
from xception_lab.experiments.store import Store
from xception_lab.experiments.tables import curves, records_csv
from xception_lab.measurement.throttling import load_best_s, save_best_s
from xception_lab.timing.results import Machine
from xception_lab.timing.results_file import results_from_json as timings_of
from xception_lab.timing.results_file import results_to_csv
from xception_lab.timing.results_file import results_to_json as timings_to_json
from xception_lab.timing.settings import DTYPES
from xception_lab.training.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.loop import next_epoch
from xception_lab.training.state import has_bfloat16, training_device
from xception_lab.ui.fields.registry import FIELDS, fit_state
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.shell.address import read_parameters

RECORDED = ROOT / "tests" / "recorded"
OWN = "own-0123456789abcdef"
KEYS = {
    "compare": COMPARE_KEYS,
    "timing": TIMING_KEYS,
    "features": FEATURE_KEYS,
    "training": TRAIN_KEYS,
    "network": NETWORK_KEYS,
    "start": ("out_channels", "kernel_size", "segments"),
}
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def recorded(name: str) -> Any:
    """A recorded JSON file."""
    return json.loads((RECORDED / name).read_text(encoding="utf-8"))


def plain(value: Any) -> Any:
    """A value as JSON has it: lists for tuples."""
    return json.loads(json.dumps(value))


def near(value: Any) -> Any:
    """A JSON value to compare with, whose fractions may differ in their last bits; all else is exact."""
    if isinstance(value, dict):
        return {key: near(item) for key, item in value.items()}
    if isinstance(value, list):
        return [near(item) for item in value]
    return pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value


# What version 0.1 did not have, and what says the same as its absence did. A network says "batch_norm" since then; a
# block always did.
ADDED = {
    "autocast": True,
    "use_test": True,
    "negative_slope": 0.0,
    "segment_depth": None,
    "first_seed": 0,
    "overrides": [],
    "validation_loss": None,
    "validation_accuracy": None,
    "note": "",
    "step": None,
}


def without_added(value: Any) -> Any:
    """A JSON value without the fields that are new since 0.1, where they say what their absence said."""
    if isinstance(value, list):
        return [without_added(item) for item in value]
    if not isinstance(value, dict):
        return value
    added = {**ADDED, "batch_norm": "last"} if "entry_channels" in value else ADDED
    return {name: without_added(item) for name, item in value.items() if name not in added or item != added[name]}


INTERVAL = ("low", "high", "half_width")


def assert_same_effects(now: Any, before: Any) -> None:
    """Every effect that 0.1 computed is computed still, and no other but the diagonals, which 0.1 had not: the same
    differences of the same variants.

    The verdict's words, the seeds it needs and the interval of what was fixed beforehand changed on purpose: primary
    effects are corrected together, and one that asks for equivalence has a 90% interval. Exploratory effects have the
    interval that they had, and no verdict any more.
    """
    key = ("kind", "change", "baseline", "where")
    now = [effect for effect in now if effect["kind"] != "diagonal"]
    found = {json.dumps([effect[name] for name in key]): effect for effect in now}
    assert found.keys() == {json.dumps([effect[name] for name in key]) for effect in before}
    assert len(found) == len(now)
    for effect in before:
        same = found[json.dumps([effect[name] for name in key])]
        kept = ("differences", "points") if same["is_primary"] else ("differences", "points", *INTERVAL)
        assert [same[name] for name in kept] == near([effect[name] for name in kept]), same


def assert_same_statistics(now: Any, before: Any) -> None:
    """The seeds, the variants' means, the effects and the binomial error; `precision` went, power says more."""
    for name in ("seeds", "cells", "sampling_error"):
        assert now[name] == near(before[name]), name
    assert_same_effects(now["effects"], before["effects"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recorded store, as XCEPTION_LAB_HOME has it."""
    folder = tmp_path / "home"
    shutil.copytree(RECORDED / "store", folder)
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(folder))
    return folder


# ---- links ----


def computed(page: str, values: dict[str, str]) -> Any:
    """What a page computes from the values of its controls, as JSON."""
    match page:
        case "compare" | "start":
            return plain(asdict(compare_spec(values)))
        case "timing":
            return plain(asdict(fit_state(TimingState, values).spec))
        case "network":
            return plain(asdict(network_spec(values)))
        case "training":
            spec = experiment_spec(values, own=OWN)
            assert spec
            return asked(json.loads(spec.to_json()))
        case _:
            return None


def asked(experiment: Any) -> Any:
    """What a link to the training page asks for: how it is trained is the app's to choose, and may be tuned since."""
    base = {name: experiment["base"][name] for name in ("dataset", "epochs")}
    return {name: experiment[name] for name in ("preset", "seeds", "grid")} | base


def test_every_recorded_link_opens_the_state_that_it_opened() -> None:
    links = recorded("links.json")
    for link in links:
        if link["page"] == "training":
            link["spec"] = asked(link["spec"])
    assert len(links) == 200
    assert {link["page"] for link in links} == KEYS.keys()
    wrong: list[Any] = []
    for link in links:
        values, repairs = read_parameters(link["params"], KEYS[link["page"]])
        # a control that has come since is at its default, or where the link of another page had put it
        later = {key: values.pop(key) for key in values.keys() - link["values"].keys()}
        assert all(text in (FIELDS[key].default, link["params"].get(key)) for key, text in later.items())
        now = {
            "page": link["page"],
            "params": link["params"],
            "values": values,
            "repairs": [[repair.key, repair.text, repair.replacement] for repair in repairs],
            "spec": computed(link["page"], values),
        }
        if now != link:
            changed = {name: (link[name], now[name]) for name in link if now.get(name) != link[name]}
            wrong.append((link["page"], link["params"], changed))
    assert not wrong, f"{len(wrong)} of {len(links)} links, (page, parameters, {{what: (before, now)}}): {wrong[:5]}"


def test_the_recorded_links_ask_for_much_and_need_many_repairs() -> None:
    links = recorded("links.json")
    assert sum(bool(link["repairs"]) for link in links) > 100
    for page, keys in KEYS.items():
        of_page = [link for link in links if link["page"] == page]
        assert {} in [link["params"] for link in of_page], f"{page}: one link that leaves all out"
        named = {key for link in of_page for key in link["params"]}
        assert named >= set(keys) - {"guess", "measured_on"}, f"{page}: every control of then is named"


# ---- the terminal ----


def test_the_terminal_prints_the_costs_that_it_printed(capsys: pytest.CaptureFixture[str]) -> None:
    costs = recorded("cost.json")
    assert (len(costs["json"]), len(costs["text"])) == (8, 2)
    for cost in costs["json"]:
        assert main(["cost", *cost["args"], "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == near(cost["output"]), cost["args"]
    for cost in costs["text"]:
        assert main(["cost", *cost["args"]]) == 0
        assert capsys.readouterr().out == cost["output"], cost["args"]


def test_the_command_has_its_name() -> None:
    cost = recorded("cost.json")["text"][0]
    command = [sys.executable, "-m", "xception_lab", "cost", *cost["args"]]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert printed.stdout == cost["output"]


# ---- files of results ----


@pytest.mark.parametrize("name", ["timing-v1.json", "timing-v2.json"])
def test_a_timing_file_says_what_it_said(name: str) -> None:
    expected = recorded("timing-expected.json")[name]
    results = timings_of((RECORDED / name).read_bytes())
    peaks = {dtype: peak for dtype in DTYPES if (peak := results.peak(dtype))}
    found = {
        "machine": asdict(results.machine),
        "device": results.machine.device,
        "label": results.machine.label,
        "slowdown": results.slowdown,
        "timings": [
            {
                "subject": type(timing.settings.subject).__name__,
                "median_s": timing.median_s,
                "p25_s": timing.p25_s,
                "p75_s": timing.p75_s,
                "interval_s": timing.interval_s,
                "slowdown": timing.slowdown,
                "disturbed": timing.disturbed,
                "macs": timing.settings.cost().macs,
            }
            for timing in results.timings
        ],
        "peaks": {
            dtype: {
                "flops_per_s": peak.flops_per_s,
                "memory_bytes_per_s": peak.memory_bytes_per_s,
                "cache_bytes_per_s": peak.cache_bytes_per_s,
                "rates": peak.rates,
            }
            for dtype, peak in peaks.items()
        },
        "operations": [
            [type(operation.settings.subject).__name__, operation.name, operation.seconds]
            for operation in results.operations
        ],
    }
    rows = list(csv.DictReader(StringIO(expected.pop("csv"))))
    assert plain(found) == near(expected)
    # columns that came later stand beside these
    now = list(csv.DictReader(StringIO(results_to_csv(results))))
    assert [{name: row[name] for name in before} for row, before in zip(now, rows, strict=True)] == rows


@pytest.mark.parametrize("name", ["timing-v1.json", "timing-v2.json"])
def test_a_timing_file_is_written_again_as_it_was(name: str) -> None:
    before = recorded(name)
    if name == "timing-v1.json":
        assert before["version"] == 1
        assert not any("slowdown" in timing for timing in before["timings"])
        timings = [{**timing, "slowdown": None} for timing in before["timings"]]
        before = {**before, "version": 2, "timings": timings}
    assert json.loads(timings_to_json(timings_of((RECORDED / name).read_text(encoding="utf-8")))) == before


def test_an_experiments_file_says_what_it_said() -> None:
    expected = recorded("experiment-expected.json")
    stored = experiment_result((RECORDED / "experiment.json").read_text(encoding="utf-8"))
    found = {
        "machine": stored.machine,
        "spec": json.loads(stored.progress.spec.to_json()),
        "state": stored.progress.state,
        "question": stored.progress.spec.question,
        "curves": [asdict(curve) for curve in curves(stored.progress)],
        "predictions": {str(run): [len(of), int(of.sum())] for run, of in stored.predictions.items()},
    }
    statistics = expected.pop("statistics")
    rows = list(csv.DictReader(StringIO(expected.pop("csv"))))
    assert plain(found) == near(expected)
    assert_same_statistics(plain(asdict(stored.progress.effects())), statistics)
    # the columns of the validation part are new, and empty here, and so are those that say what a row is of
    new = {"validation_loss": "", "validation_accuracy": "", "experiment": "", "machine": stored.machine}
    new["dataset"] = stored.progress.spec.base.dataset
    table = records_csv(stored.progress, stored.machine)
    assert list(csv.DictReader(StringIO(table))) == [row | new for row in rows]
    effects = statistics["effects"]
    assert {effect["kind"] for effect in effects} == {"main", "simple", "interaction"}
    assert all(effect["low"] <= effect["points"] <= effect["high"] for effect in effects)


def test_an_experiments_file_is_written_again_as_it_was() -> None:
    text = (RECORDED / "experiment.json").read_text(encoding="utf-8")
    stored = experiment_result(text)
    again = json.loads(experiment_result_to_json(stored.progress, stored.machine, stored.predictions))
    before = json.loads(text)
    # compressed bytes may differ with zlib: what they hold is compared by the test above
    for run in (*again["runs"], *before["runs"]):
        assert run.pop("predictions")
    assert_same_effects(again.pop("effects"), before.pop("effects"))
    assert len(again.pop("sha256")) == 64  # new since 0.1
    assert again == near(before)


# ---- the store ----


def told(reason: str) -> dict[str, Any]:
    """A reason as text, and as a Sentence where it is one."""
    if not isinstance(reason, Message):
        return {"text": reason}
    values = {name: str(value) for name, value in reason.values.items()}
    return {"text": str(reason), "template": reason.template, "values": values}


def stored_experiment(store: Store, key: str) -> Any:
    """All that a store says of an experiment, as JSON."""
    experiment = store.experiment(key)
    progress = make_progress(experiment, IDLE_QUEUE)
    return plain(
        {
            "id": experiment.id,
            "owner": experiment.owner,
            "created": experiment.created,
            "spec": json.loads(experiment.spec.to_json()),
            "runs": [
                {
                    "id": run.id,
                    "spec": asdict(run.spec),
                    "state": run.state,
                    "reason": told(run.reason),
                    "test_pictures": run.test_pictures,
                    "records": [asdict(record) for record in run.records],
                    "checkpoint": store.checkpoint_path(run.id).exists(),
                }
                for run in experiment.runs
            ],
            "progress": {
                "state": progress.state,
                "reason": progress.reason,
                "share": progress.share,
                "interrupted": progress.interrupted,
                "time_left_s": progress.time_left_s,
                "time_left_by_run": [run.time_left_s for run in progress.runs],
            },
            "statistics": asdict(progress.effects()),
        }
    )


def assert_same_experiment(now: Any, before: Any) -> None:
    """All that a store or the terminal says of an experiment; the statistics where they stayed."""
    name = "statistics" if "statistics" in before else "effects"
    assert_same_statistics(now[name], before[name])
    rest, was = ({key: value for key, value in each.items() if key != name} for each in (now, before))
    assert without_added(rest) == near(was)


def test_a_store_holds_what_it_held(home: Path) -> None:
    expected = recorded("store-expected.json")
    store = Store()
    assert store.folder == home
    keys = [experiment["id"] for experiment in expected["experiments"]]
    assert list(store.experiments()) == keys
    assert {owner: list(store.experiments(owner)) for owner in expected["owners"]} == expected["owners"]
    for key, experiment in zip(keys, expected["experiments"], strict=True):
        assert_same_experiment(stored_experiment(store, key), experiment)
        spec = experiment_spec_from_json(json.dumps(experiment["spec"]))
        assert store.experiment(key).spec == spec
        assert [run.spec for run in store.experiment(key).runs] == list(spec.variants())
    states = {run["state"] for experiment in expected["experiments"] for run in experiment["runs"]}
    assert states == {"done", "failed", "cancelled", "running", "queued"}


@pytest.mark.usefixtures("home")
def test_the_terminal_reports_the_stored_experiment_as_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    expected = recorded("store-expected.json")["report"]
    assert main(["report", expected["json"]["id"]]) == 0
    printed, before = capsys.readouterr().out.splitlines(), expected["text"].splitlines()
    # the effects are in two tables now, the primary ones first, with other words for a verdict and for the intervals
    table = before.index("effect on test accuracy, points                             mean    95 %  verdict")
    assert printed[:table] == before[:table]
    # a name in 56 columns, a mean in 8
    effects = [line[:64] for line in before[table + 1 :] if " -> " in line]
    assert [line[:64] for line in printed if " -> " in line] == effects
    assert len(effects) == 2
    assert printed[-1] == before[-1]
    assert main(["report", expected["json"]["id"], "--json"]) == 0
    assert_same_experiment(json.loads(capsys.readouterr().out), expected["json"])


def digest(tensor: Tensor) -> list[Any]:
    """A tensor's type, shape and bits."""
    content = tensor.contiguous().numpy().tobytes()
    kind = str(tensor.dtype).removeprefix("torch.")
    return [kind, list(tensor.shape), hashlib.sha256(content).hexdigest()[:16]]


def test_a_checkpoint_holds_what_it_held(home: Path) -> None:
    expected = recorded("store-expected.json")["checkpoint"]
    content = Store().checkpoint_path(expected["run"]).read_bytes()
    assert content == (home / "checkpoints" / f"{expected['run']}.safetensors").read_bytes()
    for checkpoint in (
        checkpoint_from_bytes(content),
        checkpoint_from_bytes(checkpoint_to_bytes(checkpoint_from_bytes(content))),
    ):
        assert without_added(plain(asdict(checkpoint.spec))) == expected["spec"]
        assert without_added(plain([asdict(record) for record in checkpoint.records])) == expected["records"]
        assert {name: digest(tensor) for name, tensor in checkpoint.network.items()} == expected["network"]
        assert {name: digest(tensor) for name, tensor in checkpoint.adam.items()} == expected["adam"]
        assert checkpoint.predictions.tolist() == expected["predictions"]


@pytest.mark.usefixtures("home", "tiny")
def test_a_run_goes_on_from_its_checkpoint_as_it_went_on() -> None:
    expected = recorded("store-expected.json")["checkpoint"]
    store = Store()
    key = next(key for key in store.experiments() if expected["run"] in [run.id for run in store.experiment(key).runs])
    run = next(run for run in store.experiment(key).runs if run.id == expected["run"])
    checkpoint = checkpoint_from_bytes(store.checkpoint_path(run.id).read_bytes())
    assert checkpoint.spec == run.spec
    assert checkpoint.records == run.records
    assert store.claim(key, "a new keeper"), "the one that was killed holds it no more"
    after = next_epoch(run.spec, checkpoint)
    assert after
    first, second = after.records
    assert first == run.records[0]
    assert second.epoch == expected["second_record"]["epoch"] == 2
    assert second.learning_rate == pytest.approx(expected["second_record"]["learning_rate"], rel=1e-9)
    assert second.test_accuracy == pytest.approx(expected["second_record"]["test_accuracy"], abs=0.05)
    # recorded in float32, from which bfloat16 was seen to differ by an eighth of a percent, lost moments by a half
    tolerance = 4e-3 if has_bfloat16(training_device()) else 1e-3
    assert second.train_loss == pytest.approx(expected["second_record"]["train_loss"], rel=tolerance)
    store.record(run.id, after.records, checkpoint_to_bytes(after), len(after.predictions), last=True)
    done = next(one for one in store.experiment(key).runs if one.id == run.id)
    assert (done.state, done.records, done.test_pictures) == ("done", after.records, 40)


def test_the_users_own_data_are_what_they_were(home: Path, tmp_path: Path) -> None:
    expected = recorded("store-expected.json")["own"]
    own = load_custom(expected["dataset"])
    arrays = {name: getattr(own, name) for name in ARRAYS}
    found = {
        "dataset": expected["dataset"],
        "name": own.name,
        "classes": own.classes,
        "source": own.source,
        "kind": own.kind,
        "notes": [told(note) for note in own.notes],
        "arrays": {
            name: {
                "dtype": str(array.dtype),
                "shape": array.shape,
                "sum": int(array.sum()),
                "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
            }
            for name, array in arrays.items()
        },
    }
    assert plain(found) == expected
    bases = [Store(home).experiment(key).spec.base.dataset for key in Store(home).experiments()]
    assert bases == [expected["dataset"], "tiny"]
    # the name in a link is a digest of the content: the same upload gets it again
    assert save_dataset(own, tmp_path / "another") == expected["dataset"]


def test_a_machines_best_pace_is_remembered(home: Path) -> None:
    before = (home / "pace.json").read_bytes()
    known = recorded("store-expected.json")["pace"]
    assert len(known) == 3
    for one in known:
        machine = Machine(**one["machine"])
        assert load_best_s(machine) == one["best_s"]
        save_best_s(machine, 2 * one["best_s"])
    assert (home / "pace.json").read_bytes() == before
    machine = Machine(**known[0]["machine"])
    save_best_s(machine, known[0]["best_s"] / 2)
    assert json.loads((home / "pace.json").read_bytes()) == {
        **json.loads(before),
        machine.label: known[0]["best_s"] / 2,
    }
