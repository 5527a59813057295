"""Filters that are set by hand: spatial kernels, mixing matrices, and the small grids that people edit. No torch.

Every block gets the same spatial kernel and the same mixing matrix, so that without an intermediate ReLU the three
compute one and the same map.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.validate import check_choice

Array = NDArray[np.float64]

KERNELS = ("identity", "edge", "vertical", "blur", "sharpen")
MIXES = ("channels", "colours", "grey")
IN_CHANNELS, OUT_CHANNELS = 3, 6
LARGEST = 100.0  # absolute value that a person may set

_MIX: dict[str, list[list[float]]] = {
    # red, green, blue, brightness and the two opponent channels of colour vision
    "colours": [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1 / 3, 1 / 3, 1 / 3], [1, -1, 0], [-0.5, -0.5, 1]],
    "channels": [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "grey": [[1 / 3, 1 / 3, 1 / 3]] * 3 + [[-1 / 3, -1 / 3, -1 / 3]] * 3,
}


@dataclass(frozen=True, slots=True, eq=False)
class HandFilters:
    """kernel: (k, k), of the spatial convolution, for every channel. mix: (OUT_CHANNELS, IN_CHANNELS), of the 1x1."""

    kernel: Array
    mix: Array

    def __post_init__(self) -> None:
        side = self.kernel.shape[0]
        if self.kernel.shape != (side, side) or not side % 2:
            raise ValueError(f"kernel: must be square with an odd side, has shape {self.kernel.shape}")
        if self.mix.shape != (OUT_CHANNELS, IN_CHANNELS):
            raise ValueError(f"mix: must have shape {(OUT_CHANNELS, IN_CHANNELS)}, has {self.mix.shape}")
        for field, values in (("kernel", self.kernel), ("mix", self.mix)):
            if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
                raise ValueError(f"{field}: must hold numbers from {-LARGEST:g} to {LARGEST:g}")


def make_kernel(name: str, size: int) -> Array:
    """One of KERNELS, (size, size); at size 1 every one of them is the identity. Raises ValueError."""
    check_choice("name", name, KERNELS)
    if size < 1 or not size % 2:
        raise ValueError(f"size={size}: must be odd and at least 1")
    identity = np.zeros((size, size))
    identity[size // 2, size // 2] = 1
    if name == "identity" or size == 1:
        return identity
    line = np.array([math.comb(size - 1, index) for index in range(size)], float)
    blur = np.outer(line, line) / line.sum() ** 2
    step = np.sign(np.arange(size) - size // 2)  # dark to bright, left to right
    return {
        "blur": blur,
        "edge": size**2 * identity - 1,
        "sharpen": identity + (size**2 * identity - 1) / (size**2 - 1),
        "vertical": np.outer(line / line.sum(), step * (size - 1) / 2),
    }[name]


def make_mix(name: str) -> Array:
    """One of MIXES, (OUT_CHANNELS, IN_CHANNELS). Raises ValueError."""
    check_choice("name", name, MIXES)
    return np.array(_MIX[name], float)


def resize_kernel(values: Array, size: int) -> Array:
    """A kernel resized about its centre to another odd side: zeros are added around it, or its margin is cut."""
    margin = (size - len(values)) // 2
    if margin >= 0:
        return np.pad(values, margin)
    return values[-margin:margin, -margin:margin]


def format_grid(values: Array) -> str:
    """A grid as text for a link, row by row: "0,-1,0,-1,4,-1,0,-1,0"."""
    return ",".join(f"{value:.4g}" for value in values.ravel())


def parse_grid(text: str, rows: int, columns: int) -> Array:
    """The inverse of format_grid. Raises ValueError naming value and rule."""
    parts = text.split(",", rows * columns)
    try:
        values = np.array([float(part) for part in parts])
    except ValueError as error:
        raise ValueError(f"must hold numbers with commas between them, got {text[:40]!r}") from error
    if len(values) != rows * columns:
        raise ValueError(f"must hold {rows} x {columns} numbers, got {len(values)}")
    if not np.isfinite(values).all() or np.abs(values).max() > LARGEST:
        raise ValueError(f"must hold numbers from {-LARGEST:g} to {LARGEST:g}")
    return values.reshape(rows, columns)
