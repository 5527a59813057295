"""A data set in memory: labelled pictures as numpy arrays, with a fixed split into training, validation and test."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DatasetKind = Literal["evidence", "demonstration", "own"]
ImageArray = NDArray[np.uint8]
LabelArray = NDArray[np.int64]

PARTS = ("train", "validation", "test")
ARRAYS = tuple(f"{part}_{content}" for part in PARTS for content in ("images", "labels"))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled pictures with a fixed split; the arrays are read-only.

    The validation part is what a recipe may be chosen by; the test part judges a finished run, once.
    train_images, validation_images, test_images: (N, H, W, C), C is 1 or 3. train_labels, validation_labels,
        test_labels: (N,), indices into classes. The validation part of an upload of version 0.1 is empty.
    source: origin and licence in one line.
    kind: "evidence", "demonstration" (its effect is there by construction) or "own" (uploaded by a person).
    notes: of an upload, what each part was taken from, and what was left out, one sentence per reason.
    """

    name: str
    train_images: ImageArray
    train_labels: LabelArray
    test_images: ImageArray
    test_labels: LabelArray
    classes: tuple[str, ...]
    source: str
    kind: DatasetKind
    notes: tuple[str, ...] = ()
    validation_images: ImageArray = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.uint8))
    validation_labels: LabelArray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name in ARRAYS:
            array: NDArray[np.generic] = getattr(self, name)
            array.setflags(write=False)
