"""Rows as CSV, for every table that a person takes away."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as CSV with a header; no rows give no text."""
    text = StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
