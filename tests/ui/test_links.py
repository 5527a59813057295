"""A link from a stranger opens every page: no exception, every control at an option, and a note for each repair."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import pytest
from hostile import last_of_each, parameters, queries
from states import COMPARE_KEYS, FEATURE_KEYS, NETWORK_KEYS, TIMING_KEYS, TRAIN_KEYS
from streamlit.runtime.state import query_params
from streamlit.testing.v1 import AppTest, local_script_runner
from visits import START, opened

from xception_lab.ui.fields.field import state_keys
from xception_lab.ui.fields.questions import QuestionsState
from xception_lab.ui.fields.registry import options_of
from xception_lab.ui.fields.story import StoryState
from xception_lab.ui.shell.address import quote_value, read_parameters


@dataclass(frozen=True)
class Target:
    """A page under attack. carried: parameters that belong to no control. links: how many, fewer where one is slow."""

    page: str
    keys: tuple[str, ...]
    carried: tuple[str, ...]
    links: int


TARGETS = {
    "start": Target(START, state_keys(StoryState), ("step",), 80),
    "story": Target("pages/story.py", state_keys(StoryState), ("step", "room", "seat", "task", "keep"), 90),
    "compare": Target("pages/compare.py", COMPARE_KEYS, ("room", "seat", "task", "task_ko", "keep"), 20),
    "network": Target("pages/network.py", NETWORK_KEYS, (), 20),
    "timing": Target("pages/timing.py", TIMING_KEYS, ("measurement",), 70),
    "training": Target("pages/training.py", TRAIN_KEYS, ("run", "control", "picked", "own"), 70),
    "features": Target("pages/features.py", FEATURE_KEYS, ("lab_run", "own_kernel", "own_mix"), 40),
    "questions": Target("pages/questions.py", state_keys(QuestionsState), ("q",), 60),
    "class": Target("pages/class.py", (), ("room", "key", "seat"), 40),
}
ELSEWHERE = 120 + 80  # links that test_pages.py and test_network_page.py open, where they check more
UNPAIRED = ("\ud800", "a\udfffb", "\udc00\ud800", "\ud83d")


def _check(at: AppTest, target: Target, asked: dict[str, str]) -> None:
    texts = {key: at.session_state["_values"][key] for key in target.keys}
    for key, text in texts.items():
        assert text in options_of(key, texts)
    if asked.get("lang") == "ko":
        notes = ["".join(info.value.split("`")[1:4:2]) for info in at.info if info.value.count("`") == 4]
        expected = [f"{r.key}={quote_value(r.text)}{r.replacement}" for r in read_parameters(asked, target.keys)[1]]
    else:
        notes = [info.value for info in at.info]
        expected = [
            f"`{r.key}={quote_value(r.text)}` in the link is not possible here; `{r.replacement}` is used."
            for r in read_parameters(asked, target.keys)[1]
        ]
    assert set(expected) <= set(notes)


def test_the_links_are_many_over_all_pages() -> None:
    assert sum(target.links for target in TARGETS.values()) + ELSEWHERE >= 600
    for target in TARGETS.values():
        named = {key for query in queries(target.links, keys=target.keys + target.carried) for key, _ in query}
        assert named >= {*target.keys, *target.carried}


@pytest.mark.parametrize("part", range(2))
@pytest.mark.parametrize("name", TARGETS)
def test_a_hostile_link_opens_the_page(name: str, part: int) -> None:
    target = TARGETS[name]
    for query in queries(target.links, keys=target.keys + target.carried)[part::2]:
        _check(opened(target.page, parameters(query)), target, last_of_each(query))


@pytest.fixture
def _as_they_come() -> Iterator[None]:
    """Surrogates reach the page unpaired, as a client may send them; Streamlit's own parser would replace them."""

    encode = partial(urlencode, errors="surrogatepass")
    parse = partial(parse_qs, keep_blank_values=True, errors="surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "parse", SimpleNamespace(urlencode=encode))
        patch.setattr(query_params, "_parse_query_string", parse)
        yield


@pytest.mark.usefixtures("_as_they_come")
@pytest.mark.parametrize("name", TARGETS)
def test_an_unpaired_surrogate_is_repaired(name: str) -> None:
    target = TARGETS[name]
    for text in UNPAIRED:
        asked = dict.fromkeys((*target.keys, *target.carried, "lang", f"x{text}"), text)
        at = opened(target.page, asked)
        notes = " ".join(info.value for info in at.info)
        assert all(f"`{key}=" in notes for key in (*target.keys, "lang"))
