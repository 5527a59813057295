"""Pictures for the networks: photographs and drawings that come with the lab, test patterns, and drawn strokes.

assets/pictures/LICENSES.md and assets/data/LICENSES.md name the authors.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from xception_lab.common.files import asset_path
from xception_lab.common.validate import check_choice
from xception_lab.data.catalogue import load_dataset
from xception_lab.data.dataset import ImageArray

PHOTOGRAPHS = ("coffee", "chelsea", "astronaut")
DRAWINGS = ("boot", "emoji")
PATTERNS = ("checkerboard", "edge", "gradient", "impulse", "stroke")
SAMPLES = (*PHOTOGRAPHS, *DRAWINGS, *PATTERNS)
PICTURE_SIDE = 320  # pixels at which the page keeps a picture, a sample or a person's own
SIDES = (8, 512)  # pixels, least and most
MAX_POINTS = 4_000

_ASSETS = asset_path("pictures")
_BOOT, _EMOJI = 4500, 0  # indices of test pictures
_STROKE_WIDTH = 0.07  # of the side


def sample_picture(name: str, side: int) -> ImageArray:
    """One of SAMPLES as uint8 (side, side, 3). Raises ValueError naming field, value and rule."""
    check_choice("name", name, SAMPLES)
    _check_side(side)
    if name in PHOTOGRAPHS:
        return resize(_photograph(name), side)
    if name in DRAWINGS:
        dataset, number = ("fashion-mnist", _BOOT) if name == "boot" else ("emoji", _EMOJI)
        picture = load_dataset(dataset).test_images[number]
        return resize(np.broadcast_to(picture, (*picture.shape[:2], 3)), side)
    grey = {"checkerboard": _checkerboard, "edge": _edge, "gradient": _gradient, "impulse": _impulse}
    drawn = draw_stroke(_SPIRAL, side) if name == "stroke" else grey[name](side)
    return np.repeat(drawn[..., None], 3, axis=2) if drawn.ndim == 2 else drawn


def resize(picture: ImageArray, side: int) -> ImageArray:
    """A picture (H, W, 3) at (side, side, 3): averaged over whole pixels when it shrinks, bicubic when it grows."""
    if picture.shape[:2] == (side, side):
        return np.ascontiguousarray(picture)
    image = Image.fromarray(np.ascontiguousarray(picture))
    shrinks = side < min(picture.shape[:2])
    return np.array(image.resize((side, side), Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC))


def draw_stroke(points: list[tuple[float, float]] | tuple[tuple[float, float], ...], side: int) -> ImageArray:
    """A white line on black, uint8 (side, side), through points (x, y) in [0, 1].

    Raises ValueError when there is no point, too many, or one outside the picture.
    """
    _check_side(side)
    if not 1 <= len(points) <= MAX_POINTS:
        raise ValueError(f"points: must be 1 to {MAX_POINTS:,}, got {len(points):,}")
    for x, y in points:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"points: must lie in the picture, from 0 to 1, got ({x:.3g}, {y:.3g})")
    scale = 4  # drawn large and averaged, for a smooth edge
    large = Image.new("L", (side * scale, side * scale))
    width = max(1, round(_STROKE_WIDTH * side * scale))
    pixels = [(x * (large.width - 1), y * (large.height - 1)) for x, y in points]
    pen = ImageDraw.Draw(large)
    pen.line(pixels, fill=255, width=width, joint="curve")
    for x, y in (pixels[0], pixels[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.array(large.resize((side, side), Image.Resampling.BOX))


def _check_side(side: int) -> None:
    if not SIDES[0] <= side <= SIDES[1]:
        raise ValueError(f"side={side}: must be from {SIDES[0]} to {SIDES[1]} pixels")


@cache
def _photograph(name: str) -> ImageArray:
    with Image.open(_ASSETS / f"{name}.webp") as image:
        return np.array(image.convert("RGB"))


def _checkerboard(side: int) -> ImageArray:
    rows, columns = np.indices((side, side)) * 8 // side
    return np.where((rows + columns) % 2, 255, 0).astype(np.uint8)


def _edge(side: int) -> ImageArray:
    """Dark left of a slightly tilted line, bright right of it."""
    rows, columns = np.indices((side, side)) / (side - 1)
    return np.where(columns + 0.25 * rows > 0.62, 230, 25).astype(np.uint8)


def _gradient(side: int) -> ImageArray:
    """Red grows to the right, green downwards, blue along the falling diagonal."""
    rows, columns = np.indices((side, side)) / (side - 1)
    return np.rint(255 * np.stack([columns, rows, (1 - columns + 1 - rows) / 2], axis=-1)).astype(np.uint8)


def _impulse(side: int) -> ImageArray:
    """One bright pixel: a linear filter's output on it is its kernel. It is still one, and bright, at 64 pixels."""
    drawn = np.zeros((side, side), np.uint8)
    middle, size = side // 2, max(1, side // 64)
    drawn[middle : middle + size, middle : middle + size] = 255
    return drawn


def _spiral() -> tuple[tuple[float, float], ...]:
    """The points of the sample "stroke"."""
    turns = np.linspace(0, 2.5, 80)
    angle, radius = 2 * np.pi * turns, 0.06 + 0.15 * turns
    return tuple(zip((0.5 + radius * np.cos(angle)).tolist(), (0.5 + radius * np.sin(angle)).tolist(), strict=True))


_SPIRAL = _spiral()
