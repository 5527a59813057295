"""Feature maps: what each block does to a picture, and what the ReLU throws away."""

import streamlit as st

from xception_lab.ui.features.blocks import (
    TRAINED_FILTERS,
    block_columns,
    compute_blocks,
    kernel_columns,
    show_bundled_note,
)
from xception_lab.ui.features.controls import add_style, display_controls, filter_controls, number_controls
from xception_lab.ui.features.downloads import map_downloads
from xception_lab.ui.features.headings import trained_blocks_note, view_title
from xception_lab.ui.features.information import information_text, show_information
from xception_lab.ui.features.lab_runs import LAB_RUN, lab_run_parameter
from xception_lab.ui.features.maps import show_columns
from xception_lab.ui.features.network_views import network_columns, show_depth, show_reach
from xception_lab.ui.features.networks import layer_control, network_controls, position_controls, run_networks
from xception_lab.ui.features.own_filters import make_filters, read_own_grids
from xception_lab.ui.features.picture import get_picture, picture_control
from xception_lab.ui.features.readings import picture_sentence, range_cases, range_headline, shown_range
from xception_lab.ui.fields.features import LOOK, TARGET, FeaturesState
from xception_lab.ui.fields.field import VIEW_AND_CONTROL
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.frame import finish, frame, heading
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _

state = frame("features", FeaturesState)
add_style()
part = st.container(key=VIEW_AND_CONTROL)
with part:
    heading(view_title(state))
    lead = st.container(key="lead")
    with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
        control(LOOK)
        if state.look != "kernels":  # they are the same whatever the picture is
            picture_control(state)
        st.space("stretch")
        copy_link(_("Copy link"), _("Copied"))
    picture = get_picture(state)


def draw_blocks() -> None:
    """The three blocks map by map."""
    filter_controls(state)
    filters = make_filters(state)
    blocks = compute_blocks(state, picture, filters)
    trained = state.filters in TRAINED_FILTERS
    headline = lead.empty()
    lead.markdown(picture_sentence(state, picture, blocks, compared=not trained))
    columns = block_columns(state, blocks, picture)
    show_columns(columns, state)
    display_controls(lambda: map_downloads(columns, state, "blocks"))
    number_controls(state, filters)
    show_bundled_note(state)
    if trained:
        headline.markdown(trained_blocks_note())
        return
    more = st.expander(_("More about these numbers"), icon=":material/info:")
    # last, because a range that is not stored takes a second, and the maps need not wait for it
    readings = shown_range(state, filters)
    headline.markdown(range_headline(state, readings))
    more.markdown(range_cases(state, readings))
    more.markdown(_("A share well below the luminance's tells less of the picture than a grey copy of it would."))


def draw_kernels() -> None:
    """The weights of the three blocks."""
    filter_controls(state)
    filters = make_filters(state)
    columns = kernel_columns(compute_blocks(state, picture, filters))
    show_columns(columns, state, ("first", "second"), enlarge=False)
    number_controls(state, filters)
    st.markdown(paragraph("kernels"))


def draw_network() -> None:
    """Any layer of a network."""
    network_controls(state)
    networks = run_networks(state, picture)
    layer_control(networks)
    columns = network_columns(state, networks, picture)
    show_columns(columns, state, ("second", "after"))
    if state.network == "small":
        st.caption(
            _("One run of each: which is right more often here says nothing of the ReLU. **Train** compares seeds.")
        )
    display_controls(lambda: map_downloads(columns, state, "network"))


def draw_depth() -> None:
    """Numbers along the depth."""
    network_controls(state)
    networks = run_networks(state, picture)
    layer_control(networks)
    show_depth(state, networks)
    st.markdown(paragraph("depth"))


def draw_reach() -> None:
    """The receptive field of one output position."""
    network_controls(state)
    network = run_networks(state, picture)[0]
    position_controls(state, network)
    show_reach(state, network, picture)


def draw_information() -> None:
    """What the ReLU takes, at the ReLU."""
    control(TARGET)
    show_information(state, picture)
    st.markdown(information_text())


draw_view = {
    "blocks": draw_blocks,
    "kernels": draw_kernels,
    "network": draw_network,
    "depth": draw_depth,
    "reach": draw_reach,
    "information": draw_information,
}[state.look]
with part:
    draw_view()
finish(state, **read_own_grids(), **{LAB_RUN: lab_run_parameter()})
