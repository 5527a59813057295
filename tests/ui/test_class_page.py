"""The class's room without a browser: the door, the teacher's page, the student's story, and what stays sealed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import HOSTILE_VALUES
from streamlit.testing.v1 import AppTest
from visits import component_data, opened, ran, sent_text, told_text

from xception_lab.classroom.room import make_key
from xception_lab.classroom.store import ClassStore
from xception_lab.common.home import StoreError
from xception_lab.common.messages import say
from xception_lab.ui.fields.story import PREDICTIONS, STEPS
from xception_lab.ui.shell import seat as seat_module
from xception_lab.ui.story import in_class
from xception_lab.ui.story.steps import STEPS as STORY

CLASS_PAGE, STORY_PAGE = "pages/class.py", "pages/story.py"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClassStore:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    return ClassStore(tmp_path)


def _digits(step: str) -> list[str]:
    answers = STORY[step].answers()
    raw = [f"{answer.value:.5g}" for answer in answers] + [f"{answer.value / 100:.5g}" for answer in answers]
    return [answer.text for answer in answers] + [text for text in raw if len(text) > 4]


def _address(at: AppTest) -> dict[str, str]:
    return component_data(at, "page")["values"]


def _warnings(at: AppTest) -> str:
    return "\n".join(element.value for element in at.warning)


def _seated(store: ClassStore) -> tuple[str, str, dict[str, str]]:
    """An open room, its secret, and the parameters of a student's link."""
    code, secret = store.open_room()
    return code, secret, {"room": code, "seat": store.join(code)}


def _predicting(monkeypatch: pytest.MonkeyPatch, at: AppTest, text: object) -> AppTest:
    """The page after its component `guess` has reported a prediction."""
    handlers: list[Callable[[object], None]] = []
    with monkeypatch.context() as patch:
        from xception_lab.ui.shell import components

        patch.setattr(components, "guess", lambda _data, _key, on_guess: handlers.append(on_guess))
        ran(at)
    handlers[-1](text)
    return ran(at)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_teacher_opens_a_room_and_leads_it(store: ClassStore, lang: str) -> None:
    at = opened(CLASS_PAGE, {"lang": lang})
    at.button(key="open_room").click()
    ran(at)
    address = _address(at)
    code, secret = address["room"], address["key"]
    assert store.is_teacher(code, secret)
    assert code in "".join(element.value for element in at.markdown)
    assert component_data(at, "class_keys") == {"room": code, "seat": "", "secret": secret}
    seats = [store.join(code) for _ in range(3)]
    store.predict(code, seats[0], "1", "100")
    store.predict(code, seats[1], "1", "630")
    ran(at)
    data = component_data(at, "histogram")
    assert (sum(bar["count"] for bar in data["bars"]), data["told"], data["answers"]) == (2, False, [])
    assert re.search(r"\*\*2\*\*.*\*\*3\*\*|\*\*3\*\*.*\*\*2\*\*", "".join(element.value for element in at.markdown))
    at.button(key="reveal").click()
    ran(at)
    told = component_data(at, "histogram")
    assert [answer["text"] for answer in told["answers"]] == [answer.text for answer in STORY["1"].answers()]
    assert store.room(code).revealed == {"1"}
    at.button(key="forward").click()
    ran(at)
    assert store.room(code).step == "2"
    at.button(key="back").click()
    ran(at)
    assert store.room(code).step == "1"
    # a reload by the link: the room as it was
    again = opened(CLASS_PAGE, {"room": code, "key": secret})
    assert component_data(again, "histogram")["told"]


def test_once_the_browser_has_kept_the_key_the_address_shows_it_no_longer(store: ClassStore) -> None:
    code, secret = store.open_room()
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    at.session_state[seat_module._KEPT] = {code: {"secret": secret}}
    ran(at)
    assert _address(at) == {"room": code}
    reloaded = opened(CLASS_PAGE, {"room": code})
    assert reloaded.button(key="join"), "before the browser has reported"
    reloaded.session_state[seat_module._KEPT] = {code: {"secret": secret}}
    ran(reloaded)
    assert reloaded.button(key="reveal")


