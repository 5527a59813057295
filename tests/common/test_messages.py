"""What the engine says to people: a str in English, the same sentence in Korean, whole in pickle, JSON and SQLite."""

import ast
import copy
import json
import pickle
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from xception_lab.common.messages import Message, Value, message_from_text, message_of, message_to_text, reason_of, say
from xception_lab.data.custom import load_custom, save_dataset
from xception_lab.data.uploads import read_upload
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.experiments.worker import RunFailedError
from xception_lab.measurement.worker import MeasuringProcess
from xception_lab.timing.jobs import TimingJob
from xception_lab.ui.shell.language import catalog

PACKAGE = ROOT / "xception_lab"
UI = sorted((PACKAGE / "ui").rglob("*.py"))
ENGINE = sorted({*PACKAGE.rglob("*.py")} - {*UI})
PAGES = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *UI])

# whose refusals no page shows: controls cannot ask for it, a broken link is repaired, or the page has words of its own
NOT_SHOWN = {
    "__init__",
    "cli/cost",  # a terminal
    "cli/fields",
    "cli/main",
    "cli/sweep",
    "cli/time",
    "spec",
    "timing/settings",
    "timing/results",
    "arch/cost",
    "experiments/spec",
    "experiments/plan",  # a terminal's --plan, and our own files
    "experiments/repetition",  # the same
    "training/records",
    "experiments/results_file",  # what was asked for, and our own stored files
    "arch/breakdown",
    "nn/inception",
    "drawing/treemap",
    "arch/receptive_field",
    "features/recoverability",
    "nn/export",
    "features/filters",
    "features/sample_pictures",
    "nn/blocks",
    "common/messages",
    "common/validate",
}


