"""The fields as Streamlit widgets."""

from typing import Any

import streamlit as st

from xception_lab.ui.fields.field import Field
from xception_lab.ui.shell.address import control_values, note_drawn
from xception_lab.ui.shell.language import translate as _

Fields = tuple[Field[Any], ...]


def field_label(field: Field[Any]) -> str:
    """What a control is called, in this session's language."""
    return _(field.label) if field.label else field.term or field.key


def option_text(field: Field[Any], text: str) -> str:
    """One of a field's options in this session's language."""
    return _(field.option_label(text))


def control(field: Field[Any], options: tuple[str, ...] = ()) -> None:
    """Draw the control of a field; its value is in the state that `frame` returns.

    options: where the page knows more closely than the field what can be chosen now; `confine` comes before.
    """
    options = options or field.remaining(control_values())
    note_drawn(field.key)
    label, help_text = field_label(field), _(field.help)
    if field.widget == "slider":
        st.select_slider(label, options, key=field.key, help=help_text)
    else:
        st.segmented_control(
            label,
            options,
            format_func=lambda text: option_text(field, text),
            key=field.key,
            help=help_text,
            required=True,
        )


def main_controls(fields: Fields) -> None:
    """The most used controls in one row."""
    with st.container(key="controls"):
        for column, field in zip(st.columns(len(fields), gap="medium"), fields, strict=True):
            with column:
                control(field)


def more_controls(fields: Fields, stacked: bool = False) -> None:
    """The rarer controls, folded away and drawn only when they are opened; stacked: wide ones, each in its own row."""
    folded = st.popover(_("More controls"), icon=":material/tune:", key="more", on_change="rerun")
    if not folded.open:
        return
    with folded:
        if stacked:
            for field in fields:
                control(field)
            return
        for pair in zip(fields[::2], fields[1::2], strict=True):
            for column, field in zip(st.columns((2, 3), gap="medium"), pair, strict=True):
                with column:
                    control(field)
