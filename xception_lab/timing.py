"""Latency of blocks and networks on the device at hand: warm, interleaved, to a stated precision, every sample kept."""

# torch leaves parts of its interface untyped
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from xception_lab import accelerator
from xception_lab.accelerator import Clock
from xception_lab.blocks import build_block
from xception_lab.inference import for_inference
from xception_lab.memory import keep_freed_memory
from xception_lab.sentence import said
from xception_lab.spec import BlockSpec
from xception_lab.timings import STORED_AS, Dtype, MemoryFormat, Settings, Timing, median_interval
from xception_lab.xception import build_xception

PRECISION = 0.02
LIMIT_S = 2.0
ROUND_S = 0.05
LEAST_SAMPLES = 12
LEAST_S = 0.2  # samples of one moment agree with each other, not with those of the next
STABLE = 0.05
WARM_UP_S = 0.5
LAYER_RUNS = 15
# a library may need room of its own beside the tensors, such as unrolled pictures
WORKSPACE = 1.5


class NoRoomError(ValueError):
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
    """Latency of one block on (batch_size, in_channels, height, width), in seconds, with the time of each layer.

    device: "auto", "cpu", or the accelerator's name. Raises ValueError naming field, value and rule, NoRoomError (a
    ValueError) when it would not fit in memory, RuntimeError when the device fails.
    """
    settings = Settings(spec, height, width, batch_size, dtype, memory_format, backward=backward)
    return measure((settings,), accelerator.device_of(device))[0]


def measure(
    group: Sequence[Settings],
    device: torch.device,
    clock: Clock | None = None,
    precision: float = PRECISION,
    limit_s: float = LIMIT_S,
    report: Callable[[float], None] = lambda _: None,
) -> tuple[Timing, ...]:
    """Time each setting, turn and turn about, so that whatever else the machine does meets all alike.

    Ends when the 95 % interval of every median is within `precision` of it, or after limit_s a setting.
    report: called with the share done, 0 to 1. Raises as time_block does.
    """
    keep_freed_memory()
    clock = clock or accelerator.clock_of(device)
    with torch.random.fork_rng(devices=[]), explained(group):
        torch.manual_seed(0)
        cases = [prepare(settings, device) for settings in group]
        sample_in_turn(cases, clock, precision, limit_s, report)
        timings = tuple(_timing(case, device, clock, precision) for case in cases)
    report(1.0)
    return timings


@dataclass
class Case:
    """A setting made ready: the module, a call that runs it once, and the samples so far, seconds."""

    settings: Settings
    model: nn.Module
    call: Callable[[], Any]
    inputs: Tensor
    first_call_s: float = 0.0
    calls: int = 1
    times: list[float] = field(default_factory=list[float])
    sampled_s: float = 0.0

    def sample(self, clock: Clock, least_s: float) -> list[float]:
        """Take samples for about least_s; the new ones."""
        with multiplied_as(self.settings.dtype):
            times, self.calls = clock.samples(self.call, least_s)
        self.times += times
        self.sampled_s += sum(times) * self.calls
        return times

    def reached(self, precision: float) -> bool:
        """Whether the median's 95 % interval is within `precision` of it."""
        if len(self.times) < LEAST_SAMPLES or self.sampled_s < LEAST_S:
            return False
        low, high = median_interval(tuple(self.times))
        return high - low <= 2 * precision * median(self.times)


def sample_in_turn(
    cases: Sequence[Case], clock: Clock, precision: float, limit_s: float, report: Callable[[float], None]
) -> None:
    """Warm the cases up, then sample them turn and turn about until each has its precision, or limit_s a case."""
    for case in cases:
        _warm_up(case, clock)
    begin, ends = time.perf_counter(), limit_s * len(cases)
    rest = cases
    while rest and (spent := time.perf_counter() - begin) < ends:
        report(spent / ends)
        for case in rest:
            case.sample(clock, ROUND_S)
        rest = [case for case in cases if not case.reached(precision)]


def needed_bytes(settings: Settings) -> int:
    """An estimate of the memory that timing this takes: weights, input, and the activations that live at one time."""
    cost = settings.cost()
    picture = settings.batch_size * settings.in_channels * settings.height * settings.width
    entered = picture * (2 if settings.dtype in ("float16", "bfloat16") else 4)
    if settings.backward:
        # every output is kept for the way back, and its gradient beside it; weights have gradients too
        alive = 2 * (cost.activation_bytes + entered) + cost.weight_bytes
    else:
        alive = max(layer.moved_bytes for layer in cost.layers)
    return int(WORKSPACE * (alive + entered + 2 * cost.weight_bytes))


def check_room(settings: Settings, free: int) -> None:
    """Raises NoRoomError when the settings need more than `free` bytes, before anything is allocated."""
    needed = needed_bytes(settings)
    if needed > free:
        sentence = said(
            "batch_size={batch_size} at {height}x{width}: needs about {needed:.1f} GB, "
            "must be at most the {free:.1f} GB that are free",
            batch_size=settings.batch_size, height=settings.height, width=settings.width,
            needed=needed / 1e9, free=free / 1e9,
        )  # fmt: skip
        raise NoRoomError(sentence)


