"""The answers of the story's ten questions: each computed from its specs, or read from a result stored with the lab.

Only two functions need torch, and import it when they are called: `tower_equivalence` and `relu_survival`.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from xception_lab.arch.breakdown import cost_shares, paper_network
from xception_lab.arch.comparison import compare, spectrum
from xception_lab.arch.cost import block_cost
from xception_lab.features.maps import Values
from xception_lab.features.readings import KERNEL_SIZE, relu_range, sample_of, stored_relu_readings
from xception_lab.features.recoverability import linear_reading
from xception_lab.spec import BlockSpec, CompareSpec, Kind
from xception_lab.timing.analysis import speed_verdict
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results_file import shipped_timings

if TYPE_CHECKING:  # its module imports scipy
    from xception_lab.experiments.effects import Effect

LAYER = CompareSpec()  # 64 -> 128 channels, 3x3
MIDDLE = CompareSpec(in_channels=728, out_channels=728, size=19)  # Xception's middle flow
INCEPTION_SEGMENTS = 4
TOWERS = 3  # of the paper's Figure 2
SEEDS = (3, 6, 12)
PICTURE = "astronaut"  # of the shipped pictures, the one whose loss is the median
PICTURE_CHANNELS = 3  # at the ReLU between, when a depthwise convolution comes first: one per colour


@dataclass(frozen=True, slots=True)
class OutputValue:
    """Multiplications for one value of a block's output.

    standard: of the standard convolution. depthwise, pointwise: of the separable block's two steps; the first are
    shared by all output channels.
    """

    standard: float
    depthwise: float
    pointwise: float

    @property
    def split(self) -> float:
        """Of the separable block."""
        return self.depthwise + self.pointwise


def output_value(spec: CompareSpec = LAYER) -> OutputValue:
    """The multiplications for one value of a standard and of a separable block's output."""
    standard, _extreme, separable = compare(spec)
    values = int(np.prod(separable.cost.out_shape))
    macs = {layer.name: layer.macs / values for layer in separable.cost.layers if layer.macs}
    return OutputValue(standard.macs_per_value, macs["depthwise"], macs["pointwise"])


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of a standard and of a separable block's convolutions, without batch norm."""

    standard: int
    depthwise: int
    pointwise: int

    @property
    def times(self) -> float:
        """How many times fewer the separable block has."""
        return self.standard / (self.depthwise + self.pointwise)


def weights(kernel_size: int, channels: int = MIDDLE.in_channels) -> Weights:
    """The weights of both blocks from `channels` to as many channels."""
    by_kind: dict[Kind, dict[str, int]] = {
        kind: {
            layer.name: layer.params
            for layer in block_cost(
                BlockSpec(kind, channels, channels, kernel_size, batch_norm="none", activation="none"), 1, 1
            ).layers
        }
        for kind in ("standard", "separable")
    }
    separable = by_kind["separable"]
    return Weights(sum(by_kind["standard"].values()), separable["depthwise"], separable["pointwise"])


@cache
def tower_equivalence(towers: int = TOWERS) -> float:
    """The largest difference between the outputs of Figures 2 and 3 with the same weights, in float32."""
    from xception_lab.nn.inception import check_equivalence

    return check_equivalence(towers).max_difference


@dataclass(frozen=True, slots=True)
class SegmentCost:
    """The MACs of the extreme block at a number of segments, of its k x k and of its 1x1 convolution."""

    spatial: int
    pointwise: int

    @property
    def macs(self) -> int:
        """Of both convolutions."""
        return self.spatial + self.pointwise


def segment_cost(segments: int, spec: CompareSpec = LAYER) -> SegmentCost:
    """A point of the spectrum from one segment to one per channel (section 1.2)."""
    (cost,) = [point.cost for point in spectrum(spec) if point.segments == segments]
    pointwise = sum(layer.macs for layer in cost.layers if layer.op == "pointwise")
    return SegmentCost(cost.macs - pointwise, pointwise)


def order_cost(stride: int, spec: CompareSpec = LAYER) -> float:
    """How many times the MACs of the depthwise-first block the 1x1-first block has."""
    _standard, extreme, separable = compare(replace(spec, stride=stride))
    return extreme.cost.macs / separable.cost.macs


