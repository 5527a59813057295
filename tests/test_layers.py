"""The house plan as tests: who may import what, who may calculate, and when a file has grown too long."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "xception_lab"
PAGES = sorted([*(ROOT / "pages").glob("*.py"), *ROOT.glob("app.py")])
MODULES = sorted(PACKAGE.rglob("*.py"))
ENGINE = [path for path in MODULES if PACKAGE / "ui" not in path.parents]
FIGURES = sorted((PACKAGE / "figures").rglob("*.py"))

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.MatMult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
# a figure may place a label a little above a bar, but scales nothing
SCALING = (ast.Mult, ast.MatMult, ast.Div, ast.FloorDiv, ast.Pow)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> set[str]:
    """The top-level packages a file imports, wherever in the file."""
    packages: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            packages.add(node.module.split(".")[0])
    return packages


def _calculations(path: Path, operators: tuple[type[ast.operator], ...]) -> list[str]:
    """Where a file uses one of the operators, as text to find it by."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{_name(path)}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, operators)
    ]


@pytest.mark.parametrize("path", ENGINE, ids=_name)
def test_the_engine_never_imports_streamlit(path: Path) -> None:
    assert "streamlit" not in _imports(path)


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_page_imports_no_torch_and_calculates_nothing(path: Path) -> None:
    assert "torch" not in _imports(path)
    assert _calculations(path, ARITHMETIC) == []


@pytest.mark.parametrize("path", FIGURES, ids=_name)
def test_a_figure_imports_no_torch_and_scales_nothing(path: Path) -> None:
    assert "torch" not in _imports(path)
    assert _calculations(path, SCALING) == []


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_page_stays_under_120_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_stays_under_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize(
    "statement",
    [
        "import xception_lab; xception_lab.block_cost; xception_lab.network_cost",
        "from xception_lab import BlockSpec, XceptionSpec, Cost, LayerCost",
        "import xception_lab as x; x.block_cost(x.BlockSpec('extreme'), 8, 8)",
        "import xception_lab as x; x.network_cost(x.XceptionSpec(), 71, 71)",
        "from xception_lab.code import block_code, network_code",
    ],
)
def test_the_closed_form_needs_neither_torch_nor_streamlit(statement: str) -> None:
    check = "import sys; print(sorted({'torch', 'streamlit', 'numpy'} & set(sys.modules)))"
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
