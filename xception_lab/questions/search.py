"""Search in short texts by words, in any script."""

import re
import unicodedata

_MARKUP = re.compile(r"\]\([^)]*\)|[*`\[\]]")


def fold(text: str) -> str:
    """A text as it is searched: without case, Markdown's marks and addresses, × as x, one form of every letter.

    A Korean syllable may be typed as one letter or, on some systems, as its parts.
    """
    plain = _MARKUP.sub("", text).replace("×", "x").replace("−", "-")
    return unicodedata.normalize("NFKC", plain).casefold()


def matches(query: str, folded: str) -> bool:
    """Whether every word of the query stands somewhere in a folded text; an empty query matches."""
    return all(word in folded for word in fold(query).split())
