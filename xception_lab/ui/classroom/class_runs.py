"""The experiments that a class has started from its room, for its teacher."""

from functools import partial

import streamlit as st

from xception_lab.classroom.room import RoomError
from xception_lab.classroom.store import ClassStore
from xception_lab.common.home import StoreError
from xception_lab.experiments.store import ExperimentSummary, Store
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.training.run_list import (
    REFRESH_S,
    action_buttons,
    asks_to_delete,
    is_under_way,
    show_list,
    show_state,
)


def class_runs_control(code: str, secret: str) -> None:
    """Draw the button under which the class's experiments are; nothing before there is one."""
    found = _experiments(code, secret)
    if not found:
        return
    label = _("The class's runs ({count})").format(count=len(found))
    popover = st.popover(label, icon=":material/list:", key="class_runs", on_change="rerun", width="stretch")
    if popover.open:
        with popover:
            moving = any(is_under_way(summary) for summary, _number in found)
            st.fragment(_show_experiments, run_every=REFRESH_S if moving else None)(code, secret)


def _experiments(code: str, secret: str) -> list[tuple[ExperimentSummary, int]]:
    """The class's experiments that still exist, newest first, each with its student's number."""
    try:
        started = ClassStore().experiments(code, secret)
        summaries = Store().summaries(ids=started) if started else ()
    except (RoomError, StoreError) as error:
        st.warning(translate_message(error))
        return []
    return [(summary, started[summary.id]) for summary in summaries]


def _show_experiments(code: str, secret: str) -> None:
    found = _experiments(code, secret)
    numbers = {summary.id: number for summary, number in found}
    show_list([summary for summary, _number in found], partial(_show_experiment, numbers))


def _show_experiment(numbers: dict[str, int], summary: ExperimentSummary) -> None:
    from xception_lab.experiments.scheduler import CANCELLED_BY_TEACHER

    show_state(summary, _("student {number}").format(number=numbers[summary.id]))
    if asks_to_delete(summary):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        action_buttons(summary, CANCELLED_BY_TEACHER)
        st.page_link("pages/training.py", label=_("Show"), query_params={"run": summary.id, "guess": "show"})