@contextmanager
def explained(group: Sequence[Settings]) -> Generator[None]:
    """Turn a device's failure into a sentence that says of what."""
    try:
        yield
    except torch.OutOfMemoryError:
        needed = max(map(needed_bytes, group)) / 1e9
        sentence = said("the device ran out of memory; about {needed:.1f} GB were thought to be enough", needed=needed)
        raise NoRoomError(sentence) from None
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise NoRoomError(said("the machine ran out of memory")) from None
        what = ", ".join(f"dtype={s.dtype!r} mode={s.mode!r}" for s in group[:1])
        reason = str(error).splitlines()[0][:200]
        raise RuntimeError(said("{what}: the device or library refused: {reason}", what=what, reason=reason)) from error


@contextmanager
def multiplied_as(dtype: Dtype) -> Generator[None]:
    """float32 products in full precision, or on tensor cores for "tf32"; torch's own default differs by operation."""
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # pyright: ignore[reportAttributeAccessIssue]
    before = [place.fp32_precision for place in places]
    for place in places:
        place.fp32_precision = "tf32" if dtype == "tf32" else "ieee"
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value


def check(settings: Settings, device: torch.device) -> None:
    """Raises ValueError for what this device cannot do, NoRoomError for what does not fit; allocates nothing."""
    if settings.dtype == "tf32" and device.type != "cuda":
        raise ValueError(said("dtype='tf32': needs an NVIDIA GPU, this device is {device}", device=repr(device.type)))
    if settings.mode == "graph" and device.type == "cpu":
        raise ValueError(said("mode='graph': needs an accelerator, the CPU has no device graphs"))
    check_room(settings, accelerator.free_bytes(device))


def prepare(settings: Settings, device: torch.device) -> Case:
    """Build, move and call it once. Raises as time_block does."""
    check(settings, device)
    model, inputs = built(settings, device)
    call = _call(settings, torch.compile(model) if settings.mode == "compiled" else model, inputs)
    with multiplied_as(settings.dtype):
        begin = time.perf_counter()
        call()
        accelerator.synchronize(device)
        first_call_s = time.perf_counter() - begin
        if settings.mode == "graph":
            call = accelerator.captured(device, call)
    return Case(settings, model, call, inputs, first_call_s)


def built(settings: Settings, device: torch.device) -> tuple[nn.Module, Tensor]:
    """The module and an input of random numbers, as the settings ask for, on the device."""
    spec = settings.subject
    dtype: torch.dtype = getattr(torch, STORED_AS.get(settings.dtype, settings.dtype))
    layout = torch.channels_last if settings.memory_format == "channels_last" else torch.contiguous_format
    model = build_block(spec) if isinstance(spec, BlockSpec) else build_xception(spec)
    model.train(settings.backward)
    if settings.mode == "folded":
        model = for_inference(model, channels_last=False)
    model = model.to(device, dtype).to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    shape = (settings.batch_size, settings.in_channels, settings.height, settings.width)
    inputs = torch.randn(shape).to(device, dtype).contiguous(memory_format=layout)
    # inside a network a block hands gradients on; a picture needs none
    return model, inputs.requires_grad_(settings.backward and isinstance(spec, BlockSpec))


def _call(settings: Settings, model: Callable[[Tensor], Tensor], inputs: Tensor) -> Callable[[], Any]:
    if not settings.backward:

        def forward() -> Tensor:
            with torch.inference_mode():
                return model(inputs)

        return forward
    leaves = [p for p in getattr(model, "parameters")() if p.requires_grad]  # noqa: B009 - a compiled model's too
    if inputs.requires_grad:
        leaves.append(inputs)
    gradient = torch.ones_like(model(inputs))
    return lambda: torch.autograd.grad(model(inputs), leaves, gradient)


def _warm_up(case: Case, clock: Clock) -> None:
    """Run until two rounds agree; what was seen on the way is no sample."""
    begin, before = time.perf_counter(), 0.0
    while time.perf_counter() - begin < WARM_UP_S:
        now = median(case.sample(clock, ROUND_S / 2))
        if abs(now - before) <= STABLE * now:
            break
        before = now
    case.times.clear()
    case.sampled_s = 0.0


def _timing(case: Case, device: torch.device, clock: Clock, precision: float) -> Timing:
    settings = case.settings
    with multiplied_as(settings.dtype):
        return Timing(
            settings,
            str(device),
            tuple(case.times),
            case.calls,
            case.first_call_s,
            () if settings.backward or settings.mode in ("compiled", "graph") else layer_times(case, clock),
            accelerator.peak_bytes(device, case.call),
            accelerator.energy_j(device, clock, case.call, 10 * ROUND_S),
            case.reached(precision),
        )


def layer_times(case: Case, clock: Clock) -> tuple[tuple[str, float], ...]:
    """Median seconds of each layer within the forward pass, its input as warm as the layer before leaves it."""
    marks: list[Any] = []
    names: list[str] = []

    def enter(*_: Any) -> None:
        marks.append(clock.mark())

    def leave(module: nn.Module, *_: Any) -> None:
        marks.append(clock.mark())
        names.append(layers[module])

    layers = {
        module: name
        for name, module in case.model.named_modules()
        if not list(module.children()) and not isinstance(module, nn.Identity | nn.Dropout)
    }
    handles = [module.register_forward_pre_hook(enter) for module in layers]
    handles += [module.register_forward_hook(leave) for module in layers]
    seconds: dict[str, list[float]] = {}
    try:
        for _ in range(LAYER_RUNS):
            marks.clear()
            names.clear()
            case.call()
            # a pair of marks a layer: what lies between pairs belongs to none
            for name, spent in zip(names, clock.between(marks)[::2], strict=True):
                seconds.setdefault(name, []).append(spent)
    finally:
        for handle in handles:
            handle.remove()
    return tuple((name, median(times)) for name, times in seconds.items())