@pytest.mark.parametrize("step", STEPS[:-1])
def test_the_teachers_page_tells_no_answer_before_it_is_revealed(store: ClassStore, step: str) -> None:
    code, secret, link = _seated(store)
    store.set_step(code, secret, step)
    text = PREDICTIONS[int(step) - 1].texts[3]
    store.predict(code, link["seat"], step, text)
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    data = component_data(at, "histogram")
    assert data["answers"] == []
    assert not any(bar["right"] for bar in data["bars"])
    assert max(bar["count"] for bar in data["bars"]) == 1
    if STORY[step].kind != "choice":
        sent = told_text(at).replace(code, "")
        assert not [digits for digits in _digits(step) if digits in sent]
    at.button(key="reveal").click()
    told = component_data(ran(at), "histogram")
    assert told["answers"] or any(bar["right"] for bar in told["bars"])
    assert all(0 <= bar["from"] < bar["to"] <= 1.0001 and 0 <= bar["height"] <= 1 for bar in told["bars"])
    assert all(0 <= mark["at"] <= 1 for mark in (*told["answers"], *told["names"]))


def test_beside_an_answer_the_room_still_says_that_it_is_closed(store: ClassStore) -> None:
    code, secret, _link = _seated(store)
    store.reveal(code, secret, "1")
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    assert component_data(at, "reason_1")
    assert code in told_text(at)
    assert "The room is closed" not in told_text(at)
    store.set_closed(code, secret, True)
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    assert component_data(at, "reason_1")
    assert "The room is closed" in told_text(at)


def test_covered_bars_tell_how_many_and_no_more(store: ClassStore) -> None:
    code, secret, link = _seated(store)
    store.predict(code, link["seat"], "1", "100")
    store.set_covered(code, secret, True)
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    data = component_data(at, "histogram")
    assert "bars" not in data
    assert data["cover"]["count"] == "1"
    store.reveal(code, secret, "1")
    assert "bars" in component_data(ran(at), "histogram")


def test_the_settings_of_a_room(store: ClassStore) -> None:
    code, secret, link = _seated(store)
    store.predict(code, link["seat"], "1", "100")
    at = opened(CLASS_PAGE, {"room": code, "key": secret})
    at.session_state["settings"] = True
    ran(at)
    at.segmented_control(key="class_pace").set_value("free")
    ran(at)
    at.segmented_control(key="class_answers").set_value("at_once")
    ran(at)
    at.toggle(key="class_covered").set_value(True)
    ran(at)
    room = store.room(code)
    assert (room.pace, room.answers, room.is_covered) == ("free", "at_once", True)
    at.button(key="reset").click()
    ran(at)
    assert store.step_predictions(code, "1") == ()
    at.button(key="close").click()
    ran(at)
    assert store.room(code).is_closed
    at.button(key="delete").click()
    ran(at)
    assert store.counters(code) is None
    assert code in _warnings(at)
    assert at.button(key="open_room")


def test_the_export_holds_every_prediction_and_no_key(store: ClassStore) -> None:
    from xception_lab.ui.classroom.teacher import Leader, _predictions_csv

    code, secret, link = _seated(store)
    store.predict(code, link["seat"], "8", "-1:0.5")
    text = _predictions_csv(Leader(code, secret))
    lines = text.splitlines()
    assert lines[0] == "step,student,prediction,time_utc,question,answer"
    assert lines[1].startswith("8,1,-1:0.5,")
    assert "Accuracy with the ReLU minus without" in lines[1]
    assert lines[1].endswith("," + STORY["8"].answers()[0].text)
    assert secret not in text
    assert link["seat"] not in text


def test_a_student_joins_by_link_and_by_code_and_has_one_seat(store: ClassStore) -> None:
    code, secret = store.open_room()
    at = opened(CLASS_PAGE, {"room": code.lower()})
    assert secret not in sent_text(at)
    at.button(key="join").click()
    ran(at)
    seat = _address(at)["seat"]
    assert _address(at) == {"room": code, "seat": seat}
    assert component_data(at, "guess_1")
    assert component_data(at, "class_keys") == {"room": code, "seat": seat, "secret": ""}
    assert store.room(code).seats == 1
    again = opened(CLASS_PAGE)
    again.session_state[seat_module._KEPT] = {code: {"seat": seat}}
    again.text_input(key="class_code").set_value(f" {code[:3]}-{code[3:].lower()} ")
    next(button for button in again.button if "join_form" in str(button.proto.form_id)).click()
    ran(again)
    assert _address(again)["seat"] == seat
    assert store.room(code).seats == 1


