"""Joins JavaScript modules into one text, which is what Streamlit takes for a component without an asset directory.

The files under assets/components are true ES modules: each has its own scope and says what it imports and exports.
`bundle` reads one with all that it imports and gives one module, in which every file is the body of a function:

    // common/dom.js
    const $common_dom = (() => {
    function element(tag) { ... }
    return { element }
    })()
    // blocks/blocks.js
    const $blocks_blocks = (() => {
    const { element } = $common_dom
    ...
    return { default: $default }
    })()
    export default $blocks_blocks.default

Asset directories, by which Streamlit's components (version 2) can load files, were tried with 1.67 and not taken:
`import "../common/dom.js"` does work in the browser, but Streamlit finds such directories in installed packages only.
For a checkout they must be registered through streamlit.components.v2.get_bidi_component_manager, which is not
documented, and again in every new runtime (AppTest makes one per instance). And the page waits longer: style sheet,
script, and then what the script imports are requests one after the other, none of which the browser keeps (no
validator is sent), and a component shows before its style sheet is there. With a latency of 60 ms the first paint of a
page with one small component came 0.5 s later.

Comments on lines of their own and indentation are left out: Streamlit sends a component's script again with every
change of its data. What a bundle cannot do is refused with the file and line. Of the language of modules there is:

    import { a, b } from "./file.js"
    import DATA from "../data.json" with { type: "json" }
    export function a(...) { ... }     export class A { ... }     export const a = ...
    export default function (...) { ... }

one binding per `export const`, none that is assigned again, no circle, every path relative and inside assets.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from os.path import normpath
from pathlib import Path

_IMPORT = re.compile(
    r"""^import [ ] (?: \{ (?P<names> [\w,\s]+) \} [ ] from [ ] "(?P<script> \.[^"]+\.js)"
        | (?P<data> \w+) [ ] from [ ] "(?P<json> \.[^"]+\.json)" [ ] with [ ] \{ [ ] type: [ ] "json" [ ] \} )$""",
    re.MULTILINE | re.VERBOSE,
)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_EXPORT_DEFAULT = re.compile(r"^export default (?=function \()", re.MULTILINE)
# what is left of the language of modules when the forms above are gone: a statement, or an expression
_OTHER_FORM = re.compile(r"^[ ]*(?:import|export)\b.*|\bimport[ ]*[(.].*", re.MULTILINE)
_COMMENT = re.compile(r"^[ ]*(?://.*|/\*\*(?s:.*?)\*/[ ]*)$", re.MULTILINE)
_LINE_START = re.compile(r"\n\s+")


@dataclass(frozen=True, slots=True)
class _Import:
    """names: the bindings taken from a module; of a JSON file the one that stands for all of it."""

    names: tuple[str, ...]
    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class _Module:
    imports: tuple[_Import, ...]
    exports: tuple[str, ...]
    body: str


def bundle(entry: Path, root: Path) -> str:
    """One JavaScript module that exports the default of `entry`, with all that it imports.

    entry: a file below root. root: no file outside of this folder is read.
    Raises ValueError, with file and line, for what a bundle cannot express or a name that a module does not export.
    """
    if "default" not in _module(entry).exports:
        raise ValueError(f"{entry}: must export a default function")
    # every file once, each after those that it imports
    paths = dict.fromkeys(_depth_first(entry, root, ()))
    texts = [f"// {path.relative_to(root).as_posix()}\n{_scoped(path, root)}" for path in paths]
    return "\n".join([*texts, f"export default {_identifier(entry, root)}.default", ""])


def _depth_first(path: Path, root: Path, importers: tuple[Path, ...]) -> Iterator[Path]:
    if path in importers:
        raise ValueError(f"{path}: imports itself, by way of {', '.join(other.name for other in importers)}")
    if path.suffix == ".js":
        for each in _module(path).imports:
            _check(each, path, root)
            yield from _depth_first(each.path, root, (*importers, path))
    yield path


def _check(each: _Import, importer: Path, root: Path) -> None:
    place = f"{importer}:{each.line}"
    if not each.path.is_relative_to(root):
        raise ValueError(f"{place}: {each.path} lies outside of {root}")
    if not each.path.is_file():
        raise ValueError(f"{place}: there is no file {each.path}")
    if each.path.suffix == ".js":
        for name in each.names:
            if name not in _module(each.path).exports:
                raise ValueError(f"{place}: {each.path.name} exports no {name}")


@cache
def _scoped(path: Path, root: Path) -> str:
    """The file as a function's body, whose result is the object of its exports."""
    if path.suffix == ".json":
        data = json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":"))
        return f"const {_identifier(path, root)} = {data}"
    module = _module(path)
    imports = "".join(f"const {_binding(each, root)}\n" for each in module.imports)
    exports = ", ".join("default: $default" if name == "default" else name for name in module.exports)
    return f"const {_identifier(path, root)} = (() => {{\n{imports}{module.body}\nreturn {{ {exports} }}\n}})()"


def _binding(each: _Import, root: Path) -> str:
    taken = each.names[0] if each.path.suffix == ".json" else f"{{ {', '.join(each.names)} }}"
    return f"{taken} = {_identifier(each.path, root)}"


def _identifier(path: Path, root: Path) -> str:
    return "$" + re.sub(r"\W", "_", path.relative_to(root).with_suffix("").as_posix())


@cache
def _module(path: Path) -> _Module:
    # what is taken out leaves its line breaks, so that lines keep their numbers until the end
    text = _COMMENT.sub(_line_breaks, path.read_text(encoding="utf-8"))
    imports = [
        _Import(
            tuple(name.strip() for name in (found["names"] or found["data"]).split(",") if name.strip()),
            Path(normpath(path.parent / (found["script"] or found["json"]))),
            _line_number(text, found),
        )
        for found in _IMPORT.finditer(text)
    ]
    text = _IMPORT.sub(_line_breaks, text)
    exports = _EXPORT.findall(text) + ["default"] * len(_EXPORT_DEFAULT.findall(text))
    text = _EXPORT_DEFAULT.sub("const $default = ", _EXPORT.sub("", text))
    if ("import" in text or "export" in text) and (found := _OTHER_FORM.search(text)):
        raise ValueError(f"{path}:{_line_number(text, found)}: {found[0]!r} is not a form that a bundle can express")
    for number, line in enumerate(text.splitlines(), 1):
        if line.count("`") % 2:
            raise ValueError(f"{path}:{number}: a template of several lines would lose its indentation")
    return _Module(tuple(imports), tuple(exports), _LINE_START.sub("\n", text).strip())


def _line_breaks(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _line_number(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1
