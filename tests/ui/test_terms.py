"""Terms in prose: every link has its entry, in texts, catalogs and code, and pages have the component that opens it."""

import re

import pytest
from babel.messages.pofile import read_po
from paths import ROOT
from visits import component_data, opened

from xception_lab.common.citations import source
from xception_lab.common.files import asset_path
from xception_lab.common.glossary import glossary
from xception_lab.drawing.term_drawings import term_drawings
from xception_lab.ui.shell.language import set_language
from xception_lab.ui.shell.terms import term

LINK = re.compile(r"\]\(#term-([^)]*)\)")
TEXTS = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in asset_path("text").rglob("*.md")
}


def _catalog() -> list[tuple[str, str]]:
    with asset_path("locale", "ko", "LC_MESSAGES", "xception_lab.po").open("rb") as file:
        return [(str(message.id), str(message.string)) for message in read_po(file) if message.id]


@pytest.mark.parametrize("name", TEXTS)
def test_every_term_of_a_text_is_in_the_glossary(name: str) -> None:
    assert set(LINK.findall(TEXTS[name])) <= glossary().keys()


def test_every_term_of_a_message_is_in_the_glossary_and_in_its_translation() -> None:
    linked = [pair for pair in _catalog() if LINK.search("".join(pair))]
    assert linked
    for english, korean in linked:
        assert set(LINK.findall(english)) <= glossary().keys(), english
        assert sorted(LINK.findall(english)) == sorted(LINK.findall(korean)), english


def test_a_term_is_linked_once_in_a_text() -> None:
    for name, text in TEXTS.items():
        links = LINK.findall(text)
        assert len(set(links)) == len(links), name


def test_no_emphasis_ends_between_a_link_and_a_korean_letter() -> None:
    # Markdown takes ** after a bracket and before a letter for an opening mark: the stars would be shown
    for text in [*TEXTS.values(), *(korean for _english, korean in _catalog())]:
        assert not re.search(r"\)\*{1,2}[가-힣]", text)


@pytest.mark.parametrize(("language", "name"), [("en", "depthwise convolution"), ("ko", "깊이별(depthwise) 합성곱")])
def test_a_term_in_code_has_the_session_s_name_or_a_label_of_its_own(language: str, name: str) -> None:
    set_language(language)
    try:
        assert term("depthwise") == f"[{name}](#term-depthwise)"
        assert term("depthwise", "3×3") == "[3×3](#term-depthwise)"
        with pytest.raises(KeyError):
            term("nonsense", "3×3")
    finally:
        set_language("en")


@pytest.mark.parametrize(("page", "locale"), [("app.py", "en-US"), ("pages/network.py", "ko-KR")])
def test_a_page_has_the_cards_in_its_language_and_a_link_to_the_paper(page: str, locale: str) -> None:
    at, language = opened(page, locale=locale), locale[:2]
    data = component_data(at, "terms")
    assert data["language"] == language
    assert data["terms"].keys() == glossary().keys()
    for key, card in data["terms"].items():
        assert card["text"] == glossary()[key][language].text
        assert {card["name"], card["other"]} == {names.name for names in glossary()[key].values()}
    assert data["terms"]["stride"]["drawing"] == term_drawings()["stride"]
    links = [link.proto.page for link in at.get("page_link")] + [line.value for line in at.markdown]
    assert sum(source("xception").url in link for link in links) == 1
