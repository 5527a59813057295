"""The training page without a browser: a stored result at first paint, both languages, links that lead nowhere."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from paths import ROOT
from PIL import Image
from scipy.stats import sem, t, ttest_1samp
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest
from tiny_data import tiny_dataset
from uploaded_files import mnist, zipped
from visits import component_data, signed

from xception_lab import build_xception
from xception_lab.arch.orders import order_change
from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, CATEGORICAL_COLOURS
from xception_lab.data.catalogue import load_dataset
from xception_lab.data.custom import save_dataset
from xception_lab.experiments.effects import Effect, EffectVerdict, own_interval, slope_trend
from xception_lab.experiments.power import rule_power
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.results_file import ExperimentResult, load_stored_result
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import PRESETS, ExperimentSpec, Grid
from xception_lab.training.records import EpochRecord
from xception_lab.ui.fields.training import PRESET
from xception_lab.ui.training import experiment as training
from xception_lab.ui.training.arms import arm_colours, arm_dashes
from xception_lab.ui.training.texts import headline, question_text, setting_text, verdict_details, verdict_interval


def page(**parameters: str) -> AppTest:
    """The page as a first visit with these query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(parameters)
    return app.switch_page("pages/training.py").run()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("preset", PRESET.texts)
def test_every_question_is_shown_in_both_languages(lang: str, preset: str) -> None:
    app = page(lang=lang, preset=preset, guess="show")
    assert not app.exception
    assert app.title[0].value


@pytest.mark.parametrize(
    ("preset", "without", "between"),
    [
        ("two-differences", ["3×3", "1×1", "BN"], "ReLU"),
        ("figure-10", ["3×3", "1×1", "BN"], "ReLU"),
        ("figure-9", ["3×3", "1×1", "BN"], "+ input"),
        ("batch-norm", ["3×3", "BN", "1×1", "BN"], "ReLU"),
        ("dose", ["3×3", "1×1", "BN"], "ReLU"),
    ],
)
def test_before_the_guess_the_two_variants_are_drawn_and_differ_in_one_layer(
    preset: str, without: list[str], between: str
) -> None:
    rows = component_data(page(preset=preset), "compared")["blocks"]
    texts = [[layer["text"] for layer in row["layers"]] for row in rows]
    assert without in texts
    (longer,) = [row for row in rows if len(row["layers"]) > len(without)]
    assert [layer["text"] for layer in longer["layers"] if layer.get("is_between")] == [between]
    assert [layer["text"] for layer in longer["layers"] if not layer.get("is_between")] == without
    assert longer["name"] != rows[1 - rows.index(longer)]["name"]


def all_text(app: AppTest) -> str:
    """Every text that the page has sent to the browser, whatever kind of element it is in."""
    return "\n".join(str(node.proto) for node in app._tree if getattr(node, "proto", None) is not None)


@pytest.mark.parametrize("parameters", [{}, {"outcome": "runs"}, {"outcome": "run"}, {"preset": "figure-10"}])
def test_nothing_of_the_answer_is_sent_before_a_guess(parameters: dict[str, str]) -> None:
    sealed = page(**parameters)
    assert not sealed.exception
    assert "what do you expect?" in all_text(sealed)
    for element in ("plotly_chart", "arrow_data_frame", "download_button", "imgs", "expandable"):
        assert not sealed.get(element), element
    stored = load_stored_result(parameters.get("preset", "two-differences"))
    assert stored
    text = all_text(sealed)
    for effect in stored.progress.effects().effects:
        # with whichever minus
        assert signed(effect.points) not in text
        assert f"{effect.points:+.2f}" not in text
    for words in ("**Harmful", "**Helpful", "**Equivalent", "**Not decided", "**Not shown"):
        assert words not in text


