"""A data set and networks so small that a run takes a moment, here and, as dask's preload script, in its workers."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from xception_lab.data.custom import is_custom, load_custom
from xception_lab.data.dataset import Dataset
from xception_lab.spec import TrainSpec, XceptionSpec
from xception_lab.training import tensors

TINY = TrainSpec(
    XceptionSpec(1, 2, (4, 8), (8,), 1, 8, (8, 8, 8), small_stem=True, dropout=0.0),
    dataset="tiny",
    epochs=2,
    batch_size=8,
)
# what a dask worker, or whatever starts one, finds in its environment
PRELOAD = {"DASK_DISTRIBUTED__WORKER__PRELOAD": repr([__file__])}


def tiny_dataset(name: str) -> Dataset:
    """Bright above or bright below, 8 x 8 grey; "long" has enough of them for an epoch of many seconds."""
    if is_custom(name):
        return load_custom(name)
    if name not in ("tiny", "long"):
        raise ValueError(f"dataset={name!r}: must be 'tiny' or 'long'")
    count = 40_000 if name == "long" else 64
    rng = np.random.default_rng(0)
    labels = np.arange(count + 40) % 2
    pictures = rng.integers(0, 200, (count + 40, 8, 8, 1))
    pictures[labels == 0, :4] += 50
    pictures[labels == 1, 4:] += 50
    images, labels = pictures.astype(np.uint8), labels.astype(np.int64)
    return Dataset(
        name, images[:count], labels[:count], images[count:], labels[count:], ("above", "below"), "a test", "own"
    )


def install() -> None:
    """Put the tiny data in the place of the real."""
    tensors.load_dataset = tiny_dataset
    tensors.load_pictures.cache_clear()


def dask_setup(_worker: Any) -> None:
    """What dask calls in a worker that preloads this file."""
    install()


def environment(home: Path) -> dict[str, str]:
    """The environment of a process with its own store in `home`, whose workers use the tiny data.

    Both the process and the workers that it starts find this checkout and its tests through PYTHONPATH.
    """
    tests = Path(__file__).resolve().parent
    paths = (str(tests), str(tests.parent))
    return {**os.environ, **PRELOAD, "XCEPTION_LAB_HOME": str(home), "PYTHONPATH": os.pathsep.join(paths)}
