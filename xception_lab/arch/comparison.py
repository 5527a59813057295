"""The three blocks compared: ratios, the spectrum of segments, sweeps of a field, the two differences."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

from xception_lab.arch.cost import Cost, block_cost
from xception_lab.common.files import rows_to_csv
from xception_lab.spec import KINDS, Activation, BlockSpec, CompareSpec, Kind

Measure = Literal["params", "macs", "flops", "moved_bytes", "activation_bytes"]
Direction = Literal["fewer", "more", "same"]
SweepField = Literal["in_channels", "out_channels", "kernel_size", "size"]
Result = TypeVar("Result")

MEASURES: tuple[Measure, ...] = ("params", "macs", "flops", "moved_bytes", "activation_bytes")
SWEEP_VALUES: dict[SweepField, tuple[int, ...]] = {
    "in_channels": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 728, 1024, 2048),
    "out_channels": (8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 728, 1024, 1536, 2048),
    "kernel_size": (1, 3, 5, 7, 9, 11),
    "size": (7, 10, 14, 19, 28, 37, 56, 74, 112, 147, 224, 299),
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """A value against a reference: `times` is at least 1, `direction` says which of the two is larger."""

    times: float
    direction: Direction


@dataclass(frozen=True, slots=True)
class ComparedBlock:
    """One block of a comparison. ratios: against its reference, usually the standard block."""

    spec: BlockSpec
    cost: Cost
    ratios: dict[Measure, Ratio]

    @property
    def kind(self) -> Kind:
        """The block's kind."""
        return self.spec.kind

    @property
    def macs_per_value(self) -> float:
        """MACs per value of the block's output: K² C_in for a standard convolution."""
        batch, channels, height, width = self.cost.out_shape
        return self.cost.macs / (batch * channels * height * width)


@dataclass(frozen=True, slots=True)
class SpectrumPoint:
    """The extreme block with a certain number of segments (paper, section 1.2)."""

    segments: int
    channels_per_segment: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class Sweep:
    """The cost of the three blocks at each value of one field; values that a block cannot take are left out.

    current: the value that the comparison has.
    """

    field: SweepField
    values: tuple[int, ...]
    costs: dict[Kind, tuple[Cost, ...]]
    current: int


def ratio(value: float, reference: float) -> Ratio:
    """`value` against `reference`; "same" where they are equal or either is zero."""
    if value == reference or not value or not reference:
        return Ratio(1.0, "same")
    if value < reference:
        return Ratio(reference / value, "fewer")
    return Ratio(value / reference, "more")


# frozen, and asked for again by everybody who moves the same control, with its neighbours
@lru_cache(maxsize=4096)
def compare(spec: CompareSpec) -> tuple[ComparedBlock, ...]:
    """The three blocks in the fixed order standard, extreme, separable."""
    blocks = [spec.block(kind) for kind in KINDS]
    costs = [_cost(spec, block) for block in blocks]
    return tuple(_compared(block, cost, costs[0]) for block, cost in zip(blocks, costs, strict=True))


def divisors(number: int) -> tuple[int, ...]:
    """All divisors in rising order: the numbers of segments into which out_channels can be divided."""
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return tuple(sorted({*small, *(number // d for d in small)}))


def spectrum(spec: CompareSpec) -> tuple[SpectrumPoint, ...]:
    """The extreme block from one segment, a regular convolution after a 1x1, to one per channel (section 1.2)."""
    points: list[SpectrumPoint] = []
    for segments in divisors(spec.out_channels):
        block = replace(spec, segments=segments).block("extreme")
        points.append(SpectrumPoint(segments, spec.out_channels // segments, _cost(spec, block)))
    return tuple(points)


def sweep(spec: CompareSpec, field: SweepField) -> Sweep:
    """The three blocks' cost at each of the field's SWEEP_VALUES and at its current value."""
    blocks = sweep_field(spec, field, SWEEP_VALUES[field], lambda at: [_cost(at, at.block(kind)) for kind in KINDS])
    costs: dict[Kind, tuple[Cost, ...]] = {
        kind: tuple(row[place] for row in blocks.values()) for place, kind in enumerate(KINDS)
    }
    return Sweep(field, tuple(blocks), costs, getattr(spec, field))


def sweep_field(
    spec: CompareSpec, field: str, values: Iterable[int], build: Callable[[CompareSpec], Result]
) -> dict[int, Result]:
    """What `build` makes of the spec at each value of one field and at the spec's own, in rising order.

    A value for which the spec or `build` raises ValueError is left out, such as a number of channels that the segments
    do not divide.
    """
    results: dict[int, Result] = {}
    for value in sorted({*values, getattr(spec, field)}):
        with suppress(ValueError):
            results[value] = build(replace(spec, **{field: value}))
    return results


def two_differences(spec: CompareSpec, order: str, between: Activation) -> tuple[ComparedBlock, ...]:
    """The steps from the extreme block to a separable one: first the ReLU is replaced, then the order changes.

    The paper names these two differences in section 1.2. One to three blocks, the ratios of each against the one
    before. There is one segment per channel throughout, because only then do the two blocks differ in nothing else.

    order: of the last block, "pointwise-first" or "depthwise-first". between: its activation between the convolutions.
    """
    base = replace(spec, segments=None, depth_multiplier=1)
    blocks = [base.block("extreme", "relu")]
    if between != "relu":
        blocks.append(base.block("extreme", between))
    if order == "depthwise-first":
        blocks.append(base.block("separable", between))
    costs = [_cost(base, block) for block in blocks]
    return tuple(map(_compared, blocks, costs, [costs[0], *costs[:-1]]))


def _compared(block: BlockSpec, cost: Cost, reference: Cost) -> ComparedBlock:
    ratios: dict[Measure, Ratio] = {m: ratio(getattr(cost, m), getattr(reference, m)) for m in MEASURES}
    return ComparedBlock(block, cost, ratios)


def _cost(spec: CompareSpec, block: BlockSpec) -> Cost:
    return block_cost(block, spec.size, spec.size, spec.batch_size)


def block_layer_rows(blocks: Iterable[ComparedBlock]) -> list[dict[str, str | int | float]]:
    """One row per layer of every block, each block's followed by one of its totals: for a table and for CSV.

    input_bytes: what the layers read besides their weights; with these and the outputs it makes the bytes moved.
    """
    rows: list[dict[str, str | int | float]] = []
    for block in blocks:
        for name, op, part in (
            *((layer.name, layer.op, layer) for layer in block.cost.layers),
            ("block", block.kind, block.cost),
        ):
            rows.append(
                {
                    "kind": block.kind,
                    "layer": name,
                    "operation": op,
                    "out_shape": "x".join(map(str, part.out_shape)),
                    "params": part.params,
                    "macs": part.macs,
                    "flops": part.flops,
                    "weight_bytes": part.weight_bytes,
                    "input_bytes": part.moved_bytes - part.weight_bytes - part.activation_bytes,
                    "activation_bytes": part.activation_bytes,
                    "moved_bytes": part.moved_bytes,
                    "flops_per_byte": round(part.intensity, 3),
                }
            )
    return rows


def block_layer_csv(blocks: Sequence[ComparedBlock], size: int) -> str:
    """block_layer_rows as CSV with a header, each with the block's settings and the size of its input behind it."""
    settings: dict[object, dict[str, Any]] = {block.kind: asdict(block.spec) | {"size": size} for block in blocks}
    return rows_to_csv([row | settings[row["kind"]] for row in block_layer_rows(blocks)])
