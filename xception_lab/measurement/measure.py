"""Latency of blocks and networks on this machine: warm, interleaved, to a stated precision, every sample kept."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from xception_lab.common.messages import say
from xception_lab.measurement.device import (
    Clock,
    allocated_bytes,
    capture_graph,
    energy_j,
    free_bytes,
    make_clock,
    peak_bytes,
    select_device,
    synchronize,
)
from xception_lab.measurement.machine import has_compiler
from xception_lab.measurement.outputs import check_output
from xception_lab.measurement.sampling import BenchmarkCase, layer_times, matmul_precision, sample_interleaved
from xception_lab.measurement.throttling import SpeedMonitor
from xception_lab.nn.allocator import is_out_of_memory, keep_freed_memory
from xception_lab.nn.blocks import build_block
from xception_lab.nn.fusion import for_inference, to_memory_format
from xception_lab.nn.init import initialise
from xception_lab.nn.xception import build_xception
from xception_lab.spec import BlockSpec
from xception_lab.timing.results import Timing
from xception_lab.timing.settings import STORAGE_DTYPE, Dtype, MemoryFormat, Settings

PRECISION = 0.02  # half width of the median's 95 % interval, as a fraction of the median
LIMIT_S = 2.0  # of sampling, per setting
ENERGY_S = 1.0
CALIBRATION_SIZE = 96
WORKSPACE = 1.5  # times the tensors' bytes: a library may need memory of its own, such as unrolled pictures


class InsufficientMemoryError(ValueError):
    """What is asked for needs more memory than is free; the message says how much of each."""


def time_block(
    spec: BlockSpec,
    height: int,
    width: int,
    batch_size: int = 1,
    device: str = "auto",
    dtype: Dtype = "float32",
    memory_format: MemoryFormat = "contiguous",
    backward: bool = False,
) -> Timing:
    """Latency of one block on a random input (batch_size, in_channels, height, width), with the time of each layer.

    device: "auto" (the accelerator if there is one), "cpu", or the accelerator's name.
    dtype: "float32", "tf32" (float32 tensors, products on tensor cores), "float16" or "bfloat16".
    memory_format: "contiguous" (NCHW) or "channels_last" (NHWC).
    backward: forward and backward, in training mode, rather than forward alone in inference mode.

    Raises ValueError naming field, value and rule, InsufficientMemoryError (a ValueError) when it would not fit in
    memory, RuntimeError when the device fails.
    """
    settings = Settings(spec, height, width, batch_size, dtype, memory_format, backward=backward)
    return measure((settings,), select_device(device))[0]


def measure(
    group: Sequence[Settings],
    device: torch.device,
    clock: Clock | None = None,
    precision: float = PRECISION,
    limit_s: float = LIMIT_S,
    report: Callable[[float], None] = lambda _: None,
    speed_monitor: SpeedMonitor | None = None,
    energy: bool = True,
) -> tuple[Timing, ...]:
    """Time a group of settings interleaved, so that whatever else the machine does slows all of them alike.

    clock: None is the device's own. precision: sampling ends when the 95 % interval of every median is within this
    fraction of it. limit_s: or after so many seconds per setting. report: called with the share done, 0 to 1.
    speed_monitor: sampling waits while the machine is slower than at its best, at most limit_s per setting in all, and
    the timings say how slow it was. energy: whether to measure that too, where the device counts it: some seconds
    more. Every setting's output is checked, once. Raises as time_block does.
    """
    keep_freed_memory()
    clock = clock or make_clock(device)
    with torch.random.fork_rng(devices=[]), explain_failures(group):
        torch.manual_seed(0)
        if any(settings.mode == "compiled" for settings in group):
            # torch.compile remembers the shapes that a class met: from the second on it would compile for any shape,
            # and after the eighth give up
            torch.compiler.reset()
        cases = [prepare(settings, device) for settings in group]
        slowdown = sample_interleaved(cases, clock, precision, limit_s, report, speed_monitor)
        timings = tuple(_timing(case, device, clock, precision, slowdown, energy=energy) for case in cases)
    report(1.0)
    return timings


def needed_bytes(settings: Settings) -> int:
    """An estimate of the memory that timing takes: weights, input, and the activations that exist at the same time."""
    cost = settings.cost()
    picture = settings.batch_size * settings.in_channels * settings.height * settings.width
    input_bytes = picture * (2 if settings.dtype in ("float16", "bfloat16") else 4)
    if settings.backward:
        # every output is kept for the backward pass, and its gradient beside it; weights have gradients too
        alive = 2 * (cost.activation_bytes + input_bytes) + cost.weight_bytes
    else:
        alive = max(layer.moved_bytes for layer in cost.layers)
    return int(WORKSPACE * (alive + input_bytes + 2 * cost.weight_bytes))


def check_free_memory(settings: Settings, free: int) -> None:
    """Raises InsufficientMemoryError when the settings need more than `free` bytes, before anything is allocated."""
    needed = needed_bytes(settings)
    if needed > free:
        sentence = say(
            "batch_size={batch_size} at {height}x{width}: needs about {needed:.1f} GB, "
            "must be at most the {free:.1f} GB that are free",
            batch_size=settings.batch_size,
            height=settings.height,
            width=settings.width,
            needed=needed / 1e9,
            free=free / 1e9,
        )
        raise InsufficientMemoryError(sentence)


@contextmanager
def explain_failures(group: Sequence[Settings]) -> Generator[None]:
    """Turn a failure of the device or its library into a sentence that says what failed."""
    try:
        yield
    except torch.OutOfMemoryError:
        needed = max(map(needed_bytes, group)) / 1e9
        sentence = say("the device ran out of memory; about {needed:.1f} GB were thought to be enough", needed=needed)
        raise InsufficientMemoryError(sentence) from None
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise InsufficientMemoryError(say("the machine ran out of memory")) from None
        what = ", ".join(f"dtype={s.dtype!r} mode={s.mode!r}" for s in group[:1])
        reason = str(error).splitlines()[0][:200]
        raise RuntimeError(say("{what}: the device or library refused: {reason}", what=what, reason=reason)) from error


def check_settings(settings: Settings, device: torch.device) -> None:
    """Raises ValueError for what this device cannot do, InsufficientMemoryError for what is too large.

    Allocates nothing.
    """
    if settings.dtype == "tf32" and device.type != "cuda":
        raise ValueError(say("dtype='tf32': needs an NVIDIA GPU, this device is {device}", device=repr(device.type)))
    if settings.mode == "graph" and device.type == "cpu":
        raise ValueError(say("mode='graph': needs an accelerator, the CPU has no device graphs"))
    if settings.mode == "compiled" and device.type == "cpu" and not has_compiler():
        raise ValueError(say("mode='compiled': needs a C++ compiler, g++ or what CXX names, none is here"))
    check_free_memory(settings, free_bytes(device))


def prepare(settings: Settings, device: torch.device) -> BenchmarkCase:
    """Build the module on the device, call it once, timed apart, and check its output. Raises as time_block does."""
    check_settings(settings, device)
    before = allocated_bytes(device)
    model, inputs = build_model(settings, device)
    own_bytes = allocated_bytes(device) - before
    # "compiled" means every operation, and for these very shapes
    compiled = torch.compile(model, fullgraph=True, dynamic=False) if settings.mode == "compiled" else model
    call, gradient = _call(settings, compiled, inputs)
    with matmul_precision(settings.dtype):
        begin = time.perf_counter()
        call()
        synchronize(device)
        first_call_s = time.perf_counter() - begin
        if settings.mode == "graph":
            call = capture_graph(device, call)
    check = check_output(settings, model, inputs, call, gradient)
    return BenchmarkCase(settings, model, call, inputs, first_call_s, own_bytes, check)


def build_model(settings: Settings, device: torch.device) -> tuple[nn.Module, Tensor]:
    """The module and an input of random numbers, (batch_size, in_channels, height, width), on the device."""
    spec = settings.subject
    dtype: torch.dtype = getattr(torch, STORAGE_DTYPE.get(settings.dtype, settings.dtype))
    layout = torch.channels_last if settings.memory_format == "channels_last" else torch.contiguous_format
    model = build_block(spec) if isinstance(spec, BlockSpec) else build_xception(spec)
    if not isinstance(spec, BlockSpec):
        _keep_signal(model, settings)
    model.train(settings.backward)
    if settings.mode == "folded":
        model = for_inference(model, channels_last=False)
    model = to_memory_format(model.to(device, dtype), layout)
    shape = (settings.batch_size, settings.in_channels, settings.height, settings.width)
    inputs = torch.randn(shape).to(device, dtype).contiguous(memory_format=layout)
    # inside a network a block passes a gradient back to its input; a network's picture needs none
    return model, inputs.requires_grad_(settings.backward and isinstance(spec, BlockSpec))


def _keep_signal(network: nn.Module, settings: Settings) -> None:
    """Weights and batch norms through which the signal keeps its size, as in a trained network.

    With torch's own weights it fades until the output is the last bias, whatever came before: that could not be wrong.
    """
    initialise(network, 0)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    size = (min(settings.height, CALIBRATION_SIZE), min(settings.width, CALIBRATION_SIZE))
    with torch.no_grad():
        for norm in norms:
            norm.momentum = 1.0
        network.train()(torch.randn(2, settings.in_channels, *size))
        for norm in norms:
            norm.momentum = 0.1


def _call(
    settings: Settings, model: Callable[[Tensor], Tensor], inputs: Tensor
) -> tuple[Callable[[], Any], Tensor | None]:
    """What is timed, and the output's gradient that it starts from, if any.

    It is a forward pass, or forward and the gradients of all parameters, and of a block's input.
    """
    if not settings.backward:

        def forward() -> Tensor:
            with torch.inference_mode():
                return model(inputs)

        return forward, None
    leaves = [p for p in getattr(model, "parameters")() if p.requires_grad]  # noqa: B009 - a compiled model's too
    if inputs.requires_grad:
        leaves.append(inputs)
    # not of ones: a batch norm's outputs have a fixed sum, whose gradient is nothing but rounding
    gradient = torch.randn_like(model(inputs))
    return lambda: torch.autograd.grad(model(inputs), leaves, gradient), gradient


def _timing(
    case: BenchmarkCase, device: torch.device, clock: Clock, precision: float, slowdown: float | None, *, energy: bool
) -> Timing:
    settings = case.settings
    with matmul_precision(settings.dtype):
        return Timing(
            settings,
            str(device),
            tuple(case.times),
            case.calls,
            case.first_call_s,
            () if settings.backward or settings.mode in ("compiled", "graph") else layer_times(case, clock),
            peak_bytes(device, case.call, case.own_bytes),
            energy_j(device, case.call, ENERGY_S) if energy else None,
            case.reached(precision),
            slowdown,
            clock.device_s(case.call),
            clock.loop_s(case.call),
            case.output,
        )
