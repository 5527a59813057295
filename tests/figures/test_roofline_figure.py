"""The roofline's points and names, for the stored result."""

from xception_lab.figures.roofline import roofline_figure
from xception_lab.spec import CompareSpec
from xception_lab.timing.analysis import machine_roofline
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results_file import shipped_timings
from xception_lab.ui.timing.words import timing_words


def test_a_step_at_one_place_of_two_blocks_is_named_once() -> None:
    results = shipped_timings()
    roofline = machine_roofline("here", three_blocks(CompareSpec()), results)
    assert roofline
    drawn = roofline_figure((roofline,), timing_words())
    texts = [text for trace in drawn.data if trace.text is not None for text in trace.text if text]
    # and each one's estimate has what binds it, once too
    assert sorted(texts) == ["convolution", "depthwise step", "pointwise step", *["products"] * 3]
    hovers = [row[2] for trace in drawn.data if trace.customdata is not None for row in trace.customdata]
    assert sorted(hovers) == ["convolution", *["depthwise step"] * 2, *["pointwise step"] * 2]
