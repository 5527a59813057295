"""The Network page without a browser: every control, both languages, hostile links, no torch at first sight."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import HOSTILE_VALUES, last_of_each, parameters, queries
from hypothesis import given
from hypothesis import strategies as st
from states import NETWORK_KEYS, network_spec
from strategies import examples
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest
from visits import ROOT, opened, ran

from xception_lab import XceptionSpec, network_cost
from xception_lab.arch.breakdown import break_down
from xception_lab.common.units import format_bytes, format_count
from xception_lab.drawing.network_cards import network_cards
from xception_lab.ui.fields.network import FIXED_VIEWS, NETWORK_VIEW, STAGE
from xception_lab.ui.fields.registry import FIELDS, fit_texts, options_of
from xception_lab.ui.network.presets import NETWORK_PRESETS
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import read_parameters
from xception_lab.ui.shell.language import catalog
from xception_lab.ui.shell.names import percent

PAGE = "pages/network.py"
MORE = ("convolution", "network_order", "network_intermediate", "residual", "small_stem", "num_classes")
SLIDERS = ("input_size", "width_percent", "middle_blocks", "network_segments")


@pytest.fixture(autouse=True, scope="module")
def _only_our_components() -> Iterator[None]:
    """Each AppTest would search all installed packages for components, which takes longer than a page does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield


_open = partial(opened, PAGE)


def _drawn(at: AppTest, key: str) -> dict[str, Any]:
    (component,) = [element for element in at.get("bidi_component") if element.key == key]
    return json.loads(component.proto.json)


def _values(at: AppTest) -> dict[str, str]:
    return {key: at.session_state["_values"][key] for key in NETWORK_KEYS}


def _check(at: AppTest) -> None:
    """The page shows the engine's figures for the values that its controls and its address hold."""
    values = _values(at)
    assert read_parameters(values, NETWORK_KEYS)[1] == (), "a control stands on a value it does not offer"
    written = _drawn(at, "page")["values"]
    defaults = {key: FIELDS[key].default for key in NETWORK_KEYS}
    assert defaults | {key: value for key, value in written.items() if key != "lang"} == values
    if values["network_view"] in FIXED_VIEWS:
        return
    spec = network_spec(values)
    cost = network_cost(spec.xception, spec.size, spec.size)
    figures = {figure["measure"]: figure for figure in _drawn(at, "anatomy")["figures"]}
    shown = {name: figure["value"] for name, figure in figures.items()}
    expected = {
        "macs": format_count(cost.macs),
        "params": format_count(cost.params),
        "activation_bytes": format_bytes(cost.activation_bytes),
    }
    assert shown == expected
    # what goes along for the next key press is what the page would then show
    for key, steps in _drawn(at, "anatomy")["ahead"].items():
        for option, ahead in steps.items():
            there = network_spec(read_parameters(values | {key: option}, NETWORK_KEYS)[0])
            macs = network_cost(there.xception, there.size, there.size).macs
            assert ahead[0]["value"] == format_count(macs)
    for figure in figures.values():
        assert sum(part["percent"] for part in figure["parts"]) == pytest.approx(100, abs=0.01)


def test_the_page_opens_on_the_papers_network() -> None:
    at = _open()
    _check(at)
    assert not at.info
    assert "**93.4%**" in at.markdown[0].value
    assert "**1.6%**" in at.markdown[0].value
    assert [figure["value"] for figure in _drawn(at, "anatomy")["figures"]] == ["8.36 G", "22.9 M", "310 MB"]
    drawn = _drawn(at, "architecture")
    assert [card["key"] for card in drawn["cards"]] == list(STAGE.texts)
    assert [flow["key"] for flow in drawn["flows"]] == ["entry", "middle", "exit"]
    assert [card["in_shape"] for card in drawn["cards"]][:3] == ["3×299×299", "64×147×147", "128×74×74"]