def test_a_link_to_the_story_with_a_room_alone_leads_to_the_door(store: ClassStore) -> None:
    code, _secret = store.open_room()
    at = opened(STORY_PAGE, {"room": code, "step": "3"})
    assert at.button(key="join")


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("step", [step for step in STEPS[:-1] if STORY[step].kind != "choice"])
def test_nothing_of_the_answer_is_sent_to_a_student_before_it_is_revealed(
    store: ClassStore, step: str, lang: str
) -> None:
    code, secret, link = _seated(store)
    store.set_step(code, secret, step)
    for shown in ({}, {f"p{step}": "show"}):  # what a link says of itself opens nothing here
        at = opened(STORY_PAGE, {**link, **shown, "lang": lang})
        for predicted in (False, True):
            if predicted:
                store.predict(code, link["seat"], step, PREDICTIONS[int(step) - 1].texts[5])
                ran(at)
            sent = told_text(at).replace(code, "")
            assert not [digits for digits in _digits(step) if digits in sent]
            assert "answers" not in component_data(at, f"guess_{step}")
            assert secret not in sent_text(at)
        store.reset(code, secret, step)
    store.reveal(code, secret, step)
    told = told_text(ran(at))
    assert all(answer.text in told for answer in STORY[step].answers())


def test_in_the_choice_step_no_choice_is_marked_before_it_is_revealed(store: ClassStore) -> None:
    code, secret, link = _seated(store)
    store.set_step(code, secret, "4")
    at = opened(STORY_PAGE, link)
    assert "answers" not in component_data(at, "guess_4")
    store.reveal(code, secret, "4")
    assert component_data(ran(at), "guess_4")["answers"][0]["text"] == "same"


def test_a_prediction_is_sent_changed_and_stands_once_revealed(
    store: ClassStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, secret, link = _seated(store)
    at = opened(STORY_PAGE, link)
    for text in ("100", "630"):
        at = _predicting(monkeypatch, at, text)
        assert component_data(at, "guess_1")["guess"]["text"] == text
    strange = [text for text in HOSTILE_VALUES if text not in PREDICTIONS[0].texts[1:-1]]
    for hostile in (*strange[::5], "ask", "show", None, 7, ["100"], {"text": "100"}):
        at = _predicting(monkeypatch, at, hostile)
    assert store.step_predictions(code, "1") == ("630",)
    assert _address(at) == link, "a prediction is in the store, not in the address"
    store.reveal(code, secret, "1")
    ran(at)
    data = component_data(at, "guess_1")
    assert (data["guess"]["text"], len(data["answers"])) == ("630", 2)
    assert component_data(at, "class")["told"]
    with monkeypatch.context() as patch:
        patch.setattr(type(store.room(code)), "is_told", lambda *_: False)  # this page has not heard of it yet
        _predicting(monkeypatch, opened(STORY_PAGE, link), "10")
    assert store.step_predictions(code, "1") == ("630",)


def test_why_a_prediction_was_refused_is_told_once(store: ClassStore) -> None:
    _code, _secret, link = _seated(store)
    at = opened(STORY_PAGE, link)
    at.session_state[in_class._TROUBLE] = say(
        "the answer of this step has been revealed: predictions stand as they are"
    )
    assert "has been revealed" in _warnings(ran(at))
    assert not _warnings(ran(at))


def test_the_teacher_moves_the_class_and_reload_finds_it(store: ClassStore) -> None:
    code, secret, link = _seated(store)
    at = opened(STORY_PAGE, {**link, "step": "7"})
    assert component_data(at, "guess_1"), "the class is at step 1"
    assert not [button for button in at.button if button.key == "forward"]
    store.set_step(code, secret, "2")
    ran(at)
    assert component_data(at, "guess_2")
    assert _address(at)["step"] == "2"
    assert component_data(opened(STORY_PAGE, link), "guess_2")
    store.set_step(code, secret, "end")
    assert len(ran(at).title) == 1
    assert "not opened yet" in "".join(element.value for element in at.markdown)


def test_at_the_end_the_teacher_sees_what_the_class_expected_and_the_answers_that_are_revealed(
    store: ClassStore,
) -> None:
    code, secret = store.open_room()
    seats = [store.join(code) for _ in range(7)]
    for seat, number in zip(seats, ("1.6", "2", "2.5", "8", "8", "10", "16"), strict=True):
        store.predict(code, seat, "2", number)
    for seat, verdict in zip(seats[:3], ("same", "same", "different"), strict=True):
        store.predict(code, seat, "4", verdict)
    store.reveal(code, secret, "2")
    store.set_step(code, secret, "end")
    at = opened(CLASS_PAGE, {"room": code, "key": secret})

    def rows() -> list[list[str]]:
        (table,) = [element.value for element in at.markdown if element.value.startswith("|  |")]
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]

    assert [row[0] for row in rows()] == list(STEPS[:-1])
    assert rows()[1][2:] == ["8× (2× to 10×)", f"**{STORY['2'].answers()[0].text}**"]
    assert rows()[3][2:] == ["the same (2 of 3)", "not revealed"]
    assert rows()[4][2:] == ["–", "not revealed"]
    store.set_covered(code, secret, True)
    ran(at)
    assert rows()[1][2].startswith("8×")
    assert rows()[3][2:] == ["covered", "not revealed"]


