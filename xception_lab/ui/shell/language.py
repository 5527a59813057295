"""English and Korean: labels through gettext catalogs, paragraphs as Markdown files.

The English text is the key. Catalogs live in assets/locale, paragraphs in assets/text/<language>. A paragraph holds no
figure of others and no address: it names them, and they come from assets/citations.json.
"""

import gettext
import re
import threading
from functools import cache

import streamlit as st

from xception_lab.common.citations import constant, source
from xception_lab.common.files import asset_path
from xception_lab.common.messages import Message, message_of

ASSETS = asset_path()
LANGUAGES = {"en": "English", "ko": "한국어"}
KEY = "lang"
WORD_JOINER = "\u2060"
_PLACEHOLDER = re.compile(r"\{(source:)?(\w+)\}")

# each run of a page is a thread; reading the session state for every text took a tenth of a run
_run = threading.local()
_LANGUAGE = "_language"  # in the session, for the run of a fragment: it has a thread of its own, and no frame


def default_language() -> str:
    """The browser's language where there is a catalog of it, else English."""
    locale = st.context.locale or ""
    return "ko" if locale.lower().startswith("ko") else "en"


def set_language(language: str) -> None:
    """Set the language of this run of a page, and of its fragments: "en" or "ko"."""
    _run.language = st.session_state[_LANGUAGE] = language


def language() -> str:
    """The language of this run of a page."""
    if not hasattr(_run, "language"):
        _run.language = st.session_state.get(_LANGUAGE, "en")
    return _run.language


def translate(message: str) -> str:
    """`message` in the language of this run; the English sentence is the key."""
    return catalog(language()).gettext(message)


def paragraph(name: str, part: int | None = None, /, **values: str) -> str:
    """The Markdown of assets/text/<language>/<name>.md in this session's language.

    part: of the parts between lines of three hyphens this one alone, the first being 0.

    In it `{name}` stands for one of `values`, which the page computed, or else for a constant of
    assets/citations.json, and `{source:name}` for a link to one of its sources. A constant without a source is marked
    so. Raises KeyError for a name that is none of these.
    """
    return paragraph_in(language(), name, part, **values)


def paragraph_in(language: str, name: str, part: int | None = None, /, **values: str) -> str:
    """The same in any language: "en" or "ko"."""

    def fill(match: re.Match[str]) -> str:
        kind, key = match.groups()
        if kind:
            return source(key).markdown
        if key in values:
            return values[key]
        cited = constant(key)
        return cited.text if cited.citation else f"{cited.text} ({catalog(language).gettext('no source found')})"

    text = _paragraph(language, name)
    return _PLACEHOLDER.sub(fill, text if part is None else text.split("\n---\n")[part].strip())


@cache
def catalog(language: str) -> gettext.NullTranslations:
    """The compiled catalog of a language; for English one that returns every text unchanged."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("xception_lab", ASSETS / "locale", languages=[language])


@cache
def _paragraph(language: str, name: str) -> str:
    return (ASSETS / "text" / language / f"{name}.md").read_text(encoding="utf-8")


def fit_particles(text: str) -> str:
    """Korean particles after numbers: "3.0(으)로" becomes "3.0으로", "8.4(으)로" becomes "8.4로".

    By the sound of the last digit: 0 (영, 십, 백), 3 (삼) and 6 (육) end in a consonant that asks for 으.
    """
    return re.sub(r"(\d)\(으\)로", lambda match: f"{match[1]}{'으로' if match[1] in '036' else '로'}", text)


def translate_message(message: str | BaseException) -> str:
    """A message or an exception of the engine in the language of this run, escaped for Markdown."""
    sentence = message_of(message) if isinstance(message, BaseException) else message
    return escape_markdown(sentence.translated(translate) if isinstance(sentence, Message) else sentence)


def escape_markdown(text: str) -> str:
    """A foreign text, such as a file's name in an error, as Markdown that shows it unchanged: no markup, no link."""
    # an address becomes a link even with its marks escaped; an invisible word joiner keeps it text
    unlinked = re.sub(r"(?i)www(?=\.)|:(?=//)|@", lambda match: f"{match[0]}{WORD_JOINER}", text)
    return re.sub(r"([\\`*_{}\[\]()<>#!$:~|&])", r"\\\1", unlinked)
