"""Files: where the app's own lie, writing that is whole at every moment, and rows as CSV."""

import csv
import os
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any


def package_folder() -> Path:
    """Where this package lies."""
    return Path(__file__).resolve().parent.parent


def app_folder() -> Path:
    """Where app.py, pages/ and assets/ lie: inside the package where it is installed, beside it in a checkout."""
    installed = package_folder() / "app"
    return installed if installed.exists() else package_folder().parent


def asset_path(*parts: str) -> Path:
    """A file or folder of assets/, such as asset_path("data", "emoji.json")."""
    return app_folder().joinpath("assets", *parts)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file in one step: a reader, or a kill at any moment, sees the old one or the new one whole."""
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
