"""The Feature maps page's rows of controls."""

from collections.abc import Callable

import streamlit as st

from xception_lab.features.filters import HandFilters
from xception_lab.ui.features.lab_runs import lab_run_control, readable_runs, run_file_control
from xception_lab.ui.features.picture import grid_controls
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

_OF_FILTERS: dict[FilterSource, Fields] = {
    "hand": (INTERMEDIATE, KERNEL),
    "random": (INTERMEDIATE, GROUPS, DRAW),
    "trained": (INTERMEDIATE, TRAINED_ON_DATA),
    "run": (),
}
_CSS = """
<style>
/* a press answers in a few frames: to fade out what comes again at once would cost as many */
.stElementContainer { transition: none !important; opacity: 1 !important; }
/* the views' names say what they are; the label stays for who hears it */
.st-key-share .st-key-look [data-testid=stWidgetLabel] { position: absolute; clip-path: inset(50%); }
@media (max-width: 700px) {
  /* up to the edge, so that the next control peeps out */
  .st-key-filtering { flex-wrap: nowrap; gap: .5rem; margin-right: -.75rem; overflow-x: auto; scrollbar-width: none; }
  .st-key-filtering > * { flex: 0 0 auto; }
}
</style>
"""
_TRAINED_WITH = ("paper", "none", "relu")  # what the shipped networks have between their convolutions


def style() -> None:
    """What this page has of its own."""
    st.html(_CSS)


def filter_controls(state: FeaturesState) -> None:
    """Which filters the three blocks get."""
    trained = state.filters == "trained"
    runs = readable_runs() if state.filters == "run" else {}
    if trained:
        confine(INTERMEDIATE, _TRAINED_WITH, INTERMEDIATE.default)
    with st.container(horizontal=True, vertical_alignment="bottom", key="filtering"):
        for field in (FILTERS, *_OF_FILTERS[state.filters]):
            control(field, _TRAINED_WITH if trained and field is INTERMEDIATE else ())
        if state.filters == "run":
            lab_run_control(runs)
    if state.filters == "run":
        run_file_control(runs)


def number_controls(state: FeaturesState, filters: HandFilters) -> None:
    """The numbers of hand-set filters, or the size of random ones."""
    if state.filters in ("trained", "run"):
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
    """How maps are drawn, and in the same row what can be taken home of them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="seeing"):
        for field in (SORT, RANGE, MAP_SIZE):
            control(field)
        st.space("stretch")
        with st.container(horizontal=True, width="content"):
            downloads()
