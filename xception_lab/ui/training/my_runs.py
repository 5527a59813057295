"""The person's own experiments on this server: how far each is, what it is called, and what may be done with it."""

from functools import partial
from urllib.parse import urlsplit

import streamlit as st

from xception_lab.common.home import StoreError
from xception_lab.experiments.ownership import control_hash
from xception_lab.experiments.store import ExperimentSummary, Store
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.person import Person, current_person
from xception_lab.ui.training.experiment import try_action, watch_experiment
from xception_lab.ui.training.run_list import (
    REFRESH_S,
    action_buttons,
    asks_to_delete,
    is_under_way,
    list_button,
    show_list,
    show_state,
)

LONGEST_LABEL = 60

_OPEN = "my_runs"


def my_runs_control() -> None:
    """Draw the button under which the person's own experiments are."""
    with st.popover(_("My runs"), icon=":material/list:", key=_OPEN, on_change="rerun") as popover:
        if popover.open:
            _show_list()


def _show_list() -> None:
    person = current_person()
    summaries = _summaries(person)
    if summaries is None:
        return
    if not person.is_kept:
        st.info(
            _("This browser lets no page keep anything: your runs are yours until this tab is closed."),
            icon=":material/info:",
        )
    if not summaries:
        st.markdown(_("No run yet: **Run it here** starts one, and this browser finds it again."))
        return
    moving = any(is_under_way(summary) for summary in summaries)
    st.fragment(_show_experiments, run_every=REFRESH_S if moving else None)(person)


def _summaries(person: Person) -> tuple[ExperimentSummary, ...] | None:
    """The person's experiments; None, with the reason drawn, while the store cannot be read."""
    try:
        return Store().summaries(person.owner)
    except StoreError as error:
        st.warning(translate_message(error))
        return None


def _show_experiments(person: Person) -> None:
    summaries = _summaries(person)
    if summaries is not None:
        show_list(summaries, partial(_show_experiment, person))


def _show_experiment(person: Person, summary: ExperimentSummary) -> None:
    from xception_lab.experiments.scheduler import CANCELLED

    show_state(summary)
    label_key = f"label_{summary.id}"
    st.text_input(
        _("Label"),
        summary.label,
        LONGEST_LABEL,
        key=label_key,
        placeholder=_("a label of your own"),
        label_visibility="collapsed",
        on_change=_set_label,
        args=(summary.id, label_key),
    )
    if asks_to_delete(summary):
        return
    with st.container(horizontal=True):
        list_button(_("Show"), f"show_{summary.id}", partial(_show, summary.id))
        action_buttons(summary, CANCELLED)
        if summary.control:
            list_button(_("Stop sharing"), f"unshare_{summary.id}", partial(_set_control, summary.id, ""))
        else:
            key = control_hash(person.control_key(summary.id))
            list_button(_("Share control"), f"share_{summary.id}", partial(_set_control, summary.id, key))
    if summary.control:
        st.markdown(_("Whoever has this link may stop the experiment and go on with it:"))
        st.code(_control_link(summary.id, person), language=None, wrap_lines=True)


def _control_link(experiment: str, person: Person) -> str:
    """The address under which whoever opens it may control the experiment."""
    here = urlsplit(st.context.url or "")
    base = f"{here.scheme}://{here.netloc}{here.path}" if here.netloc else ""
    return f"{base}?run={experiment}&control={person.control_key(experiment)}"


def _show(experiment: str) -> None:
    watch_experiment(experiment)
    st.session_state[_OPEN] = False


def _set_label(experiment: str, key: str) -> None:
    label = "".join(filter(str.isprintable, st.session_state[key]))[:LONGEST_LABEL].strip()
    try_action(lambda: Store().set_label(experiment, label))


def _set_control(experiment: str, control: str) -> None:
    try_action(lambda: Store().set_control(experiment, control))
