"""The terms of the field that pages explain where they stand, in every language, from assets/glossary.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from xception_lab.common.files import asset_path


@dataclass(frozen=True, slots=True)
class Term:
    """A term in one language: its name, and what it means in one to three short sentences, without markup."""

    name: str
    text: str


@cache
def glossary() -> Mapping[str, Mapping[str, Term]]:
    """Every term, by its key and by language: glossary()["depthwise"]["en"]."""
    entries = json.loads(asset_path("glossary.json").read_text(encoding="utf-8"))
    return {
        key: {language: Term(**entry) for language, entry in languages.items()} for key, languages in entries.items()
    }
