"""Weight files: what is read, what is refused in one sentence, and that nothing in a file is ever run."""

import io
import json
import pickle
import random
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from weights import network_by_hand, randomised

from xception_lab import TrainSpec, XceptionSpec, build_xception
from xception_lab.data.catalogue import load_dataset
from xception_lab.features.image_models import (
    UnavailableError,
    load_file,
    load_lite0,
    load_shipped,
    load_timm,
    run_model,
    trained_maps,
)
from xception_lab.features.layer_names import SHIPPED_VARIANTS, TRAINED_ON
from xception_lab.features.sample_pictures import sample_picture
from xception_lab.features.weight_files import KERAS, TIMM, LoadedNetwork, load_into, network_of_file, read_weights
from xception_lab.spec import KINDS, SMALL_XCEPTION
from xception_lab.training.artifacts import weights_file
from xception_lab.training.checkpoint import Checkpoint, checkpoint_to_bytes
from xception_lab.training.records import train_spec_to_json

RUN = TrainSpec(replace(SMALL_XCEPTION, intermediate="relu"), "fashion-mnist")
SHELL = "touch {mark}"


def _state() -> dict[str, Tensor]:
    return randomised(build_xception(RUN.xception), 0).float().state_dict()


def _safe(tensors: dict[str, Tensor] | None = None, meta: dict[str, str] | None = None) -> bytes:
    made = {"spec": train_spec_to_json(RUN)} if meta is None else meta
    return safetensors.torch.save({k: v.contiguous() for k, v in (tensors or _state()).items()}, made)


def _torch(value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


STATE = _state()
GOOD = _safe(STATE)


# What is read


def test_a_runs_file_gives_its_network() -> None:
    loaded = network_of_file("run.safetensors", read_weights("run.safetensors", GOOD))
    network, spec = loaded.network, loaded.spec
    assert loaded.rules == ()
    assert spec == RUN.xception
    assert not network.training
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, STATE[key]), key


def test_a_checkpoint_of_the_lab_is_a_weight_file() -> None:
    made = checkpoint_to_bytes(Checkpoint(RUN, (), STATE, {"exp_avg.conv1.weight": torch.zeros(3)}, torch.zeros(4)))
    model = load_file("7.safetensors", made, keras=False)
    assert model.run == RUN
    assert model.side == 28
    found = run_model(model, sample_picture("boot", 64))
    assert sum(share for _, share in found.top_classes) <= 1.0001
    assert list(found.maps) == list(model.layers)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [None, "state_dict"])
def test_a_state_dict_of_the_papers_network_is_read(legacy: bool, prefix: str, wrapped: str | None) -> None:
    spec = replace(
        TIMM, stem_channels=(4, 4), entry_channels=(4, 8), middle_blocks=1, middle_channels=8, exit_channels=(8, 8, 8)
    )
    state = randomised(build_xception(spec), 1).float().state_dict()
    named: Any = {f"{prefix}{key}": tensor for key, tensor in state.items()}
    content = _torch({wrapped: named, "epoch": 3} if wrapped else named, _use_new_zipfile_serialization=not legacy)
    network = network_of_file("x.pth", read_weights("x.pth", content), spec).network
    assert torch.equal(network.state_dict()["conv4.pointwise.weight"], state["conv4.pointwise.weight"])


NARROW = replace(
    TIMM, stem_channels=(4, 4), entry_channels=(4, 8), middle_blocks=1, middle_channels=8, exit_channels=(8, 8, 8)
)
NARROW_STATE = randomised(build_xception(NARROW), 1).float().state_dict()
TRUNK = {key: tensor for key, tensor in NARROW_STATE.items() if not key.startswith("fc.")}


def _narrow(tensors: dict[str, Tensor], **beside: Any) -> LoadedNetwork:
    content = _torch(tensors if not beside else {**beside, **tensors})
    return network_of_file("x.pth", read_weights("x.pth", content), NARROW)


def _headed(name: str, classes: int = 1000, prefix: str = "") -> dict[str, Tensor]:
    head = {f"{name}.weight": torch.ones(classes, 8), f"{name}.bias": torch.zeros(classes)}
    return {**{f"{prefix}{key}": tensor for key, tensor in TRUNK.items()}, **head}


