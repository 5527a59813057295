"""Xception broken down: its stages with shapes, where parameters and MACs lie, and what a change of it costs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from math import gcd
from typing import Literal

from xception_lab.arch.comparison import Ratio, divisors, ratio
from xception_lab.arch.cost import Cost, LayerCost, Shape, network_cost
from xception_lab.arch.plan import Flow, Stage, network_stages
from xception_lab.common.files import rows_to_csv
from xception_lab.common.validate import is_whole
from xception_lab.spec import Activation, Convolution, Order, XceptionSpec

AreaMeasure = Literal["params", "macs", "activation_bytes"]
LayerKind = Literal["standard", "spatial", "depthwise", "pointwise", "shortcut", "linear", "other"]
Grouping = Literal["flow", "block", "kind"]
ChangeMeasure = Literal["params", "macs", "weight_bytes", "activation_bytes", "moved_bytes"]

AREA_MEASURES: tuple[AreaMeasure, ...] = ("params", "macs", "activation_bytes")
LAYER_KINDS: tuple[LayerKind, ...] = ("standard", "spatial", "depthwise", "pointwise", "shortcut", "linear", "other")
CHANGE_MEASURES: tuple[ChangeMeasure, ...] = ("params", "macs", "weight_bytes", "activation_bytes", "moved_bytes")
PAPER_SIZE = 299
_KINDS: dict[str, LayerKind] = {kind: kind for kind in LAYER_KINDS}
_PAPER = XceptionSpec()


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A variant of the paper's network, and the size of its picture.

    size: height and width in pixels.
    width_percent: every number of channels but the picture's and the classes', in percent of the paper's.
    The other fields as in XceptionSpec.

    Raises ValueError naming field, value and rule.
    """

    size: int = PAPER_SIZE
    width_percent: int = 100
    middle_blocks: int = _PAPER.middle_blocks
    convolution: Convolution = "separable"
    order: Order = "depthwise-first"
    segments: int | None = None
    intermediate: Activation = "none"
    residual: bool = True
    small_stem: bool = False
    num_classes: int = _PAPER.num_classes

    def __post_init__(self) -> None:
        least = 1 if self.small_stem else 7
        if not is_whole(self.size, least):
            raise ValueError(f"size={self.size!r}: must be a whole number of at least {least}, what the stem spans")
        _ = self.xception

    @property
    def xception(self) -> XceptionSpec:
        """The network."""
        stem, entry, middle, last = _widths(self.width_percent)
        return XceptionSpec(
            num_classes=self.num_classes,
            stem_channels=(stem[0], stem[1]),
            entry_channels=entry,
            middle_blocks=self.middle_blocks,
            middle_channels=middle,
            exit_channels=(last[0], last[1], last[2]),
            small_stem=self.small_stem,
            order=self.order,
            intermediate=self.intermediate,
            residual=self.residual,
            segments=self.segments,
            convolution=self.convolution,
        )


