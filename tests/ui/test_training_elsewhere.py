"""The same plan on other devices, as the training page shows it: beside the stored result, never in its place."""

from dataclasses import replace

import pytest
from ui.test_training_page import all_text, page
from visits import signed

from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.effects import Effect, interval_within
from xception_lab.experiments.inference import mean_interval
from xception_lab.experiments.repetition import (
    Repetition,
    agreement,
    effect_shift,
    effects_of_predictions,
    load_repetition,
    predictions_of,
)
from xception_lab.experiments.results_file import ExperimentResult, load_stored_result
from xception_lab.ui.shell.language import catalog
from xception_lab.ui.shell.names import VERDICT_NAMES, translate_machine
from xception_lab.ui.training import experiment as training

PLAN = "figure-10"
LINES = {"en": "The same plan and seeds on another device", "ko": "같은 계획과 같은 시드를 다른 장치에서"}


@pytest.fixture
def above() -> tuple[Effect, ...]:
    stored = load_stored_result(PLAN)
    assert stored
    return stored.progress.effects().primary


@pytest.mark.parametrize("lang", LINES)
def test_the_other_devices_verdicts_stand_in_one_line_and_the_first_paint_is_the_plans_own(
    lang: str, above: tuple[Effect, ...]
) -> None:
    app = page(preset=PLAN, guess="show", lang=lang)
    assert not app.exception
    (line,) = [line.value for line in app.markdown if LINES[lang] in line.value]
    there = load_repetition(PLAN, "nvidia-h100")
    assert there.result
    assert "NVIDIA H100 80GB HBM3" in line
    for here, again in zip(above, there.result.progress.effects().primary, strict=True):
        assert signed(again.points) in line
        # a verdict that differs is said with both
        assert (signed(here.points) in line) == (here.verdict != again.verdict)
        if lang == "en":
            assert VERDICT_NAMES[again.verdict or ""] in line
    first, second = [line.value for line in app.markdown[:4] if "12" in line.value][:2]
    assert signed(above[0].points) in first
    assert signed(above[1].points) in second
    assert len(app.get("plotly_chart")) == 2


@pytest.mark.parametrize("lang", LINES)
def test_every_number_of_the_folded_part_is_computed_from_the_stored_runs(lang: str) -> None:
    app = page(preset=PLAN, guess="show", lang=lang)
    app.session_state["elsewhere"] = True
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 3
    text = "\n".join(line.value for line in app.markdown)
    stored = load_stored_result(PLAN)
    assert stored
    first, labels = predictions_of(stored), load_dataset("fashion-mnist").test_labels
    for device in ("nvidia-h100", "xeon"):
        there = load_repetition(PLAN, device)
        assert translate_machine(there.machine, catalog(lang).gettext) in text
        found = agreement(first, there.predictions, labels)
        for share in (found.lowest, found.highest, found.mean, found.seeds_mean):
            assert f"{share:.1%}" in text
        for points in (found.typical, found.largest, found.seeds_typical):
            assert f"{points:.2f}" in text
        effects = effects_of_predictions(there.experiment, there.predictions)
        same_seeds = effects_of_predictions(there.experiment, first, there.seeds)
        for here, again in zip(same_seeds.primary, effects.primary, strict=True):
            assert signed(again.points) in text
            assert signed(here.points) in text
            if there.result:
                assert again.low is not None
                assert signed(again.low) in text
                assert all(signed(value) in text for value in effect_shift(here, again))
    words = {"en": ("no new data", "so there is no verdict", "Another verdict than above, where it is: equivalent")}
    words["ko"] = ("새 데이터가 아닙니다", "판정하지 않습니다", "위의 판정: 동등함")
    assert all(word in text for word in words[lang])


def test_a_small_difference_is_said_to_be_within_the_margin(above: tuple[Effect, ...]) -> None:
    there = load_repetition(PLAN, "nvidia-h100")
    assert there.result
    relu, elu = there.result.progress.effects().primary
    assert interval_within(relu) is None
    assert interval_within(elu) == mean_interval(elu.differences, 0.9)
    assert interval_within(replace(elu, kind="slope")) is None
    app = page(preset=PLAN, guess="show")
    app.session_state["elsewhere"] = True
    app.run()
    bullets = [line.value for line in app.markdown if line.value.startswith("- **")]
    assert ["lies within" in line for line in bullets] == [False, True]
    assert ["Another verdict" in line for line in bullets] == [False, above[1].verdict != elu.verdict]


def test_a_device_that_agrees_is_said_to_agree_and_a_copy_is_not_called_near(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, there = load_stored_result(PLAN), load_repetition(PLAN, "nvidia-h100")
    assert stored
    copy = replace(there, result=stored, predictions=predictions_of(stored))

    def load_repetitions(_: str) -> tuple[Repetition, ...]:
        return (copy,)

    monkeypatch.setattr(training, "load_repetitions", load_repetitions)
    app = page(preset=PLAN, guess="show")
    app.session_state["elsewhere"] = True
    app.run()
    text = all_text(app)
    assert text.count("on this device too") == 2
    for words in ("Another verdict", "nearer than another seed"):
        assert words not in text


@pytest.mark.parametrize(
    "parameters",
    [
        {"preset": PLAN},
        {"preset": PLAN, "guess": "show", "dataset": "emoji"},
        {"preset": "dose", "guess": "show"},
        {"preset": PLAN, "guess": "show", "outcome": "runs"},
    ],
)
def test_it_stands_under_its_own_plan_alone_and_not_before_a_guess(parameters: dict[str, str]) -> None:
    app = page(**parameters)
    assert not app.exception
    assert "on another device" not in all_text(app)


def test_nothing_is_compared_before_the_plans_own_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load_stored_result(PLAN)
    assert stored
    early = replace(stored.progress, runs=stored.progress.runs[:-1])

    def load_result(_: str) -> ExperimentResult:
        return replace(stored, progress=early)

    monkeypatch.setattr(training, "load_result", load_result)
    assert "on another device" not in all_text(page(preset=PLAN, guess="show"))