# what people's files have otherwise, and the sentence that says how it was read
TOLERATED: dict[str, tuple[dict[str, Any], str]] = {
    "two sides": (
        {key: t.flatten(1) if key.endswith("pointwise.weight") else t for key, t in NARROW_STATE.items()},
        "11 tensors got sides of 1 that the file leaves out or adds, the first is 'block1.rep.0.pointwise.weight'",
    ),
    "last_linear": (_headed("last_linear"), "The last layer is taken from 'last_linear'"),
    "model_state_dict": (
        {"model_state_dict": NARROW_STATE, "epoch": 3, "loss": 0.25},
        "The tensors are taken from 'model_state_dict' in the file",
    ),
    "net": ({"net": NARROW_STATE, "acc": 93.5}, "The tensors are taken from 'net' in the file"),
    "compiled": (
        {f"_orig_mod.{key}": tensor for key, tensor in NARROW_STATE.items()},
        "The prefix '_orig_mod.' of the keys is left out",
    ),
    "backbone": (_headed("fc", prefix="backbone."), "The prefix 'backbone.' of the keys is left out"),
}


@pytest.mark.parametrize(("tensors", "rule"), TOLERATED.values(), ids=TOLERATED)
def test_what_is_plainly_the_same_network_is_read_and_the_rule_is_said(tensors: dict[str, Any], rule: str) -> None:
    loaded = _narrow(tensors)
    assert loaded.rules == (rule,)
    assert loaded.num_classes == 1000
    for key, tensor in TRUNK.items():
        assert torch.equal(loaded.network.state_dict()[key], tensor), key


def test_several_rules_are_each_said() -> None:
    wrapped = {f"_orig_mod.module.{key}": tensor for key, tensor in _headed("last_linear").items()}
    loaded = _narrow({"state_dict": wrapped, "epoch": 1})
    assert [rule.split(" ")[1] for rule in loaded.rules] == ["tensors", "prefix", "prefix", "last"]


@pytest.mark.parametrize(
    ("tensors", "classes", "rules"),
    [
        (TRUNK, 0, ["There is no last layer: maps are shown, without a prediction"]),
        (
            _headed("classifier", 7),
            7,
            [
                "The last layer is taken from 'classifier'",
                "The last layer has 7 classes whose names the file does not say: maps are shown, without a prediction",
            ],
        ),
        (
            {**TRUNK, "head.0.weight": torch.zeros(5, 8), "head.2.weight": torch.zeros(3, 5)},
            0,
            [
                "'head.0.weight' and what belongs to it is left out: no layer of this network",
                "There is no last layer: maps are shown, without a prediction",
            ],
        ),
    ],
    ids=["none", "another-size", "another-kind"],
)
def test_another_last_layer_or_none_gives_maps_without_a_prediction(
    tensors: dict[str, Tensor], classes: int, rules: list[str]
) -> None:
    loaded = _narrow(tensors)
    assert (loaded.num_classes, list(loaded.rules)) == (classes, rules)
    with torch.inference_mode():
        x = torch.randn(1, 3, 32, 32)
        features = loaded.network.forward_features(x)  # type: ignore[operator]
        model = build_xception(NARROW).eval()
        model.load_state_dict(NARROW_STATE)
        assert torch.equal(features, model.forward_features(x))


def test_a_file_of_the_papers_network_without_its_last_layer_has_no_classes() -> None:
    state = {key: tensor for key, tensor in build_xception(TIMM).state_dict().items() if not key.startswith("fc.")}
    model = load_file("notop.safetensors", safetensors.torch.save(state), keras=False)
    assert (model.classes, len(model.rules)) == ((), 1)
    assert run_model(model, sample_picture("boot", 64)).top_classes == ()


@pytest.mark.parametrize(("blocks", "name"), [(13, "xception41"), (21, "xception65"), (23, "xception71")])
def test_an_aligned_xception_is_named_and_the_networks_that_fit_are_said(blocks: int, name: str) -> None:
    """Their blocks by timm 1.0: an entry of 3 or 5, 8 or 16 in the middle, 2 at the exit."""
    keys = [f"blocks.{number}.stack.conv1.conv_dw.weight" for number in range(blocks)]
    content = _torch({"stem.0.conv.weight": torch.zeros(32, 3, 3, 3), **{key: torch.zeros(3) for key in keys}})
    with pytest.raises(ValueError, match=rf"^'x\.pth': holds {name}, DeepLab's Aligned Xception, .* legacy_xception"):
        load_file("x.pth", content, keras=False)


