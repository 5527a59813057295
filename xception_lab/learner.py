"""What an epoch works with: the device, the pictures on it, the network and its optimiser.

Every random draw comes from a generator seeded by a name, the seed and the epoch, never by the network, so
variants of one seed share batch order, moves, dropout and every weight whose name and shape they share.
"""

# torch leaves parts of its interface untyped
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor, nn

from xception_lab.checkpoint import Checkpoint
from xception_lab.data import load_dataset
from xception_lab.memory import keep_freed_memory
from xception_lab.recipe import BATCH_NORM_MOMENTUM, SHIFT
from xception_lab.sentence import said
from xception_lab.spec import TrainSpec
from xception_lab.xception import build_xception


def prepare_process() -> None:
    """One thread, and freed memory kept: for a process that does nothing but train.

    A run is reproducible only at a fixed number of threads, and two runs of one thread beat one run of two.
    """
    torch.set_num_threads(1)
    keep_freed_memory()


def training_device() -> torch.device:
    """CUDA or MPS when there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 on a device that calculates in it; one that only emulates it is slower with it."""
    if has_bfloat16(device):
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


def seed_of(*names: object) -> int:
    """A seed of 63 bits from any names: neighbours share nothing."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little") >> 1


def generator(*names: object) -> torch.Generator:
    """A CPU generator, so that every device draws the same."""
    return torch.Generator().manual_seed(seed_of(*names))


@dataclass(frozen=True, slots=True)
class Pictures:
    """A data set on the device: pictures (N, H, W, C) uint8, labels (N,) int64.

    mean, std: (C,), of the training pictures.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    mean: Tensor
    std: Tensor
    classes: int

    def normalised(self, batch: Tensor) -> Tensor:
        """(N, H, W, C) uint8 -> (N, C, H, W) float32, which lies in memory as channels_last without a copy."""
        return batch.float().sub_(self.mean).div_(self.std).permute(0, 3, 1, 2)

    def batches(self, spec: TrainSpec, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(pictures, labels) in this epoch's order, each picture moved; a last short batch is left out."""
        draw = generator("order", spec.seed, epoch)
        count, height, width = self.train.shape[:3]
        device = self.train.device
        order = torch.randperm(count, generator=draw).to(device)
        moves = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), generator=draw).to(device)
        rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
        for start in range(0, count - spec.batch_size + 1, spec.batch_size):
            chosen = order[start : start + spec.batch_size]
            down, right = moves[:, chosen]
            # the border is repeated where a picture moved away from it
            row, column = (rows + down).clamp_(0, height - 1), (columns + right).clamp_(0, width - 1)
            yield self.train[chosen[:, None, None], row[:, :, None], column[:, None, :]], self.train_labels[chosen]


@lru_cache(maxsize=2)
def load_pictures(dataset: str, train_size: int | None, device: torch.device) -> Pictures:
    """The data set on the device. Raises ValueError when it has fewer than train_size training pictures."""
    data = load_dataset(dataset)
    available = len(data.train_labels)
    if train_size is not None and train_size > available:
        sentence = said(
            "train_size={size}: must be at most the {available} training pictures of {dataset}",
            size=train_size, available=available, dataset=repr(dataset),
        )  # fmt: skip
        raise ValueError(sentence)
    # a fixed order: the same pictures for every seed
    chosen = torch.randperm(available, generator=generator("train_size"))[:train_size]
    train = torch.tensor(data.train_images)[chosen]
    values = train.flatten(0, 2).double()
    return Pictures(
        train.to(device),
        torch.tensor(data.train_labels)[chosen].to(device),
        torch.tensor(data.test_images).to(device),
        torch.tensor(data.test_labels).to(device),
        values.mean(0).float().to(device),
        # a channel that never changes would divide by zero
        values.std(0).float().clamp_min(1).to(device),
        len(data.classes),
    )


@dataclass(frozen=True, slots=True)
class Learner:
    """A network in the middle of its training."""

    network: nn.Module
    optimiser: torch.optim.AdamW

    def moments(self) -> dict[str, Tensor]:
        """The optimiser's state, named "<moment>.<parameter>"."""
        return {
            f"{moment}.{name}": tensor
            for name, parameter in self.network.named_parameters()
            for moment, tensor in self.optimiser.state[parameter].items()
        }


def make_learner(spec: TrainSpec, pictures: Pictures, last: Checkpoint | None) -> Learner:
    """A fresh network from the spec's seed, or the one that the checkpoint holds."""
    device = pictures.train.device
    fitting = replace(spec.xception, in_channels=pictures.train.shape[3], num_classes=pictures.classes)
    network = build_xception(fitting)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = BATCH_NORM_MOMENTUM
    if last:
        network.load_state_dict(last.network)
    else:
        initialise(network, spec.seed)
    layout = torch.contiguous_format if device.type == "mps" else torch.channels_last
    network = network.to(device, memory_format=layout)  # pyright: ignore[reportCallIssue]
    optimiser = torch.optim.AdamW(network.parameters(), spec.learning_rate, weight_decay=spec.weight_decay, fused=True)
    if last:
        _restore(optimiser, network, last.adam)
    return Learner(network, optimiser)


def _restore(optimiser: torch.optim.AdamW, network: nn.Module, moments: dict[str, Tensor]) -> None:
    for name, parameter in network.named_parameters():
        state = {moment: moments[f"{moment}.{name}"] for moment in ("step", "exp_avg", "exp_avg_sq")}
        optimiser.state[parameter] = {
            "step": state.pop("step").to(parameter.device),
            # the fused step walks raw memory, so a moment must lie in memory as its parameter does
            **{
                moment: torch.empty_like(parameter, requires_grad=False).copy_(saved) for moment, saved in state.items()
            },
        }


def initialise(network: nn.Module, seed: int) -> None:
    """Weights from seed, name and shape alone: two networks agree wherever both name and shape do.

    Convolutions and the linear layer as in He et al. 2015 (uniform, fan-in); batch norms start as identities.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            draw = generator("weight", seed, name, tuple(module.weight.shape))
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=draw)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
