"""Plotly figures on a page."""

import plotly.graph_objects as go
import streamlit as st

from xception_lab.figures.style import enlarge
from xception_lab.ui.shell.address import is_projected


def show_chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure. key: its widget's key and the name of the file that its menu saves. alt: the figure as text."""
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": f"xception-lab-{key}", "scale": 2},
    }
    if is_projected():
        enlarge(figure)
    st.plotly_chart(figure, key=key, alt=alt, config=config)
