"""Terms of the field as links in a page's prose, which open a card with the term's meaning.

In Markdown a term is written [depthwise convolution](#term-depthwise), in prose built in code term("depthwise"); the
names after #term- are the keys of assets/glossary.json. `frame` mounts the component that opens the cards.
"""

from functools import cache
from typing import Any

from xception_lab.common.glossary import glossary
from xception_lab.drawing.term_drawings import term_drawings
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import LANGUAGES, language
from xception_lab.ui.shell.language import translate as _


def term(key: str, label: str | None = None) -> str:
    """A term as a Markdown link. label: instead of its name in this session's language.

    Raises KeyError for a key that the glossary lacks.
    """
    name = glossary()[key][language()].name
    return f"[{label or name}](#term-{key})"


def show_terms() -> None:
    """The component that opens the cards, with every term in this session's language. Once on a page."""
    components.terms(_terms_data(language()))


@cache
def _terms_data(own: str) -> dict[str, Any]:
    # own: the language of this run, as an argument for the cache
    (other,) = LANGUAGES.keys() - {own}
    drawings = term_drawings()
    return {
        "language": own,
        "other_language": other,
        "close": _("Close"),
        "terms": {
            key: {
                "name": names[own].name,
                "other": names[other].name,
                "text": names[own].text,
                "drawing": drawings.get(key, ""),
            }
            for key, names in glossary().items()
        },
    }