def test_a_guess_reveals_the_verdicts_in_plain_words_and_stands_beside_the_interval() -> None:
    app = page()
    app.button_group(key="guess_choice").set_value("2").run()
    assert not app.exception
    stored = load_stored_result("two-differences")
    assert stored
    effects = stored.progress.effects()
    lines = [line.value for line in app.markdown]
    for effect in effects.primary:
        (line,) = [line for line in lines if f"{signed(effect.low)} to {signed(effect.high)} (" in line]
        words = {"harmful": "Harmful", "helpful": "Helpful", "equivalent": "Equivalent", "not decided": "Not decided"}
        assert effect.verdict
        interval = own_interval(effect)
        assert interval
        if effect.asks_equivalence and effect.verdict == "not decided" and not interval[0] <= 0 <= interval[1]:
            assert " pictures (exploratory). Asked beforehand was whether they are equivalent: not shown.**" in line
        else:
            assert line.startswith(f"**{words[effect.verdict]}")
        assert f"{len(effects.seeds)} seeds" in line
    first = effects.primary[0]
    assert first.high is not None
    assert first.high < 2
    assert any("+2, lies **above** the interval" in line for line in lines)
    assert app.session_state["guess"] == "2"
    # two charts: the primary effects and the learning curves; all else is folded
    assert len(app.get("plotly_chart")) == 2


def test_the_sides_learning_rates_stand_beside_the_verdict_where_they_differ() -> None:
    said = [caption.value for caption in page(guess="show").caption]
    rates = {arm: spec.learning_rate for arm, spec in _rates("two-differences").items()}
    assert rates["none"] != rates["relu"]
    chosen = f"each chosen on validation: ReLU between {rates['relu']:g}, nothing between {rates['none']:g}."
    assert any(chosen in text for text in said)
    # both orders with nothing between have one
    assert sum("each chosen on validation" in text for text in said) == 1


def _rates(name: str) -> dict[str, Any]:
    stored = load_stored_result(name)
    assert stored
    variants = stored.progress.spec.variants()
    return {spec.xception.intermediate: spec for spec in variants if spec.xception.order == "depthwise-first"}


def test_the_curves_say_that_they_are_not_of_the_pictures_that_judge() -> None:
    captions = [caption.value for caption in page(guess="show").caption]
    assert any(text.startswith("On validation pictures; verdicts are about the test pictures.") for text in captions)


def test_data_without_a_stored_result_say_so_before_the_click() -> None:
    assert page().button_group(key="dataset").options == [
        "Fashion-MNIST",
        "Emoji",
        "Emoji, new style ▷",
        "Textures ▷",
        "Your own data",
    ]


def test_an_interval_beyond_the_margin_is_said_though_nobody_asked() -> None:
    stored = load_stored_result("two-differences-emoji")
    assert stored
    effects = stored.progress.effects()
    _first, order = effects.primary
    assert order.asks_equivalence
    assert order.verdict == "not decided"
    assert order.low is not None
    assert order.low > effects.margin
    app = page(dataset="emoji", guess="show")
    said = [line.value for line in app.markdown]
    (line,) = [line for line in said if f"{signed(order.low)} to {signed(order.high)} (" in line]
    said = (
        f" mistakes in 100 pictures (exploratory; the whole interval is outside ±{effects.margin}). Asked beforehand "
        "was whether they are equivalent: not shown.**"
    )
    assert said in line
    assert any("was not asked beforehand" in caption.value for caption in app.caption)


def test_an_interval_beyond_the_margin_is_said_of_a_result_elsewhere_too() -> None:
    app = page(guess="show")
    app.session_state["carry"] = True
    app.run()
    assert not app.exception
    (lines,) = [line.value for line in app.markdown if line.value.startswith("- ")]
    stored = load_stored_result("two-differences-emoji")
    assert stored
    _first, order = stored.progress.effects().primary
    (line,) = [line for line in lines.splitlines() if "Emoji, 1×1 first" in line]
    assert (
        f"{signed(order.points)} points, not shown to be equivalent: the whole interval lies outside the margin."
        in line
    )
    assert "outside the margin" not in lines.replace(line, "")


def test_a_verdict_waits_for_the_last_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load_stored_result("figure-10")
    assert stored
    early = replace(stored.progress, runs=stored.progress.runs[:-1])
    monkeypatch.setattr(training, "load_result", lambda _: replace(stored, progress=early))
    text = all_text(page(preset="figure-10", guess="-1"))
    assert "No verdict yet: 11 of 12 seeds are done" in text
    for words in ("**Harmful", "**Helpful", "**Equivalent", "**Not", "Your guess"):
        assert words not in text


