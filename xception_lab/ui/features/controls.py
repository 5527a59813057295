"""The Feature maps page's rows of controls."""

from collections.abc import Callable, Mapping

import streamlit as st

from xception_lab.features.filters import HandFilters
from xception_lab.ui.features.lab_runs import lab_run_control, readable_runs, run_file_control
from xception_lab.ui.features.picture import grid_controls
from xception_lab.ui.fields.compare import OWN_DEFAULT
from xception_lab.ui.shell.address import confine
from xception_lab.ui.shell.controls import control

_OF_FILTERS = {
    "hand": ("intermediate", "kernel"),
    "random": ("intermediate", "groups", "draw"),
    "trained": ("intermediate", "trained_on"),
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
_TRAINED_WITH = (OWN_DEFAULT, "none", "relu")


def style() -> None:
    """What this page has of its own."""
    st.html(_CSS)


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


def number_controls(values: Mapping[str, str], filters: HandFilters) -> None:
    """The numbers of hand-set filters, or the size of random ones."""
    if values["filters"] in ("trained", "run"):
        return
    choices, numbers = st.columns((2, 3), gap="large")
    with choices:
        control("kernel_size")
    if values["filters"] == "hand":
        with choices:
            control("mix")
        with numbers:
            grid_controls(filters)


def display_controls(downloads: Callable[[], None]) -> None:
    """How maps are drawn, and in the same row what can be taken home of them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="seeing"):
        for key in ("sort", "range", "map_size"):
            control(key)
        st.space("stretch")
        with st.container(horizontal=True, width="content"):
            downloads()
