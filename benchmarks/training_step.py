"""Where does the time of a training step go, and how far is each kind of operation from its roofline?

The small Xception on one thread, as in a worker. Each operation is timed where it stands in the step; its estimate is
the longer of its FLOPs at the measured peak of a matrix product and its bytes (inputs and outputs once) at the measured
peak of a copy in cache.
Prints one table, in bfloat16 where this machine multiplies in it, and before it the same step in float32.
Run: python -m benchmarks.training_step [--steps 30]
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import chain
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from xception_lab import TrainSpec
from xception_lab.training import state
from xception_lab.training.loop import _step
from xception_lab.training.tensors import load_pictures

CPU = torch.device("cpu")
WARM_UP = 5


class Clock(TorchDispatchMode):
    """Every operation's place in the step, kind, seconds, FLOPs by dtype and bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[list[tuple[str, float, int, int, torch.dtype]]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        begin = time.perf_counter()
        result = function(*args, **(kwargs or {}))
        seconds = time.perf_counter() - begin
        name = function.__name__.split(".")[0]
        inputs, outputs = _tensors(args), _tensors((result,))
        kind, flops = name, 0
        if name in ("convolution", "convolution_backward"):
            kind, flops = _convolution(name, args)
        moved = {tensor.data_ptr(): tensor.nbytes for tensor in (*inputs, *outputs)}
        dtype = inputs[0].dtype if inputs else torch.float32
        self.steps[-1].append((kind, seconds, flops, sum(moved.values()), dtype))
        return result


def _tensors(values: Any) -> list[Tensor]:
    """The tensors among values and the lists in it."""
    flat = chain.from_iterable(value if isinstance(value, list | tuple) else [value] for value in values)
    return [value for value in flat if isinstance(value, Tensor)]


def _convolution(name: str, args: Any) -> tuple[str, int]:
    """(kind, FLOPs): a backward pass costs one forward pass for each gradient that is requested."""
    backward = name == "convolution_backward"
    out, weight = (args[0], args[2]) if backward else (None, args[1])
    if out is None:
        side = [(size - weight.shape[3] + 2 * args[4][0]) // args[3][0] + 1 for size in args[0].shape[2:]]
        values = args[0].shape[0] * weight.shape[0] * side[0] * side[1]
    else:
        values = out.numel()
    passes = sum(args[-1][:2]) if backward else 1
    kind = "pointwise" if weight.shape[3] == 1 else "depthwise" if weight.shape[0] > weight.shape[1] == 1 else "stem"
    # the first convolution has one channel in and is no depthwise one
    kind = "stem" if kind == "depthwise" and args[-2 if backward else -1] == 1 else kind
    return f"{kind} {'backward' if backward else 'forward'}", 2 * values * weight[0].numel() * passes


def best(work: Callable[[], object], times: int = 20) -> float:
    """Seconds of the fastest of several."""
    return min(_timed(work) for _ in range(times))


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def peaks() -> tuple[dict[torch.dtype, float], float, float]:
    """(FLOP/s of a product by dtype, bytes/s of a copy in cache, bytes/s of a copy in memory), one thread."""
    products = {}
    for dtype in (torch.float32, torch.bfloat16):
        sides = {side: torch.randn(side, side, dtype=dtype) for side in (256, 512, 1024)}
        products[dtype] = max(
            2 * side**3 / best(lambda matrix=matrix: matrix @ matrix) for side, matrix in sides.items()
        )
    copies = []
    for count in (1 << 17, 1 << 26):  # two buffers of 0.5 MB, and of 256 MB
        source, target = torch.randn(count), torch.zeros(count)
        copies.append(2 * source.nbytes / best(lambda s=source, t=target: t.copy_(s), 8))
    return products, copies[0], copies[1]


def whole_step(steps: int, clock: Clock | None) -> float:
    """Median seconds of a step; with a clock its operations are noted too."""
    spec = TrainSpec()
    pictures = load_pictures(spec.dataset, None, CPU)
    run = state.make_train_state(spec, pictures, None)
    run.network.train()
    times: list[float] = []
    for number, (batch, labels) in zip(range(WARM_UP + steps), pictures.batches(spec, 1), strict=False):
        begin = time.perf_counter()
        if clock is not None and number >= WARM_UP:
            clock.steps.append([])
            with clock:
                _step(run, pictures.normalised(batch), labels, spec.learning_rate)
        else:
            _step(run, pictures.normalised(batch), labels, spec.learning_rate)
        times.append(time.perf_counter() - begin)
    return median(times[WARM_UP:])


def table(clock: Clock, step_s: float, products: dict[torch.dtype, float], bandwidth: float) -> None:
    """One row per kind of operation; what no operation accounts for is Python, autograd and the optimiser."""
    rows: defaultdict[str, list[float]] = defaultdict(lambda: [0.0] * 5)
    # an operation has the same place in every step, so its median is over the steps
    for place in zip(*clock.steps, strict=True):
        kind, _, flops, moved, dtype = place[0]
        seconds = median(entry[1] for entry in place)
        estimated_s = max(flops / products.get(dtype, products[torch.float32]), moved / bandwidth)
        rows[kind] = [
            total + value for total, value in zip(rows[kind], (1, seconds, flops, moved, estimated_s), strict=True)
        ]
    print("| operation | calls | ms | share | GFLOP | MB | estimate, ms | times its estimate |")
    print("|---|---|---|---|---|---|---|---|")
    ranked = sorted(rows.items(), key=lambda item: -item[1][1])
    large = [item for item in ranked if item[1][1] > 0.01 * step_s]
    rest = [sum(values) for values in zip(*(row for _, row in ranked[len(large) :]), strict=True)]
    total = [sum(values) for values in zip(*(row for _, row in ranked), strict=True)]
    outside = [0, max(0.0, step_s - total[1]), 0, 0, 0]
    for name, (calls, seconds, flops, moved, estimated_s) in (
        *large,
        ("other operations", rest),
        ("between operations", outside),
        ("whole step", [total[0], step_s, *total[2:]]),
    ):
        times = f"{seconds / estimated_s:.1f}" if estimated_s else ""
        print(
            f"| {name} | {calls:.0f} | {seconds * 1e3:.2f} | {seconds / step_s:.0%} | {flops / 1e9:.3f} "
            f"| {moved / 1e6:.1f} | {estimated_s * 1e3:.2f} | {times} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    steps = parser.parse_args().steps
    state.prepare_process()
    products, cache, memory = peaks()
    print(
        f"float32 {products[torch.float32] / 1e9:.0f}, bfloat16 {products[torch.bfloat16] / 1e9:.0f} GFLOP/s; ", end=""
    )
    print(f"copy {cache / 1e9:.0f} GB/s in cache, {memory / 1e9:.0f} GB/s in memory; one thread\n")
    native = state.has_bfloat16
    for name, answer in (("float32", lambda _: False), ("bfloat16 where it helps", native)):
        state.has_bfloat16 = answer
        clock = Clock()
        step_s = whole_step(steps, None)
        whole_step(steps, clock)
        print(f"\n{name}: {step_s * 1e3:.1f} ms a step, {TrainSpec().batch_size / step_s:,.0f} pictures/s\n")
        table(clock, step_s, products, cache)


if __name__ == "__main__":
    main()
