"""Two languages, each whole: no message without its twin, no twin without its message, no number lost on the way."""

import ast
import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po
from paths import ROOT
from streamlit.testing.v1 import AppTest

from xception_lab.common.citations import Constant
from xception_lab.ui.fields.story import STEPS
from xception_lab.ui.shell import language
from xception_lab.ui.shell.language import ASSETS, LANGUAGES, catalog

CATALOGS = ASSETS / "locale" / "ko" / "LC_MESSAGES"
SOURCES = sorted([ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "xception_lab" / "ui").rglob("*.py")])
TEXTS = ASSETS / "text"
PARAGRAPHS = sorted(str(path.relative_to(TEXTS / "en").with_suffix("")) for path in (TEXTS / "en").rglob("*.md"))

PLACEHOLDER = re.compile(r"%?\{[^{}]*\}")
# the browser's own units and what the engine calls its fields are the same word in every language
SHOWN_BY = {
    "title",
    "preset_button",
    "header",
    "subheader",
    "caption",
    "markdown",
    "write",
    "text",
    "info",
    "warning",
    "error",
    "success",
    "toast",
    "button",
    "download_button",
    "link_button",
    "page_link",
    "toggle",
    "checkbox",
    "expander",
    "popover",
    "tabs",
    "metric",
    "select_slider",
    "slider",
    "selectbox",
    "segmented_control",
    "pills",
    "radio",
    "number_input",
    "text_input",
    "spinner",
    "status",
    "dialog",
    "multiselect",
    "file_uploader",
    "copy_link",
    "section",
    "door",
}
SHOWN_KEYWORDS = {"label", "help", "placeholder", "alt", "caption", "about"}
SAME_IN_EVERY_LANGUAGE = {"**Xception Lab**", "Language · 언어", "ONNX"}


def _extracted() -> dict[str, str]:
    """Every message in the sources, with a place where it stands."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords={"_": None, "N_": None, "say": None})
    return {str(message): f"{file}:{line}" for file, line, message, *_ in found}


def _po() -> Catalog:
    with (CATALOGS / "xception_lab.po").open("rb") as file:
        return read_po(file)


def test_extraction_sees_every_source_that_people_read() -> None:
    seen = {place.rsplit(":", 1)[0] for place in _extracted().values()}
    assert {"pages/compare.py", "xception_lab/ui/fields/compare.py", "xception_lab/ui/shell/frame.py"} <= seen
    assert len(_extracted()) > 50


def test_extraction_sees_every_message_of_a_source() -> None:
    """It reads tokens, and an f-string is one."""
    calls = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    asked = {
        argument.value
        for node in calls
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_", "say")
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant)
    }
    assert len(asked) > 50
    assert asked <= set(_extracted()), asked - set(_extracted())


def test_every_message_is_translated() -> None:
    translated = {message.id: message for message in _po() if message.id}
    lost = {text: place for text, place in _extracted().items() if text not in translated}
    assert lost == {}, "run make messages"
    assert [m.id for m in translated.values() if not str(m.string).strip()] == []
    assert [m.id for m in translated.values() if m.fuzzy] == []


def test_no_translation_is_left_over() -> None:
    catalog_po = _po()
    assert {message.id for message in catalog_po if message.id} - _extracted().keys() == set()
    assert not catalog_po.obsolete


def test_the_compiled_catalog_is_the_written_one() -> None:
    fresh = io.BytesIO()
    write_mo(fresh, _po())
    fresh.seek(0)
    with (CATALOGS / "xception_lab.mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file)}
    expected = {message.id: message.string for message in read_mo(fresh)}
    del compiled[""], expected[""]
    assert compiled == expected, "run make messages again"


def test_placeholders_and_markup_survive_translation() -> None:
    for message in _po():
        if message.id:
            source, target = str(message.id), str(message.string)
            assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(target)), source
            assert source.count("**") == target.count("**"), source
            assert source.count("`") == target.count("`"), source
            assert set(re.findall(r"\d+", source)) <= set(re.findall(r"\d+", target)), source


def test_bold_ends_where_markdown_lets_it_end() -> None:
    # behind a sign, a letter keeps the asterisks from being an end: "**124%**입니다" shows them
    texts = {str(message.id): str(message.string) for message in _po() if message.id}
    texts |= {str(path): path.read_text(encoding="utf-8") for path in (TEXTS / "ko").rglob("*.md")}
    for name, text in texts.items():
        for bold, following in re.findall(r"\*\*(.+?)\*\*(.?)", text, re.DOTALL):
            has_sign = bold.endswith(("%", ")", "”", "’", "%}"))
            assert not (has_sign and re.match(r"[가-힣\w]", following)), f"{name}: **{bold}**{following}"


def test_korean_is_korean() -> None:
    # a formula is the same in both
    untranslated = [m.id for m in _po() if m.id and not re.search("[가-힣]", str(m.string))]
    assert untranslated == []


def test_the_app_reads_the_catalog() -> None:
    texts = [str(message.id) for message in _po() if message.id]
    assert all(catalog("en").gettext(text) == text for text in texts)
    assert all(catalog("ko").gettext(text) != text for text in texts)
    assert catalog("ko").gettext("no such message") == "no such message"


def test_every_paragraph_has_its_twin_and_a_page() -> None:
    assert (
        sorted(str(path.relative_to(TEXTS / "ko").with_suffix("")) for path in (TEXTS / "ko").rglob("*.md"))
        == PARAGRAPHS
    )
    assert {path.name for path in TEXTS.iterdir()} == set(LANGUAGES)
    sources = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    asked = set(re.findall(r'paragraph\("(\w+)"[,)]', sources))
    story = {f"story_{step}" for step in STEPS[:-1]}
    # those of questions are asked for by the questions' names
    assert asked | story == {name for name in PARAGRAPHS if not name.startswith("questions/")}
    for lang in LANGUAGES:
        for name in story:
            parts = (TEXTS / lang / f"{name}.md").read_text(encoding="utf-8").split("\n---\n")
            assert len(parts) == 4, f"{lang}/{name}: title, question, reason, what is uncertain"


def test_a_paragraph_is_filled_from_the_page_and_from_the_citations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(language, "_paragraph", lambda _language, _name: "{mine}, {deeplab_top1}, {source:convnext}")
    text = language.paragraph("any", mine="1.5%")
    assert text == "1.5%, 0.75%, [Liu et al., arXiv 2201.03545](https://arxiv.org/abs/2201.03545)"
    with pytest.raises(KeyError):
        language.paragraph("any")
    unsourced = Constant("5 µs", None)
    monkeypatch.setattr(language, "constant", lambda _name: unsourced)
    assert language.paragraph("any").startswith("5 µs (no source found), 5 µs (no source found)")


@pytest.mark.parametrize("name", PARAGRAPHS)
def test_twins_say_the_same(name: str) -> None:
    english, korean = ((TEXTS / lang / f"{name}.md").read_text(encoding="utf-8") for lang in ("en", "ko"))
    for what, pattern in {
        "headings": r"(?m)^#+ ",
        "table rows": r"(?m)^\|",
        "table cells": r"\|",
        "formulas": r"\$[^$]+\$",
        "code": r"`[^`]+`",
        "links": r"\]\([^)]*\)",
        "bold": r"\*\*[^*]+\*\*",
    }.items():
        counts = [len(re.findall(pattern, text)) for text in (english, korean)]
        assert counts[0] == counts[1], f"{what}: {counts}"
    exact = {"formulas": r"\$[^$]+\$", "code": r"`[^`]+`", "links": r"\]\([^)]*\)", "placeholders": r"\{[\w:]+\}"}
    for what, pattern in exact.items():
        assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, korean)), what
    # every figure of the English text is in the Korean; a word there may be a digit in Korean, where it is below ten
    numbers = [set(re.findall(r"\d[\d,.]*\d|\d", text)) for text in (english, korean)]
    assert numbers[0] <= numbers[1]
    assert all(len(number) == 1 for number in numbers[1] - numbers[0])


def _words(node: ast.expr) -> str:
    """The literal text of an expression that is not translated: strings, and the fixed parts of f-strings."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return " ".join(_words(part) for part in parts)
        case ast.IfExp(body=body, orelse=orelse):
            return f"{_words(body)} {_words(orelse)}"
        case ast.BinOp(left=left, right=right):
            return f"{_words(left)} {_words(right)}"
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return " ".join(_words(part) for part in parts)
        case ast.Call(func=ast.Attribute(value=value, attr="format" | "join")):
            return _words(value)
        case _:
            return ""


