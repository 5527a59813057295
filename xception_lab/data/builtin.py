"""The data sets that come with the lab: numpy arrays, read once, never written to.

Fashion-MNIST is the evidence, the emoji the colour set, the textures a demonstration. tools/build_datasets.py makes the
files, assets/data/LICENSES.md names their authors. A person's own data comes through data/uploads.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from xception_lab.common.files import asset_path
from xception_lab.data.dataset import PARTS, Dataset, ImageArray, LabelArray
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
FASHION_COUNTS = {"train": 1000, "validation": 1000, "test": 500}  # pictures per class
# the share of the most frequent class among the test pictures: here, so that a verdict needs no pictures
CHANCE_ACCURACIES = {"fashion-mnist": 1 / 10, "emoji": 165 / 831, "emoji-style": 55 / 277, "textures": 1 / 9}
EMOJI_STYLES = ("noto", "twemoji", "fluent")


@cache
def load_builtin(name: str) -> Dataset:
    """One of DATASETS, the same object at every call. Raises KeyError for any other name."""
    return {"fashion-mnist": _fashion, "emoji": _emoji, "emoji-style": _emoji_style, "textures": _textures}[name]()


def _fashion() -> Dataset:
    """10,000, 10,000 and 5,000 grey pictures, (28, 28, 1): the first of each class in file order, none twice."""
    pictures = cut_sheet(_sheet("fashion-mnist.png")[..., None], 28)
    return Dataset(
        name="fashion-mnist",
        **_cut_parts(pictures, {part: [count] * len(FASHION_CLASSES) for part, count in FASHION_COUNTS.items()}),
        classes=FASHION_CLASSES,
        source="Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), 25,000 of its 70,000 pictures; Zalando SE, MIT",
        kind="evidence",
    )


def _emoji() -> Dataset:
    """Every emoji in three drawing styles, (32, 32, 3) on mid grey; an emoji is in one part only, in every style."""
    groups: dict[str, dict[str, list[str]]] = json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8"))
    counts = {part: [len(EMOJI_STYLES) * len(group[part]) for group in groups.values()] for part in PARTS}
    return Dataset(
        name="emoji",
        **_cut_parts(cut_sheet(_sheet("emoji.webp"), 32), counts),
        classes=tuple(groups),
        source="Emoji: Noto (Google, Apache-2.0), Twemoji (Twitter and others, CC BY 4.0), Fluent (Microsoft, MIT)",
        kind="evidence",
    )


def _emoji_style() -> Dataset:
    """The harder split: trained on two styles, judged on the third, on emoji that no style was trained on."""
    emoji, styles = load_builtin("emoji"), len(EMOJI_STYLES)
    arrays: dict[str, Any] = {}
    for part in PARTS:
        is_third = np.arange(len(getattr(emoji, f"{part}_labels"))) % styles == styles - 1
        for content in ("images", "labels"):
            array: ImageArray | LabelArray = getattr(emoji, f"{part}_{content}")
            arrays[f"{part}_{content}"] = array[~is_third if part == "train" else is_third]
    return replace(emoji, name="emoji-style", **arrays)


def _textures() -> Dataset:
    """Drawn when loaded, (32, 32, 3), 600, 200 and 200 per class; see textures.py."""
    arrays: dict[str, Any] = {}
    # the seeds of training and test are those of version 0.1
    for part, per_class, seed in (("train", 600, 0), ("validation", 200, 2), ("test", 200, 1)):
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = draw_textures(per_class, seed=seed)
    return Dataset(
        name="textures",
        **arrays,
        classes=TEXTURE_CLASSES,
        source="Procedural textures, drawn by this program: a demonstration, its effect is there by construction; MIT",
        kind="demonstration",
    )


def _cut_parts(pictures: ImageArray, counts: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """The arrays of a Dataset from pictures that lie part by part, class by class; counts: by part, per class."""
    arrays: dict[str, ImageArray | LabelArray] = {}
    start = 0
    for part, per_class in counts.items():
        stop = start + sum(per_class)
        arrays[f"{part}_images"] = pictures[start:stop].copy()
        arrays[f"{part}_labels"] = np.repeat(np.arange(len(per_class)), per_class)
        start = stop
    return arrays


def _sheet(filename: str) -> ImageArray:
    with Image.open(ASSETS / filename) as image:
        return np.asarray(image)


def cut_sheet(sheet: ImageArray, side: int) -> ImageArray:
    """A sheet (rows * side, columns * side, C) into its pictures (rows * columns, side, side, C), row by row."""
    height, width, channels = sheet.shape
    grid = sheet.reshape(height // side, side, width // side, side, channels)
    return grid.swapaxes(1, 2).reshape(-1, side, side, channels)
