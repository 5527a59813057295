"""Feature maps as arrays: their order, histograms, and pictures of them. No torch."""

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
MIDDLE = 128  # the grey level of zero; there are 127 levels on either side

_serial = count()

# the picture, after the first convolution, the activation between, the second convolution, the last activation
BlockStep = Literal["input", "first", "between", "second", "after"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """One layer's output. step: its position in a block. layer: the module's name. values: (C, H, W), read-only."""

    step: BlockStep
    layer: str
    values: Values

    def __post_init__(self) -> None:
        self.values.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class BlockMaps:
    """One block on one picture: its steps in running order, and its weights by the layer's name.

    serial: a number that no other has, as a key for caches; an id() is used again when its object is gone.
    """

    kind: Kind
    steps: tuple[LayerMaps, ...]
    weights: dict[str, Values]
    serial: int = field(default_factory=_serial.__next__, init=False)

    def step(self, name: BlockStep) -> LayerMaps | None:
        """The maps of one step, None where this block has no such step."""
        return next((maps for maps in self.steps if maps.step == name), None)


def zeros_share(values: Values) -> float:
    """Fraction of values that are exactly zero."""
    return float(np.count_nonzero(values == 0)) / values.size


def strength(values: Values) -> Values:
    """Root mean square of each channel of (C, H, W)."""
    flat = values.reshape(len(values), -1)
    return np.sqrt(np.mean(np.square(flat), axis=1))


def sort_channels(values: Values, sorting: Sorting) -> NDArray[np.int64]:
    """The channels' indices in the order to draw them: by index, or the strongest first."""
    if sorting == "index":
        return np.arange(len(values))
    return np.argsort(-strength(values), kind="stable")


def channel_limits(values: Values) -> Values:
    """The largest absolute value of each channel, (C,)."""
    return np.abs(values.reshape(len(values), -1)).max(axis=1)


def grey_levels(values: Values, top: float | None) -> Pixels:
    """(C, H, W) as grey levels: MIDDLE is zero, 1 and 255 are -top and +top. top: None is each map's own limit."""
    tops = channel_limits(values) if top is None else np.full(len(values), top, np.float32)
    # a map that is zero everywhere has the limit 0
    scaled = values / np.where(tops > 0, tops, 1)[:, None, None]
    return np.rint(np.clip(scaled, -1, 1) * (MIDDLE - 1) + MIDDLE).astype(np.uint8)


def downsample(values: Values, side: int) -> Values:
    """Maps (C, H, W) averaged over squares of pixels, so that they stay at least `side` wide; a remainder is cut."""
    step = max(1, min(values.shape[1:]) // side)
    if step == 1:
        return values
    count, height, width = values.shape[0], values.shape[1] // step, values.shape[2] // step
    cut = values[:, : height * step, : width * step]
    return cut.reshape(count, height, step, width, step).mean(axis=(2, 4))


def tile_maps(pixels: Pixels, columns: int) -> Pixels:
    """(C, H, W) as one picture, `columns` maps per row without gaps."""
    count, height, width = pixels.shape
    rows = -(-count // columns)
    canvas = np.full((rows * columns, height, width), MIDDLE, np.uint8)
    canvas[:count] = pixels
    return canvas.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def encode_png(pixels: Pixels) -> bytes:
    """(H, W) grey or (H, W, 3) pixels as a PNG file, compressed fast rather than well."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def colour_maps(values: Values, top: float | None, columns: int, zoom: int) -> Pixels:
    """Maps as a picture to download, (H, W, 3): blue below zero, white at it, orange above; a pixel is `zoom` wide."""
    share = (tile_maps(grey_levels(values, top), columns).astype(np.float32) - MIDDLE) / (MIDDLE - 1)
    ends = np.where(share[..., None] < 0, _rgb(MAP_MINUS_COLOUR.light), _rgb(MAP_PLUS_COLOUR.light))
    pixels = np.rint(255 + np.abs(share)[..., None] * (ends - 255)).astype(np.uint8)
    return pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _rgb(colour: str) -> Values:
    """(3,) levels of "#rrggbb"."""
    return np.array(list(bytes.fromhex(colour[1:])), np.float32)


def histogram(values: Values, low: float, high: float) -> list[int]:
    """How many values fall in each of BINS equal bins from low to high; values outside count in the outermost bins."""
    return np.histogram(np.clip(values, low, high), BINS, (low, high))[0].tolist()


def encode_npz(arrays: dict[str, Values]) -> bytes:
    """Named arrays as one compressed npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
