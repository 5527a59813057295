"""Links: what a URL asks for, repaired where no control can take it."""

from collections.abc import Mapping
from dataclasses import dataclass

from xception_lab.ui.fields import FIELDS, fitted
from xception_lab.ui.language import KEY, LANGUAGES


@dataclass(frozen=True, slots=True)
class Repair:
    """A parameter of a URL and what is used in its place. silent: another spelling of the same."""

    key: str
    given: str
    used: str
    silent: bool = False


def repairs(params: Mapping[str, str], keys: tuple[str, ...]) -> tuple[Repair, ...]:
    """What has to change in a URL's parameters; those of no control on the page are left alone."""
    known = {key: params[key] for key in keys if key in params}
    found = [Repair(key, known[key], used) for key, used in fitted(known).items() if used != known[key]]
    given = params.get(KEY)
    if given is not None and given not in LANGUAGES:
        labels = {code: label for label, code in LANGUAGES.items()}
        used = labels.get(given.lower(), "English")
        found.append(Repair(KEY, given, used, silent=given.lower() in labels))
    return tuple(found)


def quoted(value: str) -> str:
    """A foreign value, fit to stand in a Markdown code span: printable, short, without backticks."""
    clean = "".join(c for c in value if c.isprintable() and c != "`")
    return clean[:40] + "…" if len(clean) > 40 else clean


assert KEY not in FIELDS