def test_a_guess_about_another_question_is_asked_anew_and_the_first_is_kept() -> None:
    app = page(guess="-1")
    assert len(app.get("plotly_chart")) == 2
    app.button_group(key="preset").set_value("figure-10").run()
    assert not app.exception
    assert "what do you expect?" in all_text(app)
    assert not app.get("plotly_chart")
    app.button_group(key="guess_choice").set_value("2").run()
    assert "Your guess, +2," in all_text(app)
    app.button_group(key="dataset").set_value("emoji").run()
    assert "what do you expect?" in all_text(app)
    assert not app.get("plotly_chart")
    app.button_group(key="dataset").set_value("fashion-mnist").run()
    assert "Your guess, +2," in all_text(app)
    app.button_group(key="preset").set_value("two-differences").run()
    assert "Your guess, -1," in all_text(app).replace("−", "-")
    assert app.session_state["guess"] == "-1"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_how_the_verdicts_came_about_is_one_click_away(lang: str) -> None:
    app = page(guess="show", lang=lang)
    for key in ("evidence", "carry", "stored_exploring", "stored_speed"):
        app.session_state[key] = True
    app.run()
    assert not app.exception
    stored = load_stored_result("two-differences")
    assert stored
    assert stored.plan
    text = all_text(app)
    for seed, difference in zip(
        (effects := stored.progress.effects()).seeds, effects.primary[0].differences, strict=True
    ):
        assert f"{seed}" in text
        assert any(signed(difference) in frame.value.to_numpy() for frame in app.dataframe)
    assert stored.provenance
    assert stored.provenance.command in text
    assert len(app.get("plotly_chart")) == 5


def test_a_stored_result_stands_only_under_its_own_data_and_says_what_the_controls_would_run() -> None:
    app = page(guess="show", seeds="7", epochs="2")
    (caption,) = [line.value for line in app.caption if "Stored:" in line.value]
    assert "seeds 0 to 6, 2 epochs" in caption
    other = page(guess="show", dataset="textures")
    assert not other.get("plotly_chart")
    assert "Nothing is stored for this question on these pictures" in other.info[0].value
    assert "The two differences" in other.info[0].value
    # the learning rates in the table below are another data set's
    assert "were chosen on Fashion-MNIST, not on these pictures" in other.info[0].value


def test_the_arms_that_are_blocks_of_the_paper_have_their_colours_and_none_is_grey() -> None:
    app = page(guess="show")
    figure = json.loads(app.get("plotly_chart")[1].proto.spec)
    colours = {trace["name"]: trace["line"]["color"] for trace in figure["data"] if "name" in trace}
    assert colours["depthwise first, nothing between"] == BLOCK_COLOURS_ON_BOTH_GROUNDS["separable"]
    assert colours["1×1 first, ReLU between"] == BLOCK_COLOURS_ON_BOTH_GROUNDS["extreme"]
    assert len(set(colours.values())) == 4
    assert CATEGORICAL_COLOURS[0].light not in colours.values()


def test_a_variant_that_three_questions_share_has_one_colour() -> None:
    def colour(preset: str, **variant: object) -> str:
        cells = ExperimentSpec(preset).cells()
        (place,) = [
            place
            for place, cell in enumerate(cells)
            if all(getattr(cell.xception, name) == value for name, value in variant.items())
        ]
        return arm_colours([cell.xception for cell in cells])[place]

    relu = colour("figure-10", intermediate="relu")
    assert colour("two-differences", intermediate="relu", order="depthwise-first") == relu
    assert colour("dose", negative_slope=0.0) == relu
    assert colour("figure-9", residual=False) != relu


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_no_two_arms_of_a_question_have_the_same_line(preset: str) -> None:
    networks = [cell.xception for cell in ExperimentSpec(preset).cells()]
    lines = set(zip(arm_colours(networks), arm_dashes(networks), strict=True))
    assert len(lines) == len(networks)


def test_a_run_that_is_not_here_is_said_and_the_stored_one_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = page(run="../../etc/passwd'; DROP TABLE runs; --")
    assert not app.exception
    assert "not on this server" in app.info[0].value
    assert "what do you expect?" in all_text(app)