@pytest.mark.parametrize("let_go", ["close", "free"])
def test_who_is_let_go_stays_where_the_class_was(store: ClassStore, let_go: str) -> None:
    code, secret, link = _seated(store)
    at = opened(STORY_PAGE, link)
    store.set_step(code, secret, "3")
    ran(at)
    if let_go == "close":
        store.set_closed(code, secret, True)
    else:
        store.set_pace(code, secret, "free")
    ran(at)
    assert component_data(at, "scene_3")
    assert _address(at)["step"] == "3"


def test_in_a_free_room_each_goes_on_alone_and_sees_answers_as_the_teacher_likes(
    store: ClassStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, secret, link = _seated(store)
    store.set_pace(code, secret, "free")
    at = opened(STORY_PAGE, {**link, "step": "2"})
    at = _predicting(monkeypatch, at, "4")
    at.button(key="forward").click()
    ran(at)
    assert component_data(at, "guess_3")
    assert _address(at) == {**link, "step": "3"}
    store.set_answers(code, secret, "at_once")
    at = _predicting(monkeypatch, ran(at), "10")
    assert component_data(at, "guess_3")["answers"]
    at.button(key="forward").click()
    ran(at)
    at.button(key="show").click()
    ran(at)
    assert component_data(at, "guess_4")["answers"]
    assert store.own_predictions(code, link["seat"]) == {"2": "4", "3": "10", "4": "show"}


def test_in_a_closed_room_a_student_goes_on_alone(store: ClassStore) -> None:
    code, secret, link = _seated(store)
    store.set_closed(code, secret, True)
    at = opened(STORY_PAGE, link)
    at.button(key="alone").click()
    ran(at)
    assert "seat" not in _address(at)
    assert at.button(key="show")


def test_a_lab_keeps_the_seat_and_leads_back(store: ClassStore) -> None:
    code, _secret, link = _seated(store)
    at = opened("pages/compare.py", link)
    assert _address(at) == link
    back = [link.proto for link in at.get("page_link") if "story" in link.proto.page]
    assert all(f"{key}={value}" in back[0].query_string for key, value in link.items())
    assert code in back[0].query_string


@pytest.mark.parametrize("text", HOSTILE_VALUES[::3])
def test_hostile_links_to_a_room_end_in_a_sentence(store: ClassStore, text: str) -> None:
    code, secret = store.open_room()
    links = ({"room": text}, {"room": code, "key": text}, {"room": text, "key": secret}, {"room": code, "seat": text})
    for page in (CLASS_PAGE, STORY_PAGE):
        for link in links:
            query = {
                key: value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for key, value in link.items()
            }
            at = opened(page, query)
            assert not [button for button in at.button if button.key == "reveal"]
            assert secret not in sent_text(at)
    assert store.room(code).version == 1


def test_a_seat_that_the_room_does_not_have_is_told(store: ClassStore) -> None:
    code, _secret = store.open_room()
    at = opened(STORY_PAGE, {"room": code, "seat": make_key()})
    assert "has no seat" in _warnings(at)
    assert "seat" not in _address(at)
    gone = opened(CLASS_PAGE, {"room": "BBBBBB"})
    assert "no room BBBBBB" in _warnings(gone)


def test_what_a_browser_says_it_has_kept_is_checked(store: ClassStore) -> None:
    code, secret = store.open_room()
    at = opened(CLASS_PAGE, {"room": code})
    good = {code: {"seat": "", "secret": secret}}
    for sent in (None, 3, "x", [], {"a": 1}, {code: 3}, {code: {"secret": 5}}, {str(n): {} for n in range(100)}):
        seat_module._note_kept(sent)
    seat_module._note_kept(good)
    assert at.button(key="join")


def test_a_store_that_cannot_be_read_opens_nothing(store: ClassStore, monkeypatch: pytest.MonkeyPatch) -> None:
    code, secret, link = _seated(store)
    at, teacher = opened(STORY_PAGE, link), opened(CLASS_PAGE, {"room": code, "key": secret})

    def fail(*_: object) -> None:
        raise StoreError(say("the rooms in {folder} cannot be used: {error}", folder="x", error="disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setattr(ClassStore, "_transaction", fail)
        for page in (at, teacher):
            assert "disk I/O error" in _warnings(ran(page))
        assert not [button for button in at.button if button.key == "show"]
    assert component_data(ran(at), "guess_1")
    assert teacher.session_state["_class_room"] == code
    assert ran(teacher).button(key="reveal")
