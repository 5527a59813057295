"""The training page without a browser: a stored result at first paint, both languages, links that lead nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]


def page(**parameters: str) -> AppTest:
    """The page as a first visit with these query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(parameters)
    return app.switch_page("pages/training.py").run()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("preset", ["two-differences", "figure-10", "figure-9", "conjecture"])
def test_every_question_is_shown_in_both_languages(lang: str, preset: str) -> None:
    app = page(lang=lang, preset=preset)
    assert not app.exception
    assert app.subheader[0].value


def test_the_first_paint_shows_a_stored_result_with_its_machine() -> None:
    app = page()
    assert "stored result" in app.caption[0].value
    assert len(app.get("plotly_chart")) == 2
    assert any("95 % CI" in line.value for line in app.markdown)


def test_a_run_that_is_not_here_is_said_and_the_stored_one_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    app = page(run="../../etc/passwd'; DROP TABLE runs; --")
    assert not app.exception
    assert "not on this server" in app.info[0].value
    assert len(app.get("plotly_chart")) == 2


def test_a_broken_link_is_repaired_with_a_note() -> None:
    app = page(seeds="1000", preset="figure-11")
    assert not app.exception
    assert {note.value.count("`") for note in app.info} == {4}
    assert app.select_slider(key="seeds").value == "10"


def test_the_first_paint_imports_no_torch() -> None:
    script = (
        "import sys; from streamlit.testing.v1 import AppTest; app = AppTest.from_file('app.py', default_timeout=60);"
        "app.switch_page('pages/training.py').run(); assert not app.exception; print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split()[-1] == "False"
