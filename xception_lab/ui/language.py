"""English and Korean: labels through gettext catalogs, paragraphs as Markdown files.

The English text is the key. Catalogs live in assets/locale, paragraphs in assets/text/<language>.
"""

import gettext
from functools import cache
from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).resolve().parents[2] / "assets"
LANGUAGES = {"English": "en", "한국어": "ko"}
KEY = "lang"


def default_label() -> str:
    """The label of the browser's language where we speak it, else English."""
    locale = st.context.locale or ""
    return "한국어" if locale.lower().startswith("ko") else "English"


def code() -> str:
    """The language of this session: "en" or "ko"."""
    # on the first run the link speaks before its widget does
    label: str = st.session_state.get(KEY) or st.query_params.get(KEY) or ""
    return LANGUAGES.get(label, LANGUAGES[default_label()])


def text(message: str) -> str:
    """`message` in this session's language; the English sentence is the key."""
    return catalog(code()).gettext(message)


def paragraph(name: str) -> str:
    """The Markdown of assets/text/<language>/<name>.md in this session's language."""
    return _paragraph(code(), name)


@cache
def catalog(language: str) -> gettext.NullTranslations:
    """The compiled catalog of a language; English needs none."""
    if language == "en":
        return gettext.NullTranslations()
    return gettext.translation("xception_lab", ASSETS / "locale", languages=[language])


@cache
def _paragraph(language: str, name: str) -> str:
    return (ASSETS / "text" / language / f"{name}.md").read_text(encoding="utf-8")
