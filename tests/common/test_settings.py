"""The settings file: what it leaves out is at its default, and a bad one is said and not used."""

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from paths import ROOT

from xception_lab.common.settings import NAME, Settings, TrainingBounds, is_over, load_settings


def _with(folder: Path, text: str) -> Settings:
    (folder / NAME).write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_no_file_gives_the_defaults_and_so_does_the_documented_one(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    documented = (ROOT / "assets" / "settings.toml").read_text(encoding="utf-8")
    assert _with(tmp_path, documented) == Settings()
    # it has every table and every key
    values = asdict(Settings())
    del values["problem"]
    assert tomllib.loads(documented) == values


def test_a_file_changes_what_it_names_alone(tmp_path: Path) -> None:
    settings = _with(tmp_path, "\ufeff[training]\nenabled = false\n")
    assert settings == Settings(training=TrainingBounds(enabled=False))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[training", "it is no TOML"),
        ("[cooking]\n", "cooking: must be one of the tables [training], [measuring], [uploads], [runs]"),
        ("training = 3\n", "training: must be one of the tables"),
        ("[runs]\nkeep = 3\n", "keep in [runs]: must be one of experiments_per_person"),
        ("[runs]\nkeep_days = -1\n", "keep_days=-1 in [runs]: must be a whole number, 0 or more"),
        ("[runs]\nkeep_days = true\n", "keep_days=True in [runs]: must be a whole number"),
        ("[runs]\nkeep_days = 1.5\n", "keep_days=1.5 in [runs]: must be a whole number"),
        ('[measuring]\nenabled = "no"\n', "enabled='no' in [measuring]: must be true or false"),
    ],
)
def test_a_bad_file_is_said_and_the_defaults_hold(text: str, said: str, tmp_path: Path) -> None:
    settings = _with(tmp_path, text)
    assert str(settings.problem).startswith(f"{tmp_path / NAME} is not used, and every bound is at its default: ")
    assert said in settings.problem
    assert settings == Settings(problem=settings.problem)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"\xff\xfe\xff")
    assert "it cannot be read" in load_settings(tmp_path).problem
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    assert "it cannot be read" in load_settings(tmp_path).problem


def test_zero_is_no_bound() -> None:
    assert [is_over(5, 5), is_over(4, 5), is_over(10**9, 0)] == [True, False, False]
