"""What several test files need: the tiny data in the place of the real."""

from collections.abc import Iterator

import pytest

from xception_lab.training import tensors


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
