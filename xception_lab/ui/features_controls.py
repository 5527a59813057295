"""The Feature maps page's rows of controls."""

from collections.abc import Mapping

import streamlit as st

from xception_lab.ui.controls import control
from xception_lab.ui.features_input import grid_controls, hand_filters

_OF_FILTERS = {"hand": ("kernel",), "random": ("groups", "draw"), "trained": ("trained_on",)}


def filter_controls(values: Mapping[str, str]) -> None:
    """Which filters the three blocks get."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="filtering"):
        for key in ("filters", "intermediate", *_OF_FILTERS[values["filters"]]):
            control(key)


def number_controls(values: Mapping[str, str]) -> None:
    """The numbers of hand-set filters, or the size of random ones."""
    if values["filters"] == "trained":
        return
    size, rest = st.columns((1, 3), gap="medium")
    with size:
        control("kernel_size")
    if values["filters"] == "hand":
        with rest:
            control("mix")
        grid_controls(hand_filters(values))


def sight_controls() -> None:
    """How maps are drawn."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="seeing"):
        for key in ("sort", "range", "map_size"):
            control(key)