def _untranslated(source: str) -> list[str]:
    """Literal words that a call shows to people."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        shown = [keyword.value for keyword in node.keywords if keyword.arg in SHOWN_KEYWORDS]
        if name in SHOWN_BY:
            # section(key, label, icon) and door(page, title, about, result, texts) show what follows a key
            shown += node.args[1:-1] if name in ("section", "door") else node.args[:1]
            if name == "page_link":
                shown = [keyword.value for keyword in node.keywords if keyword.arg == "label"]
        found += [text for text in map(_words, shown) if re.search(r"[^\W\d_]{2,}", text)]
    return [text for text in found if text not in SAME_IN_EVERY_LANGUAGE]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_shown_in_one_language_only(path: Path) -> None:
    assert _untranslated(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "statement",
    [
        'st.title("Two words")',
        'lead.markdown(f"In {x} words")',
        'st.button("Go" if x else "Stop")',
        'st.tabs(["One", "Two"])',
        'st.toggle(_("On"), help="What it does")',
        'section("show_x", "A title", ":material/x:")',
        'st.info("{} it".format(x))',
        'st.page_link("app.py", label="Home")',
    ],
)
def test_the_check_finds_what_it_looks_for(statement: str) -> None:
    assert _untranslated(statement)


@pytest.mark.parametrize(
    "statement",
    [
        'st.title(_("Two words"))',
        'st.markdown(f"**{x}** {y}")',
        'st.page_link("app.py", label=_("Home"))',
        'st.text("×")',
    ],
)
def test_the_check_leaves_the_rest_alone(statement: str) -> None:
    assert not _untranslated(statement)


def test_no_translation_has_a_tilde_which_markdown_strikes_out() -> None:
    translated = (CATALOGS / "xception_lab.po").read_text(encoding="utf-8")
    assert "~" not in translated


def test_a_fragments_own_run_speaks_the_sessions_language() -> None:
    def page() -> None:
        import threading

        import streamlit as st
        from streamlit.runtime.scriptrunner import add_script_run_ctx

        from xception_lab.ui.shell.language import set_language, translate

        set_language("ko")
        # as Streamlit does it when a fragment is due: another thread, which draws no frame
        words: list[str] = []
        thread = threading.Thread(target=lambda: words.append(translate("Compare")))
        add_script_run_ctx(thread)
        thread.start()
        thread.join()
        st.text(words[0])

    at = AppTest.from_function(page).run()
    assert at.text[0].value == "비교"