def test_a_broken_link_is_repaired_with_a_note() -> None:
    app = page(seeds="1000", preset="figure-11")
    assert not app.exception
    assert {note.value.count("`") for note in app.info} == {4}
    assert app.session_state["seeds"] == "10"


def test_the_first_paint_imports_no_torch() -> None:
    script = (
        "import sys; from streamlit.testing.v1 import AppTest; app = AppTest.from_file('app.py', default_timeout=60);"
        "app.switch_page('pages/training.py').run(); assert not app.exception; print('torch' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.split()[-1] == "False"


def test_what_goes_wrong_at_the_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def submit(self, *_: object) -> str:
            raise RuntimeError("at most 200 runs may wait at once")

        def prepare(self) -> None:
            pass

    monkeypatch.setattr(training, "get_scheduler", Full)
    monkeypatch.setattr(training, "estimate_text", lambda _: "")
    app = page(guess="show")
    app.session_state["starting"] = True
    app.run()
    assert "all of them decided" in all_text(app)
    app.button(key="start").click().run()
    assert not app.exception
    assert app.error[0].value == "at most 200 runs may wait at once"
    assert len(app.get("plotly_chart")) == 2


def _upload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(folder))
    classes = ("![x](http://elsewhere/)", "<b>둘</b>")
    return save_dataset(replace(tiny_dataset("tiny"), name="[mine](http://elsewhere)", classes=classes, notes=("`a`",)))


def test_a_link_with_ones_own_data_shows_them_and_never_as_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = _upload(tmp_path, monkeypatch)
    app = page(dataset="own", own=name)
    assert not app.exception
    summary = next(line.value for line in app.markdown if "64 pictures to learn from" in line.value)
    assert "](http" not in summary
    captions = [image.caption for element in app.get("image") for image in element.proto.imgs]
    assert captions == ["··x··http···elsewhere··", "·b·둘··b·"]


def test_data_that_are_not_here_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    for name in ("own-0123456789abcdef", "own-../../etc/passwd", "x" * 300, "<script>"):
        app = page(dataset="own", own=name)
        assert not app.exception
        assert any(r"dataset='" in note.value for note in app.info)


def test_the_sets_of_an_archive_are_offered_and_what_was_taken_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = page(dataset="own")
    both = {
        f"{folder}/{name}": data for folder, count in (("a", 50), ("b", 30)) for name, data in mnist(100, count).items()
    }
    app.file_uploader[0].upload("both.zip", zipped(both), "application/zip").run()
    choice = next(box for box in app.selectbox if box.label == "The archive holds several data sets")
    assert choice.options == ["a", "b"]
    assert any("50 for the test" in line.value for line in app.markdown)
    assert any("a/train-images" in caption.value for caption in app.caption)
    choice.select_index(1).run()
    assert not app.exception
    assert any("30 for the test" in line.value for line in app.markdown)
    assert any("b/train-images" in caption.value for caption in app.caption)


def test_an_upload_that_was_read_is_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    removed: list[str] = []

    def remove(_self: object, _session: str, file: str) -> None:
        removed.append(file)

    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", remove)
    app = page(dataset="own")
    for content in (_zip(), b"nothing"):  # what is refused is given back too
        app.file_uploader[0].upload("mine.zip", content, "application/zip").run()
        assert not app.exception
    assert len(set(removed)) == 2


