"""What the package declares is what a checkout installs."""

import tomllib

from paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _requirements(name: str) -> list[str]:
    """The requirements of a file, without its comments and the file that it includes."""
    lines = (line.partition(" #")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def test_the_package_depends_on_what_a_checkout_installs() -> None:
    assert PROJECT["dependencies"] == _requirements("requirements.txt")
    assert PROJECT["optional-dependencies"]["dev"] == _requirements("requirements-dev.txt")
