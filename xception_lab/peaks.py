"""The two peaks of the machine at hand, measured: products and data, each as fast as anything was seen to go."""

import time

import torch
import torch.nn.functional as F

from xception_lab.accelerator import Call, Clock
from xception_lab.timings import STORED_AS, Dtype, Peaks

# products large enough to be bound by multiplying, small enough for a slow machine: side of a matrix, or channels
MATRIX_SIDES = (768, 1536)
CONV_CHANNELS, CONV_SIZE = 256, 28
KIBI, MEBI = 1 << 10, 1 << 20
WORKING_SETS = (32 * KIBI, 256 * KIBI, MEBI, 4 * MEBI, 16 * MEBI, 48 * MEBI, 192 * MEBI)
SAMPLE_S = 0.03
ROUNDS = 3
LIMIT_S = 3.0


def measured_peaks(
    device: torch.device,
    dtype: Dtype,
    clock: Clock,
    sample_s: float = SAMPLE_S,
    working_sets: tuple[int, ...] = WORKING_SETS,
) -> Peaks:
    """The best rate of several kinds of large products, and of four kinds of moving data at each size of working set.

    The best, because a bound has to hold for whatever is done well: a matrix product and convolutions may come from
    different libraries, and reading alone is faster than reading and writing.
    """
    kind: torch.dtype = getattr(torch, STORED_AS.get(dtype, dtype))
    products = _products(device, kind)
    sets = [(size, _moves(device, size)) for size in working_sets]
    best, rates = 0.0, dict.fromkeys(working_sets, 0.0)
    # a stretch of time in which others disturb spoils one round, not all
    begin = time.perf_counter()
    for _ in range(ROUNDS):
        if best and time.perf_counter() - begin > LIMIT_S:
            break
        best = max(best, *(flops / _fastest_s(call, clock, sample_s) for flops, call in products))
        for size, moves in sets:
            rates[size] = max(rates[size], *(size / _fastest_s(move, clock, sample_s / 4) for move in moves))
    return Peaks(dtype, best, tuple(rates.items()))


def _fastest_s(call: Call, clock: Clock, sample_s: float) -> float:
    return min(clock.samples(call, sample_s)[0])


def _products(device: torch.device, dtype: torch.dtype) -> list[tuple[int, Call]]:
    """(FLOPs, call) of matrix products and of dense convolutions."""
    products: list[tuple[int, Call]] = []
    for side in MATRIX_SIDES:
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        products.append((2 * side**3, lambda left=left, right=right: torch.mm(left, right)))
    pictures = torch.randn(4, CONV_CHANNELS, CONV_SIZE, CONV_SIZE, device=device).to(dtype)
    pictures = pictures.to(memory_format=torch.channels_last)
    for kernel in (1, 3):
        weights = torch.randn(CONV_CHANNELS, CONV_CHANNELS, kernel, kernel, device=device).to(dtype)
        weights = weights.to(memory_format=torch.channels_last)
        side = CONV_SIZE - kernel + 1  # no padding, so that every tap counts
        flops = 2 * 4 * side**2 * CONV_CHANNELS**2 * kernel**2
        products.append((flops, lambda weights=weights: F.conv2d(pictures, weights)))
    return products


def _moves(device: torch.device, size: int) -> list[Call]:
    """Copying, reading, writing and adding, each of which moves `size` bytes, its working set."""
    whole = torch.ones(size // 4, device=device)
    half, other = torch.ones(size // 8, device=device), torch.empty(size // 8, device=device)
    parts = [torch.ones(size // 12, device=device) for _ in range(3)]
    return [
        lambda: other.copy_(half),
        whole.sum,
        lambda: whole.fill_(1.0),
        lambda: torch.add(parts[0], parts[1], out=parts[2]),
    ]
