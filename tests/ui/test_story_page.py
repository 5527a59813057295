"""The story without a browser: sealed before a prediction, told after it, in both languages; links and the end."""

import math
import re
import subprocess
import sys

import pytest
from paths import ROOT
from visits import START, component_data, opened, ran, told_text

from xception_lab.ui.fields.story import PREDICTIONS, STEPS
from xception_lab.ui.fields.training import SHOW
from xception_lab.ui.story.guesses import distance
from xception_lab.ui.story.steps import STEPS as STORY

STORY_PAGE = "pages/story.py"
NUMBERS = [step for step in STEPS[:-1] if STORY[step].kind != "choice"]
GUESSES = {"1": "100", "2": "4", "3": "10", "4": "almost", "5": "2", "6": "1.25", "7": "50", "8": "-1:0.5", "9": "8"}


def _answers(step: str) -> list[str]:
    """The answer as it is shown, and its digits as they would stand in data."""
    answers = STORY[step].answers()
    raw = [f"{answer.value:.5g}" for answer in answers] + [f"{answer.value / 100:.5g}" for answer in answers]
    korean = [answer.text.replace("×", "배") for answer in answers]
    return [answer.text for answer in answers] + korean + [text for text in raw if len(text) > 4]


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("step", NUMBERS)
def test_nothing_of_the_answer_is_sent_before_a_prediction(step: str, lang: str) -> None:
    sealed = opened(STORY_PAGE, {"step": step, "lang": lang})
    for text in _answers(step):
        assert text not in told_text(sealed), text
    sealed.button(key="show").click()
    told = ran(sealed)
    shown = component_data(told, f"guess_{step}")["answers"] if STORY[step].kind == "number" else None
    text = told_text(told)
    for answer in STORY[step].answers():
        assert answer.text in text
    if shown is not None:
        assert [answer["value"] for answer in shown] == [answer.value for answer in STORY[step].answers()]
    assert told.button(key="forward")


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_question_of_the_towers_is_answered_by_a_computed_difference(lang: str) -> None:
    sealed = opened(STORY_PAGE, {"step": "4", "lang": lang})
    assert "answers" not in component_data(sealed, "guess_4")
    told = opened(STORY_PAGE, {"step": "4", "lang": lang, "p4": "almost"})
    data = component_data(told, "guess_4")
    assert ([answer["text"] for answer in data["answers"]], data["guess"]["text"]) == (["same"], "almost")


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_prediction_reveals_the_answer_and_leads_on(step: str) -> None:
    guess = GUESSES.get(step, "20")
    at = opened(STORY_PAGE, {"step": step, f"p{step}": guess})
    assert component_data(at, "page")["values"] == {f"p{step}": guess} | ({"step": step} if step != "1" else {})
    links = [link.proto for link in at.get("page_link") if link.proto.page == STORY[step].lab[0]]
    assert len(links) == 1
    at.button(key="forward").click()
    there = ran(at)
    following = STEPS[STEPS.index(step) + 1]
    assert component_data(there, "page")["values"] == {f"p{step}": guess, "step": following}


@pytest.mark.parametrize("step", STEPS[:-1])
def test_the_lab_opens_without_a_repair(step: str) -> None:
    page, texts = STORY[step].lab
    assert not opened(f"pages/{page}.py", dict(texts)).info


def test_the_start_page_is_the_first_step() -> None:
    at = opened(START)
    assert at.title[0].value == "Must a convolution look at space and channels at the same time?"
    assert component_data(at, "guess_1")["kind"] == "number"


def test_a_prediction_that_a_link_does_not_name_is_kept() -> None:
    at = opened(STORY_PAGE, {"step": "2", "p2": "4"})
    at.query_params.clear()
    at.query_params["step"] = "1"
    ran(at)
    assert at.session_state["p2"] == "4"
    fresh = opened(STORY_PAGE, {"step": "1"})
    assert fresh.session_state["p2"] == "ask"


