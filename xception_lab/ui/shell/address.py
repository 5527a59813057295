"""How a link becomes the state of a page, and a page's state a link: the URL is the only configuration.

Reading. Every page calls `read_address` first, through `frame`. When the page opens, the URL's parameters are read if
they name any control of the page; what they leave out is then at its default. Otherwise the page takes what the session
already has, so that a control that two pages share is carried from one to the other.

Parts. A link that puts a control with a `part` at another option than its default promises what this control selects:
the browser opens the page there (the component `page`), once, and stays where the person scrolls.

Repairs. Whatever the parameters say, every control ends at one of its options: `fit_texts` puts each at the nearest
that the controls before it allow. Each parameter that had to change is a `Repair`, which `frame` shows as a note. What
only the page itself can check, such as the layers of a network that it has to load first, it passes to `confine`.

Runs. The session has the text of every control in one dictionary, `control_texts`. At the start of a run it is updated
from the widgets that the last run drew; for all others the session state is set from it, because Streamlit forgets a
widget that is not drawn.

Drags. While a slider is dragged, the browser reports the value under the pointer before the widget has it (the
component `page`). `read_address` returns the texts with that value, so that the page shows it; `control_texts`, and
with it the address, change only when the slider is released.

Writing. Every page ends with `write_address`, through `finish`: the browser's address gets each control that is not at
its default, the language where it is not the browser's, and what else the page carries (a run, a measurement).

Lessons. A link may be a lesson (ui/fields/lesson.py): then a control that it does not keep is neither drawn nor set by
anything else on the page, and the address keeps the lesson's parameters until another page is opened.

Streamlit's own bind="query-params" is not used because of three defects of 1.67: on a page switch it drops the
parameters that both pages have, a control set by the program loses the others from the address, and an invalid value
vanishes instead of being repaired.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from xception_lab.ui.fields.field import Field
from xception_lab.ui.fields.lesson import LESSON_KEYS, Lesson, lesson_texts, read_lesson
from xception_lab.ui.fields.registry import FIELDS, fit_texts
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import KEY, LANGUAGES, default_language
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.person import proposed_secret, remember_person

_PAGE = "_page"
_OPENINGS = "_openings"
_REPAIRS = "_repairs"
_TEXTS = "_values"
_DRAWN_LAST_RUN = "_drawn"
_DRAWN_THIS_RUN = "_drawing"
_OPEN_AT = "_open_at"
_SESSION = "_session"  # what tells this session from the next one of the same document

# how large the page is drawn: for a projector, or as ever. A page may have a `view` of its own, so this is `screen`;
# `view=projector` is read as well, since no page has such a view
SCREEN, PROJECTOR = "screen", "projector"
_PROJECTED = "_projected"
_LESSON = "_lesson"
_OFFERED = "_offered"


@dataclass(frozen=True, slots=True)
class Repair:
    """A parameter of a URL whose text no control can have, and the option that replaces it."""

    key: str
    text: str
    replacement: str


def read_address(page: str, keys: tuple[str, ...]) -> dict[str, str]:
    """The text of every control of a page; when the page opens, from the URL or else as the session had it.

    page: its name, by which a page that has just opened is recognised. keys: those of its controls.
    What had to be repaired is in `link_repairs()`.
    """
    texts: dict[str, str] = st.session_state.setdefault(_TEXTS, {})
    if st.session_state.get(_PAGE) != page:
        _open_page(page, keys, texts)
    # Streamlit forgets a control that is not drawn, or restores an old value: only the drawn ones are read from it
    drawn: frozenset[str] = st.session_state.get(_DRAWN_LAST_RUN, frozenset())
    for key in (*keys, KEY):
        # none: a browser that was asked again before it had drawn the control
        if key in drawn and st.session_state.get(key) is not None:
            texts[key] = st.session_state[key]
        else:
            st.session_state[key] = texts[key]
    st.session_state[_DRAWN_THIS_RUN], st.session_state[_OFFERED] = {KEY}, set()
    fit = fit_texts({key: texts[key] for key in keys})
    for key in keys:
        if fit[key] != texts[key]:
            texts[key] = st.session_state[key] = fit[key]
    return fit_texts(components.with_dragged_value(fit))


def _open_page(page: str, keys: tuple[str, ...], texts: dict[str, str]) -> None:
    link = link_parameters()
    if link.get("view") == PROJECTOR:
        del st.query_params["view"]
        link = link_parameters() | {SCREEN: PROJECTOR}
    if SCREEN in link:
        st.session_state[_PROJECTED] = link[SCREEN] == PROJECTOR
    params = {key: texts[key] for key in keys if key in texts and FIELDS[key].is_kept} | link
    lesson, lesson_repairs = read_lesson(link, keys)
    st.session_state[_LESSON] = lesson
    # a lesson that names no control means each at its default
    names_controls = lesson is not None or not params.keys().isdisjoint(keys)
    page_texts, repairs = read_parameters(params if names_controls else texts, keys)
    repairs += tuple(Repair(key, params[key], text) for key, text in lesson_repairs.items())
    page_texts[KEY] = params.get(KEY, texts.get(KEY, default_language()))
    if page_texts[KEY] not in LANGUAGES:
        repairs = (*repairs, Repair(KEY, page_texts[KEY], default_language()))
        page_texts[KEY] = default_language()
    texts.update(page_texts)
    # a lesson's task stands on top
    st.session_state[_OPEN_AT] = "" if lesson else linked_part(params, page_texts)
    st.session_state[_DRAWN_LAST_RUN] = frozenset()
    st.session_state[_PAGE], st.session_state[_REPAIRS] = page, repairs
    st.session_state[_OPENINGS] = page_opening() + 1


def link_parameters() -> dict[str, str]:
    """The parameters of the browser's address as they are now.

    An unpaired surrogate, which neither a message to the browser nor the store can hold, becomes U+FFFD.
    """
    return {_well_formed(key): _well_formed(text) for key, text in st.query_params.to_dict().items()}


def _well_formed(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def page_opening() -> int:
    """A number that stays the same while a page is open, and is another one whenever a page is opened."""
    return st.session_state.get(_OPENINGS, 0)


def is_opening() -> bool:
    """Whether no run of this page since it was opened has come to its end."""
    return not st.session_state[_DRAWN_LAST_RUN]


def is_projected() -> bool:
    """Whether this session's pages are drawn for a projector: large, without their controls."""
    return st.session_state.get(_PROJECTED, False)


