"""What a page draws of feature maps: numbers of a map, its order, its histogram, and its picture. No torch here."""

import io
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xception_lab.common.palette import MAP_MINUS_COLOUR, MAP_PLUS_COLOUR
from xception_lab.spec import Kind

Values = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Sorting = Literal["index", "strength"]
ColourRange = Literal["map", "layer", "shared"]

SORTINGS: tuple[Sorting, ...] = ("index", "strength")
RANGES: tuple[ColourRange, ...] = ("map", "layer", "shared")
BINS = 32
MIDDLE = 128  # what zero is drawn as; the rest is 127 steps to either side

_serial = count()

BlockStep = Literal["input", "first", "between", "second", "after"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """What one layer gave: values (C, H, W), read-only. step: its place in a block; layer: the module's name."""

    step: BlockStep
    layer: str
    values: Values

    def __post_init__(self) -> None:
        self.values.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class BlockMaps:
    """One block on one picture: its steps in running order, and its weights by the layer's name.

    serial: tells it from every other for a cache; an id() comes back when its object is gone.
    """

    kind: Kind
    steps: tuple[LayerMaps, ...]
    weights: dict[str, Values]
    serial: int = field(default_factory=_serial.__next__, init=False)

    def step(self, name: BlockStep) -> LayerMaps | None:
        """The maps of one step, None where this block has no such step."""
        return next((maps for maps in self.steps if maps.step == name), None)


def zeros_share(values: Values) -> float:
    """Share of values that are exactly zero."""
    return float(np.count_nonzero(values == 0)) / values.size


def strength(values: Values) -> Values:
    """Root mean square of each channel of (C, H, W)."""
    flat = values.reshape(len(values), -1)
    return np.sqrt(np.mean(np.square(flat), axis=1))


def sort_channels(values: Values, sorting: Sorting) -> NDArray[np.int64]:
    """Channels in the order to draw them: by number, or the strongest first."""
    if sorting == "index":
        return np.arange(len(values))
    return np.argsort(-strength(values), kind="stable")


def channel_limits(values: Values) -> Values:
    """The largest absolute value of each channel, (C,)."""
    return np.abs(values.reshape(len(values), -1)).max(axis=1)


def grey_levels(values: Values, top: float | None) -> Pixels:
    """(C, H, W) as grey levels: 128 is zero, 1 and 255 are -top and +top. None: each map's own largest value."""
    tops = channel_limits(values) if top is None else np.full(len(values), top, np.float32)
    # a map that is zero everywhere has no range
    scaled = values / np.where(tops > 0, tops, 1)[:, None, None]
    return np.rint(np.clip(scaled, -1, 1) * (MIDDLE - 1) + MIDDLE).astype(np.uint8)


def downsample(values: Values, side: int) -> Values:
    """Maps averaged over whole squares of pixels, at least `side` wide where they were; the rest is cut."""
    step = max(1, min(values.shape[1:]) // side)
    if step == 1:
        return values
    count, height, width = values.shape[0], values.shape[1] // step, values.shape[2] // step
    cut = values[:, : height * step, : width * step]
    return cut.reshape(count, height, step, width, step).mean(axis=(2, 4))


def tile_maps(pixels: Pixels, columns: int) -> Pixels:
    """(C, H, W) as one picture, `columns` maps a row without gaps."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    canvas = np.full((rows * columns, height, width), MIDDLE, np.uint8)
    canvas[:count] = pixels
    return canvas.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def encode_png(pixels: Pixels) -> bytes:
    """(H, W) grey or (H, W, 3) pixels as a PNG file, packed fast rather than small."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def colour_maps(values: Values, top: float | None, columns: int, zoom: int) -> Pixels:
    """Maps as a picture to keep, (H, W, 3): blue below zero, white at it, orange above, each pixel `zoom` wide."""
    share = (tile_maps(grey_levels(values, top), columns).astype(np.float32) - MIDDLE) / (MIDDLE - 1)
    ends = np.where(share[..., None] < 0, _rgb(MAP_MINUS_COLOUR.light), _rgb(MAP_PLUS_COLOUR.light))
    pixels = np.rint(255 + np.abs(share)[..., None] * (ends - 255)).astype(np.uint8)
    return pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _rgb(colour: str) -> Values:
    """(3,) levels of "#rrggbb"."""
    return np.array(list(bytes.fromhex(colour[1:])), np.float32)


def histogram(values: Values, low: float, high: float) -> list[int]:
    """How many values fall in each of BINS equal parts from low to high; every one is counted in some bin."""
    return np.histogram(np.clip(values, low, high), BINS, (low, high))[0].tolist()


def encode_npz(arrays: dict[str, Values]) -> bytes:
    """Named arrays as one compressed npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