def test_an_upload_is_read_kept_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = page(dataset="own")
    app.file_uploader[0].upload("mine.zip", _zip(), "application/zip").run()
    assert not app.exception
    assert any("3 classes" in line.value for line in app.markdown)
    app.file_uploader[0].upload("bad.zip", b"nothing", "application/zip").run()
    assert not app.exception
    assert "must be a zip of class folders" in app.error[0].value
    assert any("3 classes" in line.value for line in app.markdown)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_fewer_pictures_than_a_batch_are_a_sentence_and_no_start(
    lang: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = page(dataset="own", lang=lang)
    app.file_uploader[0].upload("few.zip", _zip(), "application/zip").run()
    app.session_state["starting"] = True
    app.run()
    assert not app.exception
    assert any(all(number in note.value for number in ("64", "27", "37")) for note in app.info)
    assert "start" not in [button.key for button in app.button]


def _zip() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(36):
            picture = BytesIO()
            Image.new("RGB", (20, 20), (number, 7 * number, 0)).save(picture, "PNG")
            archive.writestr(f"{'abc'[number % 3]}/{number}.png", picture.getvalue())
    return buffer.getvalue()


def test_one_run_shows_what_it_confuses_and_hands_itself_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load_stored_result("two-differences")
    assert stored
    labels = load_dataset("fashion-mnist").test_labels
    predictions = {run.id: np.where(np.arange(5000) % 9 == run.id % 9, 6, labels) for run in stored.progress.runs}
    monkeypatch.setattr(training, "load_result", lambda _: replace(stored, predictions=predictions))
    app = page(outcome="run", picked="7", guess="show")
    assert not app.exception
    assert app.selectbox[0].value == "7"
    wrong = int((predictions[7] != labels).sum())
    assert any(f"**{5000 - wrong:,}** of 5,000" in line.value for line in app.markdown)
    assert len(app.get("plotly_chart")) == 1
    captions = [image.caption for element in app.get("image") for image in element.proto.imgs]
    assert len(captions) == 9 + 3
    assert {caption.split(" → ")[1] for caption in captions} == {"shirt"}
    assert [button.label for button in app.get("download_button")][:2] == ["Training script", "Its data (npz)"]


def test_all_runs_are_listed_with_how_far_they_are() -> None:
    app = page(outcome="runs", guess="show")
    assert not app.exception
    stored = load_stored_result("two-differences")
    assert stored
    assert app.dataframe[0].value["epochs"].tolist() == [4] * len(stored.progress.runs)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ((("epochs", (1, 2)),), ["epochs=1", "epochs=2"]),
        ((("segments", (1, 4, None)),), ["1 segments", "4 segments", "one a channel"]),
        ((("residual", (True, False)),), ["with residuals", "without residuals"]),
        ((("segment_depth", (None, 4)),), ["segments of one channel", "segments of 4 channels"]),
    ],
)
def test_an_experiment_of_ones_own_is_named_in_words(grid: Grid, words: list[str]) -> None:
    spec = ExperimentSpec("own", 1, grid=grid)
    assert question_text(spec.preset) == "What do these fields change?"
    ((name, levels),) = spec.levels
    assert [setting_text(((name, level),)) for level in levels] == words


def _opened(*keys: str, **parameters: str) -> AppTest:
    """The page with these folded parts open."""
    app = page(guess="show", **parameters)
    for key in keys:
        app.session_state[key] = True
    app.run()
    assert not app.exception
    return app


def test_what_the_seeds_can_decide_is_said_of_the_whole_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "estimate_text", lambda _: "")
    monkeypatch.setattr(Scheduler, "prepare", lambda _: None)
    stored = load_stored_result("figure-10")
    assert stored
    power = rule_power(stored.progress.effects().primary, 3, 5000, 2)
    lines = [line.value for line in _opened("starting", preset="figure-10").markdown]
    (text,) = [line for line in lines if "whole rule of a verdict" in line]
    assert f"a difference in {power.found[0]:.0%}, equivalence in < 1%" in text
    assert f"a difference in {power.found[1]:.0%}, equivalence in {power.equivalent[1]:.0%}" in text
    assert f"all of them decided: {power.all_decided:.0%}" in text


@pytest.mark.parametrize(("lang", "word"), [("en", "not the order alone"), ("ko", "순서만 바뀌는 것이 아닙니다")])
def test_what_else_changes_with_the_order_stands_at_its_verdict(lang: str, word: str) -> None:
    shown = page(guess="show", lang=lang)
    (line,) = [line.value for line in shown.caption if word in line.value]
    texts = [each.value for each in shown.main if each.type in ("markdown", "caption")]
    assert "+0.35" in texts[texts.index(line) - 1]  # its verdict, with the interval
    change = order_change(ExperimentSpec().base.xception)
    for each in change.widths:
        assert f"{each.name} {each.depthwise_first} → {each.pointwise_first}" in line
    assert "+1,296" in line
    assert not any(word in line.value for line in page(guess="show", lang=lang, preset="figure-10").caption)


