"""The engine's refusals on the pages: read in Korean by a Korean, and never as markup."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from visits import opened, ran

from xception_lab.common.messages import quote_name, say
from xception_lab.common.settings import MeasuringBounds
from xception_lab.experiments.ownership import make_secret, owner_of
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import MAX_UNFINISHED, ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.measurement.queue import TimingQueue
from xception_lab.measurement.worker import WorkerMessage
from xception_lab.timing.jobs import TimingJob
from xception_lab.ui.shell.language import WORD_JOINER, set_language, translate_message
from xception_lab.ui.timing import measurement as timing
from xception_lab.ui.training import experiment as training

SECRET = make_secret()
HOSTILE = "www.elsewhere.org {0} {name.__class__} **b** [x](javascript:1) `c` $d$ <img src=x> | # :red[y] ~~s~~"
MARKUP = re.compile(r"[`*_{}\[\]()<>#!$:~|&]")
ADDRESS = re.compile(r"(?i)www\.|https?\\?:/|@\w")  # what GitHub's Markdown makes a link of, escaped or not


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))


@pytest.fixture
def _korean() -> Iterator[None]:
    set_language("ko")
    yield
    set_language("en")


def read(markdown: str) -> str:
    """What a reader sees of Markdown whose every mark is escaped; one that is not fails the test."""
    assert not MARKUP.search(re.sub(r"\\.", "", markdown)), markdown
    assert not ADDRESS.search(markdown), markdown
    return re.sub(r"\\(.)", r"\1", markdown).replace(WORD_JOINER, "")


def refusals(app: AppTest) -> list[str]:
    """The errors on a page as a reader sees them."""
    return [read(error.value) for error in app.error]


@pytest.mark.usefixtures("_korean")
def test_an_exception_is_spoken_in_the_language_of_the_run() -> None:
    error = ValueError(say("{name}: {reason}", name="'a.pt'", reason=say("must hold tensors, holds none")))
    assert read(translate_message(error)) == "'a.pt' 파일: 텐서가 들어 있어야 하는데 하나도 없습니다"
    set_language("en")
    assert read(translate_message(error)) == "'a.pt': must hold tensors, holds none"
    assert read(translate_message(OSError(2, "no such *file*"))) == "[Errno 2] no such *file*"
    assert read(translate_message("a plain text")) == "a plain text"
    linked = "see https://x.org, HTTP://X.ORG, www.x.org, WWW.x.org, me@x.org"
    assert read(translate_message(linked)) == linked


@pytest.mark.usefixtures("_korean")
def test_a_hostile_name_is_neither_format_nor_markup() -> None:
    sentence = say("{name}: must hold weights, is empty", name=quote_name(HOSTILE[:60]))
    assert read(translate_message(sentence)) == f"'{HOSTILE[:60]}': 가중치가 들어 있어야 하는데 비어 있습니다"
    nested = say("{name}: {reason}", name=HOSTILE, reason=sentence)
    assert read(translate_message(nested)).startswith(f"{HOSTILE} 파일: '{HOSTILE[:60]}': 가중치가")


def test_a_weights_file_is_refused_in_korean() -> None:
    at = opened("pages/features.py", {"look": "network", "network": "run", "lang": "ko", "trained_on": "fashion-mnist"})
    at.get("file_uploader")[0].upload("{0}**bad**.pt", b"nothing")
    (refusal,) = refusals_after(at, "이 가중치는 쓰지 않습니다: ")
    assert refusal == (
        "'{0}**bad**.pt' 파일: safetensors 파일이거나 텐서만 담은 PyTorch state_dict여야 합니다. "
        "다른 것은 열지 않습니다"
    )


def refusals_after(at: AppTest, lead: str) -> list[str]:
    """The page's errors after another run, each without the page's own words before it."""
    found = [error.value for error in ran(at).error]
    assert all(text.startswith(lead) for text in found), found
    return [read(text.removeprefix(lead)) for text in found]


def test_a_results_file_is_refused_in_korean() -> None:
    at = opened("pages/timing.py", {"timing_view": "bring", "lang": "ko"})
    at.get("file_uploader")[0].upload("x.json", b'{"format": "xception-lab-timings", "version": 1, "machine": []}')
    at.get("file_uploader")[0].upload("y.json", b'{"format": "**bold**"}')
    first, second = (error.value.split(": ", 1)[1] for error in ran(at).error)
    assert read(first) == "peaks 항목이 없습니다"
    assert read(second) == "결과 파일이 아닙니다: format 항목에는 'xception-lab-timings' 값이 있어야 합니다"


def test_ones_own_data_are_refused_in_korean() -> None:
    at = opened("pages/training.py", {"dataset": "own", "lang": "ko"})
    at.file_uploader[0].upload("{0}.zip", b"nothing", "application/zip")
    ran(at)
    assert refusals(at) == [
        "'{0}.zip': 클래스별 폴더를 담은 zip, CIFAR-10 바이너리 버전, 또는 MNIST 형식의 파일 네 개여야 합니다"
    ]
    at.file_uploader[0].upload("data_batch_1", b"nothing")
    ran(at)
    assert refusals(at) == [
        "'data_batch_1': 피클은 읽지 않습니다. CIFAR-10 바이너리 버전인 cifar-10-binary.tar.gz 파일을 올려 주세요"
    ]


class Endless:
    """A worker that measures until it is stopped."""

    def __init__(self, _job: TimingJob) -> None:
        self._stopped = threading.Event()

    def messages(self) -> Iterator[WorkerMessage]:
        self._stopped.wait()
        yield WorkerMessage(1.0)

    def stop(self) -> None:
        self._stopped.set()


def test_a_full_queue_of_measurements_is_said_in_korean(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = TimingQueue(Endless)
    keys = [queue.submit(TimingJob(())) for _ in range(MeasuringBounds().most_waiting)]
    monkeypatch.setattr(timing, "queue", lambda: queue)
    at = opened("pages/timing.py", {"lang": "ko"})
    at.button(key="measure").click()
    ran(at)
    for key in reversed(keys):
        queue.stop(key)
    assert refusals(at) == ["한꺼번에 기다릴 수 있는 측정은 최대 20개입니다: 몇 개가 끝날 때까지 기다려 주세요"]


def test_a_full_queue_of_runs_is_said_in_korean(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    while store.add(ExperimentSpec("two-differences", 10), owner_of(SECRET), MAX_UNFINISHED):
        pass
    monkeypatch.setattr(training, "get_scheduler", lambda: Scheduler(store))
    monkeypatch.setattr(training, "estimate_text", lambda _: "")
    monkeypatch.setattr(Scheduler, "prepare", lambda _: None)
    at = opened("pages/training.py", {"lang": "ko", "seeds": "10"})
    at.session_state["_person"] = SECRET
    at.session_state["starting"] = True
    ran(at).button(key="start").click()
    ran(at)
    assert refusals(at) == [
        "한꺼번에 기다릴 수 있는 실행은 최대 200개입니다: 몇 개가 끝날 때까지 기다리거나 취소하세요"
    ]


@pytest.mark.parametrize(
    ("lang", "reason"),
    [
        ("en", "epoch 2: the loss is not a number, learning_rate=0.5 may be too high"),
        ("ko", "에포크 2: 손실이 유한한 수가 아닙니다. learning_rate=0.5 값이 너무 큰지도 모릅니다"),
    ],
)
def test_a_stored_reason_is_read_in_the_readers_language(
    lang: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    key = store.add(ExperimentSpec(), "me", MAX_UNFINISHED)
    assert key
    why = say(
        "epoch {epoch}: the loss is not a number, learning_rate={rate} may be too high", epoch=2, rate=0.5
    )  # as training.py says it
    store.move([run.id for run in store.experiment(key).runs], "failed", why)
    monkeypatch.setattr(training, "get_scheduler", lambda: Scheduler(store))
    at = opened("pages/training.py", {"run": key, "lang": lang})
    assert [read(warning.value) for warning in at.warning] == [reason]
    # a second process holds it: the button's refusal is in the same language
    store.claim(key, "another")
    at.button(key="resume").click()
    (held,) = refusals(ran(at))
    assert ("another process" in held) == (lang == "en")
    assert ("다른 프로세스" in held) == (lang == "ko")
