"""Activations of blocks and networks on one picture, and numbers that summarise them along the depth.

Hooks copy each output when they are called, so that a later in-place operation cannot change it, and they are removed
whatever happens. A server's sessions share its networks and may run one at the same time, each in a thread of its own:
a hook sees the runs of its own thread alone, since another's are of another person's picture.
"""

import math
import threading
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from xception_lab.arch.cost import network_cost
from xception_lab.common.messages import say
from xception_lab.data.dataset import ImageArray
from xception_lab.features.filters import IN_CHANNELS, OUT_CHANNELS, HandFilters
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Values
from xception_lab.nn.blocks import build_block
from xception_lab.nn.init import initialise
from xception_lab.spec import KINDS, Activation, BlockSpec, Kind, XceptionSpec

MAX_BYTES = 2 * 10**9  # of the activations of one picture

OnOutput = Callable[[str, Tensor], None]

ROUNDING = 1e-6  # of blocks whose input is at most 1: values below it are what rounding leaves of 0
# by kind and name of a block's layer: its step, as in BlockStep
_STEPS: dict[str, dict[str, BlockStep]] = {
    "standard": {"conv": "second", "activation": "after"},
    "extreme": {"pointwise": "first", "intermediate": "between", "depthwise": "second", "spatial": "second"},
    "separable": {"depthwise": "first", "intermediate": "between", "pointwise": "second"},
}


@contextmanager
def capture_outputs(network: nn.Module, names: Collection[str], on_output: OnOutput) -> Generator[None]:
    """Call on_output(name, copy of the output) for each named module as the network runs; the hooks are removed."""
    handles: list[torch.utils.hooks.RemovableHandle] = []

    def take(name: str) -> Callable[[Tensor], None]:
        return lambda output: on_output(name, output.detach().clone())

    try:
        handles.extend(network.get_submodule(name).register_forward_hook(_own_hook(take(name))) for name in names)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _own_hook(take: Callable[[Tensor], None]) -> Callable[[nn.Module, object, Tensor], None]:
    """A forward hook that gives the outputs of the thread that made it, and of no other."""
    own = threading.get_ident()

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if threading.get_ident() == own:
            take(output)

    return hook


@torch.inference_mode()
def activations(network: nn.Module, x: Tensor, names: Collection[str]) -> dict[str, Values]:
    """The outputs of the named modules on one picture (1, C, H, W), each (C', H', W') float32, in running order.

    Of a module that runs more than once it is the last output.
    """
    outputs: dict[str, Values] = {}
    with capture_outputs(network, names, lambda name, output: outputs.update({name: output_to_maps(output)})):
        network(x)
    return outputs


def output_to_maps(output: Tensor) -> Values:
    """The output for one picture, (1, C, H, W) or (1, C), as (C, H, W) float32; H = W = 1 for the latter."""
    values = output[0].float()
    return np.ascontiguousarray(values.reshape(len(values), *(values.shape[1:] or (1, 1))).cpu().numpy())


def needed_bytes(spec: XceptionSpec, side: int) -> int:
    """The bytes of every layer's output for one picture of side x side in float32: at most so much is kept."""
    return network_cost(spec, side, side).activation_bytes


def check_memory(spec: XceptionSpec, side: int, limit: int = MAX_BYTES) -> int:
    """needed_bytes(spec, side). Raises ValueError naming side, these bytes and the limit if they are more than that."""
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
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [-1, 1], which is Xception's own preprocessing: mid grey is zero."""
    return torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None].contiguous()


def block_spec(kind: Kind, kernel_size: int, intermediate: Activation | None, segments: int | None) -> BlockSpec:
    """The block of a kind for a picture: without batch norm, so that a map is what the filters make of the picture."""
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
    """The block with these filters; without an activation between, all kinds compute the same (test_activations.py)."""
    block = build_block(spec).eval()
    kernel = torch.from_numpy(filters.kernel.astype(np.float32))
    mix = torch.from_numpy(filters.mix.astype(np.float32))
    for name, module in block.named_children():
        if isinstance(module, nn.Conv2d):
            with torch.no_grad():
                module.weight.copy_(_hand_weight(name, module, kernel, mix))
    return block


