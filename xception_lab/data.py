"""The data sets that come with the lab: numpy arrays, read once, never written to.

Fashion-MNIST is the evidence, the emoji the colour set, the textures a demonstration. assets/data/build.py makes the
files, assets/data/LICENSES.md names their authors; the user's own data comes through uploads.read_uploads and is kept
by own_data.py.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xception_lab.sentence import said
from xception_lab.textures import TEXTURE_CLASSES, draw_textures

DatasetKind = Literal["evidence", "demonstration", "own"]
Pictures = NDArray[np.uint8]
Labels = NDArray[np.int64]

DATASETS = ("fashion-mnist", "emoji", "emoji-style", "textures")
ASSETS = Path(__file__).resolve().parents[1] / "assets" / "data"

FASHION_CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
FASHION_TRAIN, FASHION_TEST = 1000, 500  # pictures a class
EMOJI_STYLES = ("noto", "twemoji", "fluent")


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Labelled pictures, split for good; the arrays are read-only.

    *_images: uint8 (N, H, W, C), C is 1 or 3. *_labels: int64 (N,), an index into classes. source: origin and licence
    in one line. kind: "evidence", "demonstration" (its effect is there by construction) or "own" (the user's).
    notes: what was left out of an upload, a sentence each.
    """

    name: str
    train_images: Pictures
    train_labels: Labels
    test_images: Pictures
    test_labels: Labels
    classes: tuple[str, ...]
    source: str
    kind: DatasetKind
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            array.setflags(write=False)


def load_dataset(name: str) -> Dataset:
    """One of DATASETS, or an upload under the name that own_data.keep_dataset gave; the same object at every call.

    Raises ValueError naming field, value and rule for any other name.
    """
    if isinstance(name, str) and name.startswith("own-"):  # pyright: ignore[reportUnnecessaryIsInstance]
        from xception_lab.own_data import load_own

        return load_own(name)
    if name not in DATASETS:
        allowed = ", ".join(map(repr, DATASETS))
        raise ValueError(said("name={name}: must be one of {allowed}", name=repr(name), allowed=allowed))
    return _load(name)


@cache
def _load(name: str) -> Dataset:
    return {"fashion-mnist": _fashion, "emoji": _emoji, "emoji-style": _emoji_style, "textures": _textures}[name]()


def _fashion() -> Dataset:
    """10,000 and 5,000 grey pictures, (28, 28, 1): the first of each class in file order, none twice."""
    classes = len(FASHION_CLASSES)
    train = classes * FASHION_TRAIN
    pictures = cut(_sheet("fashion-mnist.png")[..., None], 28)
    return Dataset(
        name="fashion-mnist",
        train_images=pictures[:train].copy(),
        train_labels=np.repeat(np.arange(classes), FASHION_TRAIN),
        test_images=pictures[train:].copy(),
        test_labels=np.repeat(np.arange(classes), FASHION_TEST),
        classes=FASHION_CLASSES,
        source="Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), 10,000 + 5,000 of its 70,000 pictures; Zalando SE, MIT",
        kind="evidence",
    )


def _emoji() -> Dataset:
    """Every emoji in three drawing styles, (32, 32, 3) on mid grey; no test emoji is trained on in any style."""
    groups: dict[str, dict[str, list[str]]] = json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8"))
    counts = {
        split: np.array([len(EMOJI_STYLES) * len(group[split]) for group in groups.values()])
        for split in ("train", "test")
    }
    train, test = int(counts["train"].sum()), int(counts["test"].sum())
    pictures = cut(_sheet("emoji.webp"), 32)
    return Dataset(
        name="emoji",
        train_images=pictures[:train].copy(),
        train_labels=np.repeat(np.arange(len(groups)), counts["train"]),
        test_images=pictures[train : train + test].copy(),
        test_labels=np.repeat(np.arange(len(groups)), counts["test"]),
        classes=tuple(groups),
        source="Emoji: Noto (Google, Apache-2.0), Twemoji (Twitter and others, CC BY 4.0), Fluent (Microsoft, MIT)",
        kind="evidence",
    )


def _emoji_style() -> Dataset:
    """The harder split: two styles to learn from, the third for the test, of emoji that were in no style trained on."""
    emoji, styles = _load("emoji"), len(EMOJI_STYLES)
    train = np.arange(len(emoji.train_labels)) % styles != styles - 1
    test = np.arange(len(emoji.test_labels)) % styles == styles - 1
    return replace(
        emoji,
        name="emoji-style",
        train_images=emoji.train_images[train],
        train_labels=emoji.train_labels[train],
        test_images=emoji.test_images[test],
        test_labels=emoji.test_labels[test],
    )


def _textures() -> Dataset:
    """Drawn on the spot, (32, 32, 3), 600 and 200 a class; see textures.py."""
    train_images, train_labels = draw_textures(600, seed=0)
    test_images, test_labels = draw_textures(200, seed=1)
    return Dataset(
        name="textures",
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=TEXTURE_CLASSES,
        source="Procedural textures, drawn by this program: a demonstration, its effect is there by construction; MIT",
        kind="demonstration",
    )


def _sheet(filename: str) -> Pictures:
    with Image.open(ASSETS / filename) as image:
        return np.asarray(image)


def cut(sheet: Pictures, side: int) -> Pictures:
    """A sheet (rows * side, columns * side, C) into its pictures (rows * columns, side, side, C), row by row."""
    height, width, channels = sheet.shape
    grid = sheet.reshape(height // side, side, width // side, side, channels)
    return grid.swapaxes(1, 2).reshape(-1, side, side, channels)
