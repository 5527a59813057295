"""The formulas on the page are right: their LaTeX, read as arithmetic, comes to the engine's numbers."""

import re
from fractions import Fraction

import pytest
from hypothesis import assume, given
from strategies import block_specs, examples, sizes

from xception_lab import BlockSpec, Cost, block_cost
from xception_lab.arch.latex import macs_formula, params_formula

TOKENS = re.compile(r"[A-Za-z]\w*|\d+|[-+*/^()]")


def _arithmetic(latex: str, names: dict[str, int]) -> Fraction:
    """The value of a LaTeX expression of sums, products, powers and fractions."""
    text = latex.replace("{,}", "")
    text = text.replace(r"C_\mathrm{in}", "Cin").replace(r"C_\mathrm{out}", "Cout").replace("H'", "Hout")
    text = text.replace("W'", "Wout").replace(r"\text{bias, BN}", "rest")
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1) / (\2))", text).replace(r"\cdot", "*")
    assert "\\" not in text, f"a command that this test does not know: {text}"
    assert "{" not in text
    python: list[str] = []
    for token in TOKENS.findall(text):
        # two factors beside each other, such as m C_in, are a product
        if python and re.match(r"[\w(]", token) and re.match(r"[\w)]", python[-1][-1]):
            python.append("*")
        value = names[token] if token[0].isalpha() else token
        python.append(f"Fraction({value})" if token[0].isalnum() else {"^": "**"}.get(token, token))
    return eval("".join(python), {"Fraction": Fraction})


def _names(spec: BlockSpec, cost: Cost, batch: int, height: int, width: int) -> dict[str, int]:
    _, _, out_height, out_width = cost.out_shape
    return {
        "K": spec.kernel_size,
        "Cin": spec.in_channels,
        "Cout": spec.out_channels,
        "S": spec.segments or spec.out_channels,
        "m": spec.depth_multiplier,
        "N": batch,
        "H": height,
        "W": width,
        "Hout": out_height,
        "Wout": out_width,
    }


def _cost(spec: BlockSpec, size: tuple[int, int, int]) -> Cost:
    batch, height, width = size
    try:
        return block_cost(spec, height, width, batch)
    except ValueError:
        assume(False)
        raise


@examples(200)
@given(spec=block_specs(), size=sizes())
def test_the_macs_formula_comes_to_the_macs(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    cost = _cost(spec, size)
    worked = macs_formula(spec, cost)
    left, right = worked.numbers.split(" = ")
    assert _arithmetic(left, {}) == _arithmetic(right, {}) == cost.macs
    assert _arithmetic(worked.symbols, _names(spec, cost, *size)) == cost.macs


@examples(200)
@given(spec=block_specs(), size=sizes())
def test_the_parameters_formula_comes_to_the_parameters(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    cost = _cost(spec, size)
    worked = params_formula(spec, cost)
    left, right = worked.numbers.split(" = ")
    assert _arithmetic(left, {}) == _arithmetic(right, {}) == cost.params
    # biases and batch norms have no symbols: what they are is counted here, field by field
    wide = spec.in_channels * spec.depth_multiplier
    channels = {"standard": [], "extreme": [spec.out_channels], "separable": [wide]}[spec.kind] + [spec.out_channels]
    normed = {"none": [], "last": channels[-1:], "every": channels}[spec.batch_norm]
    rest = 2 * sum(normed) + {False: 0, True: sum(channels), "last": channels[-1]}[spec.bias]
    assert ("bias, BN" in worked.symbols) == bool(rest)
    assert _arithmetic(worked.symbols, _names(spec, cost, *size) | {"rest": rest}) == cost.params


def test_large_numbers_are_grouped_and_each_symbol_keeps_its_factor() -> None:
    spec = BlockSpec("standard", 64, 64, 3)
    worked = macs_formula(spec, block_cost(spec, 56, 56))
    assert worked.numbers == r"3^2 \cdot 64 \cdot 64 \cdot 56^2 = 115{,}605{,}504"


@pytest.mark.parametrize(
    ("latex", "value"),
    [
        (r"2 \cdot 3^2 + 4", 22),
        (r"\frac{C_\mathrm{out}}{S} \cdot H' W'", 45),
        ("1{,}234", 1234),
        (r"m C_\mathrm{in}", 8),
    ],
)
def test_the_reader_of_latex_reads(latex: str, value: int) -> None:
    names = {"Cout": 6, "S": 2, "Hout": 3, "Wout": 5, "m": 2, "Cin": 4}
    assert _arithmetic(latex, names) == value
