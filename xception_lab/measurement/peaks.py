"""The two peaks of this machine, measured: arithmetic and data movement, each the fastest of several ways."""

import time
from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F

from xception_lab.measurement.device import Call, Clock
from xception_lab.measurement.sampling import matmul_precision
from xception_lab.timing.results import CACHE_MULTIPLE, Peaks
from xception_lab.timing.settings import STORAGE_DTYPE, Dtype

# from small to large, as long as one call stays short: a small processor reaches its peak with small products, a large
# accelerator with large ones only, and a short call is more likely to run undisturbed
MATRIX_SIDES = (256, 512, 1024, 2048, 4096, 8192)
CONV_BATCHES = (1, 4, 16, 64, 256)
CONV_CHANNELS, CONV_SIZE = 256, 14
LONGEST_CALL_S = 0.02
KIBI, MEBI = 1 << 10, 1 << 20
WORKING_SETS = (32 * KIBI, 256 * KIBI, MEBI, 4 * MEBI, 16 * MEBI, 48 * MEBI, 192 * MEBI)
SET_BUFFERS = 3  # the tensors of one set take three times its bytes (_moves)
MEMORY_SHARE = 0.5  # of the free memory, for the tensors of all sets
SAMPLE_S = 0.015
LIMIT_S = 2.0
SAME, SAME_ROUNDS = 0.02, 2  # measuring ends after so many rounds that better the best by no more than this fraction


Product = tuple[int, Call]  # FLOPs, and a call that performs them


def measure_peaks(
    device: torch.device,
    dtype: Dtype,
    clock: Clock,
    sample_s: float = SAMPLE_S,
    working_sets: tuple[int, ...] = WORKING_SETS,
    limit_s: float = LIMIT_S,
) -> Peaks:
    """The best rate of several kinds of large products, and of five ways to move data at each size of working set.

    The best, because an estimate of the least time serves every operation: a matrix product and convolutions may come
    from different libraries, and reading alone is faster than reading and writing.

    sample_s: seconds per sample. working_sets: in bytes, smallest first; see working_sets(). limit_s: about the longest
    that this takes.
    """
    with matmul_precision(dtype):
        return _measure_peaks(device, dtype, clock, sample_s, working_sets, limit_s)


def _measure_peaks(
    device: torch.device, dtype: Dtype, clock: Clock, sample_s: float, working_sets: tuple[int, ...], limit_s: float
) -> Peaks:
    kind: torch.dtype = getattr(torch, STORAGE_DTYPE.get(dtype, dtype))
    products = _affordable(_products(device, kind), clock)
    sets = [(size, _moves(device, size)) for size in working_sets]
    best, rates, same = 0.0, dict.fromkeys(working_sets, 0.0), 0
    begin = time.perf_counter()
    # other processes may spoil a round or two: go on until the best no longer changes
    while not best or (same < SAME_ROUNDS and time.perf_counter() - begin < limit_s):
        before = best
        best = max(best, *(flops / clock.fastest_s(call, sample_s) for flops, call in products))
        for size, moves in sets:
            rates[size] = max(rates[size], *(size / clock.fastest_s(move, sample_s / 4) for move in moves))
        same = same + 1 if best <= before * (1 + SAME) else 0
    vector = _vector_flops_per_s(device, clock, sample_s) if device.type == "cuda" and dtype != "float32" else None
    return Peaks(dtype, best, tuple(rates.items()), vector)


def _vector_flops_per_s(device: torch.device, clock: Clock, sample_s: float) -> float:
    """The best rate without tensor cores: of IEEE float32, in which depthwise kernels of half precision add up too."""
    with matmul_precision("float32"):
        products = _affordable([_matrices(device, torch.float32)], clock)
        return max(flops / clock.fastest_s(call, sample_s) for flops, call in products)


def working_sets(last_cache_bytes: int | None, free_bytes: int) -> tuple[int, ...]:
    """The sizes to probe, in bytes: WORKING_SETS, and one more where these do not reach far beyond the caches.

    last_cache_bytes: of all last-level caches together; None if unknown: then nothing is added. free_bytes: memory that
    is free: a set for which it does not suffice is smaller, and Results.cache_multiple says by how much it fails.
    """
    needed = CACHE_MULTIPLE * (last_cache_bytes or 0)
    if needed <= WORKING_SETS[-1]:
        return WORKING_SETS
    affordable = int(free_bytes * MEMORY_SHARE / SET_BUFFERS) - sum(WORKING_SETS)
    largest = min(needed, affordable) // KIBI * KIBI
    return (*WORKING_SETS, largest) if largest > WORKING_SETS[-1] else WORKING_SETS


def _affordable(families: list[Iterator[Product]], clock: Clock) -> list[Product]:
    """Of each family of ever larger products the first one that takes long, and the one before it."""
    affordable: list[Product] = []
    for family in families:
        tried: list[Product] = []
        for product in family:
            tried.append(product)
            if clock.fastest_s(product[1], 0.0) > LONGEST_CALL_S:
                break
        affordable += tried[-2:]
    return affordable


def _products(device: torch.device, dtype: torch.dtype) -> list[Iterator[Product]]:
    """Matrix products, pointwise convolutions and dense ones, each from small to large."""
    return [_matrices(device, dtype), _convolutions(device, dtype, 1), _convolutions(device, dtype, 3)]


def _matrices(device: torch.device, dtype: torch.dtype) -> Iterator[Product]:
    for side in MATRIX_SIDES:
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        yield 2 * side**3, partial(torch.mm, left, right)


def _convolutions(device: torch.device, dtype: torch.dtype, kernel: int) -> Iterator[Product]:
    layout = torch.channels_last
    shape = (CONV_CHANNELS, CONV_CHANNELS, kernel, kernel)
    weights = torch.randn(shape, device=device).to(dtype).to(memory_format=layout)
    side = CONV_SIZE - kernel + 1  # no padding, so that every tap counts
    for batch in CONV_BATCHES:
        pictures = torch.randn(batch, CONV_CHANNELS, CONV_SIZE, CONV_SIZE, device=device).to(dtype)
        pictures = pictures.to(memory_format=layout)
        yield 2 * batch * side**2 * CONV_CHANNELS**2 * kernel**2, partial(F.conv2d, pictures, weights)


def _moves(device: torch.device, size: int) -> list[Call]:
    """Copying, reading, writing, adding and a ReLU in place, each of which passes once over its `size` bytes."""
    whole = torch.ones(size // 4, device=device)
    half, other = torch.ones(size // 8, device=device), torch.empty(size // 8, device=device)
    parts = [torch.ones(size // 12, device=device) for _ in range(3)]
    return [
        lambda: other.copy_(half),
        whole.sum,
        lambda: whole.fill_(1.0),
        lambda: torch.add(parts[0], parts[1], out=parts[2]),
        whole.relu_,
    ]
