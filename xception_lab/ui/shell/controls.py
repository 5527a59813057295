"""The fields as Streamlit widgets, and the buttons that set several of them at once or save a file."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from xception_lab.ui.fields.field import Field
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.shell.address import (
    control_texts,
    current_lesson,
    keeps_control,
    note_drawn,
    note_offered,
    set_controls,
)
from xception_lab.ui.shell.language import translate as _

Fields = tuple[Field[Any], ...]


def field_label(field: Field[Any]) -> str:
    """The label of a control in this session's language."""
    return _(field.label) if field.label else field.term or field.key


def option_text(field: Field[Any], text: str) -> str:
    """The label of one of a field's options in this session's language."""
    return _(field.option_label(text))


def control(field: Field[Any], options: tuple[str, ...] = (), notes: Mapping[str, str] | None = None) -> None:
    """Draw the control of a field; its value is in the state that `frame` returns.

    What its label explains, the browser shows there (the component `page`): Streamlit's own help is an icon that the
    Tab key stops at, before every control.

    options: where only the page can tell what can be chosen now, instead of the field's; call `confine` first.
    notes: what stands behind the name of an option, by its text.
    In a lesson that does not keep it nothing is drawn.
    """
    if not keeps_control(field.key):
        return
    note_offered(field.key)
    options = options or field.available(control_texts())
    note_drawn(field.key)
    label = field_label(field)
    if field.widget == "slider" and len(options) > 1:  # one choice alone would be a thumb without a track
        st.select_slider(label, options, key=field.key)
    else:
        st.segmented_control(
            label,
            options,
            format_func=lambda text: f"{option_text(field, text)} {(notes or {}).get(text, '')}".rstrip(),
            key=field.key,
            required=True,
        )


def _kept(fields: Fields) -> Fields:
    return tuple(field for field in fields if keeps_control(field.key))


def main_controls(fields: Fields) -> None:
    """The most used controls in one row."""
    fields = _kept(fields)
    if not fields:
        return
    with st.container(key="controls"):
        for column, field in zip(st.columns(len(fields), gap="medium"), fields, strict=True):
            with column:
                control(field)


def more_controls(fields: Fields, stacked: bool = False) -> None:
    """The less used controls in a popover, drawn only while it is open. stacked: each in its own row, for wide ones."""
    fields = _kept(fields)
    if not fields:
        return
    for field in fields:
        note_offered(field.key)
    lesson = current_lesson()
    if lesson and lesson.keep is not None:  # the few that it keeps are in sight
        for field in fields:
            control(field)
        return
    popover = st.popover(_("More controls"), icon=":material/tune:", key="more", on_change="rerun")
    if not popover.open:
        return
    with popover:
        if stacked:
            for field in fields:
                control(field)
            return
        for start in range(0, len(fields), 2):
            for column, field in zip(st.columns((4, 5), gap="medium"), fields[start : start + 2], strict=False):
                with column:
                    control(field)


def also_set(fields: Fields) -> None:
    """A line that names what is set among folded controls, each with one click to undo it; nothing where none is."""
    texts = control_texts()
    changed = [field for field in fields if texts[field.key] != field.default]
    if not changed:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="also_set"):
        st.caption(_("also set:"), width="content")
        for field in changed:
            label = f"{field_label(field)} **{option_text(field, texts[field.key])}**"
            reset = {field.key: field.default}
            st.button(label, key=f"reset_{field.key}", icon=":material/close:", on_click=set_controls, args=(reset,))


def preset_button(label: str, key: str, texts: Mapping[str, str], keys: tuple[str, ...]) -> None:
    """A button that sets every control in `keys`: to its text in `texts`, or else to its default.

    In a lesson that does not keep them all there is none.
    """
    if not all(map(keeps_control, keys)):
        return
    preset = {control_key: texts.get(control_key, FIELDS[control_key].default) for control_key in keys}
    st.button(label, key=key, on_click=set_controls, args=(preset,))


def preset_menu(label: str, key: str, presets: Mapping[str, Mapping[str, str]], keys: tuple[str, ...]) -> None:
    """A menu whose every entry sets all controls in `keys`: to its text in `presets`, or else to its default.

    presets: the texts by the entry's name, as a person reads it. A lesson that leaves one of the controls out has no
    such menu.
    """
    if not all(map(keeps_control, keys)):
        return

    def choose() -> None:
        texts = presets.get(st.session_state[key], {})
        set_controls({control_key: texts.get(control_key, FIELDS[control_key].default) for control_key in keys})

    st.menu_button(label, tuple(presets), key=key, on_click=choose, icon=":material/lightbulb:")


def download_button(label: str, data: Any, filename: str, mime: str | None = None, key: str | None = None) -> None:
    """A button that saves a file, without a run of the page. data: the content, or a function that makes it."""
    st.download_button(label, data, filename, mime, key=key, on_click="ignore", icon=":material/download:")