def _hand_weight(name: str, conv: nn.Conv2d, kernel: Tensor, mix: Tensor) -> Tensor:
    """(out, in / groups, k, k): the mix for a pointwise convolution, the kernel for a spatial one, or their product."""
    if name == "pointwise":
        return mix[:, :, None, None]
    if name == "conv":
        return mix[:, :, None, None] * kernel
    # each filter of a group reads its own channel
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
    outputs = activations(block, x, names)
    steps = [LayerMaps("input", "", output_to_maps(x))]
    for name in names:
        values = np.where(np.abs(outputs[name]) < ROUNDING, np.float32(0), outputs[name])
        steps.append(LayerMaps("after" if name == "activation" else _STEPS[kind][name], name, values))
    weights = {
        name: module.weight.detach().numpy() for name, module in block.named_children() if isinstance(module, nn.Conv2d)
    }
    return BlockMaps(kind, tuple(steps), weights)


def hand_maps(picture: ImageArray, filters: HandFilters, intermediate: Activation | None) -> tuple[BlockMaps, ...]:
    """The three blocks with the same hand-set filters, in KINDS' order. intermediate: None is each kind's own."""
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
    """Numbers about one layer's output on one picture.

    zeros: fraction of values that are exactly zero. dead: number of channels that are zero everywhere.
    rank, effective_rank: of the matrix channels x positions; the latter is exp of the entropy of its singular values
    divided by their sum (Roy and Vetterli 2007). largest: the largest rank possible, min(channels, positions).
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
    dead = int((values == 0).all(1).sum())
    rank, effective = ranks(values)
    height, width = (output.shape[2], output.shape[3]) if output.ndim == 4 else (1, 1)
    zeros = int((values == 0).sum()) / values.numel()
    return LayerSummary(name, channels, height, width, zeros, dead, rank, effective, min(channels, positions))


def ranks(matrix: Tensor) -> tuple[int, float]:
    """(rank as numpy.linalg.matrix_rank counts it for float32, effective rank) of a matrix.

    Computed from the eigenvalues of the smaller Gram matrix in double precision, about ten times faster than an SVD.
    """
    double = matrix.double()
    gram = double @ double.T if double.shape[0] <= double.shape[1] else double.T @ double
    singular = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    top = float(singular.max())
    if top == 0 or not math.isfinite(top):
        return 0, 0.0
    tolerance = top * max(double.shape) * float(np.finfo(np.float32).eps)
    share = singular[singular > top * 1e-7] / singular[singular > top * 1e-7].sum()
    return int((singular > tolerance).sum()), math.exp(float(-(share * share.log()).sum()))


def summaries(maps: Mapping[str, Values], names: Collection[str]) -> tuple[LayerSummary, ...]:
    """The summaries of the named layers, in the order of the names. maps: by layer, (C, H, W)."""
    return tuple(summarise_layer(name, torch.tensor(maps[name])[None]) for name in names)


def top_classes(logits: Tensor, classes: tuple[str, ...], count: int = 5) -> list[tuple[str, float]]:
    """(class, probability) of the most probable classes of one picture, best first. logits: (1, len(classes))."""
    shares = torch.softmax(logits[0].float(), 0)
    best = torch.topk(shares, min(count, len(shares)))
    return [(classes[int(i)], float(share)) for share, i in zip(best.values, best.indices, strict=True)]


def input_gradient(network: nn.Module, x: Tensor, name: str, row: int, column: int) -> Values:
    """How much a layer's output at one position changes with each pixel of the picture x (1, C, H, W): (H, W), >= 0.

    The absolute gradient of the sum of the output's channels, summed over the picture's channels.
    """
    outputs: list[Tensor] = []
    hook = _own_hook(lambda output: outputs.append(output.clone()))
    handle = network.get_submodule(name).register_forward_hook(hook)
    leaf = x.clone().requires_grad_()
    try:
        network(leaf)
    finally:
        handle.remove()
    (grad,) = torch.autograd.grad(outputs[-1][0, :, row, column].sum(), leaf)  # of its last run
    return cast(Values, grad[0].abs().sum(0).numpy())
