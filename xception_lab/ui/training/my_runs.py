"""The person's own experiments on this server: how far each is, what it is called, and what may be done with it."""

import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import streamlit as st

from xception_lab.common.home import StoreError
from xception_lab.common.settings import MB
from xception_lab.common.work_state import UNFINISHED
from xception_lab.experiments.ownership import control_hash
from xception_lab.experiments.store import ExperimentSummary, Store
from xception_lab.ui.fields.training import DATASET, PRESET
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import escape_markdown, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import STATE_NAMES
from xception_lab.ui.shell.person import Person, current_person
from xception_lab.ui.training.experiment import get_scheduler, try_action, watch_experiment

LONGEST_LABEL = 60
SHOWN = 10  # experiments at first; a button shows the others
REFRESH_S = 2.0

_OPEN = "my_runs"
_SHOWN = "_my_runs_shown"
_DELETING = "_deleting"


def my_runs_control() -> None:
    """Draw the button under which the person's own experiments are."""
    with st.popover(_("My runs"), icon=":material/list:", key=_OPEN, on_change="rerun") as popover:
        if popover.open:
            _show_list()


def _show_list() -> None:
    person = current_person()
    try:
        summaries = Store().summaries(person.owner)
    except StoreError as error:
        st.warning(translate_message(error))
        return
    if not person.is_kept:
        st.info(
            _("This browser lets no page keep anything: your runs are yours until this tab is closed."),
            icon=":material/info:",
        )
    if not summaries:
        st.markdown(_("No run yet: **Run it here** starts one, and this browser finds it again."))
        return
    moving = any(summary.state in UNFINISHED for summary in summaries)
    st.fragment(_show_experiments, run_every=REFRESH_S if moving else None)(person)


def _show_experiments(person: Person) -> None:
    try:
        summaries = Store().summaries(person.owner)
    except StoreError as error:
        st.warning(translate_message(error))
        return
    # no captions: in a popover of a dark page they would be as dark as on a light one
    disk = sum(summary.disk_bytes for summary in summaries) / MB
    st.markdown(
        _("Experiments on this server: {count}, with {disk:,.1f} MB of checkpoints.").format(
            count=len(summaries), disk=disk
        )
    )
    shown: int = st.session_state.get(_SHOWN, SHOWN)
    for summary in summaries[:shown]:
        with st.container(border=True, key=f"mine_{summary.id}"):
            _show_experiment(summary, person)
    if len(summaries) > shown and st.button(_("Show more"), key="more_runs"):
        st.session_state[_SHOWN] = shown + SHOWN
        st.rerun(scope="fragment")


def _show_experiment(summary: ExperimentSummary, person: Person) -> None:
    title = escape_markdown(summary.label) if summary.label else _(PRESET.option_label(summary.spec.preset))
    dataset = summary.spec.base.dataset
    if summary.label:
        dataset = f"{_(PRESET.option_label(summary.spec.preset))}, {_dataset_text(dataset)}"
    else:
        dataset = _dataset_text(dataset)
    date = time.strftime("%Y-%m-%d %H:%M", time.localtime(summary.created))
    st.markdown(f"**{title}** · {dataset} · {date}")
    unfinished = summary.state in UNFINISHED and summary.is_leased
    text = _("{state}, {done} of {runs} runs done, {disk:,.1f} MB").format(
        state=_state_text(summary),
        done=summary.states.get("done", 0),
        runs=summary.runs,
        disk=summary.disk_bytes / MB,
    )
    if unfinished:
        st.progress(summary.share, text)
    else:
        st.markdown(text)
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
    if st.session_state.get(_DELETING) == summary.id:
        st.markdown(_("Delete its runs and checkpoints for good?"))
        with st.container(horizontal=True):
            _button(_("Delete"), f"really_delete_{summary.id}", partial(_delete, summary.id), "primary")
            _button(_("Keep"), f"keep_{summary.id}", partial(_ask_to_delete, None))
        return
    with st.container(horizontal=True):
        _button(_("Show"), f"show_{summary.id}", partial(_show, summary.id))
        if unfinished:
            _button(_("Stop"), f"stop_{summary.id}", partial(try_action, lambda: get_scheduler().cancel(summary.id)))
        elif summary.state != "done":
            go_on = partial(try_action, lambda: get_scheduler().resume(summary.id))
            _button(_("Go on"), f"go_on_{summary.id}", go_on)
        if not unfinished:
            _button(_("Delete"), f"delete_{summary.id}", partial(_ask_to_delete, summary.id))
        if summary.control:
            _button(_("Stop sharing"), f"unshare_{summary.id}", partial(_set_control, summary.id, ""))
        else:
            key = control_hash(person.control_key(summary.id))
            _button(_("Share control"), f"share_{summary.id}", partial(_set_control, summary.id, key))
    if summary.control:
        st.markdown(_("Whoever has this link may stop the experiment and go on with it:"))
        st.code(_control_link(summary.id, person), language=None, wrap_lines=True)


def _button(label: str, key: str, action: Callable[[], None], kind: str = "secondary") -> None:
    """A button whose action comes before the page runs again, the whole of it."""
    if st.button(label, key=key, on_click=action, type=kind):  # pyright: ignore[reportArgumentType]
        st.rerun()


def _dataset_text(name: str) -> str:
    return option_text(DATASET, name) if name in DATASET.texts else _("own pictures")


def _state_text(summary: ExperimentSummary) -> str:
    if summary.state in UNFINISHED and not summary.is_leased:
        return _("interrupted")
    return _(STATE_NAMES[summary.state])


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


def _ask_to_delete(experiment: str | None) -> None:
    st.session_state[_DELETING] = experiment


def _delete(experiment: str) -> None:
    st.session_state[_DELETING] = None

    def delete() -> None:
        get_scheduler().delete(experiment)

    try_action(delete)
