"""The lock: every requirement is in it with hashes, and another archive under the same name is not installed."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from paths import ROOT

from tools import licences, lock


def _requirements(name: str) -> list[Requirement]:
    lines = [line.partition(" #")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_locked_to_a_release_that_it_allows(name: str) -> None:
    locked = lock.read_lock()
    for requirement in _requirements(name):
        lines = locked[requirement.name.lower()]
        assert all(requirement.specifier.contains(line.split()[0].partition("==")[2]) for line in lines)


def test_every_locked_release_has_the_hashes_of_its_archives() -> None:
    locked = lock.read_lock()
    assert len(locked) > 60
    for lines in locked.values():
        assert all("==" in line.split()[0] and " --hash=sha256:" in line for line in lines)
    assert all(value in "".join(locked[name]) for name, values in lock.OTHER_BUILDS.items() for value in values)


def _wheel(folder: Path, text: str) -> bytes:
    """A package of one module."""
    path = folder / "lockprobe-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("lockprobe.py", text)
        wheel.writestr("lockprobe-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lockprobe\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr("lockprobe-1.0.dist-info/WHEEL", tags)
        wheel.writestr("lockprobe-1.0.dist-info/RECORD", "")
    return path.read_bytes()


def test_only_the_archive_whose_hash_is_locked_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives, target = tmp_path / "archives", tmp_path / "target"
    archives.mkdir()
    digest = hashlib.sha256(_wheel(archives, "right = True")).hexdigest()
    for key, value in {"NO_INDEX": "1", "FIND_LINKS": str(archives), "TARGET": str(target)}.items():
        monkeypatch.setenv(f"PIP_{key}", value)
    (tmp_path / "requirements.lock").write_text(f"lockprobe==1.0 \\\n    --hash=sha256:{digest}\n", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("lockprobe\n", encoding="utf-8")
    whole = lock.read_lock
    monkeypatch.setattr(lock, "read_lock", lambda: whole(tmp_path / "requirements.lock"))
    lock.install(tmp_path / "requirements.txt")
    assert (target / "lockprobe.py").read_text() == "right = True"
    _wheel(archives, "right = False")
    with pytest.raises(SystemExit, match="with the hash"):
        lock.install(tmp_path / "requirements.txt")
    assert (target / "lockprobe.py").read_text() == "right = True"
    (tmp_path / "requirements.lock").write_text("", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"not in requirements\.lock: lockprobe"):
        lock.install(tmp_path / "requirements.txt")


def test_every_asset_and_dependency_has_a_licence() -> None:
    assert list(licences.unlisted_assets()) == []
    assert len(licences.assets()) >= 8
    stated = licences.dependencies()
    assert {"streamlit", "torch", "plotly", "torchinfo", "numpy"} <= {name.split()[0] for name in stated}
    assert [name for name, licence in stated.items() if not licence] == []
