"""The MACs and parameters of a block as LaTeX, in symbols and with the user's own numbers."""

from dataclasses import dataclass

from xception_lab.arch.cost import Cost
from xception_lab.arch.plan import Conv, block_ops
from xception_lab.spec import BlockSpec


@dataclass(frozen=True, slots=True)
class Formula:
    """symbols: the general formula. numbers: the same with numbers instead, ending in the result."""

    symbols: str
    numbers: str


def macs_formula(spec: BlockSpec, cost: Cost) -> Formula:
    """MACs of the block's convolutions; `cost` is block_cost's for the same spec."""
    shapes = {layer.name: layer.out_shape for layer in cost.layers}
    symbols: list[str] = []
    numbers: list[str] = []
    for op in _convs(spec):
        batch, _, height, width = shapes[op.name]
        # a 1x1 that comes first works on the whole picture, any other convolution's output may be smaller
        area = "H W" if op.role == "pointwise" and spec.kind == "extreme" else "H' W'"
        repeat = r"N \cdot " if batch > 1 else ""
        symbols.append(rf"{repeat}{_weight_symbols(spec, op)} \cdot {area}")
        space = [f"{height}^2"] if height == width else [str(height), str(width)]
        numbers.append(_product([*([str(batch)] if batch > 1 else []), *_weight_factors(op), *space]))
    return Formula(" + ".join(symbols), f"{' + '.join(numbers)} = {_grouped(cost.macs)}")


def params_formula(spec: BlockSpec, cost: Cost) -> Formula:
    """Trainable parameters: the convolutions' weights, biases, and two per channel of each batch norm."""
    symbols = [_weight_symbols(spec, op) for op in _convs(spec)]
    numbers = [_product(_weight_factors(op)) for op in _convs(spec)]
    weights = sum(op.out_channels * (op.in_channels // op.groups) * op.kernel_size**2 for op in _convs(spec))
    if rest := cost.params - weights:
        symbols.append(r"\text{bias, BN}")
        numbers.append(_grouped(rest))
    return Formula(" + ".join(symbols), f"{' + '.join(numbers)} = {_grouped(cost.params)}")


def _convs(spec: BlockSpec) -> list[Conv]:
    return [op for op in block_ops(spec) if isinstance(op, Conv)]


def _weight_symbols(spec: BlockSpec, op: Conv) -> str:
    in_channels = r"m C_\mathrm{in}" if spec.depth_multiplier > 1 else r"C_\mathrm{in}"
    match op.role:
        case "pointwise":
            return rf"{in_channels} \cdot C_\mathrm{{out}}"
        case "depthwise":
            return r"K^2 \cdot C_\mathrm{out}" if spec.kind == "extreme" else rf"K^2 \cdot {in_channels}"
        case "spatial":
            return r"K^2 \cdot \frac{C_\mathrm{out}}{S} \cdot C_\mathrm{out}"
        case _:
            return r"K^2 \cdot C_\mathrm{in} \cdot C_\mathrm{out}"


def _weight_factors(op: Conv) -> list[str]:
    """The factors of the number of weights; a depthwise filter's one input channel is left out."""
    square = [] if op.role == "pointwise" else [f"{op.kernel_size}^2"]
    per_group = [] if op.role == "depthwise" else [str(op.in_channels // op.groups)]
    return [*square, *per_group, str(op.out_channels)]


def _product(factors: list[str]) -> str:
    return r" \cdot ".join(factors)


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "{,}")