def test_the_two_blocks_are_compared_as_exploratory_in_words() -> None:
    (line,) = [
        line.value
        for line in _opened("stored_exploring").markdown
        if line.value.startswith("**The comparison that is asked for most")
    ]
    stored = load_stored_result("two-differences")
    assert stored
    (diagonal,) = [effect for effect in stored.progress.effects().exploratory if effect.kind == "diagonal"]
    assert f"{signed(diagonal.points)} points, 95% CI {signed(diagonal.low)} to {signed(diagonal.high)}" in line
    assert "not fixed beforehand" in line


def test_a_rate_at_the_edge_of_the_grid_is_marked() -> None:
    app = _opened("evidence", preset="figure-10", dataset="emoji")
    (chosen,) = [frame.value["chosen"].tolist() for frame in app.dataframe if "chosen" in frame.value]
    assert chosen == ["0.006 †", "0.024", "0.048 †"]
    assert any("† At the edge of the rates" in line.value for line in app.markdown)
    assert any("nothing between (0.006); ELU between (0.048)" in line.value for line in app.caption)
    plain = _opened("evidence", preset="figure-10")
    assert not any("†" in line.value for line in plain.markdown)
    assert not any("edge of those" in line.value for line in plain.caption)


def test_a_verdict_that_other_pictures_may_not_bear_out_says_so_unasked() -> None:
    lines = [line.value for line in page(guess="show", preset="figure-10", dataset="emoji").markdown]
    assert any("The verdict is about these test pictures" in line and "covers 0" in line for line in lines)
    plain = [line.value for line in page(guess="show", preset="figure-10").markdown]
    assert not any("about these test pictures" in line for line in plain)


def test_copied_runs_are_named_with_the_commit_that_made_them() -> None:
    lines = [line.value for line in _opened("evidence", preset="batch-norm").markdown]
    stored = load_stored_result("figure-10")
    assert stored
    assert stored.provenance
    (line,) = [line for line in lines if line.startswith("Made by")]
    assert "30 of the 60 runs were not made for this question" in line
    assert f"for Figure 10, by the code of commit `{stored.provenance.commit[:12]}`" in line


@pytest.mark.parametrize(
    ("query", "known", "runs"),
    [
        ({"preset": "batch-norm"}, 30, 60),  # Figure 10's results were there, the plan was not
        ({"preset": "figure-9"}, 8, 16),
        ({"preset": "conjecture"}, 16, 80),
        # slope 0 is its ReLU, slope 1 its nothing, and both came out bit by bit as there
        ({"preset": "dose"}, 16, 40),
        ({"preset": "two-differences"}, 0, 48),  # both plans were fixed together, before any run
        ({"preset": "two-differences", "dataset": "emoji"}, 0, 48),
        ({"preset": "figure-10"}, 0, 36),
    ],
)
def test_runs_whose_outcome_was_known_before_the_question_are_told_unasked(
    query: dict[str, str], known: int, runs: int
) -> None:
    app = page(guess="show", **query)
    said = [text.value for text in (*app.caption, *app.markdown) if "was known when this question" in text.value]
    assert len(said) == (known > 0)
    assert all(f"The outcome of {known} of its {runs} runs, those of Figure 10, was known" in text for text in said)
    # beside the verdict, and before anybody guesses
    headline = app.markdown[0].value
    asked = [text.value for text in page(**query).caption if text.value.startswith("Fixed beforehand")]
    for text in (headline, *asked):
        assert ("No fresh test: this difference was known, from Figure 10," in text) == (query["preset"] == "dose")
    assert len(asked) == 1
    if query["preset"] == "two-differences":
        (line,) = [line.value for line in _opened("evidence", **query).markdown if line.value.startswith("Made by")]
        assert f"24 of the {runs} runs are copies of runs made for Figure 10" in line
        assert "both questions were fixed there, before any of these runs" in line


def _effect(low: float, high: float, verdict: EffectVerdict, **changes: Any) -> Effect:
    stored = load_stored_result("figure-10")
    assert stored
    effect = stored.progress.effects().primary[0]
    return replace(effect, low=low, high=high, verdict=verdict, **changes)


