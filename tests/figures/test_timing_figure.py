"""The sweep of the Time page: its rings and their labels."""

import pytest

from xception_lab.figures.timing import sweep_times_figure
from xception_lab.timing.analysis import Crossing, SweepLine
from xception_lab.ui.timing.words import timing_words

VALUES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@pytest.mark.parametrize(
    ("places", "labels"),
    [
        ([], []),
        ([2.2], ["near 2"]),
        ([2.0, 100.0], ["near 2", "near 100"]),
        # four whose labels would lie over each other, in any order
        ([4.1, 4.3, 3.1, 4.9], ["", "near 3 to 5", "", ""]),
        ([100.0, 4.1, 4.3], ["near 100", "", "near 4"]),
    ],
)
def test_rings_that_lie_close_together_have_one_label(places: list[float], labels: list[str]) -> None:
    crossings = [Crossing("standard", "separable", at, 1e-4) for at in places]
    seconds = (1e-4,) * len(VALUES)
    line = SweepLine("standard", seconds, seconds, seconds, seconds)
    figure = sweep_times_figure(VALUES, {"here": [line]}, crossings, "batch_size", 1, timing_words())
    (rings,) = [trace for trace in figure.data if trace.name == "they cross"]
    assert list(rings.text) == labels
    assert len(rings.x) == len(places)
