"""Procedural textures: a demonstration of what the intermediate ReLU can destroy, no evidence that it does in photos.

A picture is the sum of a coarse wave that all channels share, a fine wave whose sign is reversed in one channel, and
noise. Its class is the pair of that channel and the waves' direction. The phases are random, so each channel's own
statistics are the same in all nine classes. Only the sign between the channels distinguishes them, and a ReLU directly
after a depthwise convolution cuts negative values off. The effect is there by construction, for a separable block that
reads the centred picture; a network whose stem mixes the channels first can find ways around it.
"""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SIDE = 32
OPPOSED = ("red", "green", "blue")
DIRECTIONS = ("rows", "columns", "diagonals")
TEXTURE_CLASSES = tuple(f"{channel} against, {direction}" for channel in OPPOSED for direction in DIRECTIONS)

SHARED_AMPLITUDE, SHARED_CYCLES = 48, (3,)  # a coarse wave, the same in all channels, for the eye; cycles per side
OPPOSED_AMPLITUDE, OPPOSED_CYCLES = 10, (5, 7)  # the fine wave whose sign between the channels is the class
NOISE = 64  # uniform, on each side

# whole numbers only: the same bytes on every processor
_PERIOD = 256  # phases in a cycle: a byte, so that sums of phases wrap by themselves


def draw_textures(per_class: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures, uint8 (9 * per_class, 32, 32, 3), sorted by class, and their labels.

    The same seed gives the same bytes.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    labels = np.repeat(np.arange(len(TEXTURE_CLASSES)), per_class)
    count = len(labels)
    opposed, direction = np.divmod(labels, len(DIRECTIONS))

    rows, columns = direction != 1, direction != 0
    pictures = _noise(rng, count)
    pictures += _wave(rng, SHARED_AMPLITUDE, SHARED_CYCLES, rows, columns)[..., None]
    wave = _wave(rng, OPPOSED_AMPLITUDE, OPPOSED_CYCLES, rows, columns)
    for channel in range(3):
        sign = np.where(opposed == channel, -1, 1).astype(np.int16)
        pictures[..., channel] += sign[:, None, None] * wave
    return np.clip(pictures, 0, 255).astype(np.uint8), labels


def _wave(
    rng: np.random.Generator, amplitude: int, cycles: tuple[int, ...], rows: Mask, columns: Mask
) -> NDArray[np.int16]:
    """One wave per picture, int16 (N, 32, 32), of random cycles and phase.

    rows, columns: (N,), whether the wave runs down the rows and across the columns; both is a diagonal.
    The cycles are odd, so that every line samples the wave at the same 32 phases, and 3 against 5 or 7, so that the sum
    of the two waves has the same moments up to the fourth, whatever their direction and sign.
    """
    sine = np.rint(amplitude * np.sin(2 * np.pi * np.arange(_PERIOD) / _PERIOD)).astype(
        np.int16
    )  # its sum is exactly 0
    count = rng.choice(cycles, len(rows))
    phase = rng.integers(0, _PERIOD, len(rows))
    step = _PERIOD // SIDE * count  # phase per pixel
    line = np.arange(SIDE)
    down = ((step * rows)[:, None] * line + phase[:, None]).astype(np.uint8)
    across = ((step * columns)[:, None] * line).astype(np.uint8)
    return sine[down[:, :, None] + across[:, None, :]]


def _noise(rng: np.random.Generator, count: int) -> NDArray[np.int16]:
    """Mid grey and uniform noise, int16 (N, 32, 32, 3)."""
    noise = np.frombuffer(rng.bytes(count * SIDE * SIDE * 3), np.int8).reshape(count, SIDE, SIDE, 3)
    return noise.astype(np.int16) * NOISE // 128 + 128