@pytest.mark.parametrize(
    ("effect", "texts"),
    [
        (_effect(-0.9, -0.0042, "harmful", points=-0.45, adjusted_p=0.04996), ["−0.004", "p = 0.04996"]),
        (_effect(-0.9, 0.0042, "not decided", points=-0.45, adjusted_p=0.05004), ["+0.004", "p = 0.05004"]),
        (_effect(-0.4998, 0.2, "equivalent", points=-0.15, asks_equivalence=True), ["−0.4998"]),
        (_effect(-0.5003, 0.2, "not decided", points=-0.15, asks_equivalence=True), ["−0.5003"]),
        (_effect(-0.06, -0.03, "harmful", points=-0.04), ["about 0.04 more mistakes"]),
    ],
)
def test_a_borderline_number_never_reads_against_its_verdict(effect: Effect, texts: list[str]) -> None:
    stored = load_stored_result("figure-10")
    assert stored
    effects = stored.progress.effects()
    line = " ".join((headline(effect, 0.5), verdict_interval(effect, effects), verdict_details(effect, effects)))
    for text in texts:
        assert text in line


def test_an_equivalence_that_was_the_second_question_stands_on_its_own_test() -> None:
    stored = load_stored_result("figure-10")
    assert stored
    effects = stored.progress.effects()
    (effect,) = [each for each in effects.primary if each.verdict == "equivalent"]
    assert not effect.asks_equivalence
    values = np.array(effect.differences)
    below, above = (
        ttest_1samp(values, end, alternative=side).pvalue for end, side in ((-0.5, "greater"), (0.5, "less"))
    )
    low, high = t.interval(0.9, len(values) - 1, values.mean(), sem(values))
    line = verdict_interval(effect, effects)
    ends = f"90% CI {signed(low)} to {signed(high)})"
    assert f"two one-sided tests of equivalence at ±0.5: p = {max(below, above):.3f}, {ends}" in line


def conjecture(gains: list[float], spread: float = 0.3, seeds: int = 8) -> ExperimentResult:
    """A stored result of the conjecture. gains: what the ReLU adds at each depth, in points."""
    experiment = ExperimentSpec("conjecture", seeds, first_seed=100)
    depths = dict(experiment.levels)["segment_depth"]
    rng, labels = np.random.default_rng(8), load_dataset("fashion-mnist").test_labels
    runs: list[RunProgress] = []
    predictions: dict[int, NDArray[np.int64]] = {}
    for number, spec in enumerate(experiment.variants()):
        relu = spec.xception.intermediate == "relu"
        points = 86 + relu * gains[depths.index(spec.xception.segment_depth)] + rng.normal(0, spread)
        right = np.arange(5000) < round(50 * points)
        predictions[number] = np.where(rng.permutation(right), labels, (labels + 1) % 10)
        accuracy = float((predictions[number] == labels).mean())
        record = EpochRecord(1, 1.0, 0.5, 0.5, accuracy, 0.01, 100.0, 1.0, 0.5, 0.8)
        runs.append(RunProgress(number, spec, "done", "", (record,), 5000, 0.0))
    progress = Progress("", "", experiment, "done", "", False, 0, 1.0, 0.0, tuple(runs))
    return ExperimentResult(progress, "a machine", predictions)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize(
    ("gains", "start", "word"),
    [
        ([-1.5, -0.8, 0.0, 0.7, 1.5], "points better each time", "the sign changes as the paper supposes"),
        ([-1.5, -1.3, -1.0, -0.8, -0.6], "points better each time", "is not shown"),
        ([0.0, 0.0, 0.0, 0.0, 0.0], "**Not decided", "is not shown"),
    ],
)
def test_a_stored_conjecture_is_a_line_over_depth_and_a_sentence(
    lang: str, gains: list[float], start: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = conjecture(gains)
    monkeypatch.setattr(training, "load_result", lambda name: result if name == "conjecture" else None)
    sealed = page(preset="conjecture", lang=lang)
    assert not sealed.get("plotly_chart")
    app = page(preset="conjecture", lang=lang, guess="show")
    assert not app.exception
    (slope,) = (effects := result.progress.effects()).primary
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    band, line, _dots, marks = figure["data"]
    assert band["fill"] == "toself"
    assert len(band["x"]) == 2 * len(line["x"])
    assert figure["layout"]["xaxis"]["ticktext"] == ["1", "2", "4", "8", "16"]
    assert marks["x"] == [0, 1, 2, 3, 4]
    trend = slope_trend(effects, slope)
    assert trend.points[0].points == pytest.approx(gains[0], abs=0.5)
    if lang == "en":
        text = "\n".join(line.value for line in app.markdown)
        assert start in text
        assert word in text
        for point in (trend.points[0], trend.points[-1]):
            assert f"{signed(point.points)} points ({signed(point.low)} to {signed(point.high)})" in text
        assert any("slope as found, the one comparison that was fixed beforehand" in line.value for line in app.caption)
        assert not any("of no account" in line.value for line in (*app.caption, *sealed.caption))


def test_the_doses_are_a_chart_over_what_is_cut_with_only_the_whole_cut_filled() -> None:
    app = page(preset="dose", guess="show")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    marks = figure["data"][-1]
    assert marks["x"] == pytest.approx([0.5, 0.8, 0.9, 1.0])
    assert marks["marker"]["symbol"] == ["diamond-open"] * 3 + ["diamond"]
    assert any(line.value.startswith("Exploratory, each 95% CI by itself") for line in app.markdown)


@pytest.mark.parametrize(
    "parameters", [{"dataset": "emoji", "preset": "conjecture"}, {"dataset": "textures", "preset": "figure-10"}]
)
def test_a_question_without_a_stored_result_shows_what_would_be_compared(parameters: dict[str, str]) -> None:
    app = page(**parameters)
    (table,) = [line.value for line in app.markdown if line.value.startswith("**What is compared**")]
    data = load_dataset(parameters.get("dataset", "fashion-mnist"))
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("| ")][2:]
    spec = ExperimentSpec(parameters["preset"])
    assert len(rows) == len(spec.cells())
    for row, cell in zip(rows, spec.cells(), strict=True):
        network = replace(cell.xception, in_channels=data.train_images.shape[3], num_classes=len(data.classes))
        params = sum(parameter.numel() for parameter in build_xception(network).parameters())
        assert row[3] == f"{params:,}"


