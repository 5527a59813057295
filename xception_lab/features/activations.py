"""Activations of blocks and networks on one picture, and how much of the picture is left in them along the depth.

Hooks copy what they see at the moment they see it, so that a later in-place operation cannot change a map, and they
are removed whatever happens.
"""

import math
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xception_lab.arch.cost import network_cost
from xception_lab.common.messages import say
from xception_lab.features.filters import IN_CHANNELS, OUT_CHANNELS, HandFilters
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Values
from xception_lab.nn.blocks import build_block
from xception_lab.nn.init import initialise
from xception_lab.spec import KINDS, Activation, BlockSpec, Kind, XceptionSpec

MAX_BYTES = 2 * 10**9  # what one picture may need for its activations
DEAD = 0.0  # a channel whose every value is this

ImageArray = NDArray[np.uint8]
OnOutput = Callable[[str, Tensor], None]

_STEPS: dict[str, dict[str, BlockStep]] = {
    "standard": {"conv": "second", "activation": "after"},
    "extreme": {"pointwise": "first", "intermediate": "between", "depthwise": "second", "spatial": "second"},
    "separable": {"depthwise": "first", "intermediate": "between", "pointwise": "second"},
}


@contextmanager
def capture_outputs(network: nn.Module, names: Collection[str], see: OnOutput) -> Generator[None]:
    """Call see(name, copy of its output) for each named module as the network runs; nothing stays hooked."""
    handles: list[torch.utils.hooks.RemovableHandle] = []

    def hook(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda _module, _inputs, output: see(name, output.detach().clone())

    try:
        handles.extend(network.get_submodule(name).register_forward_hook(hook(name)) for name in names)
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def activations(network: nn.Module, x: Tensor, names: Collection[str]) -> dict[str, Values]:
    """The outputs of the named modules on one picture (1, C, H, W), each (C', H', W') float32, in running order."""
    seen: dict[str, Values] = {}
    # a module that runs twice keeps what it gave last
    with capture_outputs(network, names, lambda name, output: seen.update({name: output_to_maps(output)})):
        network(x)
    return seen


def output_to_maps(output: Tensor) -> Values:
    """The first picture's output, (1, C, H, W) or (1, C), as (C, H, W) float32."""
    values = output[0].float()
    return np.ascontiguousarray(values.reshape(len(values), *(values.shape[1:] or (1, 1))).cpu().numpy())


def needed_bytes(spec: XceptionSpec, side: int) -> int:
    """What the outputs of every layer take for one picture, float32; an upper bound of what a look at them keeps."""
    return network_cost(spec, side, side).activation_bytes


def check_memory(spec: XceptionSpec, side: int, limit: int = MAX_BYTES) -> int:
    """needed_bytes. Raises ValueError naming side, what it takes and the limit when that is too much."""
    needed = needed_bytes(spec, side)
    if needed > limit:
        sentence = say(
            "side={side}: needs {needed:,.0f} MB for the activations, must stay below {limit:,.0f} MB",
            side=side,
            needed=needed / 1e6,
            limit=limit / 1e6,
        )
        raise ValueError(sentence)
    return needed


# Blocks on a picture


def picture_tensor(picture: ImageArray) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [-1, 1], as Xception's own preprocessing has it: mid grey is zero."""
    return torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None].contiguous()


def block_spec(kind: Kind, kernel_size: int, intermediate: Activation | None, segments: int | None) -> BlockSpec:
    """The block that the page shows of a kind: no batch norm, so that a map is what the filters make of the picture."""
    return BlockSpec(
        kind,
        IN_CHANNELS,
        OUT_CHANNELS,
        kernel_size,
        batch_norm="none",
        segments=segments if kind == "extreme" else None,
        intermediate=None if kind == "standard" else intermediate,
    )


def build_hand_set(spec: BlockSpec, filters: HandFilters) -> nn.Sequential:
    """The block with these filters; all kinds compute the same where nothing stands between (test_features.py)."""
    block = build_block(spec).eval()
    kernel = torch.from_numpy(filters.kernel.astype(np.float32))
    mix = torch.from_numpy(filters.mix.astype(np.float32))
    for name, module in block.named_children():
        if isinstance(module, nn.Conv2d):
            with torch.no_grad():
                module.weight.copy_(_hand_weight(name, module, kernel, mix))
    return block


def _hand_weight(name: str, conv: nn.Conv2d, kernel: Tensor, mix: Tensor) -> Tensor:
    """(out, in / groups, k, k): the mix where channels are mixed, the kernel where space is, both where both are."""
    if name == "pointwise":
        return mix[:, :, None, None]
    if name == "conv":
        return mix[:, :, None, None] * kernel
    # each filter of a group looks at its own channel
    out, per_group = conv.weight.shape[:2]
    return torch.eye(per_group)[torch.arange(out) % per_group][:, :, None, None] * kernel