def test_a_run_of_the_lab_must_be_as_it_says() -> None:
    renamed = {key.replace("fc.", "last_linear."): tensor for key, tensor in STATE.items()}
    with pytest.raises(ValueError, match=r"lacks 'fc\.weight'"):
        load_file("x.safetensors", _safe(renamed), keras=False)


def test_old_files_without_counters_are_read() -> None:
    kept = {key: tensor for key, tensor in STATE.items() if not key.endswith("num_batches_tracked")}
    assert network_of_file("x", read_weights("x", _safe(kept))).spec == RUN.xception


@pytest.mark.parametrize(("spec", "eps", "same"), [(KERAS, 1e-3, True), (TIMM, 1e-5, False)])
def test_both_semantics_of_the_papers_network(spec: XceptionSpec, eps: float, same: bool) -> None:
    assert (spec.batch_norm_eps, spec.same_pooling) == (eps, same)
    network = randomised(build_xception(spec), 2)
    state = network.state_dict()
    assert len(state) == 276
    # at 74 pixels the pooling meets even sizes, where the two differ
    x = torch.randn(1, 3, 74, 74, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = network(x)
        torch.testing.assert_close(ours, network_by_hand(spec, state, x))
        other = TIMM if spec == KERAS else KERAS
        assert not torch.allclose(ours, network_by_hand(other, state, x), rtol=1e-3)


@pytest.mark.parametrize("dataset", TRAINED_ON)
@pytest.mark.parametrize("variant", SHIPPED_VARIANTS)
def test_the_shipped_networks_reach_their_accuracy(dataset: str, variant: str) -> None:
    from xception_lab.data.catalogue import load_dataset

    model, data = load_shipped(dataset, variant), load_dataset(dataset)
    assert model.spec is not None
    assert model.run is not None
    assert model.spec.intermediate == model.run.xception.intermediate
    chosen = np.arange(0, len(data.test_labels), len(data.test_labels) // 150)
    pictures = torch.cat([model.input(np.broadcast_to(p, (*p.shape[:2], 3))) for p in data.test_images[chosen]])
    with torch.inference_mode():
        right = model.network(pictures).argmax(1).numpy() == data.test_labels[chosen]
    # a sample of 150: four standard errors
    assert model.accuracy is not None
    assert abs(right.mean() - model.accuracy) < 4 * (0.25 / len(chosen)) ** 0.5
    assert model.classes == data.classes


def test_trained_blocks_come_from_their_own_networks() -> None:
    for between in ("none", "relu"):
        blocks = trained_maps(sample_picture("coffee", 64), "emoji", between)
        assert [block.kind for block in blocks] == list(KINDS)
        assert [step.step for step in blocks[1].steps] == ["input", "first", "between", "second", "after"]
        assert (blocks[2].step("between") is None) == (between == "none")
    with pytest.raises(ValueError, match="dataset='mnist'"):
        load_shipped("mnist", "none")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UnavailableError, match="pip install efficientnet-lite-pytorch"):
        load_lite0()
    with pytest.raises(UnavailableError, match="pip install timm"):
        load_timm(keras=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (URLError("no route"), "come over the internet, which this server could not reach"),
        (ConnectionError(), "come over the internet"),
        (RuntimeError("<b>"), "could not give the weights: RuntimeError"),
    ],
)
def test_a_failing_timm_download_is_a_sentence(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, pretrained: bool) -> Any:
        assert (name, pretrained) == ("legacy_xception.tf_in1k", True)
        raise error

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    with pytest.raises(UnavailableError, match=said):
        load_timm(keras=False)


# What is refused


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, (SHELL.format(mark=self.mark),)


