"""What is taken away works elsewhere: ONNX in onnxruntime, weights in a fresh network, a report without a network."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load
from weights import randomised

from xception_lab import XceptionSpec, build_xception, export
from xception_lab.code import network_code
from xception_lab.export import MissingPackageError, to_onnx, to_safetensors
from xception_lab.network import NetworkSpec, changes, take_apart
from xception_lab.network_report import ReportWords, network_report

SMALL = XceptionSpec(
    num_classes=5, stem_channels=(4, 8), entry_channels=(8, 12), middle_blocks=1, middle_channels=12,
    exit_channels=(16, 20, 24),
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({}, 71), ({"same_pooling": False, "residual": False}, 40), ({"convolution": "standard"}, 32),
        ({"order": "pointwise-first", "segments": 4, "intermediate": "elu", "small_stem": True}, 24),
    ],
)  # fmt: skip
def test_onnx_gives_the_outputs_that_torch_gives(monkeypatch: pytest.MonkeyPatch, change: Any, size: int) -> None:
    spec = replace(SMALL, **change)
    # initial weights leave logits near zero; these do not
    network = randomised(build_xception(spec), 3).float()
    monkeypatch.setattr(export, "_built", lambda *_: network)
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
    monkeypatch.setattr("xception_lab.xception.build_xception", lambda _: pytest.fail("built"))
    with pytest.raises(ValueError, match=r"weight_bytes=716,286,752: must be at most 250,000,000"):
        write(XceptionSpec(convolution="standard"), 299)


def test_without_onnx_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match="pip install onnx"):
        to_onnx(SMALL, 71)


# The report

SPEC = NetworkSpec(width_percent=50, middle_blocks=2)
HOSTILE = "</title><script src='https://example.org/x.js'></script><img src=https://example.org/y.png>"


def report(title: str = "Title") -> str:
    """The report of a network, its words being themselves."""
    network = take_apart(SPEC.xception, SPEC.size)
    names = dict.fromkeys(
        ("params", "macs", "weight_bytes", "activation_bytes", "moved_bytes", "standard", "spatial", "depthwise",
         "pointwise", "shortcut", "linear", "other"), "name",
    )  # fmt: skip
    words = ReportWords("en", title, *("word",) * 12, names=names)
    rows = [(change, "ratio") for change in changes(network, take_apart(XceptionSpec(), 299))]
    return network_report(network, rows, {"middle_blocks": "2"}, network_code(network.spec, 299, 299), words)


class _Page(HTMLParser):
    """What a page links to, its cells and whether its tags close."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "data", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_the_report_holds_every_layer_and_no_link() -> None:
    page = _Page(report())
    network = take_apart(SPEC.xception, SPEC.size)
    assert page.links == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 2
    for layer in network.layers:
        assert f" {layer.cost.name} " in page.text
        assert f"{layer.cost.macs:,}" in page.text
    assert f"{network.cost.params:,}" in page.text
    assert "nn.BatchNorm2d" in page.text


def test_the_bars_of_the_report_are_as_long_as_what_they_stand_for() -> None:
    network = take_apart(SPEC.xception, SPEC.size)
    drawn = re.findall(r"<svg.*?</svg>", report())[0]
    widths = {kind: float(width) for kind, width in re.findall(r'class="(\w+)" x="90.00".*?width="([\d.]+)"', drawn)}
    assert widths, "no bar begins at the axis"
    rows = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="(\d+)" width="([\d.]+)"', drawn)
    lengths = [sum(float(width) for _, y, width in rows if y == at) for at in dict.fromkeys(y for _, y, _ in rows)]
    macs = [stage.totals["macs"] for stage in network.stages]
    assert max(lengths) == pytest.approx(620, abs=0.1)
    assert lengths == pytest.approx([620 * each / max(macs) for each in macs], abs=0.1)


def test_a_text_cannot_break_out_of_the_report() -> None:
    page = _Page(report(HOSTILE))
    assert page.links == []
    assert "script" not in page.tags
    assert "default-src 'none'" in report(HOSTILE)
