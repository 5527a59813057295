"""The start page: the first step of the story."""

import streamlit as st

from xception_lab.ui.fields.compare import StartState
from xception_lab.ui.fields.field import state_keys
from xception_lab.ui.shell.address import link_parameters
from xception_lab.ui.story.page import show_story

# until the story came, the three blocks stood here: their links open where they stand now
if not link_parameters().keys().isdisjoint(state_keys(StartState)):
    st.switch_page("pages/compare.py", query_params=link_parameters())
show_story()
