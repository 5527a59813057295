"""What is taken away works elsewhere: ONNX in onnxruntime, weights in a fresh network, a report without a network."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load
from weights import randomised

from xception_lab import XceptionSpec, build_xception
from xception_lab.nn import export
from xception_lab.nn.export import MissingPackageError, to_onnx, to_safetensors

SMALL = XceptionSpec(
    num_classes=5,
    stem_channels=(4, 8),
    entry_channels=(8, 12),
    middle_blocks=1,
    middle_channels=12,
    exit_channels=(16, 20, 24),
)


@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({}, 71),
        ({"same_pooling": False, "residual": False}, 40),
        ({"convolution": "standard"}, 32),
        ({"order": "pointwise-first", "segments": 4, "intermediate": "elu", "small_stem": True}, 24),
    ],
)
def test_onnx_gives_the_outputs_that_torch_gives(monkeypatch: pytest.MonkeyPatch, change: Any, size: int) -> None:
    spec = replace(SMALL, **change)
    # initial weights leave logits near zero; these do not
    network = randomised(build_xception(spec), 3).float()
    monkeypatch.setattr(export, "_initial_network", lambda *_: network)
    session = onnxruntime.InferenceSession(to_onnx(spec, size), providers=["CPUExecutionProvider"])
    for pictures in (1, 3):
        x = torch.randn(pictures, 3, size, size, generator=torch.Generator().manual_seed(pictures))
        (logits,) = session.run(["logits"], {"input": x.numpy()})
        with torch.inference_mode():
            expected = network.eval()(x).numpy()
        assert np.abs(expected).max() > 0.05
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4)


def test_an_onnx_file_says_what_it_is() -> None:
    session = onnxruntime.InferenceSession(to_onnx(SMALL, 71), providers=["CPUExecutionProvider"])
    told = session.get_modelmeta().custom_metadata_map
    assert (told["weights"], told["size"]) == ("initial, seed 0", "71")
    assert json.loads(told["spec"])["entry_channels"] == [8, 12]
    assert session.get_inputs()[0].shape == ["N", 3, 71, 71]


def test_safetensors_load_into_a_fresh_network(tmp_path: Any) -> None:
    content = to_safetensors(SMALL, 71, seed=7)
    fresh = build_xception(SMALL)
    fresh.load_state_dict(load(content), strict=True)
    torch.manual_seed(7)
    for name, tensor in build_xception(SMALL).state_dict().items():
        torch.testing.assert_close(fresh.state_dict()[name], tensor, rtol=0, atol=0)
    (tmp_path / "x.safetensors").write_bytes(content)
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert file.metadata()["weights"] == "initial, seed 7"


def test_exporting_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    to_safetensors(SMALL, 71)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("write", [to_onnx, to_safetensors])
def test_a_network_too_large_to_export_is_refused_before_it_is_built(
    monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    monkeypatch.setattr("xception_lab.nn.xception.build_xception", lambda _: pytest.fail("built"))
    with pytest.raises(ValueError, match=r"weight_bytes=716,286,752: must be at most 250,000,000"):
        write(XceptionSpec(convolution="standard"), 299)


def test_without_onnx_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match="pip install onnx"):
        to_onnx(SMALL, 71)
