"""Charts on a page: plotly's figures, and amounts that the browser draws itself."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import plotly.graph_objects as go
import streamlit as st

from xception_lab.figures.style import enlarge
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import is_projected
from xception_lab.ui.shell.language import translate as _

Subject = TypeVar("Subject")


class FixedFigure(go.Figure):
    """A figure that nothing changes any more: made into a dict once, however often and to whom it is shown.

    To build a figure and to make it a dict takes plotly longer than the rest of a page's run takes, so what many ask
    for is kept as one of these, in a cache by spec, language and size (`fix_figure`).
    """

    def __init__(self, as_dict: dict[str, Any]) -> None:
        """as_dict: of the figure; itself this one has no part."""
        super().__init__()
        self._as_dict = as_dict

    def to_dict(self) -> dict[str, Any]:
        """The figure's dict, shared: not to be changed."""
        return self._as_dict


def fix_figure(figure: go.Figure, is_large: bool) -> FixedFigure:
    """The figure as it is shown from now on. is_large: for a projector."""
    if is_large:
        enlarge(figure)
    return FixedFigure(figure.to_dict())


def show_chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure. key: its widget's key and the name of the file that its menu saves. alt: the figure as text."""
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": f"xception-lab-{key}", "scale": 2},
    }
    if is_projected() and not isinstance(figure, FixedFigure):
        enlarge(figure)
    st.plotly_chart(figure, key=key, alt=alt, config=config)


def show_amounts(
    key: str,
    title: str,
    summary: str,
    draw: Callable[[Subject], dict[str, Any]],
    subject: Subject,
    at: Mapping[str, str],
    ahead: Mapping[str, Mapping[str, Subject]],
) -> None:
    """Show amounts as bars or nested areas, which the browser draws: at a key press at once, before the page has run.

    draw: makes of a subject rows of bars, or areas, with a legend. at: the texts of the sliders that the subject
    depends on, by key. ahead: by slider and its text, the subject one step away.
    """
    data = {
        "chart": draw(subject),
        "at": at,
        "ahead": {
            slider: {text: draw(step) for text, step in steps.items() if text != at[slider]}
            for slider, steps in ahead.items()
        },
        "title": title,
        "summary": f"{title}. {summary}",
        "hint": _("Point at a part, or step through with the arrow keys, for its exact number."),
        "save": _("Save the picture (SVG)"),
        "file": f"xception-lab-{key}.svg",
    }
    components.amounts(data, key)
