"""Every citation and every figure of others stands in one file, with its source; texts only name them."""

import json
import re

import pytest
from babel.messages.pofile import read_po
from paths import ROOT

from xception_lab.common.citations import constant, paper_table, section, source
from xception_lab.common.files import asset_path

FILE = json.loads(asset_path("citations.json").read_text(encoding="utf-8"))
TEXTS = sorted(asset_path("text").rglob("*.md"))
SOURCES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "xception_lab").rglob("*.py")]
PLACEHOLDER = re.compile(r"\{(source:)?(\w+)\}")
# an address, a paper by its authors, year or venue, a section by its number, a figure of at least seven digits, a share
FOREIGN = re.compile(
    r"https?:|www\.|arxiv|et al|\b(?:19|20)\d\d\b|\b(?:CVPR|ICCV|ECCV|ICML|NeurIPS)\b|[Ss]ection \d|\d절"
    r"|\d{1,3}(?:,\d{3}){2,}|\d\.\d+ ?%",
    re.IGNORECASE,
)


def _messages() -> list[str]:
    path = asset_path("locale", "ko", "LC_MESSAGES", "xception_lab.po")
    with path.open("rb") as file:
        return [text for message in read_po(file) if message.id for text in (str(message.id), str(message.string))]


@pytest.mark.parametrize("name", FILE["constants"])
def test_a_constant_has_a_source_and_a_place_or_is_marked(name: str) -> None:
    entry = FILE["constants"][name]
    assert entry.keys() == {"value", "source", "where"}
    read = constant(name)
    assert read.value == entry["value"]
    if entry["source"] is None:
        assert read.citation is None
    else:
        assert read.citation
        assert read.citation.source == source(entry["source"])
        assert entry["where"]


@pytest.mark.parametrize("name", FILE["sources"])
def test_a_source_can_be_cited(name: str) -> None:
    cited = source(name)
    assert cited.short
    assert cited.title
    assert cited.url.startswith("https://") or not cited.url
    assert cited.markdown in (f"[{cited.short}]({cited.url})", f"`{cited.short}`")


def test_everything_in_the_file_is_used() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in TEXTS)
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    cited = {entry["source"] for group in ("constants", "tables") for entry in FILE[group].values()}
    for name in FILE["sources"]:
        assert name in cited or f"{{source:{name}}}" in texts or f'source("{name}")' in code, name
    for name in FILE["constants"]:
        called = (
            f'"{name}"',
            f"'{name}'",
            f'section("{name.removeprefix("section_")}")',
            f'"{name.removeprefix("own_")}"',
        )
        assert f"{{{name}}}" in texts or any(call in code for call in called), name


def test_the_two_differences_stand_where_the_paper_has_them() -> None:
    # section 2 is "Prior work"
    assert (section("two_differences"), section("spectrum"), section("between")) == ("1.2", "1.2", "4.7")
    assert paper_table(3).row("Xception") == ("22,855,952", "28")
    with pytest.raises(KeyError):
        constant("nothing")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_text_holds_no_constant_of_others(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert FOREIGN.findall(PLACEHOLDER.sub("", text)) == []


def test_a_message_holds_no_constant_of_others() -> None:
    assert [text for text in _messages() if FOREIGN.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "see https://x.org",
        "Howard et al.",
        "(Roy and Vetterli 2007)",
        "paper, section 4.7",
        "논문 1.2절",
        "8,357,403,496 MACs",
        "costs 0.75 %",
        "arXiv 1610.02357",
    ],
)
def test_the_check_finds_what_it_looks_for(text: str) -> None:
    assert FOREIGN.search(text)