def build_random(spec: BlockSpec, seed: int) -> nn.Sequential:
    """The block with weights drawn as in He et al. 2015; the same seed gives the same filters where shapes agree."""
    block = build_block(spec).eval()
    initialise(block, seed, stream="features")
    return block


def block_maps(kind: Kind, block: nn.Sequential, picture: ImageArray) -> BlockMaps:
    """Every step of a block on a picture, the picture itself first."""
    x = picture_tensor(picture)
    names = [name for name, _ in block.named_children()]
    seen = activations(block, x, names)
    steps = [LayerMaps("input", "", output_to_maps(x))]
    steps += [LayerMaps("after" if name == "activation" else _STEPS[kind][name], name, seen[name]) for name in names]
    weights = {
        name: module.weight.detach().numpy() for name, module in block.named_children() if isinstance(module, nn.Conv2d)
    }
    return BlockMaps(kind, tuple(steps), weights)


def hand_maps(picture: ImageArray, filters: HandFilters, intermediate: Activation | None) -> tuple[BlockMaps, ...]:
    """The three blocks with the same hand-set filters, in KINDS' order; intermediate None is each kind's own."""
    size = len(filters.kernel)
    specs = [block_spec(kind, size, intermediate, None) for kind in KINDS]
    return tuple(block_maps(spec.kind, build_hand_set(spec, filters), picture) for spec in specs)


def random_maps(
    picture: ImageArray, kernel_size: int, intermediate: Activation | None, segments: int | None, seed: int
) -> tuple[BlockMaps, ...]:
    """The three blocks with filters drawn from one seed. segments: of the extreme block's spatial convolution."""
    specs = [block_spec(kind, kernel_size, intermediate, segments) for kind in KINDS]
    return tuple(block_maps(spec.kind, build_random(spec, seed), picture) for spec in specs)


# Numbers along the depth


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer on one picture. zeros: share of exact zeros. dead: channels that are zero everywhere.

    rank, effective_rank: of the matrix channels x positions; the latter is exp of the entropy of its singular values
    divided by their sum (Roy and Vetterli 2007). largest: what either could be, min(channels, positions).
    """

    name: str
    channels: int
    height: int
    width: int
    zeros: float
    dead: int
    rank: int
    effective_rank: float
    largest: int


def summarise_layer(name: str, output: Tensor) -> LayerSummary:
    """The summary of one layer's output (1, C, H, W) or (1, C)."""
    values = output[0].reshape(output.shape[1], -1)
    channels, positions = values.shape
    dead = int((values == DEAD).all(1).sum())
    rank, effective = ranks(values)
    height, width = (output.shape[2], output.shape[3]) if output.ndim == 4 else (1, 1)
    zeros = int((values == 0).sum()) / values.numel()
    return LayerSummary(name, channels, height, width, zeros, dead, rank, effective, min(channels, positions))


def ranks(matrix: Tensor) -> tuple[int, float]:
    """(rank as numpy.linalg.matrix_rank counts it for float32, effective rank) of a matrix.

    From the eigenvalues of the smaller Gram matrix in double precision: some ten times faster than its SVD.
    """
    wide = matrix.double()
    gram = wide @ wide.T if wide.shape[0] <= wide.shape[1] else wide.T @ wide
    singular = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    top = float(singular.max())
    if top == 0 or not math.isfinite(top):
        return 0, 0.0
    tolerance = top * max(wide.shape) * float(np.finfo(np.float32).eps)
    share = singular[singular > top * 1e-7] / singular[singular > top * 1e-7].sum()
    return int((singular > tolerance).sum()), math.exp(float(-(share * share.log()).sum()))


def summaries(maps: Mapping[str, Values], names: Collection[str]) -> tuple[LayerSummary, ...]:
    """The summaries of these layers' maps (C, H, W), in the order of the names."""
    return tuple(summarise_layer(name, torch.tensor(maps[name])[None]) for name in names)


def top_classes(logits: Tensor, classes: tuple[str, ...], count: int = 5) -> list[tuple[str, float]]:
    """(class, probability) of the most probable classes of one picture, the first first. logits: (1, classes)."""
    shares = torch.softmax(logits[0].float(), 0)
    best = torch.topk(shares, min(count, len(shares)))
    return [(classes[int(i)], float(share)) for share, i in zip(best.values, best.indices, strict=True)]


def input_gradient(network: nn.Module, x: Tensor, name: str, row: int, column: int) -> Values:
    """How much the layer's output at one position changes with each pixel of the picture, (H, W), at least 0.

    The absolute gradient of the sum of its channels, summed over the picture's channels.
    """
    seen: list[Tensor] = []
    handle = network.get_submodule(name).register_forward_hook(lambda _m, _i, output: seen.append(output.clone()))
    leaf = x.clone().requires_grad_()
    try:
        network(leaf)
    finally:
        handle.remove()
    (grad,) = torch.autograd.grad(seen[-1][0, :, row, column].sum(), leaf)  # the last time that the module ran
    return cast(Values, grad[0].abs().sum(0).numpy())
