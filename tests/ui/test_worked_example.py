"""What stands under the moving picture: of what it is a stand-in."""

import re

import pytest
from visits import component_data, opened

from xception_lab.arch.comparison import compare
from xception_lab.spec import CompareSpec
from xception_lab.ui.compare.blocks import products_text


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ({}, ""),
        # the padding that keeps 8 pixels at 8: none is a number too
        ({"kernel_size": "1", "padding": "3"}, ", padding 0 instead of 3"),
        (
            {"kernel_size": "7", "padding": "3", "dilation": "4"},
            ", kernel_size 5 instead of 7, dilation 3 instead of 4",
        ),
        ({"segments": "16"}, ", 4 of 16 segments"),
        # one segment per channel, of 128 as of 8
        ({"segments": "128"}, ""),
    ],
)
def test_a_stand_in_says_what_it_has_less_of(query: dict[str, str], parts: str) -> None:
    note = component_data(opened("pages/compare.py", query), "moving")["words"]["note"]
    agree = "The standard weights here are chosen to give what separable gives."
    stand_in = f"A stand-in: 8→8 of 64→128 channels, 8×8 of 56×56 pixels{parts}. Costs are of the full block."
    assert note == f"{stand_in} {agree}"
    # with something between, separable gives what no standard convolution can
    note = component_data(opened("pages/compare.py", query | {"intermediate": "relu"}), "moving")["words"]["note"]
    assert note == stand_in


@pytest.mark.parametrize("in_channels", [1, 64, 728, 2048])
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_multiplications_are_said_in_digits(in_channels: int, kernel_size: int) -> None:
    for block in compare(CompareSpec(in_channels=in_channels, kernel_size=kernel_size)):
        said = products_text(block.macs_per_value)
        assert re.fullmatch(r"[\d,]+(\.\d+)?", said)
        assert float(said.replace(",", "")) == pytest.approx(block.macs_per_value, rel=1e-3)