@dataclass(frozen=True, slots=True, eq=False)
class ReluSurvival:
    """What a ReLU takes from a picture behind a depthwise convolution with random filters.

    picture: (3, H, W), -1 to 1. enters, leaves: the maps before and after the ReLU, (3, H, W). recovered: the picture
    as a linear reader of what leaves the ReLU gives it back, (3, H, W). explained: its explained variance.
    """

    picture: Values
    enters: Values
    leaves: Values
    recovered: Values
    explained: float


@dataclass(frozen=True, slots=True)
class ReluLoss:
    """The explained variance that the ReLU takes: of the story's picture, and the ends over all shipped pictures."""

    picture: float
    low: float
    high: float
    pictures: int


def relu_loss() -> ReluLoss:
    """The stored readings: at the ReLU itself, depthwise first, as many channels as the picture has."""
    readings = {reading.kind: reading for reading in stored_relu_readings(PICTURE, PICTURE_CHANNELS, "input")}
    ends = relu_range(PICTURE_CHANNELS, "input")
    low, high = ends.loss_ends("separable")
    return ReluLoss(readings["separable"].loss().median, low, high, len(ends.losses))


@cache
def relu_survival() -> ReluSurvival:
    """The first of the stored readings' draws, computed anew with its pictures."""
    from xception_lab.features.activations import activations, build_random, picture_tensor
    from xception_lab.features.block_readings import relu_spec

    block = build_random(relu_spec("separable", PICTURE_CHANNELS, KERNEL_SIZE, "relu"), 0)
    x = picture_tensor(sample_of(PICTURE))
    names = [name for name, _ in block.named_children()]
    enters, leaves, *_ = activations(block, x, names).values()
    picture = x[0].numpy()
    recovered, explained = linear_reading(picture, leaves)
    return ReluSurvival(picture, enters, leaves, recovered, explained)


@cache
def stored_effects(plan: str) -> tuple["Effect", ...]:
    """The primary effects of a plan's stored result."""
    from xception_lab.experiments.results_file import load_stored_result

    result = load_stored_result(plan)
    assert result, "shipped with the lab"
    return result.progress.effects().primary


def relu_effect(plan: str = "figure-10") -> "Effect":
    """Figure 10's first comparison: the points of accuracy that a ReLU between adds."""
    return stored_effects(plan)[0]


def relu_intervals() -> dict[int, tuple[float, float]]:
    """relu_effect's interval, had there been only the first 3, 6 or 12 seeds, by their number."""
    from xception_lab.experiments.inference import mean_interval

    effect = relu_effect()
    intervals = {seeds: mean_interval(effect.differences[:seeds], effect.confidence) for seeds in SEEDS}
    return {seeds: interval for seeds, interval in intervals.items() if interval}


def order_effect(result: str = "two-differences") -> "Effect":
    """The equivalence fixed by the plan two-differences: 1x1 first less depthwise first, nothing between."""
    (effect,) = [effect for effect in stored_effects(result) if effect.asks_equivalence]
    return effect


def order_margin() -> float:
    """The margin of that claim, in points of accuracy, fixed before the runs."""
    from xception_lab.experiments.plan import load_plan

    return load_plan("two-differences").margin


@dataclass(frozen=True, slots=True)
class Speed:
    """A separable block against the standard one: how many times fewer FLOPs, how many times faster.

    layers_s: the seconds of each of its layers, the slowest first.
    """

    flops_times: float
    speed_times: float
    layers_s: tuple[tuple[str, float], ...]


def speed(spec: CompareSpec) -> Speed:
    """The stored measurement of a layer."""
    group = three_blocks(spec)
    results = shipped_timings()
    verdict, timing = speed_verdict(group, results), results.timing(group[-1])
    assert verdict, "the layer is among those that are stored"
    assert timing
    times = verdict.times.times if verdict.times.direction == "fewer" else 1 / verdict.times.times
    layers = tuple(sorted(timing.layers, key=lambda layer: -layer[1]))
    return Speed(verdict.flops.times, times, layers)


def parameter_shares() -> dict[str, float]:
    """The share of Xception's parameters in each kind of layer, 0 to 1, by kind."""
    return {share.name: share.shares["params"] for share in cost_shares(paper_network(), "kind")}
