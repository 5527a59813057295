"""Plotly figures on a page: the words they need, their text summary, and how they are shown."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from xception_lab.comparison import Column, Measure
from xception_lab.counters import Count
from xception_lab.figures.cost import Words
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.ui.blocks import figure_text, kind_name, measure_name
from xception_lab.ui.language import text as _


def words(measure: str) -> Words:
    """Every text that a cost chart shows, in this session's language."""
    return Words(
        measure_name(measure),
        {kind: kind_name(kind) for kind in KINDS},
        {
            "conv": _("convolution"),
            "pointwise": _("pointwise"),
            "depthwise": _("depthwise"),
            "spatial": _("spatial"),
            "bn": "BN",
            "pointwise_bn": "BN",
            "depthwise_bn": "BN",
            "intermediate": _("activation between"),
            "activation": _("activation after"),
        },
        {
            "axis": _("segments (groups of the spatial convolution)"),
            "current": _("now"),
            "inception": "Inception",
            "regular": _("regular convolution"),
            "one": _("one a channel"),
            "hover": _("%{x} segments of %{customdata} channels: %{y:,}") + "<extra></extra>",
        },
    )


def show_chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure with a text summary; its own menu exports it as a picture."""
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": f"xception-lab-{key}", "scale": 2},
    }
    st.plotly_chart(figure, key=key, alt=alt, config=config)


def chart_summary(columns: tuple[Column, ...], measure: Measure) -> str:
    """The chart in one sentence, for those who do not see it."""
    parts = [f"{kind_name(c.kind)}: {figure_text(measure, getattr(c.cost, measure))}" for c in columns]
    return f"{measure_name(measure)}. {'; '.join(parts)}."


def counter_rows(
    columns: tuple[Column, ...], spec: CompareSpec, count: Callable[..., tuple[Count, ...]]
) -> list[dict[str, str | int]]:
    """What each counter prints for each block, run now."""
    why = {
        "xception_lab": _("convolutions and linear layers, no bias"),
        "torch FlopCounterMode": _("2 × the same MACs"),
        "torchinfo": _("also one for every batch-norm parameter and picture, and biases at every pixel"),
    }
    return [
        {
            _("block"): kind_name(column.kind),
            _("counter"): found.counter,
            _("prints"): found.figure,
            _("and calls it"): found.quantity,
            _("above our MACs by"): found.excess,
            _("because it counts"): why[found.counter],
        }
        for column in columns
        for found in count(column.spec, spec.size, spec.size, spec.batch_size)
    ]
