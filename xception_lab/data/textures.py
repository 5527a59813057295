"""Procedural textures: a demonstration of what the intermediate ReLU can destroy, no evidence that it does in nature.

A picture is a coarse wave that all channels share and a fine one that runs against the others in one channel, under
noise. Its class is which channel that is times the waves' direction. The phases are random, so each channel's own
statistics are the same in all nine classes: what tells them apart is the sign between the channels, and a ReLU straight
after a depthwise step cuts signs off. The effect is there by construction, for a separable block straight on the
centred picture; a network whose stem mixes the channels first can find ways around it.
"""

import numpy as np
from numpy.typing import NDArray

Chosen = NDArray[np.bool_]

SIDE = 32
OPPOSED = ("red", "green", "blue")
DIRECTIONS = ("rows", "columns", "diagonals")
TEXTURE_CLASSES = tuple(f"{channel} against, {direction}" for channel in OPPOSED for direction in DIRECTIONS)

SHARED_AMPLITUDE, SHARED_CYCLES = 48, (3,)  # a coarse wave of all channels alike, for the eye; cycles a side
OPPOSED_AMPLITUDE, OPPOSED_CYCLES = 10, (5, 7)  # the fine wave that counts
NOISE = 64  # uniform, on each side

# whole numbers only: the same bytes on every processor
_TURN = 256  # a phase is a byte, so that it wraps by itself


def draw_textures(per_class: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """per_class pictures of each class, uint8 (9 * per_class, 32, 32, 3), and their labels; same seed, same bytes."""
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
    rng: np.random.Generator, amplitude: int, cycles: tuple[int, ...], rows: Chosen, columns: Chosen
) -> NDArray[np.int16]:
    """One wave a picture, int16 (N, 32, 32), of random cycles and phase; both ways is a diagonal.

    Cycles are odd, so that every side samples the wave at the same 32 phases; 3 with 5 or 7, so that the two waves
    neither add up nor cancel up to the fourth moment: no direction and no sign shows in a channel's own values.
    """
    sine = np.rint(amplitude * np.sin(2 * np.pi * np.arange(_TURN) / _TURN)).astype(np.int16)  # its sum is exactly 0
    count = rng.choice(cycles, len(rows))
    phase = rng.integers(0, _TURN, len(rows))
    step = _TURN // SIDE * count  # phase a pixel
    line = np.arange(SIDE)
    down = ((step * rows)[:, None] * line + phase[:, None]).astype(np.uint8)
    across = ((step * columns)[:, None] * line).astype(np.uint8)
    return sine[down[:, :, None] + across[:, None, :]]


def _noise(rng: np.random.Generator, count: int) -> NDArray[np.int16]:
    """Mid grey and uniform noise, int16 (N, 32, 32, 3)."""
    noise = np.frombuffer(rng.bytes(count * SIDE * SIDE * 3), np.int8).reshape(count, SIDE, SIDE, 3)
    return noise.astype(np.int16) * NOISE // 128 + 128
