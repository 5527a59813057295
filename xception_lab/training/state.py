"""What an epoch works with: the device, the network and the moments of AdamW.

Every random draw comes from a generator that is seeded by a name, the run's seed and the epoch, never by the network.
So the variants of one seed share batch order, shifts, dropout and every weight whose name and shape they share.
"""

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from xception_lab.nn.allocator import keep_freed_memory
from xception_lab.nn.fusion import to_memory_format
from xception_lab.nn.init import initialise
from xception_lab.nn.xception import build_xception
from xception_lab.spec import TrainSpec
from xception_lab.training.checkpoint import Checkpoint
from xception_lab.training.recipe import BATCH_NORM_MOMENTUM
from xception_lab.training.tensors import PictureTensors

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
BETAS, EPS = (0.9, 0.999), 1e-8  # torch's own


def prepare_process() -> None:
    """Set up a process that does nothing but train: one thread, and freed memory is not returned to the system.

    A run is reproducible only at a fixed number of threads, and two runs of one thread each are faster than one run
    after the other with two.
    """
    torch.set_num_threads(1)
    keep_freed_memory()


def training_device() -> torch.device:
    """CUDA or MPS when there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(device: torch.device, wanted: bool = True) -> AbstractContextManager[object]:
    """bfloat16 where it is wanted and the device computes in it; a device that only emulates it would be slower."""
    if wanted and has_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 itself."""
    match device.type:
        case "cpu":
            return bool(torch.cpu.get_capabilities().get("avx512_bf16"))
        case "cuda":
            return torch.cuda.is_bf16_supported(including_emulation=False)
        case kind:
            return kind == "mps"


@contextmanager
def reproducible(device: torch.device) -> Generator[None]:
    """Within it a run's kernels and random numbers are its own: what loop.py's first lines promise.

    Float32 is IEEE's, not TF32, in matrix products and convolutions alike: bfloat16 comes from autocast alone. All of
    these settings, and the random state, are the process's own; they are put back afterwards.
    """
    if device.type == "cuda":
        # without a fixed workspace cuBLAS may choose another way of adding each time; read once, before its first use
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    numbers = [] if device.type == "cpu" else [torch.cuda.current_device() if device.type == "cuda" else 0]
    matmul, memory = torch.backends.cuda.matmul, torch.utils.deterministic
    before = matmul.fp32_precision, torch.get_deterministic_debug_mode(), memory.fill_uninitialized_memory
    kernels = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False, fp32_precision="ieee"
    )
    with torch.random.fork_rng(numbers, device_type=device.type), kernels:
        try:
            matmul.fp32_precision = "ieee"
            # not an error: torch also marks kernels that only may be used in a way that is not deterministic
            torch.set_deterministic_debug_mode("warn")
            # a write to every new tensor, which finds reads of what was never written; a step would take longer
            memory.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue] - set by a property
            yield
        finally:
            matmul.fp32_precision, mode, fills = before
            torch.set_deterministic_debug_mode(mode)
            memory.fill_uninitialized_memory = fills  # pyright: ignore[reportAttributeAccessIssue]


def seed_dropout(device: torch.device, seed: int) -> None:
    """Seed the generators that dropout draws from: the CPU's, and that of the device alone."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


@dataclass(frozen=True, slots=True)
class TrainState:
    """A network in training and the moments of AdamW; every step changes both in place.

    moments: by name, as in Checkpoint.adam. weight_decay, autocast: as in TrainSpec.
    """

    network: nn.Module
    moments: dict[str, Tensor]
    weight_decay: float
    autocast: bool

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One step of AdamW by the gradients that the network holds.

        By torch's function: its class imports torch._dynamo, which nothing here uses, for 1.3 to 2.5 s and 60 MB of
        every process that trains.
        """
        named = {name: each for name, each in self.network.named_parameters() if each.grad is not None}
        steps, means, squares = ([self.moments[f"{moment}.{name}"] for name in named] for moment in MOMENTS)
        adamw(
            list(named.values()),
            [each.grad for each in named.values() if each.grad is not None],
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=self.weight_decay,
            eps=EPS,
            maximize=False,
        )


def make_train_state(spec: TrainSpec, pictures: PictureTensors, last: Checkpoint | None) -> TrainState:
    """A copy of a checkpoint's network and moments, or a new network from the spec's seed where last is None."""
    device = pictures.train.device
    fitted = replace(spec.xception, in_channels=pictures.train.shape[3], num_classes=pictures.classes)
    network = build_xception(fitted)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    if last:
        network.load_state_dict(last.network)
    else:
        initialise(network, spec.seed)
    layout = torch.contiguous_format if device.type == "mps" else torch.channels_last
    network = to_memory_format(network.to(device), layout)
    moments = first_moments(network)
    if last:
        for name, moment in moments.items():
            moment.copy_(last.adam[name])
    return TrainState(network, moments, spec.weight_decay, spec.autocast)


def first_moments(network: nn.Module) -> dict[str, Tensor]:
    """AdamW's moments before its first step."""
    moments: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        moments[f"step.{name}"] = torch.zeros((), device=parameter.device)
        for moment in MOMENTS[1:]:
            # the fused step walks raw memory, so a moment must lie in memory as its parameter does
            moments[f"{moment}.{name}"] = torch.zeros_like(parameter, requires_grad=False)
    return moments
