"""The MACs and parameters of a block as LaTeX, in symbols and with the user's own numbers."""

from dataclasses import dataclass

from xception_lab.cost import Cost
from xception_lab.plan import Conv, block_ops
from xception_lab.spec import BlockSpec


@dataclass(frozen=True, slots=True)
class Formula:
    """symbols: the general formula; numbers: the same with numbers in place, ending in the result."""

    symbols: str
    numbers: str


def macs_formula(spec: BlockSpec, cost: Cost) -> Formula:
    """MACs of the block's convolutions; `cost` is block_cost's for the same spec."""
    shapes = {layer.name: layer.out_shape for layer in cost.layers}
    symbols: list[str] = []
    numbers: list[str] = []
    for op in _convs(spec):
        batch, _, height, width = shapes[op.name]
        # a 1x1 that comes first still sees the whole picture; everything after a stride or valid padding sees less
        area = "H W" if op.role == "pointwise" and spec.kind == "extreme" else "H' W'"
        repeat = r"N \cdot " if batch > 1 else ""
        symbols.append(rf"{repeat}{_weight_symbols(spec, op)} \cdot {area}")
        factors = [*([batch] if batch > 1 else []), *_weight_factors(op), height, width]
        numbers.append(_product(factors))
    return Formula(" + ".join(symbols), f"{' + '.join(numbers)} = {_grouped(cost.macs)}")


def params_formula(spec: BlockSpec, cost: Cost) -> Formula:
    """Trainable parameters: the convolutions' weights, biases and the batch norms' two a channel."""
    symbols = [_weight_symbols(spec, op) for op in _convs(spec)]
    numbers = [_product(_weight_factors(op)) for op in _convs(spec)]
    weights = sum(_multiply(_weight_factors(op)) for op in _convs(spec))
    if rest := cost.params - weights:
        symbols.append(r"\text{bias, BN}")
        numbers.append(_grouped(rest))
    return Formula(" + ".join(symbols), f"{' + '.join(numbers)} = {_grouped(cost.params)}")


def _convs(spec: BlockSpec) -> list[Conv]:
    return [op for op in block_ops(spec) if isinstance(op, Conv)]


def _weight_symbols(spec: BlockSpec, op: Conv) -> str:
    wide = r"m C_\mathrm{in}" if spec.depth_multiplier > 1 else r"C_\mathrm{in}"
    match op.role:
        case "pointwise":
            return rf"{wide} \cdot C_\mathrm{{out}}"
        case "depthwise":
            return r"K^2 \cdot C_\mathrm{out}" if spec.kind == "extreme" else rf"K^2 \cdot {wide}"
        case "spatial":
            return r"K^2 \cdot \frac{C_\mathrm{out}}{S} \cdot C_\mathrm{out}"
        case _:
            return r"K^2 \cdot C_\mathrm{in} \cdot C_\mathrm{out}"


def _weight_factors(op: Conv) -> list[int]:
    """The factors of the number of weights; a depthwise convolution has one input channel a filter, left out."""
    square = [op.kernel_size, op.kernel_size] if op.role != "pointwise" else []
    per_group = op.in_channels // op.groups
    return [*square, *([] if op.role == "depthwise" else [per_group]), op.out_channels]


def _multiply(factors: list[int]) -> int:
    result = 1
    for factor in factors:
        result *= factor
    return result


def _product(factors: list[int]) -> str:
    """Factors joined by dots, equal neighbours as a power."""
    parts: list[str] = []
    index = 0
    while index < len(factors):
        count = 1
        while index + count < len(factors) and factors[index + count] == factors[index]:
            count += 1
        parts.append(f"{factors[index]}^{count}" if count > 1 else str(factors[index]))
        index += count
    return r" \cdot ".join(parts)


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "{,}")
