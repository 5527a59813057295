"""English and Korean: labels through gettext catalogs, paragraphs as Markdown files.

The English text is the key. Catalogs live in assets/locale, paragraphs in assets/text/<language>.
"""

import gettext
from functools import cache
from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).resolve().parents[2] / "assets"
LANGUAGES = {"en": "English", "ko": "한국어"}
KEY = "lang"


def default_language() -> str:
    """The browser's language where we speak it, else English."""
    locale = st.context.locale or ""
    return "ko" if locale.lower().startswith("ko") else "en"


def language() -> str:
    """The language of this session: "en" or "ko"."""
    return st.session_state.get(KEY) or default_language()


def text(message: str) -> str:
    """`message` in this session's language; the English sentence is the key."""
    return catalog(language()).gettext(message)


def paragraph(name: str) -> str:
    """The Markdown of assets/text/<language>/<name>.md in this session's language."""
    return _paragraph(language(), name)


@cache
def catalog(language: str) -> gettext.NullTranslations:
    """The compiled catalog of a language; English needs none."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("xception_lab", ASSETS / "locale", languages=[language])


@cache
def _paragraph(language: str, name: str) -> str:
    return (ASSETS / "text" / language / f"{name}.md").read_text(encoding="utf-8")
