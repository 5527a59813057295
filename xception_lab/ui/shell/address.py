"""Links: the URL is the only configuration. It is read when a page opens and written after every run.

Streamlit's own bind="query-params" is not used, for three defects that were seen in 1.67: on a page switch it
drops the parameters that both pages have, a control set by the program loses the others from the address, and
an invalid value vanishes instead of being repaired.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from xception_lab.ui.fields.field import Field
from xception_lab.ui.fields.registry import FIELDS, fit_values
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import KEY, LANGUAGES, default_language

_PAGE = "_page"
_REPAIRS = "_repairs"
_VALUES = "_values"
_DRAWN = "_drawn"
_DRAWING = "_drawing"


@dataclass(frozen=True, slots=True)
class Repair:
    """A parameter of a URL that no control can take, and what is used in its place."""

    key: str
    given: str
    used: str


def read_address(page: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The value of every control of a page; when it opens, set from the URL or else as the session had it.

    A URL that names any control is a whole state: what it leaves out is at its default. While a slider is
    dragged, its value is the one under the pointer. What had to be repaired is in `repairs_of()`.
    """
    kept: dict[str, str] = st.session_state.setdefault(_VALUES, {})
    if st.session_state.get(_PAGE) != page:
        _open(page, keys, kept)
    # Streamlit forgets a control that is not drawn, or brings an old value back: it is asked for the drawn ones alone
    drawn: frozenset[str] = st.session_state.get(_DRAWN, frozenset())
    for key in (*keys, KEY):
        if key in drawn and key in st.session_state:
            kept[key] = st.session_state[key]
        else:
            st.session_state[key] = kept[key]
    st.session_state[_DRAWING] = {KEY}
    fit = fit_values({key: kept[key] for key in keys})
    for key in keys:
        if fit[key] != kept[key]:
            kept[key] = st.session_state[key] = fit[key]
    return fit_values(components.with_dragged_value(fit))


def _open(page: str, keys: tuple[str, ...], kept: dict[str, str]) -> None:
    params = st.query_params.to_dict()
    named = not params.keys().isdisjoint(keys)
    values, repairs = read_parameters(params if named else kept, keys)
    values[KEY] = params.get(KEY, kept.get(KEY, default_language()))
    if values[KEY] not in LANGUAGES:
        repairs = (*repairs, Repair(KEY, values[KEY], default_language()))
        values[KEY] = default_language()
    kept.update(values)
    st.session_state[_DRAWN] = frozenset()
    st.session_state[_PAGE], st.session_state[_REPAIRS] = page, repairs


def link_repairs() -> tuple[Repair, ...]:
    """What had to be repaired when this page opened."""
    return st.session_state[_REPAIRS]


def control_values() -> dict[str, str]:
    """What the controls stand at: their values without a drag that goes on."""
    return st.session_state[_VALUES]


def session_parameter(key: str) -> str | None:
    """What a parameter that is no control's says: as the session has it, at first as the address does."""
    return st.session_state[key] if key in st.session_state else st.query_params.get(key)


def note_drawn(key: str) -> None:
    """Note that this run draws the control of a field."""
    st.session_state[_DRAWING].add(key)


def set_controls(values: Mapping[str, str]) -> None:
    """Set controls, drawn or not, before the page runs."""
    control_values().update(values)
    st.session_state.update(values)


def confine(field: Field[Any], options: tuple[str, ...], used: str) -> None:
    """Bring a control that stands outside these options to the one `used`, and run again.

    For what only the page itself finds out; on a page that has just opened it counts as a repair of the link.
    """
    key = field.key
    given = control_values()[key]
    if given in options:
        return
    if key in st.query_params and not st.session_state[_DRAWN]:
        st.session_state[_REPAIRS] = (*link_repairs(), Repair(key, given, used))
    set_controls({key: used})
    st.rerun()


def write_address(keys: tuple[str, ...], carried: Mapping[str, str | None]) -> None:
    """Make the browser's address hold every control that is not at its default, and what else the page carries."""
    kept: dict[str, str] = st.session_state[_VALUES]
    changed = {key: kept[key] for key in keys if kept[key] != FIELDS[key].default}
    if kept[KEY] != default_language():
        changed[KEY] = kept[KEY]
    components.page((*keys, KEY, *carried), changed | {key: value for key, value in carried.items() if value})
    # a run that was cut short before here has not drawn all it would
    st.session_state[_DRAWN] = frozenset(st.session_state[_DRAWING])


def read_parameters(params: Mapping[str, str], keys: tuple[str, ...]) -> tuple[dict[str, str], tuple[Repair, ...]]:
    """The value of every control in `keys` that a URL's parameters ask for, and what had to be repaired."""
    given = {key: params.get(key, FIELDS[key].default) for key in keys}
    values = fit_values(given)
    return values, tuple(Repair(key, given[key], values[key]) for key in keys if values[key] != given[key])


def quote_value(value: str) -> str:
    """A foreign value, fit to stand in a Markdown code span: printable, short, without backticks."""
    clean = "".join(c for c in value if c.isprintable() and c != "`")
    return clean[:40] + "…" if len(clean) > 40 else clean
