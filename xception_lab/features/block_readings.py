"""Blocks on pictures, and what a linear reader explains at their places: the torch side of features/readings.py."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from xception_lab.data.dataset import ImageArray
from xception_lab.features.activations import (
    activations,
    block_maps,
    block_spec,
    build_hand_set,
    build_random,
    hand_maps,
    picture_tensor,
    random_maps,
)
from xception_lab.features.filters import IN_CHANNELS, HandFilters
from xception_lab.features.image_models import trained_maps
from xception_lab.features.maps import BlockMaps, Values
from xception_lab.features.readings import (
    BETWEENS,
    DRAWS,
    HAND_ARMS,
    KERNEL_SIZE,
    PLACES,
    BlockRange,
    Order,
    ReluReadings,
    Target,
    read_block,
    sample_of,
)
from xception_lab.features.recoverability import recoverability
from xception_lab.features.sample_pictures import SAMPLES
from xception_lab.spec import KINDS, Activation, BlockSpec


def hand_readings(picture: ImageArray, filters: HandFilters) -> Values:
    """Explained variance in each of HAND_ARMS with these filters, (HAND_ARMS, READS); nan as in read_block."""
    readings: list[Values] = []
    for arm in HAND_ARMS:
        spec = block_spec(arm.kind, len(filters.kernel), arm.between, None)
        readings.append(read_block(block_maps(arm.kind, build_hand_set(spec, filters), picture)))
    return np.stack(readings)


def hand_set_range(filters: Sequence[HandFilters], intermediate: Activation | None) -> BlockRange:
    """The three blocks with each set of filters on every shipped picture. intermediate: as in BlockSpec."""
    return _range([partial(hand_maps, filters=one, intermediate=intermediate) for one in filters])


def random_range(kernel_size: int, intermediate: Activation | None, segments: int, seed: int) -> BlockRange:
    """The three blocks with the filters of one seed on every shipped picture."""
    return _range([lambda picture: random_maps(picture, kernel_size, intermediate, segments, seed)])


def _range(sets: Sequence[Callable[[ImageArray], tuple[BlockMaps, ...]]]) -> BlockRange:
    pictures = [sample_of(name) for name in SAMPLES]
    readings = [[[read_block(block) for block in maps_of(picture)] for picture in pictures] for maps_of in sets]
    return BlockRange(np.moveaxis(np.array(readings), 2, 0))


def trained_readings(picture: ImageArray, dataset: str) -> Values:
    """Explained variance in each of TRAINED_ARMS, (TRAINED_ARMS, READS). picture: (PICTURE_SIDE, PICTURE_SIDE, 3)."""
    nothing, relu = (trained_maps(picture, dataset, between) for between in BETWEENS)
    return np.stack([read_block(block) for block in (*nothing, relu[KINDS.index("separable")])])


def relu_spec(kind: Order, width: int, kernel_size: int, between: str) -> BlockSpec:
    """A block with `width` channels at the activation between and behind the second convolution, in either order.

    The separable block's depthwise convolution gets there by its depth multiplier, so width is a multiple of the
    picture's channels. Weights drawn by build_random agree with each other wherever the shapes do: always between the
    two activations, between the two orders for the k x k kernels, and at one filter per colour for both convolutions.
    """
    multiplier = width // IN_CHANNELS if kind == "separable" else 1
    return BlockSpec(
        kind,
        IN_CHANNELS,
        width,
        kernel_size,
        batch_norm="none",
        depth_multiplier=multiplier,
        intermediate="relu" if between == "relu" else "none",
    )


def relu_readings(
    picture: ImageArray, kind: Order, width: int, target: Target, draws: int = DRAWS, *, whole: bool = True
) -> ReluReadings:
    """Explained variance along a block with random filters, at each of PLACES with nothing and with a ReLU between.

    target: what is explained, "input" or "first", the tensor that enters the activation between.
    whole: False leaves nan behind the second convolution.
    """
    x = picture_tensor(picture)
    specs = [relu_spec(kind, width, KERNEL_SIZE, between) for between in BETWEENS]
    # all of torch's work before numpy's: alternating, the waiting threads of one slow down those of the other
    steps = [[_steps(spec, seed, picture) for spec in specs] for seed in range(draws)]
    values = np.full((draws, len(BETWEENS), len(PLACES)), np.nan, np.float32)
    behind = PLACES.index("second")
    for draw, (nothing, relu) in enumerate(steps):
        before = x[0].numpy() if target == "input" else relu[0]
        values[draw, :, 0] = recoverability(before, relu[0])
        # nothing between hands on what enters
        values[draw, :, 1] = values[draw, 0, 0], recoverability(before, relu[1])
        if whole:
            for index, outputs in enumerate((nothing[1:], relu[2:])):
                values[draw, index, behind:] = [recoverability(before, after) for after in outputs]
    return ReluReadings(kind, width, values)


def _steps(spec: BlockSpec, seed: int, picture: ImageArray) -> list[Values]:
    """The outputs of a block's layers in running order."""
    block = build_random(spec, seed)
    return list(activations(block, picture_tensor(picture), [name for name, _ in block.named_children()]).values())
