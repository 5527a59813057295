"""The Feature maps page's rows of controls, and its style sheet."""

from collections.abc import Callable

import streamlit as st

from xception_lab.features.filters import HandFilters
from xception_lab.ui.features.blocks import TRAINED_FILTERS
from xception_lab.ui.features.lab_runs import lab_run_control, load_lab_runs, run_file_control
from xception_lab.ui.features.own_filters import grid_controls
from xception_lab.ui.fields.compare import INTERMEDIATE, KERNEL_SIZE
from xception_lab.ui.fields.features import (
    DRAW,
    FILTERS,
    GROUPS,
    KERNEL,
    MAP_SIZE,
    MIX,
    RANGE,
    SORT,
    TRAINED_ON_DATA,
    FeaturesState,
    FilterSource,
)
from xception_lab.ui.shell.address import confine
from xception_lab.ui.shell.controls import Fields, control

_FIELDS_BY_FILTERS: dict[FilterSource, Fields] = {
    "hand": (INTERMEDIATE, KERNEL),
    "random": (INTERMEDIATE, GROUPS, DRAW),
    "trained": (INTERMEDIATE, TRAINED_ON_DATA),
    "run": (),
}
_CSS = """
<style>
/* a click is answered within a few frames: to fade out elements that come again at once would take as many */
.stElementContainer { transition: none !important; opacity: 1 !important; }
/* the views' names explain themselves; the label stays for screen readers */
.st-key-share .st-key-look [data-testid=stWidgetLabel] { position: absolute; clip-path: inset(50%); }
@media (min-width: 1201px) { .st-key-lead { min-height: 7.6rem; } }
@media (max-width: 700px) {
  /* one below the other, the switch of the ReLU first: each is on the screen */
  .st-key-filtering { gap: .4rem .9rem; }
  .st-key-filtering .st-key-intermediate { order: -1; }
}
</style>
"""
# the shipped networks: as in the paper, and a separable block with a ReLU; no extreme block without one was trained
_TRAINED_INTERMEDIATES = ("paper", "relu")


def add_style() -> None:
    """Add this page's own style sheet."""
    st.html(_CSS)


def filter_controls(state: FeaturesState) -> None:
    """Draw the choice of the three blocks' filters."""
    trained = state.filters == "trained"
    runs = load_lab_runs() if state.filters == "run" else {}
    if trained:
        confine(INTERMEDIATE, _TRAINED_INTERMEDIATES, INTERMEDIATE.default)
    with st.container(horizontal=True, vertical_alignment="bottom", key="filtering"):
        for field in (FILTERS, *_FIELDS_BY_FILTERS[state.filters]):
            control(field, _TRAINED_INTERMEDIATES if trained and field is INTERMEDIATE else ())
        if state.filters == "run":
            lab_run_control(runs)
    if state.filters == "run":
        run_file_control(runs)


def number_controls(state: FeaturesState, filters: HandFilters) -> None:
    """Draw the numbers of hand-set filters, or the size of random ones; trained ones have neither."""
    if state.filters in TRAINED_FILTERS:
        return
    choices, numbers = st.columns((2, 3), gap="large")
    with choices:
        control(KERNEL_SIZE)
    if state.filters == "hand":
        with choices:
            control(MIX)
        with numbers:
            grid_controls(filters)


def display_controls(downloads: Callable[[], None]) -> None:
    """Draw how maps are shown. downloads: draws the download buttons in the same row."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="display"):
        for field in (SORT, RANGE, MAP_SIZE):
            control(field)
        st.space("stretch")
        with st.container(horizontal=True, width="content"):
            downloads()
