"""The names of a data set's classes, and pictures with captions."""

import re
from collections.abc import Sequence

import streamlit as st

from xception_lab.data.dataset import ImageArray
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import translate as _

CLASSES = {
    "T-shirt": N_("T-shirt"),
    "trouser": N_("trouser"),
    "pullover": N_("pullover"),
    "dress": N_("dress"),
    "coat": N_("coat"),
    "sandal": N_("sandal"),
    "shirt": N_("shirt"),
    "sneaker": N_("sneaker"),
    "bag": N_("bag"),
    "ankle boot": N_("ankle boot"),
    "faces": N_("faces"),
    "people": N_("people"),
    "hands": N_("hands"),
    "animals": N_("animals"),
    "plants": N_("plants"),
    "food": N_("food"),
    "vehicles": N_("vehicles"),
    "places": N_("places"),
    "objects": N_("objects"),
    "symbols": N_("symbols"),
}


def class_name(name: str) -> str:
    """A class in this session's language; one of a user's own data as it is, without what Plotly or Markdown parse."""
    return _(CLASSES[name]) if name in CLASSES else re.sub(r"[^\w ,.+-]", "·", name)


def show_pictures(pictures: Sequence[ImageArray], captions: Sequence[str], width: int, key: str) -> None:
    """Draw pictures (H, W, C) with their captions in rows. width: of each, in pixels of the page."""
    with st.container(horizontal=True, key=key):
        for picture, caption in zip(pictures, captions, strict=True):
            with st.container(width=width, gap="small"):
                st.image(picture.squeeze(), caption, width=width, alt=caption)
