"""The data sets that come with the lab: numpy arrays, read once, never written to.

Fashion-MNIST is the evidence, the emoji the colour set, the textures a demonstration. tools/build_datasets.py makes the
files, assets/data/LICENSES.md names their authors. A person's own data comes through data/uploads.py.
"""

import json
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from xception_lab.common.files import asset_path
from xception_lab.data.dataset import Dataset, ImageArray
from xception_lab.data.textures import TEXTURE_CLASSES, draw_textures

DATASETS = ("fashion-mnist", "emoji", "emoji-style", "textures")
ASSETS = asset_path("data")

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
FASHION_TRAIN, FASHION_TEST = 1000, 500  # pictures per class
EMOJI_STYLES = ("noto", "twemoji", "fluent")


@cache
def load_builtin(name: str) -> Dataset:
    """One of DATASETS, the same object at every call. Raises KeyError for any other name."""
    return {"fashion-mnist": _fashion, "emoji": _emoji, "emoji-style": _emoji_style, "textures": _textures}[name]()


def _fashion() -> Dataset:
    """10,000 and 5,000 grey pictures, (28, 28, 1): the first of each class in file order, none twice."""
    classes = len(FASHION_CLASSES)
    train = classes * FASHION_TRAIN
    pictures = cut_sheet(_sheet("fashion-mnist.png")[..., None], 28)
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
    pictures = cut_sheet(_sheet("emoji.webp"), 32)
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
    """The harder split: trained on two styles, tested on the third, on emoji that no style was trained on."""
    emoji, styles = load_builtin("emoji"), len(EMOJI_STYLES)
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
    """Drawn when loaded, (32, 32, 3), 600 and 200 per class; see textures.py."""
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


def _sheet(filename: str) -> ImageArray:
    with Image.open(ASSETS / filename) as image:
        return np.asarray(image)


def cut_sheet(sheet: ImageArray, side: int) -> ImageArray:
    """A sheet (rows * side, columns * side, C) into its pictures (rows * columns, side, side, C), row by row."""
    height, width, channels = sheet.shape
    grid = sheet.reshape(height // side, side, width // side, side, channels)
    return grid.swapaxes(1, 2).reshape(-1, side, side, channels)
