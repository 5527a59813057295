"""Lists the licence of everything that comes with the app or is installed by it: python -m tools.licences

Dependencies: what requirements.txt installs here, by their own metadata. Assets: every file under assets/ that came
from elsewhere, by the tables of the LICENSES.md beside it; the rest was made for this project and has its licence.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "assets"
# assets made for this project: by hand, or by a recipe in tools/ from the project's own code and the files listed
OWN = (
    "citations.json",
    "components",
    "features",
    "glossary.json",
    "icon.png",
    "locale",
    "palette.json",
    "plans",
    "results",
    "screenshot.png",
    "settings.toml",
    "templates",
    "text",
    "weights",
)
_ROW = re.compile(r"^\| `(?P<file>[^`]+)`[^|]*\| (?P<origin>[^|]+) \| [^|]+ \| (?P<licence>[^|]+) \|", re.MULTILINE)


def dependencies() -> dict[str, str]:
    """The licence of each package that the app needs here, by name and version."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(line) for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()]
    while waiting:
        requirement = waiting.pop()
        if requirement.name.lower() in found or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # what only another build of a package needs
        found[requirement.name.lower()] = package
        waiting += map(Requirement, package.requires or ())
    return {f"{package.name} {package.version}": _licence(package) for package in found.values()}


def _licence(package: Distribution) -> str:
    """The licence by a package's metadata: an SPDX expression, else classifiers, else the first line of a text."""
    stated = {name: package.metadata.get_all(name) or [] for name in ("License-Expression", "Classifier", "License")}
    if stated["License-Expression"]:
        return stated["License-Expression"][0]
    classifiers = [text.rpartition(" :: ")[2] for text in stated["Classifier"] if text.startswith("License ::")]
    if names := [name for name in classifiers if name != "OSI Approved"]:
        return ", ".join(names)
    return stated["License"][0].strip().partition("\n")[0] if stated["License"] else ""


def assets() -> dict[str, str]:
    """The licence of each asset that came from elsewhere, by its path and where it has several origins by each."""
    rows: dict[str, str] = {}
    for table in sorted(ASSETS.rglob("LICENSES.md")):
        for row in _ROW.finditer(table.read_text(encoding="utf-8")):
            path = (table.parent / row["file"]).relative_to(ROOT).as_posix()
            rows[f"{path}, {_words(row['origin'])}"] = _words(row["licence"]).split(", ")[0]
    return rows


def _words(cell: str) -> str:
    """A table's cell without its marks and addresses."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")


def unlisted_assets() -> Iterator[str]:
    """Assets that are neither the project's own nor in a table."""
    listed = {key.partition(", ")[0] for key in assets()}
    for path in sorted(ASSETS.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        is_own = path.relative_to(ASSETS).parts[0] in OWN or path.name.startswith("LICENSE")
        if path.is_file() and not is_own and name not in listed:
            yield name


def main() -> None:
    """Print both lists. Raises SystemExit where an asset is in none."""
    for title, rows in (("Dependencies", dependencies()), ("Assets from elsewhere", assets())):
        print(f"{title}\n{'-' * len(title)}")
        for name in sorted(rows, key=str.lower):
            print(f"{rows[name] or 'not stated':42} {name}")
        print()
    if unlisted := list(unlisted_assets()):
        raise SystemExit(f"no licence is listed for {', '.join(unlisted)}")


if __name__ == "__main__":
    main()
