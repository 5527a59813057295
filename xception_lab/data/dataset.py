"""A data set in memory: labelled pictures as numpy arrays, split into training and test for good."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DatasetKind = Literal["evidence", "demonstration", "own"]


ImageArray = NDArray[np.uint8]


LabelArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled pictures, split for good; the arrays are read-only.

    *_images: uint8 (N, H, W, C), C is 1 or 3. *_labels: int64 (N,), an index into classes. source: origin and licence
    in one line. kind: "evidence", "demonstration" (its effect is there by construction) or "own" (the user's).
    notes: what was left out of an upload, a sentence each.
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
