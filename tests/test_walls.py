"""The house plan as a test: which room may import which, read from every import, those inside functions too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

PACKAGE = ROOT / "xception_lab"
MODULES = sorted(PACKAGE.rglob("*.py"))
PAGES = sorted([*(ROOT / "pages").glob("*.py"), ROOT / "app.py"])

# the table of walls: a room may import itself and these
ENGINE = {
    "common": (),
    "spec": ("common",),
    "data": ("common",),
    "arch": ("spec", "common"),
    "nn": ("arch", "spec", "common"),
    "drawing": ("arch", "spec", "common"),
    "timing": ("arch", "spec", "common"),
    "training": ("nn", "arch", "data", "spec", "common"),
    "measurement": ("timing", "nn", "arch", "spec", "common"),
    "experiments": ("training", "nn", "arch", "data", "spec", "common"),
    "features": ("training", "nn", "arch", "data", "spec", "common"),
    "story": ("experiments", "features", "timing", "nn", "arch", "spec", "common"),
    "questions": ("features", "timing", "arch", "spec", "common"),
    "classroom": ("common",),
    # result types only: what a figure shows was computed before
    "figures": ("experiments", "training", "features", "timing", "arch", "spec", "common"),
    "cli": ("experiments", "measurement", "timing", "training", "arch", "spec", "common"),
    # the package's public names
    "__init__": ("arch", "measurement", "nn", "spec", "training"),
    "__main__": ("cli",),
}
_EVERY_ENGINE_ROOM = tuple(room for room in ENGINE if room not in ("cli", "__init__", "__main__"))
# inside ui; each may import the engine's rooms too
UI = {
    "fields": (),
    "shell": ("fields",),
    "compare": ("shell", "fields"),
    "network": ("shell", "fields"),
    "training": ("shell", "fields"),
    "questions": ("shell", "fields"),
    "classroom": ("story", "training", "shell", "fields"),
    "timing": ("compare", "shell", "fields"),
    "features": ("training", "shell", "fields"),
    "story": ("features", "training", "timing", "network", "compare", "shell", "fields"),
}
WALLS = {room: {room, *others} for room, others in ENGINE.items()} | {
    f"ui.{room}": {f"ui.{room}", *(f"ui.{other}" for other in others), *_EVERY_ENGINE_ROOM}
    for room, others in UI.items()
}

# these rooms must stay light, or must not know who shows them
NO_STREAMLIT = {*ENGINE}
NO_TORCH_AT_IMPORT = (
    "common",
    "spec",
    "data",
    "arch",
    "drawing",
    "timing",
    "questions",
    "classroom",
    "figures",
    "cli",
    "ui",
)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str) -> str:
    """The room of a module: "arch" of xception_lab.arch.cost, "ui.compare" of xception_lab.ui.compare.blocks."""
    parts = module.split(".")[1:]
    if not parts:
        return "__init__"
    return ".".join(parts[:2]) if parts[0] == "ui" else parts[0]


def _imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file: import a, from a import b, a.b as a string."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{_name(path)}:{node.lineno}: imports are absolute"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.add(inner if _is_module(inner) else node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_module(node.value):
            modules.add(node.value)  # what import_module, or a child process, is given
    return modules


def _is_module(name: str) -> bool:
    if not name.startswith("xception_lab."):
        return False
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _of_ours(path: Path) -> set[str]:
    return {module for module in _imports(path) if module.split(".")[0] == "xception_lab"} - {
        "xception_lab",
        _dotted(path),  # as a string: what a child process runs
    }


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_room_imports_only_what_the_plan_lets_it(path: Path) -> None:
    room = _room(_dotted(path))
    wrong = sorted(module for module in _of_ours(path) if room != "ui" and _room(module) not in WALLS[room])
    assert wrong == []


def test_every_room_is_in_the_plan() -> None:
    rooms = {_room(_dotted(path)) for path in MODULES} - {"ui"}
    assert rooms == set(WALLS)


def test_there_is_no_circle() -> None:
    arrows = {_dotted(path): _of_ours(path) for path in MODULES}
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for imported in sorted(arrows.get(module, ())):
                walk(imported, (*way, module))
            done.add(module)

    for module in arrows:
        walk(module, ())


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_the_engine_never_imports_streamlit(path: Path) -> None:
    if _room(_dotted(path)) in NO_STREAMLIT:
        assert "streamlit" not in {module.split(".")[0] for module in _imports(path)}


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=_name)
def test_the_init_of_a_room_is_empty(path: Path) -> None:
    assert path.parent == PACKAGE or path.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_page_imports_no_torch(path: Path) -> None:
    assert "torch" not in {module.split(".")[0] for module in _imports(path)}


def test_what_needs_no_torch_is_imported_without_it() -> None:
    light = [_dotted(path) for path in MODULES if path.name not in ("__main__.py", "tiny_data.py")]
    light = [name for name in light if name.startswith(tuple(f"xception_lab.{room}" for room in NO_TORCH_AT_IMPORT))]
    code = f"import sys\nfor name in {light!r}:\n    __import__(name)\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "False\n"


@pytest.mark.parametrize(
    "statement",
    [
        "import xception_lab; xception_lab.block_cost; xception_lab.network_cost",
        "from xception_lab import BlockSpec, XceptionSpec, Cost, LayerCost",
        "import xception_lab as x; x.block_cost(x.BlockSpec('extreme'), 8, 8)",
        "import xception_lab as x; x.network_cost(x.XceptionSpec(), 71, 71)",
        "from xception_lab.arch.snippets import block_snippet, network_snippet",
    ],
)
def test_the_closed_form_needs_neither_torch_nor_streamlit(statement: str) -> None:
    check = "import sys; print(sorted({'torch', 'streamlit', 'numpy', 'plotly', 'pandas'} & set(sys.modules)))"
    command = [sys.executable, "-c", f"{statement}\n{check}"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "[]\n")


def test_torch_comes_with_the_first_name_that_needs_it() -> None:
    statement = "import sys, xception_lab; xception_lab.build_block; print('torch' in sys.modules)"
    command = [sys.executable, "-c", statement]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout == "True\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    import xception_lab

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = xception_lab.nothing
    assert all(getattr(xception_lab, name) for name in xception_lab.__all__)
