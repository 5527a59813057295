"""What the charts share, as plotly itself takes it."""

import plotly.graph_objects as go
import pytest

from xception_lab.figures.style import error_bars, machine_legend, machine_styles, vertical_line, wrap_name


def test_no_two_machines_that_stand_beside_each_other_look_alike() -> None:
    styles = machine_styles(7)
    assert len(styles) == 7
    assert styles[0] == ("solid", "")
    assert len(set(styles[:5])) == 5
    assert machine_styles(1) == styles[:1]
    names = ["this server", "a machine with a name of more than forty characters in all"]
    figure = go.Figure(machine_legend(names))  # plotly refuses a dash or a symbol that it does not know
    assert [trace.name.replace("<br>", " ") for trace in figure.data] == names
    assert max(map(len, figure.data[1].name.split("<br>"))) <= 40
    assert wrap_name("short") == "short"


def test_error_bars_reach_from_low_to_high() -> None:
    points = go.Scatter(y=[2.0, 5.0], error_y=error_bars([2.0, 5.0], [1.5, 5.0], [4.0, 6.0], thickness=2))
    assert list(points.y + points.error_y.array) == pytest.approx([4.0, 6.0])
    assert list(points.y - points.error_y.arrayminus) == pytest.approx([1.5, 5.0])


def test_a_vertical_line_spans_the_plot() -> None:
    (line,) = go.Figure(layout={"shapes": [vertical_line(3)]}).layout.shapes
    assert (line.x0, line.x1, line.y0, line.y1, line.yref) == (3, 3, 0, 1, "paper")
