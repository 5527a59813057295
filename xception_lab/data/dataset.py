"""A data set in memory: labelled pictures as numpy arrays, with a fixed split into training and test."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DatasetKind = Literal["evidence", "demonstration", "own"]
ImageArray = NDArray[np.uint8]
LabelArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled pictures with a fixed split into training and test; the arrays are read-only.

    train_images, test_images: (N, H, W, C), C is 1 or 3. train_labels, test_labels: (N,), indices into classes.
    source: origin and licence in one line.
    kind: "evidence", "demonstration" (its effect is there by construction) or "own" (uploaded by a person).
    notes: what was left out of an upload, one sentence per reason.
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

    def __post_init__(self) -> None:
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            array.setflags(write=False)
