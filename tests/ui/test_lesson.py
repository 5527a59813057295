"""Lesson links: what goes in comes out, a stranger's are repaired with a note, and only what is kept stays."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hostile import HOSTILE_VALUES, parameters
from hypothesis import given
from hypothesis import strategies as st
from states import COMPARE_KEYS, NETWORK_KEYS, TRAIN_KEYS
from streamlit.testing.v1 import AppTest
from visits import component_data, opened, ran

from xception_lab.ui.fields.field import state_keys
from xception_lab.ui.fields.lesson import (
    GUESS_KEYS,
    KEEP,
    LESSON_KEYS,
    LONGEST_TASK,
    STEPS_KEY,
    TASK,
    TASK_KO,
    Lesson,
    clean_task,
    lesson_texts,
    read_lesson,
)
from xception_lab.ui.fields.story import StoryState

COMPARE, STORY, TRAIN = "pages/compare.py", "pages/story.py", "pages/training.py"
KEYS = st.sampled_from((COMPARE_KEYS, TRAIN_KEYS, NETWORK_KEYS, state_keys(StoryState), ()))
TASKS = st.text(max_size=2 * LONGEST_TASK).map(clean_task)
ANYTHING = st.text(max_size=600) | st.sampled_from(HOSTILE_VALUES)


@st.composite
def _lessons(draw: st.DrawFn) -> tuple[Lesson, tuple[str, ...]]:
    keys = draw(KEYS)
    possible = [key for key in (*keys, STEPS_KEY) if key not in GUESS_KEYS]
    chosen = draw(st.none() | st.sets(st.sampled_from(possible)))
    keep = None if chosen is None else tuple(key for key in possible if key in chosen)
    return Lesson(draw(TASKS), draw(TASKS), keep), keys


@given(_lessons())
def test_a_lesson_comes_out_of_its_link_as_it_went_in(made: tuple[Lesson, tuple[str, ...]]) -> None:
    lesson, keys = made
    link = urlencode(lesson_texts(lesson))
    read, repairs = read_lesson(dict(parse_qsl(link)), keys)
    assert repairs == {}
    assert read == (lesson if lesson_texts(lesson) else None)


@given(st.dictionaries(st.sampled_from(LESSON_KEYS), ANYTHING), KEYS)
def test_whatever_a_link_says_is_repaired_once(given_: dict[str, str], keys: tuple[str, ...]) -> None:
    lesson, repairs = read_lesson(given_, keys)
    texts = lesson_texts(lesson)
    for key, text in given_.items():
        assert texts.get(key, "") == text or repairs[key] == texts.get(key, "")
    assert all(len(texts.get(key, "")) <= LONGEST_TASK and texts.get(key, "").isprintable() for key in (TASK, TASK_KO))
    if lesson and lesson.keep is not None:
        assert set(lesson.keep) <= {*keys, STEPS_KEY} - GUESS_KEYS
    assert read_lesson(texts, keys) == (lesson, {})


def _widgets(at: AppTest) -> set[str]:
    return {w.key for kind in (at.select_slider, at.segmented_control) for w in kind} - {"lang"}


def test_only_the_controls_that_are_kept_are_there() -> None:
    link = {
        "kernel_size": "5",
        "out_channels": "256",
        "task": "Which block gets cheaper?",
        "keep": "kernel_size,stride",
    }
    at = opened(COMPARE, link)
    assert _widgets(at) == {"kernel_size", "stride"}
    assert not [button for button in at.button if str(button.key).startswith("preset")]
    assert at.session_state["_values"]["out_channels"] == "256"
    assert component_data(at, "page")["values"] == link
    at.select_slider(key="kernel_size").set_value("3")
    ran(at)
    assert component_data(at, "page")["values"] == {key: text for key, text in link.items() if key != "kernel_size"}
    assert not [button for button in at.button if button.key == "make_lesson"]


def test_keep_none_leaves_a_page_to_look_at_and_no_keep_leaves_all() -> None:
    assert _widgets(opened(COMPARE, {"task": "Look.", "keep": "none"})) == set()
    assert _widgets(opened(COMPARE, {"task": "Look."})) == _widgets(opened(COMPARE))


def test_a_task_is_in_the_readers_language_or_in_the_other() -> None:
    link = {"task": "Turn it.", "task_ko": "돌려 보세요."}
    for query, locale, expected in (
        (link, "en-US", "Turn it"),
        (link, "ko-KR", "돌려 보세요"),
        ({"task_ko": "돌려 보세요."}, "en-US", "돌려 보세요"),
        ({"task": "Turn it."}, "ko-KR", "Turn it"),
    ):
        at = opened(COMPARE, query, locale)
        assert expected in "".join(element.value for element in at.markdown)


def test_a_task_is_text_and_no_markup() -> None:
    at = opened(COMPARE, {"task": "**b** [x](http://evil.example) <script>alert(1)</script> $x$ :red[y] ![i](z)"})
    (shown,) = [element.value for element in at.markdown if "evil" in element.value]
    for live in ("**b**", "[x](", "<script>", "$x$", ":red[", "![i](", "http://"):
        assert live not in shown


@pytest.mark.parametrize("text", HOSTILE_VALUES[::2])
def test_a_hostile_lesson_link_opens_the_page_with_a_note(text: str) -> None:
    for page in (COMPARE, STORY):
        query = parameters((("task", text), ("task_ko", text), ("keep", text)))
        at = opened(page, query)
        given_text = query["task"][-1]
        if given_text and clean_task(given_text) != given_text:
            assert "`task=" in "".join(info.value for info in at.info)
        if given_text not in ("", "none"):
            assert "`keep=" in "".join(info.value for info in at.info)
        assert _widgets(at) == set()


def test_a_sealed_step_is_predicted_by_everybody() -> None:
    at = opened(STORY, {"step": "3", "task": "Guess.", "keep": "none"})
    assert component_data(at, "guess_3")
    assert not [button for button in at.button if button.key in ("show", "forward")]
    told = opened(STORY, {"step": "3", "task": "Guess.", "keep": "none", "p3": "10"})
    assert not [button for button in told.button if button.key == "forward"]
    on = opened(STORY, {"step": "3", "task": "Guess.", "keep": "steps", "p3": "10"})
    on.button(key="forward").click()
    assert component_data(ran(on), "page")["values"] == {
        "step": "4", "p3": "10", "task": "Guess.", "keep": "steps"
    }  # fmt: skip


def test_a_lesson_on_train_keeps_its_question_sealed() -> None:
    at = opened(TRAIN, {"task": "What do you expect?", "keep": "none"})
    assert _widgets(at) == {"guess_choice"}
    assert not [button for button in at.button if button.key == "guess_show"]
    at.button_group(key="guess_choice").set_value("1")
    assert component_data(ran(at), "page")["values"]["guess"] == "1"


def _made(page: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch, **inputs: object) -> str:
    """The link that the dialog makes of a page."""
    links: list[str] = []
    from xception_lab.ui.shell import lesson_maker

    monkeypatch.setattr(lesson_maker, "copy_link", lambda _label, _done, link, _key: links.append(link))
    at = opened(page, query)
    for key, value in inputs.items():
        at.session_state[key] = value
    at.session_state[lesson_maker._ASKED] = True
    ran(at)
    assert links
    return links[-1]


def test_the_dialog_makes_a_link_of_the_page_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    link = _made(
        COMPARE,
        {"kernel_size": "5", "stride": "2"},
        monkeypatch,
        lesson_task="Turn one.\x00 ",
        lesson_task_ko="하나만",
        lesson_keep=["stride", "in_channels"],
    )
    path, _, query = link.partition("?")
    assert path.endswith("/compare")
    assert dict(parse_qsl(query)) == {
        "kernel_size": "5",
        "stride": "2",
        "task": "Turn one.",
        "task_ko": "하나만",
        "keep": "in_channels,stride",
    }
    theirs = opened(COMPARE, dict(parse_qsl(query)))
    assert _widgets(theirs) == {"in_channels", "stride"}


@pytest.mark.parametrize("is_sealed", [True, False])
def test_the_dialog_seals_the_answer_of_a_step(monkeypatch: pytest.MonkeyPatch, is_sealed: bool) -> None:
    query = {"step": "3", "p2": "4", "p3": "10"}
    link = _made(STORY, query, monkeypatch, lesson_task="Why?", lesson_seal=is_sealed, lesson_steps=False)
    expected = {"step": "3", "task": "Why?", KEEP: "none"} | ({} if is_sealed else {"p3": "10"})
    assert dict(parse_qsl(link.partition("?")[2])) == expected


def test_a_lesson_holds_nobodys_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    link = _made(COMPARE, {"room": "BKWTRN", "seat": "0" * 32}, monkeypatch, lesson_task="Look.")
    assert dict(parse_qsl(link.partition("?")[2])) == {"task": "Look.", "keep": "none"}
