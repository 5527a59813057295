"""Plotly figures on a page: the words they need, their text summary, and how they are shown."""

import plotly.graph_objects as go
import streamlit as st


def show_chart(figure: go.Figure, key: str, alt: str) -> None:
    """Show a figure with a text summary; its own menu exports it as a picture."""
    config = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
        "toImageButtonOptions": {"filename": f"xception-lab-{key}", "scale": 2},
    }
    st.plotly_chart(figure, key=key, alt=alt, config=config)
