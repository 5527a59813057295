"""Feature maps: what each block does to a picture, and what the ReLU throws away."""

import streamlit as st

from xception_lab.ui.features.blocks import (
    block_columns,
    blocks_of,
    downloads,
    features_headline,
    kernel_columns,
    networks_note,
    question,
    show_information,
    stored_note,
)
from xception_lab.ui.features.controls import display_controls, filter_controls, number_controls, style
from xception_lab.ui.features.lab_runs import LAB_RUN, lab_run_address
from xception_lab.ui.features.maps import show_columns
from xception_lab.ui.features.networks import layer_control, network_controls, network_maps, position_controls
from xception_lab.ui.features.picture import chosen_picture, hand_filters, own_grids, picture_control
from xception_lab.ui.features.views import network_columns, show_depth, show_reach
from xception_lab.ui.fields.compare import KERNEL_SIZE
from xception_lab.ui.fields.features import LOOK, TARGET, FeaturesState
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _

state = frame("features", FeaturesState)
style()
st.subheader(question(state), anchor=False)
lead = st.container(key="lead")
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control(LOOK)
    if state.look != "kernels":  # they are the same whatever the picture is
        picture_control(state)
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
picture = chosen_picture(state)


def blocks() -> None:
    """The three blocks map by map."""
    filter_controls(state)
    filters = hand_filters(state)
    found = blocks_of(state, picture, filters)
    lead.markdown(features_headline(found, state))
    if note := networks_note(state):
        lead.markdown(note)
    columns = block_columns(state, found, picture)
    show_columns(columns, state)
    display_controls(lambda: downloads(columns, state, "blocks"))
    number_controls(state, filters)
    stored_note(state)


def kernels() -> None:
    """What the filters are."""
    filter_controls(state)
    filters = hand_filters(state)
    columns = kernel_columns(blocks_of(state, picture, filters))
    show_columns(columns, state, ("first", "second"), enlarge=False)
    number_controls(state, filters)
    st.markdown(paragraph("kernels"))


def network() -> None:
    """Any layer of a network."""
    network_controls(state)
    found = network_maps(state, picture)
    layer_control(found)
    columns = network_columns(state, found, picture)
    show_columns(columns, state, ("second", "after"))
    display_controls(lambda: downloads(columns, state, "network"))


def depth() -> None:
    """Numbers along the depth."""
    network_controls(state)
    show_depth(state, network_maps(state, picture))
    st.markdown(paragraph("depth"))


def reach() -> None:
    """The receptive field of one output position."""
    network_controls(state)
    first = network_maps(state, picture)[0]
    position_controls(state, first)
    show_reach(state, first, picture)


def information() -> None:
    """The conjecture as a curve."""
    target, size = st.columns(2, gap="medium")
    with target:
        control(TARGET)
    with size:
        control(KERNEL_SIZE)
    show_information(state, picture)
    st.markdown(paragraph("information"))


{
    "blocks": blocks,
    "kernels": kernels,
    "network": network,
    "depth": depth,
    "reach": reach,
    "information": information,
}[state.look]()
finish(state, **own_grids(), **{LAB_RUN: lab_run_address()})
