"""What stands under the moving picture: of what it is a stand-in."""

import pytest
from visits import component_data, opened


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ({}, ""),
        # the padding that keeps 8 pixels at 8: none is a number too
        ({"kernel_size": "1", "padding": "3"}, ", padding 0/3"),
        ({"kernel_size": "7", "padding": "3", "dilation": "4"}, ", kernel_size 5/7, dilation 3/4"),
        ({"segments": "16"}, ", segments 4/16"),
        # one segment per channel, of 128 as of 8
        ({"segments": "128"}, ""),
    ],
)
def test_a_stand_in_says_what_it_has_less_of(query: dict[str, str], parts: str) -> None:
    note = component_data(opened("pages/compare.py", query), "moving")["words"]["note"]
    assert note == f"A stand-in: 8→8 of 64→128 channels, 8×8 of 56×56 pixels{parts}. Costs are of the full block."
