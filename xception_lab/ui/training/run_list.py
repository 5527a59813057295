"""Experiments of this server in a list: how far each is, and the buttons that stop, resume and delete it."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from xception_lab.common.messages import Message
from xception_lab.common.settings import MB
from xception_lab.common.work_state import UNFINISHED
from xception_lab.experiments.store import ExperimentSummary
from xception_lab.ui.fields.training import DATASET, PRESET
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import escape_markdown
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import STATE_NAMES
from xception_lab.ui.training.experiment import get_scheduler, try_action

SHOWN = 10  # experiments at first; a button shows the others
REFRESH_S = 2.0  # of a list in which something moves

_SHOWN = "_experiments_shown"
_DELETING = "_deleting"


def is_under_way(summary: ExperimentSummary) -> bool:
    """Whether a process works on it, or it waits for one."""
    return summary.state in UNFINISHED and summary.is_leased


def show_list(summaries: Sequence[ExperimentSummary], show_one: Callable[[ExperimentSummary], None]) -> None:
    """Draw what they take together and the first of them; show_one draws one."""
    # no captions: in a popover of a dark page they would be as dark as on a light one
    disk = sum(summary.disk_bytes for summary in summaries) / MB
    st.markdown(
        _("Experiments on this server: {count}, with {disk:,.1f} MB of checkpoints.").format(
            count=len(summaries), disk=disk
        )
    )
    shown: int = st.session_state.get(_SHOWN, SHOWN)
    for summary in summaries[:shown]:
        with st.container(border=True, key=f"experiment_{summary.id}"):
            show_one(summary)
    if len(summaries) > shown and st.button(_("Show more"), key="more_runs"):
        st.session_state[_SHOWN] = shown + SHOWN
        st.rerun(scope="fragment")


def show_state(summary: ExperimentSummary, by: str = "") -> None:
    """Draw what an experiment is called, its data, when it was started and by whom, and how far it is."""
    preset, dataset = _(PRESET.option_label(summary.spec.preset)), _dataset_text(summary.spec.base.dataset)
    title = escape_markdown(summary.label) if summary.label else preset
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.created))
    parts = (by, preset if summary.label else "", dataset, date)
    st.markdown(" · ".join((f"**{title}**", *filter(None, parts))))
    text = _("{state}, runs done: {done} of {runs}, {disk:,.1f} MB").format(
        state=_state_text(summary),
        done=summary.states.get("done", 0),
        runs=summary.runs,
        disk=summary.disk_bytes / MB,
    )
    if is_under_way(summary):
        st.progress(summary.share, text)
    else:
        st.markdown(text)


def asks_to_delete(summary: ExperimentSummary) -> bool:
    """Draw the question whether an experiment is to be deleted, where its button has been pressed."""
    if st.session_state.get(_DELETING) != summary.id:
        return False
    st.markdown(_("Delete its runs and checkpoints for good?"))
    with st.container(horizontal=True):
        list_button(_("Delete"), f"really_delete_{summary.id}", partial(_delete, summary.id), "primary")
        list_button(_("Keep"), f"keep_{summary.id}", partial(_ask_to_delete, None))
    return True


def action_buttons(summary: ExperimentSummary, reason: Message) -> None:
    """Draw the buttons that stop it or go on with it, and delete it. reason: what its owner is told of a stop."""
    if is_under_way(summary):
        stop = partial(try_action, lambda: get_scheduler().cancel(summary.id, reason))
        list_button(_("Stop"), f"stop_{summary.id}", stop)
        return
    if summary.state != "done":
        go_on = partial(try_action, lambda: get_scheduler().resume(summary.id))
        list_button(_("Go on"), f"go_on_{summary.id}", go_on)
    list_button(_("Delete"), f"delete_{summary.id}", partial(_ask_to_delete, summary.id))


def list_button(label: str, key: str, action: Callable[[], None], kind: str = "secondary") -> None:
    """A button whose action comes before the page runs again, the whole of it."""
    if st.button(label, key=key, on_click=action, type=kind):  # pyright: ignore[reportArgumentType]
        st.rerun()


def _dataset_text(name: str) -> str:
    return option_text(DATASET, name) if name in DATASET.texts else _("own pictures")


def _state_text(summary: ExperimentSummary) -> str:
    if summary.state in UNFINISHED and not summary.is_leased:
        return _("interrupted")
    return _(STATE_NAMES[summary.state])


def _ask_to_delete(experiment: str | None) -> None:
    st.session_state[_DELETING] = experiment


def _delete(experiment: str) -> None:
    st.session_state[_DELETING] = None

    def delete() -> None:
        get_scheduler().delete(experiment)

    try_action(delete)
