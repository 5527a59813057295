"""Files: where the app's own are, atomic writing, and rows as CSV."""

import csv
import os
import time
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any


def package_folder() -> Path:
    """The folder of this package."""
    return Path(__file__).resolve().parent.parent


def app_folder() -> Path:
    """The folder of app.py, pages/ and assets/: inside an installed package, beside the package in a checkout."""
    installed = package_folder() / "app"
    return installed if installed.exists() else package_folder().parent


def asset_path(*parts: str) -> Path:
    """A file or folder of assets/, such as asset_path("data", "emoji.json")."""
    return app_folder().joinpath("assets", *parts)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file in one step: a reader, or a kill at any moment, finds the old or the new content, whole.

    Raises OSError, after removing what it had written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def set_aside(path: Path) -> Path:
    """Rename a file or folder that is in the way: a dated name beside it, which is returned. Raises OSError."""
    dated = f"{path.stem}.set-aside-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (path.with_name(f"{dated}{number}{path.suffix}") for number in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(name for name in names if not os.path.lexists(name))
    path.rename(aside)
    return aside


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as CSV with a header; no rows give no text."""
    text = StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
