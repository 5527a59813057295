"""Where the checkout lies, for tests that start a process or read a file of it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