def test_the_first_paint_needs_no_torch() -> None:
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
for view in {NETWORK_VIEW.texts!r}:
    at = AppTest.from_file("app.py", default_timeout=60)
    at.switch_page({PAGE!r})
    at.query_params["network_view"] = view
    at.run()
    print(view, len(at.exception), sorted({{"torch", "scipy", "onnx"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [f"{view} 0 []" for view in NETWORK_VIEW.texts], run.stderr


@pytest.mark.parametrize("view", NETWORK_VIEW.texts)
@pytest.mark.parametrize(
    ("locale", "query"),
    [
        ("en-US", {}),
        ("ko-KR", {}),
        ("ko-KR", {"convolution": "standard", "width_percent": "200", "input_size": "512", "stage": "head"}),
        ("en-US", {"middle_blocks": "0", "residual": "false", "width_percent": "25", "input_size": "32"}),
        ("ko-KR", {"network_segments": "4", "network_order": "pointwise-first", "towers": "24"}),
        ("en-US", {"network_segments": "4", "network_intermediate": "elu", "layer_flow": "middle"}),
    ],
)
def test_every_view_in_both_languages(query: dict[str, str], view: str, locale: str) -> None:
    at = _open({"network_view": view} | query, locale)
    assert at.title[0].value == catalog(locale[:2]).gettext("Xception, taken apart")
    charts = {"relatives": 2}
    assert len(at.get("plotly_chart")) == charts.get(view, 0)
    assert all(chart.proto.alt for chart in at.get("plotly_chart"))
    _check(at)


def test_what_is_nothing_has_no_part_in_a_bar() -> None:
    macs, params, moved = _drawn(_open(), "anatomy")["figures"]
    assert "other" not in [part["kind"] for part in macs["parts"]], "batch norms have no MACs in our count"
    for figure in (params, moved):
        assert "other" in [part["kind"] for part in figure["parts"]]
    assert all(part["percent"] > 0 for figure in (macs, params, moved) for part in figure["parts"])


@pytest.mark.parametrize("key", SLIDERS)
def test_every_slider_moves_the_figures(key: str) -> None:
    at = _open()
    options = list(at.select_slider(key=key).options)
    for option in sorted({options[0], options[len(options) // 2], options[-1]}):
        at.select_slider(key=key).set_value(option)
        ran(at)
        assert _values(at)[key] == option
        _check(at)


@pytest.mark.parametrize("key", MORE)
def test_every_choice_can_be_made(key: str) -> None:
    at = _open()
    at.session_state["more"] = True
    ran(at)
    for option in FIELDS[key].texts:
        at.segmented_control(key=key).set_value(option)
        ran(at)
        assert _values(at)[key] == option
        _check(at)


@pytest.mark.parametrize("name", NETWORK_PRESETS)
def test_a_preset_sets_the_whole_network(name: str) -> None:
    at = _open({"network_view": "what_if", "input_size": "64", "middle_blocks": "1", "num_classes": "100"})
    at.button(key=f"network_preset_{name}").click()
    ran(at)
    kept = {key: FIELDS[key].default for key in NETWORK_KEYS} | NETWORK_PRESETS[name][1] | {"network_view": "what_if"}
    assert _values(at) == kept
    _check(at)


@examples(150)
@given(data=st.data())
def test_whatever_the_controls_hold_makes_a_network(data: st.DataObject) -> None:
    asked = {key: data.draw(st.sampled_from(FIELDS[key].texts) | st.integers(0, 600).map(str)) for key in NETWORK_KEYS}
    values = fit_texts(asked)
    for key in NETWORK_KEYS:
        assert values[key] in options_of(key, values)
    spec = network_spec(values)
    assert values["stage"] in [card.key for card in network_cards(break_down(spec.xception, spec.size))]


@pytest.mark.parametrize("part", range(2))
def test_a_hostile_link_opens_the_page(part: int) -> None:
    for query in queries(80, keys=NETWORK_KEYS, seed=1)[part::2]:
        at = _open(parameters(query))
        _check(at)
        last = last_of_each(query)
        values, repairs = read_parameters(last, NETWORK_KEYS)
        assert _values(at) == values
        lang = last.get("lang", "en") not in ("en", "ko")
        # in either language a note on the link quotes what it was given and what is used
        notes = [info.value for info in at.info if info.value.count("`") == 4]
        assert len(notes) == len(repairs) + lang


def test_a_regular_convolution_leaves_no_choice_of_halves() -> None:
    at = _open({"convolution": "standard", "network_order": "pointwise-first", "network_segments": "4"})
    assert [info.value for info in at.info] == [
        "`network_order=pointwise-first` in the link is not possible here; `depthwise-first` is used.",
        "`network_segments=4` in the link is not possible here; `max` is used.",
    ]
    _check(at)
    # nor are they asked: "max: one segment a channel" stood beside a network of regular convolutions
    halves = {"network_order", "network_segments", "network_intermediate"}
    assert not halves & {control.key for control in (*at.segmented_control, *at.select_slider)}
    assert halves & {control.key for control in _open({}).select_slider} == {"network_segments"}


@pytest.mark.parametrize("stage", STAGE.texts)
def test_a_block_is_shown_with_its_layers_and_its_code(stage: str) -> None:
    at = _open({"stage": stage})
    card = next(card for card in network_cards(break_down(XceptionSpec(), 299)) if card.key == stage)
    (table,) = [part.value for part in at.markdown if part.value.startswith("| name | layer")]
    assert len(table.splitlines()) == 2 + len(card.stage.layers)
    for layer in card.stage.layers:
        assert f" {format_count(layer.cost.macs)} |" in table.replace("\u00a0", " ") or not layer.cost.macs
    held = sum(layer.kind in ("standard", "depthwise", "pointwise", "shortcut") for layer in card.stage.layers)
    assert at.code[0].value.count("nn.Conv2d") == held
    selected = [drawn["key"] for drawn in _drawn(at, "architecture")["cards"] if drawn["selected"]]
    assert selected == [stage]


def test_a_forged_click_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from xception_lab.ui.network import architecture as network
    from xception_lab.ui.network import paper as network_paper

    chosen: list[dict[str, str]] = []
    monkeypatch.setattr(network, "set_controls", chosen.append)
    monkeypatch.setattr(network_paper, "set_controls", chosen.append)
    for sent in (*HOSTILE_VALUES, None, 3, [], {"key": "stem"}, ["stem"]):
        network._choose_stage(sent)
        network_paper._choose_towers(sent)
    assert all(value in (*STAGE.texts, "3") for each in chosen for value in each.values())


def test_a_click_is_handed_on_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[object] = []
    mounted: dict[str, Any] = {}
    monkeypatch.setattr(components, "_ARCHITECTURE", lambda **options: mounted.update(options))
    monkeypatch.setattr(components.st, "session_state", {"architecture": SimpleNamespace(select="exit")})
    components.architecture({}, "architecture", got.append)
    mounted["on_select_change"]()
    assert got == ["exit"]


def test_the_shares_in_the_text_are_the_papers_network_s() -> None:
    at = _open({"network_view": "shares", "width_percent": "50"})
    (text,) = [part.value for part in at.markdown if "tell another story" in part.value]
    # whatever the controls hold: the text is on the paper's network
    cost = network_cost(XceptionSpec(), 299, 299)
    ones = [layer for layer in cost.layers if layer.op in ("pointwise", "shortcut")]
    for measure, said in (("params", "89.8%"), ("macs", "93.4%"), ("activation_bytes", "24.6%")):
        share = sum(getattr(layer, measure) for layer in ones) / getattr(cost, measure)
        assert f"{100 * share:.1f}%" == said
        assert said in text
    assert "the 34 [depthwise convolutions](#term-depthwise)" in text


def test_the_names_of_the_middle_flows_areas_follow_the_network() -> None:
    for blocks, said in (("8", "*block4* to *block11* are the 8 equal"), ("6", "*block4* to *block9* are the 6 equal")):
        at = _open({"network_view": "shares", "middle_blocks": blocks})
        assert any(said in part.value for part in at.markdown)
    at = _open({"network_view": "shares", "middle_blocks": "1"})
    assert not any("equal blocks" in part.value for part in at.markdown)


@pytest.mark.parametrize(
    ("blocks", "ends"), [("8", r"\| 0 \| the same \|"), ("1", r"\| -.*s \| [0-9.]+(×|%) shorter \|")]
)
def test_an_estimated_time_is_compared_in_words_of_time(blocks: str, ends: str) -> None:
    at = _open({"network_view": "what_if", "middle_blocks": blocks})
    times = [line for each in at.markdown for line in each.value.splitlines() if "Estimated time" in line]
    assert times
    assert all(re.search(f"{ends}$", line) for line in times)


def test_figure_9_comes_with_the_papers_caveats() -> None:
    at = _open({"network_view": "what_if"})
    (text,) = [part.value for part in at.markdown if "uncharitable" in part.value]
    assert "section 4.6" in text
    assert "VGG-style" in text


def test_the_equivalence_is_checked_on_the_spot() -> None:
    at = _open({"network_view": "modules", "towers": "4"})
    assert not at.success
    at.button(key="check").click()
    ran(at)
    assert "4 towers" in at.success[0].value
    assert "**0.0e+00** in float64" in at.success[0].value


def test_torchinfo_is_explained_without_a_rest() -> None:
    at = _open({"network_view": "layer_table", "width_percent": "25", "input_size": "64"})
    assert not at.code
    at.toggle(key="torchinfo").set_value(True)
    ran(at)
    assert "Total params" in at.code[0].value
    (said,) = [part.value for part in at.markdown if part.value.startswith("torchinfo counts")]
    assert "unexplained is **0**" in said


def test_layers_can_be_filtered() -> None:
    at = _open({"network_view": "layer_table", "layer_flow": "middle", "layer_kind": "depthwise"})
    (table,) = at.dataframe
    assert len(table.value) == 24
    assert set(table.value["operation"]) == {"depthwise"}
    at.segmented_control(key="layer_kind").set_value("linear")
    ran(at)
    assert not at.dataframe
    assert "No layer" in at.info[0].value


def test_an_export_that_is_not_possible_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    at = _open({"network_view": "export", "convolution": "standard"})
    assert "716 MB" in at.info[0].value
    assert len(at.get("download_button")) == 2
    from xception_lab.ui.network import views as network_views

    monkeypatch.setattr(network_views, "has_onnx", lambda: False)
    at = _open({"network_view": "export"})
    assert "pip install onnx" in at.info[0].value
    assert len(at.get("download_button")) == 3


def test_a_part_is_never_said_to_be_nothing() -> None:
    assert [percent(share) for share in (0, 1, 0.934, 0.016, 0.00012)] == [
        "0%",
        "100.0%",
        "93.4%",
        "1.6%",
        "<0.1%",
    ]


def test_one_segment_is_a_regular_convolution_and_no_shortcut_is_counted_where_there_is_none() -> None:
    at = _open({"network_segments": "1"})
    assert any("the 3×3 on one segment, a regular one." in part.value for part in at.markdown)
    legend = [entry["name"] for entry in _drawn(at, "anatomy")["legend"]]
    assert "3×3 on one segment, a regular one" in legend
    assert "3×3 on segments" not in legend
    (with_them, *_) = [part.value for part in _open({}).markdown if "1×1 convolutions" in part.value]
    assert "the shortcuts' included" in with_them
    (without, *_) = [part.value for part in _open({"residual": "false"}).markdown if "1×1 convolutions" in part.value]
    assert "shortcuts" not in without
