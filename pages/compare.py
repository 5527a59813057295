"""Compare: the three blocks side by side, with every control."""

from functools import partial

import streamlit as st

from xception_lab.arch.comparison import block_layer_csv, compare
from xception_lab.ui.compare.blocks import comparison_headline, per_value_text, show_blocks, specs_ahead
from xception_lab.ui.compare.presets import examples_menu
from xception_lab.ui.compare.views import SHOW, Comparison
from xception_lab.ui.compare.worked_example import show_worked_example
from xception_lab.ui.fields.compare import (
    BATCH_NORM,
    BATCH_SIZE,
    BIAS,
    CONVENTION,
    DEPTH_MULTIPLIER,
    DILATION,
    IN_CHANNELS,
    INTERMEDIATE,
    KERNEL_SIZE,
    OUT_CHANNELS,
    PADDING,
    SEGMENTS,
    SIZE,
    STRIDE,
    VIEW,
    CompareState,
)
from xception_lab.ui.fields.field import VIEW_AND_CONTROL
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import also_set, control, download_button, main_controls, more_controls
from xception_lab.ui.shell.frame import heading, show_page
from xception_lab.ui.shell.language import translate as _

MAIN = (IN_CHANNELS, OUT_CHANNELS, KERNEL_SIZE, SIZE, SEGMENTS)
MORE = (STRIDE, PADDING, DILATION, INTERMEDIATE, BATCH_NORM, BATCH_SIZE, BIAS, DEPTH_MULTIPLIER)


def show_comparison(state: CompareState) -> None:
    """The blocks, the controls that set them, and one view below."""
    spec = state.spec
    blocks = compare(spec)

    title = st.container(horizontal=True, vertical_alignment="center", key="title")
    with title:
        heading(_("The same job, three ways"))
    st.container(key="lead").markdown(f"{comparison_headline(blocks, state.convention)} {per_value_text(blocks)}")
    settings = st.container(key="settings")
    show_worked_example(spec, blocks, state.convention, "moving")
    ahead = specs_ahead(state, MAIN)
    show_blocks(spec, blocks, state.convention, "blocks", ahead=ahead, slim=True)
    with title:
        examples_menu()
        more_controls(MORE)
    with settings:
        main_controls(MAIN)
        also_set(MORE)
    with st.container(key=VIEW_AND_CONTROL):
        with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
            control(VIEW)
            control(CONVENTION)
            st.space("stretch")
            with st.container(horizontal=True, width="content"):  # both go to the next line together
                copy_link(_("Copy link"), _("Copied"))
                table = partial(block_layer_csv, blocks, spec.size)
                download_button(_("Table (CSV)"), table, "xception-lab.csv", "text/csv")
        SHOW[state.view](Comparison(state, spec, blocks, ahead))


show_page("compare", CompareState, show_comparison)
