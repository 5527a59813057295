"""What several test files need: the tiny data in the place of the real; and the order of the files."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from xception_lab.training import tensors

# the files that take longest come first: of two test processes, none has a long one left when the other has ended
FIRST = (
    "experiments/test_scheduler.py",
    "browser",
    "cli/test_main.py",
    "ui",
    "test_hostile_files.py",
    "training",
    "measurement",
    "arch",
)


def pytest_configure() -> None:
    """Have Python look for cycles less often: with torch and Streamlit loaded, each look takes a while."""
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files; within one, and within what FIRST does not name, all stays as it was."""
    items.sort(key=lambda item: _rank(item.path.relative_to(Path(__file__).parent)))


def _rank(path: Path) -> int:
    named = (place for place, start in enumerate(FIRST) if path.is_relative_to(start))
    return next(named, len(FIRST))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Training on the tiny data, on one thread as in a worker."""
    import torch
    from tiny_data import tiny_dataset

    monkeypatch.setattr(tensors, "load_dataset", tiny_dataset)
    tensors.load_pictures.cache_clear()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    tensors.load_pictures.cache_clear()