def _module(path: Path) -> str:
    """A module of the package as "room/name"."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


INNER = say("{key} and {more:,} more", key="'conv1'", more=1234)
OUTER = say("{name}: must have this network's {count} keys, lacks {key}", name="'a.pt'", count=276, key=INNER)
ENGLISH = "'a.pt': must have this network's 276 keys, lacks 'conv1' and 1,234 more"
KOREAN = "'a.pt': 이 네트워크의 키 276개가 모두 있어야 하는데 다음이 없습니다: 'conv1' 외 1,234개"


def korean(text: str) -> str:
    """A sentence in Korean, any other text as it is."""
    return text.translated(catalog("ko").gettext) if isinstance(text, Message) else text


# ---- a sentence ----


def test_it_is_the_english_str_and_keeps_what_it_is_made_of() -> None:
    assert OUTER == ENGLISH
    assert hash(OUTER) == hash(ENGLISH)
    assert f"{OUTER}" == ENGLISH
    assert json.loads(json.dumps([OUTER])) == [ENGLISH]
    assert str(ValueError(OUTER)) == ENGLISH
    assert korean(OUTER) == KOREAN


def test_an_exception_gives_its_sentence_and_any_other_its_text() -> None:
    assert message_of(ValueError(OUTER)) is OUTER
    assert reason_of(ValueError(OUTER)) is OUTER
    assert message_of(KeyError()) == ""
    assert message_of(OSError(28, "No space left")) == "[Errno 28] No space left"
    assert korean(reason_of(OSError(28, "No space left"))) == "예상하지 못한 오류 OSError: [Errno 28] No space left"


@pytest.mark.parametrize(
    "copied",
    [
        lambda value: pickle.loads(pickle.dumps(value)),
        copy.deepcopy,
        lambda value: message_from_text(message_to_text(value)),
        lambda value: pickle.loads(pickle.dumps(RunFailedError(value))).args[0],
    ],
)
def test_it_survives_pickle_copies_text_and_an_exception_that_travels(copied: object) -> None:
    came = copied(OUTER)  # type: ignore[operator]
    assert isinstance(came, Message)
    assert came == OUTER
    assert korean(came) == KOREAN


@given(st.text(), st.integers(), st.floats(allow_nan=False))
def test_values_are_never_read_as_a_template(name: str, count: int, share: float) -> None:
    sentence = say("{name}: {count:,} of {share:.3g}, {inner}", name=name, count=count, share=share, inner=INNER)
    assert sentence == f"{name}: {count:,} of {share:.3g}, {INNER}"
    assert message_from_text(message_to_text(sentence)) == sentence


def test_hostile_values_stay_what_they_are() -> None:
    hostile = "{0} {name.__class__} {inner} %s {{}}"
    sentence = say("{name}: must hold weights, is empty", name=hostile)
    assert sentence == f"{hostile}: must hold weights, is empty"
    assert korean(sentence) == f"{hostile}: 가중치가 들어 있어야 하는데 비어 있습니다"
    assert korean(say("{name}: {reason}", name=hostile, reason=sentence)).count(hostile) == 2


@pytest.mark.parametrize("field", ["", "0", "name.__class__", "name[0]", "name:{width.__class__}", "name:{width}"])
def test_a_template_reaches_into_no_value(field: str) -> None:
    with pytest.raises(ValueError, match="must name its values alone"):
        Message("a {%s} b" % field, {"name": "x", "width": 3})  # noqa: UP031 - braces


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cancelled",
        "OSError: [Errno 28]",
        "null",
        "3",
        "[]",
        "{}",
        '{"template": 3, "values": {}}',
        "{",
        "[" * 9999,
        '{"template": "{a}", "values": {}}',
        '{"template": "{a:,}", "values": {"a": "b"}}',
        '{"template": "a"}',
        '{"template": "{a.__class__}", "values": {"a": "b"}}',
        '{"template": "a", "values": []}',
    ],
)
def test_what_is_no_sentences_json_is_a_text_of_its_own(text: str) -> None:
    assert message_from_text(text) is text
    assert message_to_text(text) is text


# ---- where sentences go ----


def test_a_stored_reason_is_read_in_either_language_and_an_old_one_as_it_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    key = store.add(ExperimentSpec(), "me", 100)
    assert key
    first, second, *_ = store.experiment(key).runs
    store.move([first.id], "failed", say("{name}: {reason}", name="'a'", reason=say("corrupt")))
    store.move([second.id], "failed")
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as db, db:
        db.execute("UPDATE runs SET reason = 'out of memory' WHERE id = ?", (second.id,))
    reasons = [run.reason for run in Store(tmp_path).experiment(key).runs]
    assert reasons[:3] == ["'a': corrupt", "out of memory", ""]
    assert [korean(reason) for reason in reasons[:2]] == ["'a' 파일: 손상됨", "out of memory"]


def test_the_measuring_process_says_its_sentence_whole() -> None:
    (message,) = MeasuringProcess(TimingJob((), device="tpu")).messages()
    assert message.error.startswith("device='tpu': must be one of 'auto', 'cpu'")
    assert korean(message.error).startswith("device='tpu': 여기에 있는 장치 가운데 하나여야 합니다: 'auto', 'cpu'")


def test_the_notes_of_an_upload_are_kept_as_sentences(tmp_path: Path) -> None:
    from uploaded_files import folders, zipped

    content = zipped({**folders(), "a/readme.txt": b"no picture", "b/broken.png": b"no picture either"})
    data = read_upload("mine.zip", content)
    kept = load_custom(save_dataset(data, tmp_path), tmp_path)
    assert kept.notes == data.notes
    assert {korean(note) for note in kept.notes} == {
        "학습: 모든 클래스 폴더. 검증: 학습 이미지에서 클래스마다 10분의 1을 뽑음. 테스트: 클래스마다 5분의 1을 뽑음.",
        "제외한 파일(이미지가 아님): 'a/readme.txt'",
        "제외한 파일(손상되었거나 알 수 없는 형식): 'b/broken.png'",
    }


# ---- every sentence of the engine ----


def _calls(path: Path, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def _templates() -> dict[str, set[str]]:
    """Every template in the engine, with the names of the values that it is given."""
    found: dict[str, set[str]] = {}
    for path in ENGINE:
        for call in _calls(path, "say"):
            (template,) = call.args
            assert isinstance(template, ast.Constant), f"{path.name}:{call.lineno}: {ast.unparse(template)}"
            found[template.value] = {str(keyword.arg) for keyword in call.keywords}
    return found


def _fields(template: str) -> dict[str, str]:
    return {field: spec or "" for _, field, spec, _ in Formatter().parse(template) if field is not None}


def test_every_template_gets_the_values_that_it_names() -> None:
    assert len(_templates()) > 100
    for template, given_names in _templates().items():
        assert set(_fields(template)) == given_names, template


def test_every_template_has_a_korean_sentence_that_takes_the_same_values() -> None:
    for template in _templates():
        target = catalog("ko").gettext(template)
        assert target != template, template
        assert _fields(target) == _fields(template), template
        values: dict[str, Value] = {name: 2 if spec else "둘" for name, spec in _fields(template).items()}
        assert "{" not in korean(Message(template, values)), template


def test_no_particle_depends_on_a_value() -> None:
    # 은/는, 이/가, 을/를, 와/과, (으)로 go by the last sound of the word before
    for template in _templates():
        target = catalog("ko").gettext(template)
        particle = r"\}['\"]?(은|는|이|가|을|를|와|과|으로|로|이나|나|이면|면|여야|이어야)(?![가-힣])"
        assert not re.search(particle, target), target


def _plain_refusals(source: str) -> list[str]:
    """Exceptions raised with a bare English sentence."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        raised = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(raised, ast.Call) and raised.args:
            first = raised.args[0]
            if isinstance(first, ast.JoinedStr) or (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                found.append(ast.unparse(first))
    return found


def test_what_a_page_may_show_is_raised_as_a_sentence() -> None:
    plain = {_module(path): _plain_refusals(path.read_text(encoding="utf-8")) for path in ENGINE}
    # caught in the same file, or asked for by no page: a checkpoint_path of one's own, fewer seeds than there are
    inside = {
        "training/loop": 1,
        "experiments/scheduler": 1,
        "measurement/device": 1,
    }
    left = {name: len(found) for name, found in plain.items() if found and name not in NOT_SHOWN}
    assert left == inside
    assert _plain_refusals('raise ValueError(f"x={x}: must be 1")') == ["f'x={x}: must be 1'"]
    assert _plain_refusals('raise ValueError(say("{x}", x=x))') == []


def _flattened(source: str) -> list[str]:
    """Where the text of a caught exception is taken, which forgets its sentence."""
    found: list[str] = []
    for handler in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler) and node.name):
        for node in ast.walk(handler):
            named = isinstance(node, ast.FormattedValue) and ast.unparse(node.value) == handler.name
            if named or ast.unparse(node) == f"str({handler.name})":
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_says_an_exception_through_the_language_layer(path: Path) -> None:
    assert _flattened(path.read_text(encoding="utf-8")) == []


def test_the_check_of_pages_finds_what_it_looks_for() -> None:
    assert _flattened("try: f()\nexcept ValueError as error: st.error(str(error))")
    assert _flattened("try: f()\nexcept ValueError as error: st.error(f'{error}')")
    assert not _flattened("try: f()\nexcept ValueError as error: st.error(spoken(error))")