class EvilCode(Evil):
    """The same by another way."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"open({str(self.mark)!r}, 'w').close()",)


def _packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def _header(text: str, size: int | None = None, rest: bytes = b"") -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw) if size is None else size) + raw + rest


def _run_with(**fields: Any) -> dict[str, str]:
    spec = json.loads(train_spec_to_json(RUN))
    spec["xception"] |= fields
    return {"spec": json.dumps(spec)}


def _changed(key: str, tensor: Tensor) -> bytes:
    return _safe({**STATE, key: tensor})


def _hostile(mark: Path) -> dict[str, bytes]:
    """Named files, none of which may be used."""
    zipped = _torch(STATE)
    legacy = _torch(STATE, _use_new_zipfile_serialization=False)
    files: dict[str, bytes] = {
        "empty": b"",
        "a byte": b"\x80",
        "text": b"hello",
        "html": b"<html><script>alert(1)</script>",
        "png": b"\x89PNG\r\n\x1a\n" + bytes(99),
        "elf": b"\x7fELF" + bytes(500),
        "zeros": bytes(4096),
        "ones": b"\xff" * 4096,
        "json": b"{}",
        "a long json": b'{"a":' * 50_000,
        "pickle of a list": pickle.dumps([1, 2]),
        "pickle of a dict": pickle.dumps({"a": 1}),
        "pickle that runs": pickle.dumps(Evil(mark)),
        "pickle that evaluates": pickle.dumps(EvilCode(mark)),
        "pickle in a dict": pickle.dumps({"conv1.weight": Evil(mark)}),
        "torch that runs": _torch({"conv1.weight": Evil(mark)}),
        "torch that evaluates": _torch(EvilCode(mark)),
        "old torch that runs": _torch({"a": Evil(mark)}, _use_new_zipfile_serialization=False),
        "a whole module": _torch(build_xception(RUN.xception)),
        "a list of tensors": _torch([torch.zeros(3)]),
        "a tensor": _torch(torch.zeros(3)),
        "a number": _torch(3),
        "numbers by name": _torch({"conv1.weight": 3.0}),
        "numbered tensors": _torch({0: torch.zeros(3)}),
        "nothing": _torch({}),
        "deep": _torch({"state_dict": {}}),
        "a stretched tensor": _torch({"conv1.weight": torch.zeros(1).expand(10**6, 10**6)}),
        "a sparse tensor": _torch({"conv1.weight": torch.eye(3).to_sparse()}),
        "a complex tensor": _torch({"conv1.weight": torch.zeros(3, dtype=torch.complex64)}),
        "too many tensors": _torch({str(n): torch.zeros(1) for n in range(4_001)}),
        "a packed zip": _packed({"archive/data.pkl": pickle.dumps(Evil(mark))}),
        "a bomb": _packed({"archive/data.pkl": bytes(50_000_000)}),
        "a zip of text": _packed({"a.txt": b"a"}, zipfile.ZIP_STORED),
        "an evil pickle in a zip": _packed({"archive/data.pkl": pickle.dumps(Evil(mark))}, zipfile.ZIP_STORED),
        "a zip that climbs": _packed({"../../data.pkl": b"a"}, zipfile.ZIP_STORED),
        "a broken zip": b"PK\x03\x04" + bytes(60),
        "half a zip": zipped[: len(zipped) // 2],
        "a header without end": _header("{", 2**62),
        "a long header": _header("{" + " " * 100, 10**7),
        "a header of nothing": _header("{}"),
        "a nested header": _header("{" + '"a":{' * 100_000),
        "offsets past the end": _header('{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'),
        "offsets that lie": _header('{"a":{"dtype":"F32","shape":[9],"data_offsets":[8,4]}}', rest=bytes(36)),
        "a huge shape": _header('{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,4]}}', rest=bytes(4)),
        "a negative shape": _header('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', rest=bytes(4)),
        "an unknown type": _header('{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}', rest=bytes(4)),
        "no weights": _safe({"a": torch.zeros(3)}),
        "another network": _safe(STATE, {}),
        "one key less": _safe({k: v for k, v in STATE.items() if k != "conv1.weight"}),
        "one key more": _changed("evil", torch.zeros(3)),
        "another shape": _changed("conv2.weight", torch.zeros(1, 2, 3, 3)),
        "a flat first weight": _changed("conv1.weight", torch.zeros(9)),
        "an empty first weight": _changed("conv1.weight", torch.zeros(8, 0, 3, 3)),
        "an empty last weight": _changed("fc.weight", torch.zeros(0, 160)),
        "nan": _changed("bn1.weight", torch.full((8,), float("nan"))),
        "infinity": _changed("bn1.bias", torch.full((8,), float("inf"))),
        "a run of a million blocks": _safe(STATE, _run_with(middle_blocks=10**6)),
        "a run a million wide": _safe(STATE, _run_with(middle_channels=10**6, entry_channels=[32, 10**6])),
        "a run with another order": _safe(STATE, _run_with(order="pointwise-first")),
        "a run that is no run": _safe(STATE, {"spec": "[" * 50_000}),
        "a run of nothing": _safe(STATE, {"spec": "{}"}),
        "a run of text": _safe(STATE, {"spec": "evil()"}),
        "a run with an evil field": _safe(STATE, {"spec": json.dumps({"xception": {"__class__": 1}})}),
        "a run on other data": _safe(STATE, {"spec": train_spec_to_json(replace(RUN, dataset="../../etc/passwd"))}),
    }
    dice = random.Random(20170407)
    for name, whole in (("safetensors", GOOD), ("torch", zipped), ("old torch", legacy)):
        for at in (dice.randrange(len(whole)) for _ in range(16)):
            files[f"{name} cut at {at}"] = whole[:at]
        for number in range(32):
            damaged = bytearray(whole)
            # the header and the pickle, where structure is
            for _ in range(dice.randrange(1, 40)):
                damaged[dice.randrange(min(len(whole), 6_000))] = dice.randrange(256)
            files[f"{name} damaged {number}"] = bytes(damaged)
    return files


def test_200_hostile_files_are_each_refused_in_one_sentence(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    files = _hostile(mark)
    assert len(files) >= 200
    used: list[str] = []
    for name, content in files.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                load_file(f"{name}.bin", content, keras=False)
            except ValueError as error:
                said = str(error)
                assert said, name
                assert "\n" not in said, name
                assert len(said) < 400, name
            else:
                used.append(name)
        assert not mark.exists(), name
    # flipped bytes of the numbers themselves still give finite numbers
    assert all("damaged" in name for name in used), used
    assert len(used) < 8


def test_the_evil_files_would_run_if_they_were_unpickled(tmp_path: Path) -> None:
    for kind in (Evil, EvilCode):
        mark = tmp_path / kind.__name__
        pickle.loads(pickle.dumps(kind(mark)))
        assert mark.exists()


@pytest.mark.parametrize("make", [lambda: bytes(201 * 2**20), lambda: b"{" * (201 * 2**20)])
def test_a_file_past_the_limit_is_not_read(make: Callable[[], bytes]) -> None:
    with pytest.raises(ValueError, match="at most 200 MiB"):
        read_weights("big.pth", make())


def test_memory_is_allocated_only_after_all_checks() -> None:
    with torch.device("meta"):
        network = build_xception(XceptionSpec())
    with pytest.raises(ValueError, match=r"276 keys, lacks 'conv1\.weight'"):
        load_into("x", network, {"a": torch.zeros(1)})
    assert all(parameter.is_meta for parameter in network.parameters())


def test_the_weights_that_a_run_hands_out_say_which_network_they_are() -> None:
    # the spec of a run has the default's channels and classes, its network those of the data
    run = TrainSpec(SMALL_XCEPTION, "emoji", epochs=1)
    data = load_dataset("emoji")
    shape = (data.train_images.shape[3], len(data.classes))
    assert shape != (SMALL_XCEPTION.in_channels, SMALL_XCEPTION.num_classes)
    network = randomised(build_xception(replace(SMALL_XCEPTION, in_channels=shape[0], num_classes=shape[1])), 0).float()
    checkpoint = checkpoint_to_bytes(Checkpoint(run, (), network.state_dict(), {}, torch.zeros(4, dtype=torch.int64)))
    content = weights_file(checkpoint)
    loaded = network_of_file("run-1.safetensors", read_weights("run-1.safetensors", content))
    assert (loaded.spec.in_channels, loaded.spec.num_classes) == shape
    for key, tensor in network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[key], tensor), key
    model = load_file("run-1.safetensors", content, keras=False)
    assert model.run
    assert (model.run.dataset, model.run.xception.in_channels, model.run.xception.num_classes) == ("emoji", *shape)
