"""Network: Xception itself, taken apart."""

from functools import partial

import streamlit as st

from xception_lab.arch.breakdown import cost_changes
from xception_lab.ui.fields.network import FIXED_VIEWS, NETWORK_KEYS
from xception_lab.ui.network.charts import chart_request
from xception_lab.ui.network.overview import (
    network_headline,
    network_of,
    paper_network,
    show_anatomy,
    show_architecture,
    show_stage,
)
from xception_lab.ui.network.paper import show_modules, show_relatives
from xception_lab.ui.network.views import show_export, show_layers, show_shares, show_what_if
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control, main_controls, more_controls
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import translate as _

MAIN = ("input_size", "width_percent", "middle_blocks", "network_segments")
MORE = ("convolution", "network_order", "network_intermediate", "residual", "small_stem", "num_classes")

values = frame("network", NETWORK_KEYS)
network = network_of(values)
asked = chart_request(network, values, MAIN)
rows = cost_changes(network, paper_network())
st.subheader(_("Xception, taken apart"), anchor=False)
st.markdown(network_headline(network))
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control("network_view")
    st.space("stretch")
    more_controls(MORE)
    copy_link(_("Copy link"), _("Copied"))
if values["network_view"] not in FIXED_VIEWS:
    show_anatomy(network, values, MAIN)
    main_controls(MAIN)


def architecture() -> None:
    """The drawing, and the chosen block beside it."""
    drawing, chosen = st.columns((62, 38), gap="medium")
    with drawing:
        show_architecture(network, values["stage"])
    with chosen, st.container(key="chosen"):
        show_stage(network, values["stage"])


{
    "architecture": architecture,
    "shares": partial(show_shares, asked),
    "layer_table": partial(show_layers, network, values),
    "what_if": partial(show_what_if, asked, rows),
    "relatives": show_relatives,
    "modules": lambda: show_modules(int(values["towers"])),
    "export": partial(show_export, network, rows),
}[values["network_view"]]()
finish(NETWORK_KEYS)
