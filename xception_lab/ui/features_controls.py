"""The Feature maps page's rows of controls."""

from collections.abc import Mapping

import streamlit as st

from xception_lab.ui.controls import control
from xception_lab.ui.features_input import grid_controls, hand_filters
from xception_lab.ui.features_runs import lab_run_control, readable_runs, run_file_control
from xception_lab.ui.fields import OWN_DEFAULT
from xception_lab.ui.links import confine

_OF_FILTERS = {
    "hand": ("intermediate", "kernel"), "random": ("intermediate", "groups", "draw"),
    "trained": ("intermediate", "trained_on"), "run": (),
}  # fmt: skip
_TRAINED_WITH = (OWN_DEFAULT, "none", "relu")


def filter_controls(values: Mapping[str, str]) -> None:
    """Which filters the three blocks get."""
    trained = values["filters"] == "trained"
    runs = readable_runs() if values["filters"] == "run" else {}
    if trained:
        confine("intermediate", _TRAINED_WITH, OWN_DEFAULT)
    with st.container(horizontal=True, vertical_alignment="bottom", key="filtering"):
        for key in ("filters", *_OF_FILTERS[values["filters"]]):
            control(key, _TRAINED_WITH if trained and key == "intermediate" else ())
        if values["filters"] == "run":
            lab_run_control(runs)
    if values["filters"] == "run":
        run_file_control(runs)


def number_controls(values: Mapping[str, str]) -> None:
    """The numbers of hand-set filters, or the size of random ones."""
    if values["filters"] in ("trained", "run"):
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