def _widths(percent: int) -> tuple[tuple[int, ...], tuple[int, ...], int, tuple[int, ...]]:
    def scaled(channels: tuple[int, ...]) -> tuple[int, ...]:
        for count in channels:
            if not is_whole(percent) or count * percent % 100:
                raise ValueError(f"width_percent={percent!r}: must leave whole channels, {count} x {percent} % is none")
        return tuple(count * percent // 100 for count in channels)

    entry = scaled(_PAPER.entry_channels)
    return scaled(_PAPER.stem_channels), entry, entry[-1], scaled(_PAPER.exit_channels)


def possible_segments(width_percent: int, order: Order) -> tuple[int, ...]:
    """The numbers of segments that divide every spatial convolution of the network, in rising order."""
    channels = NetworkSpec(width_percent=width_percent, order=order).xception.spatial_channels
    return divisors(gcd(*channels))


@dataclass(frozen=True, slots=True)
class NetworkLayer:
    """One operation of a network. block: the name of its stage. kind: what its cost is counted under."""

    flow: Flow
    block: str
    kind: LayerKind
    in_shape: Shape
    cost: LayerCost


@dataclass(frozen=True, slots=True)
class StageCost:
    """A stage of the network. totals: summed over its layers. shares: of the whole network's, 0 to 1."""

    stage: Stage
    layers: tuple[NetworkLayer, ...]
    in_shape: Shape
    out_shape: Shape
    totals: dict[AreaMeasure, int]
    shares: dict[AreaMeasure, float]

    @property
    def name(self) -> str:
        """The name with which the names of its modules begin."""
        return self.stage.name


@dataclass(frozen=True, slots=True)
class CostShare:
    """One group of layers. totals: summed over them. shares: of the whole network's, 0 to 1."""

    name: str
    totals: dict[AreaMeasure, int]
    shares: dict[AreaMeasure, float]


@dataclass(frozen=True, slots=True)
class NetworkBreakdown:
    """A network with its cost, stage by stage. size: height and width of its picture in pixels."""

    spec: XceptionSpec
    size: int
    cost: Cost
    stages: tuple[StageCost, ...]

    @property
    def layers(self) -> Iterator[NetworkLayer]:
        """Every layer in running order."""
        return (layer for stage in self.stages for layer in stage.layers)


@dataclass(frozen=True, slots=True)
class CostChange:
    """One quantity against a reference, usually the paper's network. delta: value - reference."""

    measure: ChangeMeasure
    value: int
    reference: int
    delta: int
    ratio: Ratio


@cache
def paper_network() -> NetworkBreakdown:
    """Xception at 299 pixels."""
    return break_down(XceptionSpec(), PAPER_SIZE)


def break_down(spec: XceptionSpec, size: int) -> NetworkBreakdown:
    """The network on a (1, in_channels, size, size) picture; Figure 5 of the paper for XceptionSpec() at 299.

    Raises ValueError as network_cost does.
    """
    cost = network_cost(spec, size, size)
    flat = iter(cost.layers)
    stages: list[StageCost] = []
    shape: Shape = (1, spec.in_channels, size, size)
    for stage in network_stages(spec):
        layers = tuple(_layers(stage, flat, shape))
        out_shape = layers[-1].cost.out_shape
        totals = _totals(layers)
        stages.append(StageCost(stage, layers, shape, out_shape, totals, _shares(totals, cost)))
        shape = out_shape
    return NetworkBreakdown(spec, size, cost, tuple(stages))


def _layers(stage: Stage, flat: Iterator[LayerCost], in_shape: Shape) -> Iterator[NetworkLayer]:
    """The stage's layers, taken from the front of the network's, in the order in which network_cost lists them."""
    shape = in_shape
    for layer in islice(flat, len(stage.body)):
        yield NetworkLayer(stage.flow, stage.name, _kind(layer), shape, layer)
        shape = layer.out_shape
    if stage.shortcut is not None:
        body_shape, shape = shape, in_shape
        for layer in islice(flat, len(stage.shortcut)):
            yield NetworkLayer(stage.flow, stage.name, _kind(layer), shape, layer)
            shape = layer.out_shape
        addition = next(flat)
        yield NetworkLayer(stage.flow, stage.name, _kind(addition), body_shape, addition)


def _kind(layer: LayerCost) -> LayerKind:
    return _KINDS.get(layer.op, "other")


def _totals(layers: Iterable[NetworkLayer]) -> dict[AreaMeasure, int]:
    costs = [layer.cost for layer in layers]
    return {measure: sum(getattr(cost, measure) for cost in costs) for measure in AREA_MEASURES}


def _shares(totals: dict[AreaMeasure, int], whole: Cost) -> dict[AreaMeasure, float]:
    return {measure: total / getattr(whole, measure) for measure, total in totals.items()}


_GROUPS: dict[Grouping, Callable[[NetworkLayer], str]] = {
    "flow": lambda layer: layer.flow,
    "block": lambda layer: layer.block,
    "kind": lambda layer: layer.kind,
}


def cost_shares(network: NetworkBreakdown, grouping: Grouping) -> tuple[CostShare, ...]:
    """Where parameters, MACs and activation bytes lie: groups in running order, kinds in the order of LAYER_KINDS."""
    groups: dict[str, list[NetworkLayer]] = {}
    for layer in network.layers:
        groups.setdefault(_GROUPS[grouping](layer), []).append(layer)
    if grouping == "kind":
        groups = {kind: groups[kind] for kind in LAYER_KINDS if kind in groups}
    shares: list[CostShare] = []
    for name, layers in groups.items():
        totals = _totals(layers)
        shares.append(CostShare(name, totals, _shares(totals, network.cost)))
    return tuple(shares)


def amounts_by_block(network: NetworkBreakdown, measure: AreaMeasure) -> dict[str, dict[LayerKind, int]]:
    """The amount of a quantity by block, then by kind."""
    table: dict[str, dict[LayerKind, int]] = {}
    for layer in network.layers:
        row = table.setdefault(layer.block, {})
        row[layer.kind] = row.get(layer.kind, 0) + getattr(layer.cost, measure)
    return table


@dataclass(frozen=True, slots=True)
class CostNode:
    """A flow, a block of a flow or a kind in a block. path: names from the flow down. share: of the whole, 0 to 1."""

    path: tuple[str, ...]
    amount: int
    share: float


def cost_tree(network: NetworkBreakdown, measure: AreaMeasure) -> tuple[CostNode, ...]:
    """The network as a tree of flows, blocks and kinds; nodes without any of the quantity are left out."""
    amounts: dict[tuple[str, ...], int] = {}
    for layer in network.layers:
        amount = getattr(layer.cost, measure)
        path = (layer.flow, layer.block, layer.kind)
        for depth in range(1, 4) if amount else ():
            amounts[path[:depth]] = amounts.get(path[:depth], 0) + amount
    whole = getattr(network.cost, measure)
    return tuple(CostNode(path, amount, amount / whole) for path, amount in amounts.items())


def cost_changes(network: NetworkBreakdown, reference: NetworkBreakdown) -> tuple[CostChange, ...]:
    """What this network costs against another, usually the paper's: one row per quantity."""
    rows: list[CostChange] = []
    for measure in CHANGE_MEASURES:
        value, against = getattr(network.cost, measure), getattr(reference.cost, measure)
        rows.append(CostChange(measure, value, against, value - against, ratio(value, against)))
    return tuple(rows)


def standard_twin(spec: XceptionSpec) -> XceptionSpec:
    """The same network with a regular 3x3 convolution instead of each separable one."""
    return replace(spec, convolution="standard", order="depthwise-first", intermediate="none", segments=None)


def network_layer_rows(layers: Iterable[NetworkLayer]) -> list[dict[str, str | int | float]]:
    """One row per layer, from shapes to FLOPs per byte: for a table and for CSV."""
    return [
        {
            "flow": layer.flow,
            "block": layer.block,
            "layer": layer.cost.name,
            "operation": layer.cost.op,
            "in_shape": "x".join(map(str, layer.in_shape)),
            "out_shape": "x".join(map(str, layer.cost.out_shape)),
            "params": layer.cost.params,
            "macs": layer.cost.macs,
            "flops": layer.cost.flops,
            "weight_bytes": layer.cost.weight_bytes,
            "activation_bytes": layer.cost.activation_bytes,
            "moved_bytes": layer.cost.moved_bytes,
            "flops_per_byte": round(layer.cost.intensity, 3),
        }
        for layer in layers
    ]


def network_layer_csv(network: NetworkBreakdown) -> str:
    """network_layer_rows of the whole network as CSV with a header."""
    return rows_to_csv(network_layer_rows(network.layers))
