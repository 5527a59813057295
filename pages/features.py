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
from xception_lab.ui.fields.features import FEATURE_KEYS
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _

values = frame("features", FEATURE_KEYS)
style()
st.subheader(question(values), anchor=False)
lead = st.container(key="lead")
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control("look")
    if values["look"] != "kernels":  # they are the same whatever the picture is
        picture_control(values)
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
picture = chosen_picture(values)


def blocks() -> None:
    """The three blocks map by map."""
    filter_controls(values)
    filters = hand_filters(values)
    found = blocks_of(values, picture, filters)
    lead.markdown(features_headline(found, values))
    if note := networks_note(values):
        lead.markdown(note)
    columns = block_columns(values, found, picture)
    show_columns(columns, values)
    display_controls(lambda: downloads(columns, values, "blocks"))
    number_controls(values, filters)
    stored_note(values)


def kernels() -> None:
    """What the filters are."""
    filter_controls(values)
    filters = hand_filters(values)
    columns = kernel_columns(blocks_of(values, picture, filters))
    show_columns(columns, values, ("first", "second"), enlarge=False)
    number_controls(values, filters)
    st.markdown(paragraph("kernels"))


def network() -> None:
    """Any layer of a network."""
    network_controls(values)
    found = network_maps(values, picture)
    layer_control(found)
    columns = network_columns(values, found, picture)
    show_columns(columns, values, ("second", "after"))
    display_controls(lambda: downloads(columns, values, "network"))


def depth() -> None:
    """Numbers along the depth."""
    network_controls(values)
    show_depth(values, network_maps(values, picture))
    st.markdown(paragraph("depth"))


def reach() -> None:
    """The receptive field of one output position."""
    network_controls(values)
    first = network_maps(values, picture)[0]
    position_controls(values, first)
    show_reach(values, first, picture)


def information() -> None:
    """The conjecture as a curve."""
    target, size = st.columns(2, gap="medium")
    with target:
        control("target")
    with size:
        control("kernel_size")
    show_information(values, picture)
    st.markdown(paragraph("information"))


{
    "blocks": blocks,
    "kernels": kernels,
    "network": network,
    "depth": depth,
    "reach": reach,
    "information": information,
}[values["look"]]()
finish(FEATURE_KEYS, **own_grids(), **{LAB_RUN: lab_run_address()})
