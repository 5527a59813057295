"""The pages run without a browser: every control, every link, both languages, and no torch before it is asked for."""

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hostile import HOSTILE_VALUES, Query, last_of_each, parameters, queries
from states import COMPARE_KEYS
from streamlit.testing.v1 import AppTest
from visits import ROOT, START, component_data, opened, ran

from xception_lab import BlockSpec, block_cost
from xception_lab.common.units import format_bytes, format_count
from xception_lab.ui.compare.presets import PRESETS
from xception_lab.ui.fields.compare import VIEW
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import quote_value, read_parameters
from xception_lab.ui.shell.language import catalog

COMPARE = "pages/compare.py"
# controls that stand in a view, and those that are folded away
IN_VIEW = {
    "measure": "layers",
    "swept": "sweep",
    "scale": "sweep",
    "between": "differences",
    "order": "differences",
    "code_of": "code",
}
FOLDED = ("stride", "padding", "dilation", "intermediate", "batch_norm", "batch_size", "bias", "depth_multiplier")
SLIDERS = tuple(key for key in COMPARE_KEYS if FIELDS[key].widget == "slider")
CHOICES = tuple(key for key in COMPARE_KEYS if FIELDS[key].widget == "choice")


def _unfold(at: AppTest) -> AppTest:
    """Open the popover of the rarer controls."""
    at.session_state["more"] = True
    return ran(at)


def _drawn(at: AppTest, key: str = "blocks") -> dict[str, Any]:
    """What a component of ours was given."""
    (component,) = [element for element in at.get("bidi_component") if element.key == key]
    return json.loads(component.proto.json)


def _written(at: AppTest) -> dict[str, str]:
    """The parameters that the browser's address is told to hold."""
    return _drawn(at, "page")["values"]


def _charts(at: AppTest) -> list[str]:
    return [chart.key for chart in at.get("plotly_chart")]


def _values(at: AppTest, keys: tuple[str, ...]) -> dict[str, str]:
    """What each control stands at; Streamlit itself forgets one that is not drawn, the page must not."""
    drawn = {control.key: control.value for control in (*at.segmented_control, *at.select_slider)}
    kept = at.session_state["_values"]
    assert {key: value for key, value in drawn.items() if key in keys}.items() <= kept.items()
    return {key: kept[key] for key in keys}


def _numbers(values: dict[str, str], kind: str) -> list[str]:
    """Parameters, MACs or FLOPs and bytes of one block as the page should show them, straight from the engine."""
    word = {key: FIELDS[key].default for key in COMPARE_KEYS} | values
    between = None if kind == "standard" or word["intermediate"] == "paper" else word["intermediate"]
    segments = None if kind != "extreme" or word["segments"] == "max" else int(word["segments"])
    spec = BlockSpec(
        kind,  # type: ignore[arg-type]
        in_channels=int(word["in_channels"]),
        out_channels=int(word["out_channels"]),
        kernel_size=int(word["kernel_size"]),
        stride=int(word["stride"]),
        padding=int(word["padding"]) if word["padding"].isdecimal() else word["padding"],  # type: ignore[arg-type]
        dilation=int(word["dilation"]),
        segments=segments,
        depth_multiplier=int(word["depth_multiplier"]) if kind == "separable" else 1,
        bias="last" if word["bias"] == "last" else word["bias"] == "true",
        batch_norm=word["batch_norm"],  # type: ignore[arg-type]
        intermediate=between,  # type: ignore[arg-type]
    )
    cost = block_cost(spec, int(word["size"]), int(word["size"]), int(word["batch_size"]))
    counted = cost.macs if word["convention"] == "MACs" else 2 * cost.macs
    return [format_count(cost.params), format_count(counted), format_bytes(cost.moved_bytes)]


def _check(at: AppTest) -> None:
    """The page shows the engine's numbers for the values that its controls and its address hold."""
    values = _values(at, COMPARE_KEYS)
    assert read_parameters(values, COMPARE_KEYS)[1] == (), "a control stands on a value it does not offer"
    columns = _drawn(at)["columns"]
    assert [column["kind"] for column in columns] == ["standard", "extreme", "separable"]
    for column in columns:
        assert [number["value"] for number in column["numbers"]] == _numbers(values, column["kind"])
    written = _written(at)
    defaults = {key: FIELDS[key].default for key in COMPARE_KEYS}
    assert defaults | {key: value for key, value in written.items() if key != "lang"} == values
    # the figures that go along for the next key press are those that the page would then show
    for key, steps in _drawn(at)["ahead"].items():
        for option, blocks in steps.items():
            there = read_parameters(values | {key: option}, COMPARE_KEYS)[0]
            for kind, numbers in zip(("standard", "extreme", "separable"), blocks, strict=True):
                assert [number["value"] for number in numbers] == _numbers(there, kind)


