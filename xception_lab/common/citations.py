"""What the app cites: sources, and every constant that others measured or wrote, from assets/citations.json.

The file is the one place for them: pages, texts and the engine read a constant here, with its source, and write neither
a figure of others nor an address themselves. Where no source was found, the file says null and the page says so.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from xception_lab.common.files import asset_path


@dataclass(frozen=True, slots=True)
class Source:
    """A paper, a document or a program. short: as a page cites it. url: empty where there is none."""

    short: str
    title: str
    url: str

    @property
    def markdown(self) -> str:
        """The citation as a Markdown link, or as plain text where there is no address."""
        return f"[{self.short}]({self.url})" if self.url else f"`{self.short}`"


@dataclass(frozen=True, slots=True)
class Citation:
    """A source and the place in it."""

    source: Source
    where: str

    @property
    def text(self) -> str:
        """In plain words: "Chollet, CVPR 2017, Table 1"."""
        return f"{self.source.short}, {self.where}"

    @property
    def markdown(self) -> str:
        """The same with a link to the source."""
        return f"{self.source.markdown}, {self.where}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A figure or a section number of others. citation: None where no source was found."""

    value: int | float | str
    citation: Citation | None

    @property
    def text(self) -> str:
        """The value as a page writes it: 8,357,403,496."""
        return self.value if isinstance(self.value, str) else f"{self.value:,}"


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper as printed: the names of its columns, its rows."""

    citation: Citation
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def row(self, name: str) -> tuple[str, ...]:
        """The cells of the row that begins with `name`, as printed. Raises KeyError where there is none."""
        return {first: tuple(cells) for first, *cells in self.rows}[name]


@cache
def _file() -> dict[str, Any]:
    return json.loads(asset_path("citations.json").read_text(encoding="utf-8"))


@cache
def source(name: str) -> Source:
    """One of the file's sources. Raises KeyError for a name that the file lacks."""
    return Source(**_file()["sources"][name])


@cache
def constant(name: str) -> Constant:
    """One of the file's constants. Raises KeyError for a name that the file lacks."""
    entry = _file()["constants"][name]
    return Constant(entry["value"], Citation(source(entry["source"]), entry["where"]) if entry["source"] else None)


def section(name: str) -> str:
    """The number of the section that says it, such as section("two_differences"): "1.2"."""
    return str(constant(f"section_{name}").value)


@cache
def paper_table(number: int) -> PaperTable:
    """Table 1, 2 or 3 of the Xception paper. Raises KeyError for another."""
    entry = _file()["tables"][f"xception_{number}"]
    citation = Citation(source(entry["source"]), entry["where"])
    return PaperTable(citation, tuple(entry["columns"]), tuple(map(tuple, entry["rows"])))
