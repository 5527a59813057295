"""The training script runs by itself, on the experiment's data, and trains the experiment's network by its recipe."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny_data import TINY, tiny_dataset
from torch import nn

from xception_lab import build_xception
from xception_lab.data.dataset import Dataset
from xception_lab.spec import TrainSpec
from xception_lab.training.artifacts import data_file, weights_file
from xception_lab.training.loop import train
from xception_lab.training.recipe import learning_rate
from xception_lab.training.script import training_script
from xception_lab.training.state import BETAS, EPS, make_train_state
from xception_lab.training.tensors import load_pictures

VARIANTS = [
    TINY,
    replace(TINY, train_size=40, seed=3, xception=replace(TINY.xception, order="pointwise-first", intermediate="relu")),
    replace(TINY, xception=replace(TINY.xception, residual=False, intermediate="elu", dropout=0.2, same_pooling=False)),
]


def _run(
    spec: TrainSpec, folder: Path, monkeypatch: pytest.MonkeyPatch, dataset: Dataset | None = None
) -> dict[str, Any]:
    """The names that the script leaves, from a namespace that knows nothing of us. dataset: None for the tiny one."""
    dataset = dataset or tiny_dataset("tiny")
    (folder / "data.npz").write_bytes(data_file(dataset))
    script = training_script(spec, dataset)
    assert "xception_lab" not in script
    assert all(line == line.rstrip() for line in script.splitlines())
    monkeypatch.setattr(sys, "argv", ["train.py", str(folder / "data.npz")])
    names: dict[str, Any] = {"__name__": "script"}
    with torch.random.fork_rng():
        exec(compile(script, "train.py", "exec"), names)
    return names


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("spec", VARIANTS)
def test_it_trains_this_network_by_this_recipe(
    spec: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = _run(spec, tmp_path, monkeypatch)
    lines = capsys.readouterr().out.splitlines()
    # the tiny data have no validation pictures, see test_it_validates_each_epoch_and_tests_once
    assert [line.rsplit(" ", 1)[0] for line in lines] == ["test accuracy"]
    ours, theirs = build_xception(replace(spec.xception, in_channels=1, num_classes=2)), names["model"]
    shapes = [[tuple(p.shape) for p in network.parameters()] for network in (ours, theirs)]
    assert shapes[0] == shapes[1]
    pictures = load_pictures("tiny", spec.train_size, torch.device("cpu"))
    state = make_train_state(spec, pictures, None)
    momenta = [
        {m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)} for network in (state.network, theirs)
    ]
    assert momenta[0] == momenta[1]
    assert len(names["train"]) == len(pictures.train)
    if spec.train_size is None:
        torch.testing.assert_close((names["mean"], names["std"]), (pictures.mean, pictures.std))
        torch.testing.assert_close(
            names["normalised"](pictures.test[:3]), pictures.normalised(pictures.test[:3]), rtol=1e-5, atol=1e-5
        )
    steps = names["steps"]
    assert [names["learning_rate"](n) for n in range(steps)] == [learning_rate(spec, n, steps) for n in range(steps)]
    settings = names["optimizer"].param_groups[0]
    assert [settings[key] for key in ("weight_decay", "betas", "eps")] == [state.weight_decay, BETAS, EPS]


@pytest.mark.usefixtures("tiny")
def test_it_validates_each_epoch_and_tests_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = tiny_dataset("tiny")
    split = replace(tiny, validation_images=tiny.test_images[:20], validation_labels=tiny.test_labels[:20])
    names = _run(TINY, tmp_path, monkeypatch, split)
    lines = capsys.readouterr().out.splitlines()
    words = ["epoch 1: validation accuracy", "epoch 2: validation accuracy", "test accuracy"]
    assert [line.rsplit(" ", 1)[0] for line in lines] == words
    found = {part: names["accuracy"](names[part], names[f"{part}_labels"]) for part in ("validation", "test")}
    logits = names["model"](names["normalised"](names["test"]))
    assert found["test"] == (logits.argmax(1) == names["test_labels"]).double().mean().item() == float(lines[-1][-6:])
    assert found["validation"] == pytest.approx(float(lines[-2][-6:]), abs=1e-4)


def test_it_runs_from_a_terminal_and_learns(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(data_file(tiny_dataset("tiny")))
    (tmp_path / "train.py").write_text(training_script(replace(TINY, epochs=6), tiny_dataset("tiny")), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "train.py", "data.npz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr == ""
    assert float(ran.stdout.split()[-1]) > 0.7


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("spec", VARIANTS)
def test_a_runs_weights_load_into_its_script(
    spec: TrainSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint"
    *_, record = train(spec, checkpoint_path=path)
    content = weights_file(path.read_bytes())
    (tmp_path / "run.safetensors").write_bytes(content)
    dataset = tiny_dataset("tiny")
    (tmp_path / "data.npz").write_bytes(data_file(dataset))
    monkeypatch.setattr(sys, "argv", ["train.py", str(tmp_path / "data.npz"), str(tmp_path / "run.safetensors")])
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(training_script(spec, dataset), "train.py", "exec"), names)
    stored = safetensors.torch.load(content)
    expected = build_xception(replace(spec.xception, in_channels=1, num_classes=2)).state_dict()
    for (key, _), tensor in zip(expected.items(), names["model"].state_dict().values(), strict=True):
        assert torch.equal(stored[key], tensor), key
    # nothing is trained, and it gets the run's own accuracy where its pictures are normalised alike
    (line,) = capsys.readouterr().out.splitlines()
    if spec.train_size is None:
        assert float(line.split()[-1]) == pytest.approx(record.test_accuracy, abs=0.03)