def test_a_page_opens_at_the_defaults() -> None:
    at = opened(COMPARE)
    _check(at)
    assert _values(at, COMPARE_KEYS) == {key: FIELDS[key].default for key in COMPARE_KEYS}
    assert not at.info


@pytest.mark.parametrize(
    ("query", "locale", "language"),
    [
        ({}, "en-US", "en"),
        ({}, "ko-KR", "ko"),
        ({}, "ko", "ko"),
        ({}, "de-DE", "en"),
        ({}, "", "en"),
        ({"lang": "ko"}, "en-US", "ko"),
        ({"lang": "en"}, "ko-KR", "en"),
    ],
)
def test_the_language_is_the_links_or_the_browsers(query: dict[str, str], locale: str, language: str) -> None:
    at = opened(COMPARE, query, locale)
    assert at.title[0].value == catalog(language).gettext("The same job, three ways")
    assert [column["title"] for column in _drawn(at)["columns"]] == [
        catalog(language).gettext(name) for name in ("Standard convolution", "Extreme Inception", "Depthwise separable")
    ]
    _check(at)


def test_switching_the_language_keeps_everything_else() -> None:
    at = opened(COMPARE, {"out_channels": "96", "segments": "3"})
    before = _values(at, COMPARE_KEYS)
    for language in ("ko", "en", "ko"):
        at.segmented_control(key="lang").set_value(language)
        ran(at)
        assert _values(at, COMPARE_KEYS) == before
        assert _written(at).get("lang", "en") == language
        _check(at)


def test_the_first_paint_needs_no_torch() -> None:
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
for page in ({START!r}, {COMPARE!r}):
    at = AppTest.from_file({str(ROOT / START)!r}, default_timeout=30)
    (at.switch_page(page) if page != {START!r} else at).run()
    print(page, len(at.exception), "torch" in sys.modules)