@pytest.mark.parametrize("step", ["0", "11", "-1", "nan", "1e999", "<script>", "end ", "ende", "", "x" * 300])
def test_an_impossible_step_is_repaired_with_a_note(step: str) -> None:
    at = opened(STORY_PAGE, {"step": step, "p3": "24.2", "p8": "3:1"})
    notes = [note.value for note in at.info]
    assert len(notes) == 3, "the step, the number between two options, the interval that ends before it begins"
    assert at.title


def test_what_a_browser_sends_as_a_prediction_is_checked() -> None:
    assert all(field.texts[0] == "ask" and field.texts[-1] == SHOW for field in PREDICTIONS)
    for field in PREDICTIONS:
        assert len(set(field.texts)) == len(field.texts)
        values = [option.value for option in field.options[1:-1]]
        assert all(not isinstance(value, float) or value > 0 for value in values)


def test_the_end_sets_every_prediction_beside_its_answer_and_names_the_two_furthest_off() -> None:
    texts = {f"p{step}": guess for step, guess in GUESSES.items()} | {
        "p1": "500",
        "p3": "1",
        "p4": "same",
        "p8": "-2:0",
        "p9": SHOW,
    }
    at = opened(STORY_PAGE, texts | {"step": "end"})
    (table,) = [line.value for line in at.markdown if line.value.startswith("|  |")]
    rows = {row.split(" | ")[0].strip("| "): row for row in table.splitlines()[2:]}
    assert len(rows) == 10
    assert "not opened yet" in rows["10"]
    assert "| – |" in rows["9"]
    assert "**24.2×**" in rows["3"]
    # 1 instead of 24.2; 50% instead of what a reader loses
    furthest = [button for button in at.button if button.key.startswith("again_")]
    assert [button.label for button in furthest] == [
        "3. And with a larger kernel?",
        "7. What does a ReLU between throw away?",
    ]
    assert not [button for button in opened(STORY_PAGE, {"step": "end"}).button if button.key.startswith("again_")]
    furthest[1].click()
    assert component_data(ran(at), "page")["values"]["step"] == "7"


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_question_stands_by_itself(step: str, lang: str) -> None:
    at = opened(STORY_PAGE, {"step": step, "lang": lang})
    (question,) = re.findall(r"\*\*(.+?)\*\*", at.markdown[-1].value)
    told = opened(STORY_PAGE, {"step": step, "lang": lang, f"p{step}": SHOW})
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", question)
    assert f"**{plain}**" in [line.value for line in told.markdown]
    assert plain.endswith(("?", "?)"))


def test_a_distance_is_a_factor_on_either_side() -> None:
    answer = STORY["2"].answers()[0].value
    assert distance(STORY["2"], 2 * answer) == pytest.approx(math.log(2))
    assert distance(STORY["2"], answer / 2) == pytest.approx(math.log(2))
    assert distance(STORY["4"], "same") == 0
    assert distance(STORY["4"], "different") == math.inf
    assert distance(STORY["8"], (-2.0, 0.0)) == 0
    assert distance(STORY["8"], (1.0, 2.0)) == math.inf
    assert distance(STORY["8"], SHOW) is None


def test_sealed_steps_need_no_torch() -> None:
    program = """
import sys
from streamlit.testing.v1 import AppTest
for step in ("1", "2", "3", "4", "5", "6", "8", "9", "10"):
    at = AppTest.from_file("pages/story.py", default_timeout=60)
    at.query_params["step"] = step
    at.run()
    print(step, len(at.exception), "torch" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.splitlines() == [f"{step} 0 False" for step in STEPS[:-1] if step != "7"], run.stderr


def test_every_text_of_a_step_is_filled_in_both_languages() -> None:
    for lang in ("en", "ko"):
        for step in STEPS[:-1]:
            at = opened(STORY_PAGE, {"step": step, f"p{step}": SHOW, "lang": lang})
            assert not [line.value for line in (*at.markdown, *at.caption) if "{" in line.value]