def toggle_projector() -> None:
    """Draw this session's pages for a projector from the next run on, or as ever again."""
    st.session_state[_PROJECTED] = not is_projected()


def page_name() -> str:
    """The name of the page that is open: "compare", of the story with its step, "story 3"."""
    return st.session_state[_PAGE]


def current_lesson() -> Lesson | None:
    """The lesson that the page was opened as, if it was."""
    return st.session_state.get(_LESSON)


def keeps_control(key: str) -> bool:
    """Whether a control is there for the person: all are, unless the page is a lesson that keeps others."""
    lesson = current_lesson()
    return lesson is None or lesson.has(key)


def link_repairs() -> tuple[Repair, ...]:
    """What had to be repaired when this page opened."""
    return st.session_state[_REPAIRS]


def control_texts() -> dict[str, str]:
    """The text of every control as its widget has it; a slider that is being dragged has its old one."""
    return st.session_state[_TEXTS]


def session_parameter(key: str) -> str | None:
    """A parameter that belongs to no control, such as a run: as the session has it, at first as the address does."""
    return st.session_state[key] if key in st.session_state else link_parameters().get(key)


def carried_text(key: str, longest: int) -> str:
    """A free text that belongs to no field, such as a search: printable, at most `longest` characters.

    Its control has the key as well. One in the link that had to be cut counts as a repair of the link, and the page
    runs again.
    """
    given = session_parameter(key) or ""
    text = "".join(filter(str.isprintable, given))[:longest]
    if is_opening() and text != given:
        st.session_state[_REPAIRS] = (*link_repairs(), Repair(key, given, text))
        st.session_state[key] = text
        st.rerun()
    return text


