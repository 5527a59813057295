"""Small drawings of the glossary's terms, as SVG of 240 × 120 units.

Nothing in them is coloured: a node's classes say what it is, and the style sheet of the component `terms` says how
that looks. "grid" and "axis" are lines, "rim" is dashed; "tap" is what a kernel reads or writes, "window" a frame
around it, "beam" leads from what is read to what is written; "dot" is a channel, "link" joins two of them. A class of
a layer's kind, such as "depthwise", gives the node that kind's colour. Text is symbols only, the same in every
language.

Positions are computed from what is drawn (kernel size, stride, dilation, ...), by the engine's own windows where there
is one.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from math import expm1, log10

from xception_lab.arch.cost import block_cost
from xception_lab.arch.receptive_field import LayerWindow
from xception_lab.spec import BlockSpec

WIDTH, HEIGHT = 240, 120

Cells = Iterable[tuple[int, int]]  # (column, row)


class _Grid:
    """A grid of square cells. x, y: its upper left corner. side: of a cell."""

    def __init__(self, x: float, y: float, columns: int, rows: int, side: float) -> None:
        self.x, self.y, self.columns, self.rows, self.side = x, y, columns, rows, side

    def lines(self, kind: str = "grid") -> str:
        right, bottom = self.x + self.columns * self.side, self.y + self.rows * self.side
        down = "".join(f"M{self.x + i * self.side:g} {self.y:g}V{bottom:g}" for i in range(self.columns + 1))
        across = "".join(f"M{self.x:g} {self.y + i * self.side:g}H{right:g}" for i in range(self.rows + 1))
        return _path(kind, down + across)

    def taps(self, cells: Cells, kind: str) -> str:
        s = self.side
        return _path(
            f"tap {kind}", "".join(f"M{self.x + c * s:g} {self.y + r * s:g}h{s:g}v{s:g}h{-s:g}z" for c, r in cells)
        )

    def right_edge(self, columns: range, rows: range) -> tuple[float, float, float]:
        """(x, top, bottom) of the right side of some cells."""
        x = self.x + columns.stop * self.side
        return x, self.y + rows.start * self.side, self.y + rows.stop * self.side

    def left_edge(self, columns: range, rows: range) -> tuple[float, float, float]:
        """(x, top, bottom) of the left side of some cells."""
        return self.x + columns.start * self.side, *self.right_edge(columns, rows)[1:]


def _path(kind: str, shape: str) -> str:
    return f'<path class="{kind}" d="{shape}"/>'


def _beam(start: tuple[float, float, float], end: tuple[float, float, float], kind: str) -> str:
    (x, top, bottom), (end_x, end_top, end_bottom) = start, end
    return _path(f"beam {kind}", f"M{x:g} {top:g}L{end_x:g} {end_top:g}V{end_bottom:g}L{x:g} {bottom:g}z")


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}">{text}</text>'


def _arrow(x: float, y: float, length: float) -> str:
    """An arrow to the right from (x, y)."""
    return _path("axis", f"M{x:g} {y:g}h{length:g}m-4 -3l4 3l-4 3")


def _square(size: int) -> list[tuple[int, int]]:
    return [(column, row) for row in range(size) for column in range(size)]


def _moved(cells: Cells, columns: int, rows: int) -> list[tuple[int, int]]:
    return [(column + columns, row + rows) for column, row in cells]


# Channels as grids: what a convolution reads, and what it writes

_CHANNELS = 3
_SIDE = 6  # of a cell
_PICTURE = 5  # height and width of the input, in cells


def _channel_grids(x: float, size: int) -> list[_Grid]:
    """One grid per channel, below each other. size: in cells."""
    gap, height = 8, _PICTURE * _SIDE
    top = (HEIGHT - _CHANNELS * height - (_CHANNELS - 1) * gap) / 2
    shift = (height - size * _SIDE) / 2
    return [_Grid(x, top + i * (height + gap) + shift, size, size, _SIDE) for i in range(_CHANNELS)]


def _convolve(before: Sequence[_Grid], after: Sequence[_Grid], kernel_size: int, kind: str, reads: str) -> str:
    """Beams and taps of one position. reads: "own", each channel its own, or "all", the middle channel all."""
    middle = after[0].columns // 2
    cell = range(middle, middle + 1)
    window = range(middle, middle + kernel_size)
    taps = _moved(_square(kernel_size), middle, middle)
    written = after if reads == "own" else after[1:2]
    pairs = zip(before, after, strict=True) if reads == "own" else ((grid, after[1]) for grid in before)
    beams = [_beam(a.right_edge(window, window), b.left_edge(cell, cell), kind) for a, b in pairs]
    marks = [*(grid.taps(taps, kind) for grid in before), *(grid.taps([(middle, middle)], kind) for grid in written)]
    return "".join((*beams, *marks))


def _lines(*columns: Sequence[_Grid]) -> str:
    return "".join(grid.lines() for grids in columns for grid in grids)


def _single_convolution(kernel_size: int, kind: str, reads: str) -> str:
    before, after = _channel_grids(52, _PICTURE), _channel_grids(170, _PICTURE - kernel_size + 1)
    return _lines(before, after) + _convolve(before, after, kernel_size, kind, reads)


def _convolution() -> str:
    return _single_convolution(3, "standard", "all")


def _depthwise() -> str:
    return _single_convolution(3, "depthwise", "own")


def _pointwise() -> str:
    return _single_convolution(1, "pointwise", "all")


def _separable() -> str:
    first, second, third = _channel_grids(16, _PICTURE), _channel_grids(114, 3), _channel_grids(206, 3)
    return (
        _lines(first, second, third)
        + _convolve(first, second, 3, "depthwise", "own")
        + _convolve(second, third, 1, "pointwise", "all")
    )


def _extreme() -> str:
    first, second, third = _channel_grids(12, _PICTURE), _channel_grids(104, _PICTURE), _channel_grids(208, 3)
    # the 1×1 is drawn at the position in the middle of the window that the spatial convolution reads
    return (
        _lines(first, second, third)
        + _convolve(second, third, 3, "depthwise", "own")
        + _convolve(first, second, 1, "pointwise", "all")
    )


# Channels as dots, and what reads what


def _dots(x: float, count: int, top: float, bottom: float) -> list[tuple[float, float]]:
    step = (bottom - top) / (count - 1)
    return [(x, top + i * step) for i in range(count)]


def _links(before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]], groups: int, kind: str) -> str:
    ins, outs = len(before) // groups, len(after) // groups
    return _path(
        f"link {kind}",
        "".join(
            f"M{x:g} {y:g}L{to_x:g} {to_y:g}"
            for i, (to_x, to_y) in enumerate(after)
            for x, y in before[i // outs * ins : (i // outs + 1) * ins]
        ),
    )


def _circles(*columns: Sequence[tuple[float, float]]) -> str:
    return _path("dot", "".join(f"M{x - 4:g} {y:g}a4 4 0 1 1 8 0a4 4 0 1 1 -8 0" for dots in columns for x, y in dots))


def _segment() -> str:
    top, bottom, segments = 26, 111, 3
    first, second, third = _dots(30, 4, top, bottom), _dots(120, 6, top, bottom), _dots(210, 6, top, bottom)
    size = len(second) // segments
    frames = "".join(
        f"M111 {second[i][1] - 8:g}h18V{second[i + size - 1][1] + 8:g}h-18z" for i in range(0, len(second), size)
    )
    return (
        _links(first, second, 1, "pointwise")
        + _links(second, third, segments, "spatial")
        + _path("rim", frames)
        + _circles(first, second, third)
        + _text(75, 12, "1×1")
        + _text(165, 12, "3×3")
    )


def _groups() -> str:
    parts: list[str] = []
    for place, (groups, kind) in enumerate(((1, "standard"), (2, "spatial"), (4, "depthwise"))):
        x = 22 + place * 80
        before, after = _dots(x, 4, 30, 110), _dots(x + 36, 4, 30, 110)
        parts += (_links(before, after, groups, kind), _circles(before, after), _text(x + 18, 14, f"groups={groups}"))
    return "".join(parts)


# One channel as a grid: the place of the window

_CELL = 14


def _window(kernel_size: int, side: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> LayerWindow:
    """The window of a convolution on a picture of `side` cells a side."""
    size = dilation * (kernel_size - 1) + 1
    return LayerWindow(stride, size, -padding, side, (side + 2 * padding - size) // stride + 1)


def _input_and_output(window: LayerWindow) -> tuple[_Grid, _Grid]:
    left, right = (
        _Grid(x - cells * _CELL / 2, (HEIGHT - cells * _CELL) / 2, cells, cells, _CELL)
        for x, cells in ((73, window.in_side), (187, window.out_side))
    )
    return left, right


def _read_cells(window: LayerWindow, column: int, row: int) -> tuple[range, range]:
    """The columns and rows that an output position reads; those of the padding lie outside of the picture."""
    assert window.size is not None
    left, top = (window.stride * position + window.start for position in (column, row))
    return range(left, left + window.size), range(top, top + window.size)


def _read(window: LayerWindow, column: int, row: int, kind: str) -> str:
    """An output position, the frame around what it reads, and the beam between the two."""
    before, after = _input_and_output(window)
    read = _read_cells(window, column, row)
    (right, top, bottom), (left, *_rest) = before.right_edge(*read), before.left_edge(*read)
    written = after.left_edge(range(column, column + 1), range(row, row + 1))
    return (
        _beam((right, top, bottom), written, kind)
        + _path(f"window {kind}", f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z")
        + after.taps([(column, row)], kind)
    )


def _stride() -> str:
    window = _window(3, 7, stride=2)
    before, after = _input_and_output(window)
    # from the middle of one window to the middle of the next
    arrow = _arrow(before.x + 1.5 * _CELL, before.y + 1.5 * _CELL, window.stride * _CELL)
    reads = _read(window, 1, 0, "depthwise") + _read(window, 0, 0, "standard")
    return before.lines() + after.lines() + reads + arrow


def _padding() -> str:
    padding = 1
    window = _window(3, 5, padding=padding)
    before, after = _input_and_output(window)
    cells = range(-padding, before.columns + padding)
    ring = [(c, r) for r in cells for c in cells if not (0 <= c < before.columns and 0 <= r < before.rows)]
    # each sign of the one text has a place of its own
    x = " ".join(f"{before.x + (c + 0.5) * _CELL:g}" for c, _r in ring)
    y = " ".join(f"{before.y + (r + 0.5) * _CELL + 4:g}" for _c, r in ring)
    zeros = f'<text x="{x}" y="{y}">{"0" * len(ring)}</text>'
    width, start = len(cells) * _CELL, (before.x - padding * _CELL, before.y - padding * _CELL)
    rim = _path("rim", f"M{start[0]:g} {start[1]:g}h{width}v{width}h{-width}z")
    return before.lines() + after.lines() + rim + _read(window, 0, 0, "standard") + zeros


def _dilation() -> str:
    dilation = 2
    window = _window(3, 7, dilation=dilation)
    before, after = _input_and_output(window)
    columns, rows = _read_cells(window, 1, 1)
    taps = [(column, row) for row in rows[::dilation] for column in columns[::dilation]]
    return before.lines() + after.lines() + _read(window, 1, 1, "standard") + before.taps(taps, "standard")


def _receptive_field() -> str:
    """Two 3×3 layers from the side: one position of the upper row reads three, those read five."""
    layers = [_window(3, 9), _window(3, 7)]
    widths, side = (9, 7, 5), 20
    grids = [_Grid((WIDTH - n * side) / 2, 92 - 40 * i, n, 1, side) for i, n in enumerate(widths)]
    low = high = widths[-1] // 2
    spans = [(low, high)]
    for layer in reversed(layers):
        low, high = layer.reads(low, high)
        spans.insert(0, (low, high))
    parts = [grid.lines() for grid in grids]
    for below, above, (first, last), (top_first, top_last) in zip(grids, grids[1:], spans, spans[1:], strict=False):
        corners = (below.x + first * side, below.x + (last + 1) * side)
        ends = (above.x + top_first * side, above.x + (top_last + 1) * side)
        bottom, top = below.y, above.y + side
        shape = f"M{corners[0]:g} {bottom:g}L{ends[0]:g} {top:g}H{ends[1]:g}L{corners[1]:g} {bottom:g}z"
        parts.append(_path("beam standard", shape))
    parts += [
        grid.taps([(column, 0) for column in range(first, last + 1)], "standard")
        for grid, (first, last) in zip(grids, spans, strict=True)
    ]
    return "".join(parts)


# Functions, and what is measured


def _residual() -> str:
    tip, box = "m-4 -3l4 3l-4 3", "h34v30h-34z"
    body = f"M8 84H52{tip}M52 69{box}M86 84H108{tip}M108 69{box}M142 84H172{tip}"
    addition = f"M174 84a10 10 0 1 1 20 0a10 10 0 1 1 -20 0M179 84h10M184 79v10M196 84H230{tip}"
    return (
        _path("link shortcut", "M26 84V34H184V72m-4 -6l4 6l4 -6")
        + _path("axis", body + addition)
        + "".join((_text(16, 74, "x"), _text(105, 27, "x"), _text(69, 88, "3×3"), _text(125, 88, "3×3")))
        + _text(215, 70, "F(x) + x")
    )


def _function(function: Callable[[float], float]) -> str:
    """The graph from -4 to 4 over its axes."""
    unit, x0, y0 = 24, 120, 88
    points = [(x / 8, function(x / 8)) for x in range(-32, 33)]
    curve = "L".join(f"{x0 + unit * x:g} {y0 - unit * y:.4g}" for x, y in points if y0 - unit * y >= 8)
    return _path("axis", f"M16 {y0}H224M{x0} 8V116") + _path("curve depthwise", f"M{curve}") + _text(220, y0 - 6, "x")


def _relu() -> str:
    return _function(lambda x: max(0.0, x))


def _elu() -> str:
    bound = 88 + 24  # where the curve goes to: -1
    return (
        _path("rim", f"M16 {bound}H120") + _text(132, bound + 4, "−1") + _function(lambda x: x if x > 0 else expm1(x))
    )


SAMPLES, MISSES = 20, 1
_Z = 1.96  # of a 95% interval with a known standard deviation


def interval_means() -> list[float]:
    """Estimates of a true value 0, standard error 1; the first draw in which as many intervals miss it as expected."""
    draws = (random.Random(seed) for seed in count())
    samples = ([draw.gauss(0, 1) for _sample in range(SAMPLES)] for draw in draws)
    return next(means for means in samples if sum(abs(mean) > _Z for mean in means) == MISSES)


def _interval() -> str:
    unit, middle = 12, HEIGHT / 2
    parts = [_path("rim", f"M8 {middle:g}H232")]
    for place, mean in enumerate(interval_means()):
        x, y = 15.5 + 11 * place, middle - unit * mean
        kind = "spatial" if abs(mean) > _Z else "pointwise"
        whisker = f"M{x:g} {y - unit * _Z:.4g}V{y + unit * _Z:.4g}"
        parts.append(_path(f"curve {kind}", f"{whisker}M{x - 1.5:g} {y:.4g}h3"))
    return "".join(parts)


def _equivalence() -> str:
    """The band of the margin, and three intervals: inside, across its edge, outside."""
    unit, x0 = 50, 108
    band = f"M{x0 - unit} 8H{x0 + unit}V98H{x0 - unit}z"
    parts = [_path("beam pointwise", band), _path("rim", f"M{x0} 8V98"), _path("axis", "M16 98H216")]
    for y, low, high, kind, sign in (
        (26, -0.5, 0.7, "pointwise", "="),
        (53, -0.4, 1.5, "other", "?"),
        (80, 1.2, 1.9, "spatial", "≠"),
    ):
        parts.append(_path(f"curve {kind}", f"M{x0 + unit * low:g} {y}H{x0 + unit * high:g}"))
        parts.append(_text(226, y + 4, sign))
    marks = ((x0 - unit, "−δ"), (x0, "0"), (x0 + unit, "δ"))
    return "".join((*parts, *(_text(x, 113, text) for x, text in marks)))


def _roofline() -> str:
    """The two convolutions of Xception's middle flow on the roof of a machine whose ridge lies between them.

    Both axes are logarithmic.
    """
    layers = {layer.name: layer for layer in block_cost(BlockSpec("separable", 728, 728), 19, 19).layers}
    depthwise, pointwise = (log10(layers[name].intensity) for name in ("depthwise", "pointwise"))
    low, high, ridge = depthwise - 0.5, pointwise + 0.4, (depthwise + pointwise) / 2
    left, right, top, bottom = 28, 212, 30, 104

    def place(intensity: float) -> tuple[float, float]:
        below = max(0.0, ridge - intensity) / (ridge - low)
        return left + (intensity - low) / (high - low) * (right - left), top + below * (bottom - top)

    roof = "L".join(f"{x:.4g} {y:.4g}" for x, y in map(place, (low, ridge, high)))
    parts = [_path("axis", f"M{left} 8V{bottom}H224"), _path("curve standard", f"M{roof}")]
    for intensity, kind, text in ((depthwise, "depthwise", "3×3"), (pointwise, "pointwise", "1×1")):
        x, y = place(intensity)
        parts.append(f'<circle class="tap {kind}" cx="{x:.4g}" cy="{y:.4g}" r="5"/>')
        parts.append(_text(x + 18, y + 14, text))
    return "".join((*parts, _text(126, 117, "FLOP / byte"), _text(60, 16, "FLOP / s")))


_DRAWINGS: dict[str, Callable[[], str]] = {
    "convolution": _convolution,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "separable": _separable,
    "extreme": _extreme,
    "segment": _segment,
    "groups": _groups,
    "stride": _stride,
    "padding": _padding,
    "dilation": _dilation,
    "receptive_field": _receptive_field,
    "relu": _relu,
    "elu": _elu,
    "residual": _residual,
    "interval": _interval,
    "equivalence": _equivalence,
    "roofline": _roofline,
}


def term_drawings() -> dict[str, str]:
    """{key of the glossary: its drawing}, for the terms that have one."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
    return {key: f"{head}{draw()}</svg>" for key, draw in _DRAWINGS.items()}
