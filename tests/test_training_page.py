"""The training page without a browser: a stored result at first paint, both languages, links that lead nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from xception_lab.experiments import ExperimentSpec, Grid
from xception_lab.ui import training
from xception_lab.ui.outcomes import question, setting_text

ROOT = Path(__file__).resolve().parents[1]


def page(**parameters: str) -> AppTest:
    """The page as a first visit with these query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(parameters)
    return app.switch_page("pages/training.py").run()


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("preset", ["two-differences", "figure-10", "figure-9", "conjecture", "own"])
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


def test_what_goes_wrong_at_the_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def submit(self, *_: object) -> str:
            raise RuntimeError("at most 200 runs may wait at once")

    monkeypatch.setattr(training, "scheduler", Full)
    monkeypatch.setattr(training, "estimate_text", lambda _: "")
    app = page()
    app.session_state["starting"] = True
    app.run()
    app.button(key="start").click().run()
    assert not app.exception
    assert app.error[0].value == "at most 200 runs may wait at once"
    assert len(app.get("plotly_chart")) == 2


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ((("epochs", (1, 2)),), ["epochs=1", "epochs=2"]),
        ((("segments", (1, 4, None)),), ["1 segments", "4 segments", "one a channel"]),
        ((("residual", (True, False)),), ["with residuals", "without residuals"]),
    ],
)
def test_an_experiment_of_ones_own_is_named_in_words(grid: Grid, words: list[str]) -> None:
    spec = ExperimentSpec("own", 1, grid=grid)
    assert question(spec.preset) == "What do these fields change?"
    ((name, levels),) = spec.levels
    assert [setting_text(((name, level),)) for level in levels] == words
