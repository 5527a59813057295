"""Every cost chart: its traces are the engine's numbers, in block order, in both languages."""

import json
import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from xception_lab import block_cost
from xception_lab.arch.comparison import SWEEP_VALUES, Measure, SweepField, compare, spectrum, sweep
from xception_lab.figures.cost import CostWords, spectrum_figure, sweep_figure
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.ui.compare.charts import chart_summary, cost_words, layer_bars
from xception_lab.ui.shell.language import translate
from xception_lab.ui.shell.names import BLOCK_LAYER_NAMES, figure_text

SPECS = (
    CompareSpec(),
    CompareSpec(in_channels=728, out_channels=728, size=19),
    CompareSpec(in_channels=1, out_channels=8, kernel_size=1, size=7, batch_norm="none"),
    CompareSpec(out_channels=96, segments=4, stride=2, padding="valid", batch_size=16, bias=True, batch_norm="every"),
    CompareSpec(in_channels=2048, out_channels=2048, size=512, segments=1, batch_size=256, intermediate="elu"),
)
MEASURES: tuple[Measure, ...] = ("macs", "flops", "params", "moved_bytes")

specs = pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
measures = pytest.mark.parametrize("measure", MEASURES)


@pytest.fixture(params=["en", "ko"], autouse=True)
def spoken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The language that the charts are in."""
    monkeypatch.setattr("xception_lab.ui.shell.language.language", lambda: request.param)
    return request.param


def _sound(figure: go.Figure, said: CostWords) -> None:
    """A browser can draw it: it is JSON, holds no NaN, and has a trace for each block in the fixed order."""
    drawn = json.loads(figure.to_json())
    assert [trace["name"] for trace in drawn["data"]][:3] == [said.kinds[kind] for kind in KINDS]
    for trace in figure.data:
        for numbers in (trace.x, trace.y):
            assert len(numbers)
            assert all(math.isfinite(number) for number in numbers)
            assert min(numbers) >= 0


@specs
@measures
def test_one_bar_a_layer(spec: CompareSpec, measure: Measure, spoken: str) -> None:
    rows, names = layer_bars(spec, measure, f"{spoken} of this test")["rows"], BLOCK_LAYER_NAMES
    told: list[tuple[str, str, int]] = []
    percents: list[float] = []
    amounts: list[int] = []
    for row in rows:
        if not row["bars"]:
            block = row["name"]
            continue
        (bar,) = row["bars"]
        (part,) = bar["parts"]
        name, said = part["tell"].rsplit(": ", 1)
        assert name == f"{block}, {row['name']}", "the block's name stands over its bars"
        told.append((part["kind"], row["name"], int(said.replace(",", ""))))
        percents.append(part["percent"])
        amounts.append(told[-1][2])
        assert bar["value"] == figure_text(measure, amounts[-1])
    layers = [
        (column.kind, translate(names[layer.name]), getattr(layer, measure))
        for column in compare(spec)
        for layer in block_cost(column.spec, spec.size, spec.size, spec.batch_size).layers
    ]
    assert told == layers
    named = cost_words(measure, compare(spec)).kinds
    assert [row["name"] for row in rows if not row["bars"]] == [named[kind] for kind in KINDS]
    assert percents == pytest.approx([100 * amount / max(amounts) for amount in amounts], abs=0.001)
    assert max(percents) == 100


@specs
@measures
def test_the_spectrum_holds_every_number_of_segments(spec: CompareSpec, measure: Measure) -> None:
    said, columns, points = cost_words(measure), compare(spec), spectrum(spec)
    current = spec.segments or spec.out_channels
    figure = spectrum_figure(points, columns, measure, current, said)
    # of the line over all segments, one point alone is the extreme block
    _sound(figure, replace(said, kinds={**said.kinds, "extreme": said.notes["module"]}))
    standard, extreme, separable, marked = figure.data
    assert list(extreme.x) == [d for d in range(1, spec.out_channels + 1) if spec.out_channels % d == 0]
    assert list(extreme.y) == [getattr(point.cost, measure) for point in points]
    assert [x * c for x, c in zip(extreme.x, extreme.customdata, strict=True)] == [spec.out_channels] * len(points)
    for line, column in ((standard, columns[0]), (separable, columns[2])):
        assert list(line.x) == [1, spec.out_channels]
        assert list(line.y) == [getattr(column.cost, measure)] * 2
    # the ring stands on the extreme block that the page shows
    assert (list(marked.x), list(marked.y)) == ([current], [getattr(columns[1].cost, measure)])
    assert marked.name == said.notes["current"]
    ticks = [text.split("<br>")[0] for text in figure.layout.xaxis.ticktext]
    assert ticks == [str(x) for x in figure.layout.xaxis.tickvals] == [str(x) for x in extreme.x]
    assert said.notes["regular"] in figure.layout.xaxis.ticktext[0]
    assert said.notes["one"] in figure.layout.xaxis.ticktext[-1]
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (said.notes["axis"], said.measure)


def test_inceptions_place_on_the_spectrum_is_three_to_four_segments() -> None:
    figure = spectrum_figure(spectrum(SPECS[0]), compare(SPECS[0]), "macs", 128, cost_words("macs"))
    (band,), (label,) = figure.layout.shapes, figure.layout.annotations
    assert 2 < band.x0 < 3
    assert 4 < band.x1 < 5
    # plotly takes an annotation's place on a logarithmic axis as the logarithm, a shape's as the number
    assert band.x0 < 10**label.x < band.x1
    assert "Inception" in label.text


@specs
@pytest.mark.parametrize("field", tuple(SWEEP_VALUES))
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_sweep_marks_where_the_page_stands(spec: CompareSpec, field: SweepField, scale: str) -> None:
    for measure in MEASURES:
        columns, run = compare(spec), sweep(spec, field)
        said = cost_words(measure, columns)
        figure = sweep_figure(run, measure, scale, said)
        _sound(figure, said)
        (mark,) = figure.layout.shapes
        assert mark.x0 == mark.x1 == getattr(spec, field)
        for trace, column in zip(figure.data, columns, strict=True):
            assert list(trace.x) == list(run.values)
            assert list(trace.y) == [getattr(cost, measure) for cost in run.costs[column.kind]]
            here = int(np.flatnonzero(np.array(trace.x) == mark.x0)[0])
            assert trace.y[here] == getattr(column.cost, measure), "where the mark is, the page's own numbers are"
        assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == (scale, scale)
        assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (field, said.measure)


def test_the_charts_speak_the_readers_language(spoken: str) -> None:
    said = cost_words("params")
    texts = [said.measure, *said.kinds.values(), *(text for key, text in said.notes.items() if key != "inception")]
    assert all(any("가" <= c <= "힣" for c in text) == (spoken == "ko") for text in texts)


# decimal prefixes, of counts and of bytes
PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@specs
@measures
def test_a_chart_says_its_numbers_to_those_who_do_not_see_it(spec: CompareSpec, measure: Measure) -> None:
    said = cost_words(measure, compare(spec))
    title, _, numbers = chart_summary(compare(spec), measure).partition(". ")
    assert title == said.measure
    parts = dict(part.split(": ") for part in numbers.removesuffix(".").split("; "))
    assert list(parts) == [said.kinds[kind] for kind in KINDS]
    for kind in KINDS:
        number, _, unit = parts[said.kinds[kind]].partition(" ")
        assert unit.endswith("B") == (measure == "moved_bytes")
        value = float(number.replace(",", "")) * PREFIXES[unit.removesuffix("B")]
        cost = block_cost(spec.block(kind), spec.size, spec.size, spec.batch_size)
        assert value == pytest.approx(getattr(cost, measure), rel=5e-3), "three digits of the engine's number"
