"""Network: Xception itself, taken apart."""

from functools import partial

import streamlit as st

from xception_lab.arch.breakdown import cost_changes, paper_network
from xception_lab.ui.fields.field import VIEW_BELOW
from xception_lab.ui.fields.network import (
    CHOSEN_STAGE,
    CONVOLUTION,
    FIXED_VIEWS,
    INPUT_SIZE,
    MIDDLE_BLOCKS,
    NETWORK_INTERMEDIATE,
    NETWORK_ORDER,
    NETWORK_SEGMENTS,
    NETWORK_VIEW,
    NUM_CLASSES,
    RESIDUAL,
    SMALL_STEM,
    WIDTH_PERCENT,
    NetworkState,
)
from xception_lab.ui.network.architecture import show_architecture, show_stage
from xception_lab.ui.network.charts import ChartRequest
from xception_lab.ui.network.overview import network_headline, network_of, show_network_figures
from xception_lab.ui.network.paper import show_modules, show_relatives
from xception_lab.ui.network.views import show_export, show_layers, show_shares, show_what_if
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import also_set, control, main_controls, more_controls
from xception_lab.ui.shell.frame import finish, frame, heading
from xception_lab.ui.shell.language import translate as _

state = frame("network", NetworkState)
# regular convolutions have no order, no segments and nothing between
OF_SEPARABLE = (NETWORK_SEGMENTS, NETWORK_ORDER, NETWORK_INTERMEDIATE) if state.convolution == "separable" else ()
MAIN = (INPUT_SIZE, WIDTH_PERCENT, MIDDLE_BLOCKS, *OF_SEPARABLE[:1])
MORE = (CONVOLUTION, *OF_SEPARABLE[1:], RESIDUAL, SMALL_STEM, NUM_CLASSES)
network = network_of(state)
request = ChartRequest(network, state, MAIN)
changes = cost_changes(network, paper_network())
with st.container(horizontal=True, vertical_alignment="center", key="title"):
    heading(_("Xception, taken apart"))
    more_controls(MORE)
st.container(key="lead").markdown(network_headline(network))
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control(NETWORK_VIEW)
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
if state.network_view not in FIXED_VIEWS:
    show_network_figures(network, state, MAIN)
    main_controls(MAIN)
also_set(MORE)


def architecture() -> None:
    """The network as cards, and the chosen one beside them."""
    drawing, chosen = st.columns((62, 38), gap="medium")
    with drawing:
        show_architecture(network, state.stage)
    with chosen, st.container(key=CHOSEN_STAGE):
        show_stage(network, state.stage)


show_view = {
    "architecture": architecture,
    "shares": partial(show_shares, request),
    "layer_table": partial(show_layers, network, state),
    "what_if": partial(show_what_if, request, changes),
    "relatives": show_relatives,
    "modules": lambda: show_modules(state.towers),
    "export": partial(show_export, network, state, changes),
}[state.network_view]
with st.container(key=VIEW_BELOW):
    show_view()
finish(state)
