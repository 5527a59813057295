"""The joined scripts against Node's own module loader, what a bundle refuses, and the components' files."""

import json
import re
import subprocess
from pathlib import Path

import playwright
import pytest

from xception_lab.common.files import asset_path
from xception_lab.ui.shell.javascript import bundle

NODE = Path(playwright.__file__).parent / "driver" / "node"
COMPONENTS = sorted(
    folder.name
    for folder in asset_path("components").iterdir()
    if (folder / f"{folder.name}.js").exists()  # else what several share
)
# the components are written for a browser; this much of one their modules need when they are loaded
BROWSER = "globalThis.document = { createElement: () => ({ getContext: () => null }) }"


def _write(folder: Path, **files: str) -> Path:
    """Files by name, __ for a folder; returns main.js."""
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}{'' if name.endswith('json') else '.js'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "main.js"


def _node(script: str, folder: Path) -> str:
    """What a module prints under Node."""
    (folder / "run.mjs").write_text(script, encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    command = [NODE, "--no-warnings", "run.mjs"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


def _default_of(module: str, folder: Path) -> str:
    return _node(f'import main from "{module}"\nconsole.log(JSON.stringify(main()))', folder)


def test_a_bundle_does_what_the_modules_do(tmp_path: Path) -> None:
    main = _write(
        tmp_path,
        main="""// the entry
import { double, Counter } from "./parts/numbers.js"
import {
  greeting,
  secret,
} from "./parts/words.js"
import DATA from "./data.json" with { type: "json" }

const hidden = "main"

export default function () {
  const counter = new Counter(double(DATA.start))
  return [counter.next(), counter.next(), greeting("a"), secret, hidden]
}
""",
        parts__numbers="""import { secret } from "./words.js"
const hidden = "numbers" // a name of its own in every file

/**
 * Twice the value: import { nothing } from "./nowhere.js"
 */
export const double = (value) => 2 * value
export class Counter {
  constructor(value) { this.value = value }
  next() { return `${hidden} ${secret} ${this.value++}` }
}
""",
        parts__words="""
const hidden = "words"
export function greeting(name) {
  return `${hidden}: $1 \\\\ ${name}`
}
export const secret = 7
export async function unused() { return await 1 }
""",
    )
    (tmp_path / "data.json").write_text('{"start": 21, "note": "경계 </script>"}', encoding="utf-8")
    (tmp_path / "bundled.js").write_text(bundle(main, tmp_path), encoding="utf-8")
    apart, joined = (_default_of(f"./{name}.js", tmp_path) for name in ("main", "bundled"))
    assert apart == joined
    assert json.loads(joined) == ["numbers 7 42", "numbers 7 43", "words: $1 \\ a", 7, "main"]


def test_a_file_that_several_import_is_there_once_and_its_state_is_shared(tmp_path: Path) -> None:
    main = _write(
        tmp_path,
        main="""import { a } from "./a.js"
import { b } from "./b.js"
export default function () { return [a(), b(), a()] }
""",
        a='import { next } from "./count.js"\nexport const a = () => next()\n',
        b='import { next } from "./count.js"\nexport const b = () => next()\n',
        count="const state = { value: 0 }\nexport function next() { return (state.value += 1) }\n",
    )
    text = bundle(main, tmp_path)
    assert text.count("state = {") == 1
    (tmp_path / "bundled.js").write_text(text, encoding="utf-8")
    assert json.loads(_default_of("./bundled.js", tmp_path)) == [1, 2, 3]


MAIN = "export default function () {}\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"main": 'import a from "./a.js"\n' + MAIN, "a": "export const a = 1\n"}, r"main\.js:1: .*not a form"),
        ({"main": 'import * as a from "./a.js"\n' + MAIN, "a": "export const a = 1\n"}, r"main\.js:1: .*not a form"),
        ({"main": "// one\n\nimport './a.js'\n" + MAIN, "a": "export const a = 1\n"}, r"main\.js:3: .*not a form"),
        ({"main": 'import { a as b } from "./a.js"\n' + MAIN, "a": "export const a = 1\n"}, "exports no a as b"),
        (
            {"main": 'import { b } from "./a.js"\n' + MAIN, "a": "export const a = 1\n"},
            r"main\.js:1: a\.js exports no b",
        ),
        ({"main": 'import { b } from "./b.js"\n' + MAIN}, r"main\.js:1: there is no file .*b\.js"),
        ({"main": 'import { b } from "../b.js"\n' + MAIN}, "lies outside of"),
        ({"main": 'import { b } from "https://example.org/b.js"\n' + MAIN}, "not a form"),
        ({"main": "export default function () { return import('./a.js') }\n"}, r"main\.js:1: .*not a form"),
        ({"main": "export default function () { return import.meta.url }\n"}, "not a form"),
        ({"main": "export let a = 1\n" + MAIN}, "not a form"),
        ({"main": "export const { a } = { a: 1 }\n" + MAIN}, "not a form"),
        ({"main": "const a = 1\nexport { a }\n" + MAIN}, r"main\.js:2: .*not a form"),
        ({"main": "const a = 1\nexport default a\n"}, "not a form|must export a default"),
        ({"main": "export const a = 1\n"}, "must export a default function"),
        ({"main": "const a = `one\n  two`\n" + MAIN}, r"main\.js:1: a template of several lines"),
        (
            {
                "main": 'import { a } from "./a.js"\n' + MAIN,
                "a": 'import { b } from "./b.js"\nexport const a = 1\n',
                "b": 'import { a } from "./a.js"\nexport const b = 1\n',
            },
            r"a\.js: imports itself, by way of .*b\.js",
        ),
    ],
)
def test_what_a_bundle_cannot_express_is_refused(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        bundle(_write(tmp_path, **files), tmp_path)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_a_module_with_a_scope_of_its_own(tmp_path: Path, name: str) -> None:
    text = bundle(asset_path("components", name, f"{name}.js"), asset_path())
    (tmp_path / "component.js").write_text(text, encoding="utf-8")
    loaded = f"""{BROWSER}
const before = Object.keys(globalThis)
const module = await import("./component.js")
console.log(typeof module.default, Object.keys(module).length, Object.keys(globalThis).length - before.length)
"""
    assert _node(loaded, tmp_path) == "function 1 0\n"


def test_every_script_is_part_of_a_component() -> None:
    bundles = [bundle(asset_path("components", name, f"{name}.js"), asset_path()) for name in COMPONENTS]
    parts = set(re.findall(r"^// (components/\S+\.js)$", "\n".join(bundles), re.MULTILINE))
    files = {path.relative_to(asset_path()).as_posix() for path in asset_path("components").rglob("*.js")}
    assert parts == files


def test_the_palette_in_the_browser_is_the_engine_s(tmp_path: Path) -> None:
    from xception_lab.common.palette import (
        BELOW_ZERO_COLOUR,
        BLOCK_COLOURS,
        CATEGORICAL_COLOURS,
        LAYER_KIND_COLOURS,
        MAP_MINUS_COLOUR,
    )

    light = ", ".join(colour.light for colour in CATEGORICAL_COLOURS)
    main = _write(
        tmp_path / "components",
        main="""import {
  BLOCK_KINDS, MAP_COLOURS, belowZeroColour, blockColours, layerKindColours
} from "./common/palette.js"
export default function () {
  return [BLOCK_KINDS, blockColours(null), layerKindColours(null), MAP_COLOURS.dark.minus, belowZeroColour(null)]
}
""",
        common__palette=asset_path("components", "common", "palette.js").read_text(encoding="utf-8"),
    )
    (tmp_path / "palette.json").write_bytes(asset_path("palette.json").read_bytes())
    style = f"globalThis.getComputedStyle = () => ({{ getPropertyValue: () => {light!r} }})\n"
    (tmp_path / "bundled.js").write_text(style + bundle(main, tmp_path), encoding="utf-8")
    kinds, blocks, layers, minus, below_zero = json.loads(_default_of("./bundled.js", tmp_path))
    assert kinds == list(BLOCK_COLOURS)
    assert blocks == {kind: colour.light for kind, colour in BLOCK_COLOURS.items()}
    assert layers == {kind: colour.light for kind, colour in LAYER_KIND_COLOURS.items()}
    assert list(layers) == list(LAYER_KIND_COLOURS)
    assert minus == MAP_MINUS_COLOUR.dark
    assert below_zero == BELOW_ZERO_COLOUR.light