at.query_params["view"] = "counters"
at.session_state["_page"] = ""
at.run()
at.toggle(key="count").set_value(True).run()
print("count", len(at.exception), "torch" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.splitlines() == [f"{START} 0 False", f"{COMPARE} 0 False", "count 0 True"], run.stderr


@pytest.mark.parametrize("part", range(2))
def test_a_hostile_link_opens_the_page_with_notes(part: int) -> None:
    for query in queries(120, seed=1)[part::2]:
        _check_hostile(query)


def _check_hostile(query: Query) -> None:
    at = opened(COMPARE, parameters(query))
    _check(at)
    last = last_of_each(query)
    values, repairs = read_parameters(last, COMPARE_KEYS)
    assert _values(at, COMPARE_KEYS) == values
    notes = [
        f"`{r.key}={quote_value(r.text)}` in the link is not possible here; `{r.replacement}` is used." for r in repairs
    ]
    if last.get("lang", "en") not in ("en", "ko"):
        notes.append(f"`lang={quote_value(last['lang'])}` in the link is not possible here; `en` is used.")
    elif last.get("lang") == "ko":
        notes = [note.split("`")[1] for note in notes]
        assert [info.value.split("`")[1] for info in at.info] == notes
        return
    assert [info.value for info in at.info] == notes


def test_a_repaired_link_says_what_was_asked_for_and_what_is_used() -> None:
    at = opened(COMPARE, {"in_channels": "65", "dilation": "4", "size": "7", "kernel_size": "7", "padding": "valid"})
    assert [info.value for info in at.info] == [
        "`in_channels=65` in the link is not possible here; `64` is used.",
        "`dilation=4` in the link is not possible here; `1` is used.",
    ]
    assert "in_channels" not in _written(at)


@pytest.mark.parametrize("key", SLIDERS)
def test_every_slider_moves_the_numbers(key: str) -> None:
    at = _unfold(opened(COMPARE))
    options = list(at.select_slider(key=key).options)
    for position in sorted({0, 1, len(options) // 3, len(options) // 2, len(options) - 2, len(options) - 1}):
        at.select_slider(key=key).set_value(options[position])
        ran(at)
        assert at.session_state[key] == options[position]
        _check(at)


@pytest.mark.parametrize("key", CHOICES)
def test_every_choice_can_be_made(key: str) -> None:
    at = _unfold(opened(COMPARE, {"view": IN_VIEW.get(key, "layers")}))
    for option in FIELDS[key].texts:
        at.segmented_control(key=key).set_value(option)
        ran(at)
        assert at.session_state[key] == option
        _check(at)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "default"])
def test_a_preset_sets_every_control(name: str) -> None:
    at = opened(COMPARE, {"stride": "3", "padding": "valid", "bias": "true", "segments": "2", "in_channels": "8"})
    menu = at.get("menu_button")[0]
    menu.click_index(list(PRESETS).index(name) - 1)
    ran(at)
    kept = {key: FIELDS[key].default for key in COMPARE_KEYS} | PRESETS[name]
    assert _values(at, COMPARE_KEYS) == kept
    _check(at)


@pytest.mark.parametrize(
    ("segments", "name"),
    [("max", "Extreme Inception"), ("16", "Inception, 16 segments"), ("1", "Inception, 1 segment")],
)
def test_a_module_of_fewer_segments_is_not_called_extreme(segments: str, name: str) -> None:
    at = opened(COMPARE, {"segments": segments})
    titles = [column["title"] for column in component_data(at, "blocks")["columns"]]
    assert titles == ["Standard convolution", name, "Depthwise separable"]


def test_segments_stay_a_divisor_when_the_channels_move() -> None:
    at = opened(COMPARE, {"out_channels": "128", "segments": "64"})
    for channels, segments in (("96", "48"), ("728", "52"), ("8", "4")):
        at.select_slider(key="out_channels").set_value(channels)
        ran(at)
        assert at.session_state["segments"] == segments
        assert all(int(channels) % int(option) == 0 for option in at.select_slider(key="segments").options[:-1])
        _check(at)


def test_a_kernel_never_outgrows_its_picture() -> None:
    at = _unfold(opened(COMPARE, {"size": "28", "kernel_size": "7", "padding": "valid", "dilation": "4"}))
    assert at.segmented_control(key="dilation").value == "4"
    for size, dilation in (("19", "3"), ("14", "2"), ("7", "1")):
        at.select_slider(key="size").set_value(size)
        ran(at)
        assert at.session_state["dilation"] == dilation
        assert list(at.segmented_control(key="dilation").options) == [str(d) for d in range(1, int(dilation) + 1)]
        _check(at)
    at.segmented_control(key="padding").set_value("same")
    ran(at)
    assert list(at.segmented_control(key="dilation").options) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("view", VIEW.texts)
@pytest.mark.parametrize(
    ("query", "locale"),
    [
        ({}, "en-US"),
        ({}, "ko-KR"),
        ({"segments": "1", "kernel_size": "1", "in_channels": "1", "out_channels": "8", "batch_norm": "none"}, "en-US"),
        ({"in_channels": "2048", "out_channels": "2048", "size": "512", "batch_size": "256", "bias": "true"}, "ko-KR"),
        (
            {"padding": "valid", "stride": "4", "depth_multiplier": "4", "intermediate": "elu", "convention": "FLOPs"},
            "en-US",
        ),
    ],
)
def test_only_the_chosen_view_is_computed(query: dict[str, str], locale: str, view: str) -> None:
    at = opened(COMPARE, {"view": view} | query, locale)
    assert _charts(at) == ([view] if view in ("spectrum", "sweep") else [])
    assert len(at.latex) == (6 if view == "formula" else 0)
    assert [len(part) for part in (at.dataframe, at.toggle, at.code)] == [
        view == "table",
        2 * (view == "counters"),
        view == "code",
    ]
    drawn = [element.key for element in at.get("bidi_component") if element.key in ("steps", "layers")]
    assert drawn == {"differences": ["steps"], "layers": ["layers"]}.get(view, [])
    _check(at)


@pytest.mark.parametrize("between", ["relu", "none"])
def test_the_boundary_between_stacked_blocks_moves_with_the_order(between: str) -> None:
    for order, own in (("depthwise-first", [1, 2, 3, 4]), ("pointwise-first", [0, 1, 2, 3])):
        at = opened(COMPARE, {"view": "differences", "order": order, "between": between, "kernel_size": "5"})
        drawn = _drawn(at, "stack")
        (chosen,) = [stack for stack in drawn["stacks"] if stack["current"]]
        assert [conv["text"] for conv in chosen["convs"]] == ["1×1", "5×5", "1×1", "5×5", "1×1"]
        assert [place for place, conv in enumerate(chosen["convs"]) if conv["own"]] == own
        assert ("with the same ReLUs" in drawn["summary"]) == (between == "relu")


def test_the_apps_xception_is_counted_beside_the_stored_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from xception_lab.ui.compare import views

    monkeypatch.setattr(views, "count_own_xception", lambda: {"flop_counter": 16_714_806_992})
    at = opened(COMPARE, {"view": "counters"})
    (text,) = [part.value for part in at.markdown if "8,441,952,104" in part.value]
    assert all(figure in text for figure in ("8,441,952,104", "8,436,419,000", "8,442,158,952", "8,442,157,904"))
    at.toggle(key="count_network").set_value(True)
    ran(at)
    (table,) = at.dataframe
    first, second, *_ = table.value.to_dict("records")
    assert (first["prints"], first["stored"], first["above our count by"]) == (16_714_806_992, 16_714_806_992, 0)
    assert second["counter"] == "calflops, MACs: not installed"

    def fail() -> dict[str, int]:
        raise RuntimeError("ended")

    monkeypatch.setattr(views, "count_own_xception", fail)
    ran(at)
    assert at.error[0].value == "The counters could not be run on this server."


def test_going_from_view_to_view_forgets_nothing() -> None:
    at = opened(COMPARE, {"view": "sweep", "in_channels": "96"})
    at.segmented_control(key="swept").set_value("size")
    ran(at)
    for view in (*VIEW.texts, "sweep"):
        at.segmented_control(key="view").set_value(view)
        ran(at)
        values = _values(at, COMPARE_KEYS)
        assert (values["view"], values["swept"]) == (view, "size"), "a control that is not in sight keeps its value"
        _check(at)
    assert at.segmented_control(key="swept").value == "size"


def test_the_folded_controls_keep_their_values_while_they_are_folded() -> None:
    at = opened(COMPARE, {"stride": "2", "batch_size": "8"})
    assert not any(key in [control.key for control in at.segmented_control] for key in FOLDED)
    _unfold(at)
    assert (at.segmented_control(key="stride").value, at.select_slider(key="batch_size").value) == ("2", "8")
    at.segmented_control(key="bias").set_value("true")
    ran(at)
    at.session_state["more"] = False
    ran(at)
    at.select_slider(key="in_channels").set_value("96")
    ran(at)
    assert _written(at) == {"stride": "2", "batch_size": "8", "bias": "true", "in_channels": "96"}
    _check(at)


def test_the_counters_count_the_blocks_that_are_shown() -> None:
    at = opened(COMPARE, {"view": "counters", "in_channels": "32", "bias": "true", "size": "14"})
    assert not at.dataframe
    at.toggle(key="count").set_value(True)
    ran(at)
    (table,) = at.dataframe
    values = _values(at, COMPARE_KEYS)
    rows = table.value.to_dict("records")
    assert len(rows) == 9
    for kind, ours, theirs in zip(("standard", "extreme", "separable"), rows[::3], rows[1::3], strict=True):
        assert format_count(ours["prints"]) == _numbers(values, kind)[1]
        assert theirs["prints"] == 2 * ours["prints"]
        assert (ours["above our MACs by"], theirs["above our MACs by"]) == (0, 0)


def test_charts_have_a_text_for_those_who_do_not_see_them() -> None:
    for view in ("spectrum", "sweep"):
        (chart,) = opened(COMPARE, {"view": view}).get("plotly_chart")
        assert "Depthwise separable: " in chart.proto.alt
    layers = _drawn(opened(COMPARE), "layers")
    assert "Depthwise separable: " in layers["summary"]
    assert layers["title"] == "MACs"
    at = opened(COMPARE, {"view": "differences"})
    for key in ("blocks", "steps"):
        assert "Depthwise separable: " in _drawn(at, key)["summary"]


def test_a_link_to_a_view_opens_there_once() -> None:
    at = opened(COMPARE, {"view": "differences"})
    assert _drawn(at, "page")["open_at"] == "view_and_control"
    ran(at)
    assert _drawn(at, "page")["open_at"] == ""
    at.query_params.clear()
    ran(at.switch_page("pages/timing.py"))
    at.query_params.clear()
    ran(at.switch_page(COMPARE))
    assert (at.session_state["view"], _drawn(at, "page")["open_at"]) == ("differences", "")
    at = opened(COMPARE, {"view": "layers", "order": "pointwise-first"})
    assert _drawn(at, "page")["open_at"] == ""


def test_a_lesson_opens_at_its_task_and_has_no_examples() -> None:
    view = {"view": "differences", "in_channels": "728"}
    at = opened(COMPARE, view | {"task": "Move the kernel.", "keep": "kernel_size"})
    assert _drawn(at, "page")["open_at"] == ""
    assert not at.get("menu_button")
    assert opened(COMPARE, view).get("menu_button")


def test_a_saved_link_to_the_start_page_of_before_opens_its_blocks_in_compare() -> None:
    at = opened(START, {"out_channels": "256", "kernel_size": "5"})
    assert (at.session_state["out_channels"], at.session_state["kernel_size"]) == ("256", "5")
    _check(at)


def test_a_control_is_not_forgotten_on_a_page_that_lacks_it() -> None:
    at = opened(COMPARE)
    at.select_slider(key="in_channels").set_value("32")
    ran(at)
    at.query_params.clear()
    ran(at.switch_page("pages/timing.py"))
    at.query_params.clear()
    ran(at.switch_page(COMPARE))
    assert at.session_state["in_channels"] == "32"
    _check(at)


def test_the_page_follows_a_drag_and_forgets_it() -> None:
    at = opened(COMPARE)
    at.session_state["_drag"] = {"key": "out_channels", "start": "128", "value": "256", "sequence": 7}
    ran(at)
    followed = {column["kind"]: [number["value"] for number in column["numbers"]] for column in _drawn(at)["columns"]}
    assert followed == {kind: _numbers({"out_channels": "256"}, kind) for kind in followed}
    assert at.session_state["out_channels"] == "128", "what is dragged is not yet chosen"
    assert _drawn(at, "page")["sequence"] == 7
    ran(at)
    _check(at)
    assert _drawn(at, "page")["sequence"] == 0


@pytest.mark.parametrize(
    "drag",
    [
        {"key": "out_channels", "start": "64", "value": "256", "sequence": 1},
        {"key": "__proto__", "start": "128", "value": "256", "sequence": 2**63},
        {"key": "lang", "start": "en", "value": "<script>", "sequence": 1},
        {"key": "_page", "start": "compare", "value": "x", "sequence": -1},
    ],
)
def test_a_drag_that_does_not_fit_changes_nothing(drag: dict[str, Any]) -> None:
    at = opened(COMPARE)
    at.session_state["_drag"] = drag
    _check(ran(at))


def test_a_hostile_drag_still_shows_a_comparison() -> None:
    at = opened(COMPARE)
    for sequence, value in enumerate(HOSTILE_VALUES, 1):
        at.session_state["_drag"] = {"key": "out_channels", "start": "128", "value": value, "sequence": sequence}
        ran(at)
        assert _drawn(at, "page")["sequence"] == sequence, value
        shown = read_parameters({"out_channels": value}, COMPARE_KEYS)[0]
        for column in _drawn(at)["columns"]:
            assert [number["value"] for number in column["numbers"]] == _numbers(shown, column["kind"]), value
        assert at.session_state["out_channels"] == "128", value


@pytest.mark.parametrize(
    "drag",
    [
        None,
        3,
        "x",
        [],
        {},
        {"key": "out_channels"},
        {"key": ["out_channels"], "start": "128", "value": "256", "sequence": 1},
        {"key": "out_channels", "start": "128", "value": ["256"], "sequence": 1},
        {"key": "out_channels", "start": "128", "value": "256", "sequence": "seven"},
        {"key": "out_channels", "start": "128", "value": "256", "sequence": [7]},
        {"key": "out_channels", "start": "128", "value": "256", "sequence": float("inf")},
    ],
)
def test_a_forged_report_raises_nothing(monkeypatch: pytest.MonkeyPatch, drag: object) -> None:
    # what a browser sends reaches the callback as it is
    state: dict[str, Any] = {"page": SimpleNamespace(drag=drag)}
    monkeypatch.setattr(components.st, "session_state", state)
    components._remember_drag()
    kept = state.get("_drag")
    assert kept is None or all(isinstance(kept[part], str) for part in ("key", "start", "value"))


def test_an_odd_number_of_folded_controls_is_drawn() -> None:
    def script() -> None:
        from xception_lab.ui.fields.compare import BIAS, PADDING, STRIDE
        from xception_lab.ui.shell.address import read_address
        from xception_lab.ui.shell.controls import more_controls

        read_address("compare", ("stride", "padding", "bias"))
        more_controls((STRIDE, PADDING, BIAS))

    at = AppTest.from_function(script, default_timeout=60)
    at.session_state["more"] = True
    at.run()
    drawn = [control.key for control in at.segmented_control]
    assert {"stride", "padding", "bias"} <= set(drawn)


@pytest.mark.parametrize(("locale", "words"), [("en-US", "bytes"), ("ko-KR", "바이트")])
def test_a_table_s_columns_are_named_in_words_and_the_file_s_names_explain_them(locale: str, words: str) -> None:
    (table,) = opened(COMPARE, {"view": "table"}, locale).dataframe
    columns = json.loads(table.proto.columns)
    for name in table.value:
        assert columns[name]["label"] != name or name in ("layer", "operation")
        assert f"`{name}`" in columns[name]["help"]
    assert words in columns["weight_bytes"]["label"]
