"""The fields as Streamlit widgets."""

from functools import partial

import streamlit as st

from xception_lab.ui.fields.labels import LABELS, OPTIONS
from xception_lab.ui.fields.registry import FIELDS, options_of
from xception_lab.ui.shell.address import control_values, note_drawn
from xception_lab.ui.shell.language import translate as _


def option_text(key: str, value: str) -> str:
    """A value of a field in words; "field=value" in OPTIONS is for a word that means something else elsewhere."""
    for name in (f"{key}={value}", value):
        if name in OPTIONS:
            return _(OPTIONS[name])
    return value


def control(key: str, options: tuple[str, ...] = ()) -> None:
    """Draw the control of a field; its value is in what `frame` returns.

    options: where the page knows more closely than the field what can be chosen now; `confine` comes before.
    """
    field = FIELDS[key]
    options = options or options_of(key, control_values())
    note_drawn(key)
    if field.widget == "slider":
        st.select_slider(_(LABELS.get(key, key)), options, key=key, help=_(field.help))
    else:
        words = partial(option_text, key)
        st.segmented_control(
            _(LABELS.get(key, key)), options, format_func=words, key=key, help=_(field.help), required=True
        )


def main_controls(keys: tuple[str, ...]) -> None:
    """The most used controls in one row."""
    with st.container(key="controls"):
        for column, key in zip(st.columns(len(keys), gap="medium"), keys, strict=True):
            with column:
                control(key)


def more_controls(keys: tuple[str, ...], stacked: bool = False) -> None:
    """The rarer controls, folded away and drawn only when they are opened; stacked: wide ones, each in its own row."""
    folded = st.popover(_("More controls"), icon=":material/tune:", key="more", on_change="rerun")
    if not folded.open:
        return
    with folded:
        if stacked:
            for key in keys:
                control(key)
            return
        for pair in zip(keys[::2], keys[1::2], strict=True):
            for column, key in zip(st.columns((2, 3), gap="medium"), pair, strict=True):
                with column:
                    control(key)