def note_offered(key: str) -> None:
    """Note that this run draws a control, or would as soon as a popover is opened."""
    st.session_state[_OFFERED].add(key)


def offered_controls() -> tuple[str, ...]:
    """The keys of the controls that the page offers, in the order of their declaration."""
    return tuple(key for key in FIELDS if key in st.session_state[_OFFERED])


def note_drawn(key: str) -> None:
    """Note that this run draws the control of a field."""
    st.session_state[_DRAWN_THIS_RUN].add(key)


def set_controls(texts: Mapping[str, str]) -> None:
    """Set controls, drawn or not, before the page runs: in a callback. In a lesson only those that it keeps."""
    _set_texts({key: text for key, text in texts.items() if key == KEY or keeps_control(key)})


def _set_texts(texts: Mapping[str, str]) -> None:
    control_texts().update(texts)
    st.session_state.update(texts)


def confine(field: Field[Any], options: tuple[str, ...], replacement: str) -> None:
    """Set a control that is outside these options to one of them, `replacement`, and run the page again.

    For what only the page itself can check; on a page that has just opened it counts as a repair of the link.
    """
    key = field.key
    text = control_texts()[key]
    if text in options:
        return
    if key in link_parameters() and is_opening():
        st.session_state[_REPAIRS] = (*link_repairs(), Repair(key, text, replacement))
    _set_texts({key: replacement})
    st.rerun()


def write_address(keys: tuple[str, ...], carried: Mapping[str, str | None], entry: str | None) -> None:
    """Put every control that is not at its default into the browser's address, and what else the page carries.

    carried: parameters that belong to no control; one that is None or empty leaves the address. entry: the one of
    them by which the page's entries in the browser's history differ; None where it has one.
    """
    texts: dict[str, str] = st.session_state[_TEXTS]
    changed = {key: texts[key] for key in keys if texts[key] != FIELDS[key].default}
    if texts[KEY] != default_language():
        changed[KEY] = texts[KEY]
    if is_projected():
        changed[SCREEN] = PROJECTOR
    own = {**dict.fromkeys(LESSON_KEYS), **lesson_texts(current_lesson()), **carried}
    values = changed | {key: value for key, value in own.items() if value}
    at = {"key": entry, "value": st.query_params.get(entry)} if entry else None
    drawn: frozenset[str] = frozenset(st.session_state[_DRAWN_THIS_RUN])
    explained = {key: _(FIELDS[key].help) for key in sorted(drawn & FIELDS.keys()) if FIELDS[key].help}
    # the first run that comes to its end tells the browser, and no other
    open_at = st.session_state.pop(_OPEN_AT, "")
    session = st.session_state.setdefault(_SESSION, secrets.token_hex(8))
    person = (proposed_secret(), remember_person)
    names = (*keys, KEY, SCREEN, *own)
    components.page(names, values, at, open_at, texts[KEY], session, person, explained, toggle_projector)
    # only now: a run that was stopped before its end has not drawn all its controls
    st.session_state[_DRAWN_LAST_RUN] = drawn


def read_parameters(params: Mapping[str, str], keys: tuple[str, ...]) -> tuple[dict[str, str], tuple[Repair, ...]]:
    """The text of every control in `keys` that a URL's parameters ask for, and what had to be repaired."""
    requested = {key: params.get(key, FIELDS[key].default) for key in keys}
    texts = fit_texts(requested)
    return texts, tuple(Repair(key, requested[key], texts[key]) for key in keys if texts[key] != requested[key])


def linked_part(params: Mapping[str, str], texts: Mapping[str, str]) -> str:
    """The key of the container that shows what a URL's parameters select; empty where they select no part of the page.

    texts: of the page's controls, with the parameters read. The first control that is not at its default decides.
    """
    parts = (FIELDS[key].part for key in texts if key in FIELDS and key in params and texts[key] != FIELDS[key].default)
    return next(filter(None, parts), "")


def quote_value(value: str) -> str:
    """A foreign value for a Markdown code span: printable, without backticks, cut at 40 characters."""
    clean = "".join(c for c in value if c.isprintable() and c != "`")
    return clean[:40] + "…" if len(clean) > 40 else clean
