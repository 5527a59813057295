"""Files: where the app's own are, atomic writing, and rows as CSV."""

import csv
import os
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


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as CSV with a header; no rows give no text."""
    text = StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
