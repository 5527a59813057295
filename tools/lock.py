"""requirements.lock: the release and the archives' hashes of everything that a checkout installs.

    python -m tools.lock write                      # resolves the two requirement files anew, with uv
    python -m tools.lock install requirements.txt   # installs into this interpreter's environment what the lock names
    python -m tools.lock audit                      # asks for known vulnerabilities, with pip-audit

To install takes pip two steps. First it resolves the file under the lock's versions without installing anything, which
says what this platform needs: torch's build for CPUs needs none of the CUDA libraries that its usual build does. Then
it installs these and nothing else, and refuses an archive whose hash is not in the lock.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
# archives of the same release that the package index does not list: torch's build for CPUs (CPython 3.11, Linux x86-64)
OTHER_BUILDS = {"torch": ("sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",)}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def read_lock(path: Path = LOCK) -> dict[str, list[str]]:
    """The lock's requirements with their hashes, each as one line, by the package's name; several differ by marker."""
    requirements: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if match := _NAME.match(line):
            requirements.setdefault(_plain(match[0]), []).append(" ".join(line.split()))
    return requirements


def write_lock() -> None:
    """Resolve both requirement files for every platform and Python that the package supports. Needs uv."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    options = ["--no-header", "--no-annotate", "--upgrade", "--output-file", str(LOCK), "requirements-dev.txt"]
    subprocess.run([*command, *options], check=True, cwd=ROOT)
    text = LOCK.read_text(encoding="utf-8")
    for name, hashes in OTHER_BUILDS.items():
        added = "".join(f"    --hash={value} \\\n" for value in hashes)
        text = re.sub(rf"^({name}==.*\\\n)", lambda line, added=added: line[1] + added, text, flags=re.MULTILINE)
    LOCK.write_text("# written by: python -m tools.lock write\n" + text, encoding="utf-8")


def install(requirements: Path) -> None:
    """Install what a requirement file needs here, at the lock's releases. Raises SystemExit where it cannot."""
    lock = read_lock()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    with tempfile.TemporaryDirectory() as folder:
        constraints, report, chosen = (Path(folder) / name for name in ("constraints.txt", "report.json", "chosen.txt"))
        lines = [line.partition(" --hash")[0] for of in lock.values() for line in of]
        constraints.write_text("\n".join(lines), encoding="utf-8")
        resolve = ["--dry-run", "--ignore-installed", "--report", str(report), "-c", str(constraints)]
        _run([*pip, *resolve, "-r", str(requirements)])
        archives: list[str] = []
        for item in json.loads(report.read_text(encoding="utf-8"))["install"]:
            name, version = item["metadata"]["name"], item["metadata"]["version"]
            digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
            if not any(f"sha256:{digest}" in line for line in lock.get(_plain(name), [])):
                raise SystemExit(f"not in {LOCK.name}: {name} {version} with the hash {digest}")
            # this archive and no other build of the same release, whose own needs were not resolved
            archives.append(f"{name}=={version} --hash=sha256:{digest}")
        chosen.write_text("\n".join(archives), encoding="utf-8")
        _run([*pip, "--require-hashes", "--no-deps", "-r", str(chosen)])


def audit() -> None:
    """Say which locked releases have known vulnerabilities. Raises SystemExit where some do."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--disable-pip", "--no-deps"]
    run = subprocess.run([*command, "--format", "json", "--progress-spinner", "off"], capture_output=True, text=True)
    try:
        packages = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        print("audit: the data on vulnerabilities could not be had from here; nothing was audited")
        return
    found = [(package, flaw) for package in audited for flaw in package["vulns"]]
    for package, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "no release"
        print(f"audit: {package['name']} {package['version']}: {flaw['id']}, fixed by {fixed}")
    print(f"audit: {len(audited)} of {len(packages)} packages audited, {len(found)} known vulnerabilities")
    if found:
        raise SystemExit(1)


def _plain(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: list[str]) -> None:
    if subprocess.run(command).returncode:
        raise SystemExit(f"this failed: {' '.join(command)}")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description="The locked releases of what a checkout installs.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    commands.add_parser("audit")
    commands.add_parser("install").add_argument("requirements", type=Path)
    options = parser.parse_args()
    match options.command:
        case "write":
            write_lock()
        case "audit":
            audit()
        case _:
            install(options.requirements)


if __name__ == "__main__":
    main()