def test_many_variants_are_drawn_in_a_panel_for_each_level_of_the_last_factor() -> None:
    app = page(preset="conjecture", guess="show")
    drawn = [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]
    (chart,) = [chart for chart in drawn if "xaxis2" in chart["layout"]]
    assert [head["text"] for head in chart["layout"]["annotations"]] == ["nothing between", "ReLU between"]
    lines = [(line["name"], line.get("xaxis", "x"), line["line"]["color"]) for line in chart["data"]]
    names = [
        f"segments of {depth}" for depth in ("one channel", "2 channels", "4 channels", "8 channels", "16 channels")
    ]
    for axis in ("x", "x2"):
        assert [name for name, at, _ in lines if at == axis] == names
    assert len({(name, colour) for name, _, colour in lines}) == 5, "a depth has one colour in both panels"
    assert [line["name"] for line in chart["data"] if line["showlegend"]] == names


@pytest.mark.parametrize(
    ("preset", "dataset", "said"),
    [
        ("figure-10", "fashion-mnist", "ReLU between (Emoji: not decided, +0.05 points; Fashion-MNIST, half as wide: "),
        ("figure-10", "emoji", "ReLU between (Fashion-MNIST: harmful, −1.03 points; Fashion-MNIST, half as wide: "),
        ("two-differences", "fashion-mnist", "ReLU between (Emoji: not decided, +0.05 points; "),
        ("batch-norm", "fashion-mnist", ""),  # its network has a batch norm between
        ("figure-9", "fashion-mnist", ""),
    ],
)
def test_what_other_pictures_gave_stands_above_the_fold(preset: str, dataset: str, said: str) -> None:
    lines = [line.value for line in page(preset=preset, dataset=dataset, guess="show").markdown]
    found = [line for line in lines if line.startswith("**On other pictures, or half as wide**: ")]
    assert [said in line for line in found] == [True] * bool(said)
    assert all(line.count("Emoji: ") <= 2 for line in found), "a comparison's runs are told once"
