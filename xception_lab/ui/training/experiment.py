"""The training lab's Streamlit parts: the scheduler of this server, and the experiment that a session watches."""

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st

from xception_lab.common.messages import message_of
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import ExperimentResult, load_shipped_result
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.language import ASSETS, translate_message
from xception_lab.ui.shell.language import translate as _

_RUN = "run"
_OWNER = "_owner"
_TROUBLE = "_trouble"


@st.cache_resource
def scheduler() -> Any:
    """The one scheduler of this server, on the store under XCEPTION_LAB_HOME."""
    from xception_lab.experiments.scheduler import Scheduler
    from xception_lab.experiments.store import Store

    return Scheduler(Store())


@st.cache_data
def shipped_result(preset: str) -> ExperimentResult | None:
    """The stored result of a preset, run by this code and shipped with it."""
    return load_shipped_result(ASSETS / "results", preset)


def watched_experiment() -> Progress | None:
    """The experiment that this session watches, from the link or from Start; None where there is none.

    What went wrong, here or in a button before, is said on the page.
    """
    asked = session_parameter(_RUN)
    progress = None
    if asked:
        try:
            progress = scheduler().progress(asked)
        except KeyError:
            st.info(_("The link's experiment is not on this server; the stored result is shown."))
        except RuntimeError as error:  # the store cannot be read
            st.session_state[_TROUBLE] = message_of(error)
    st.session_state[_RUN] = progress.id if progress else None
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(translate_message(trouble))
    return progress


def own_experiments() -> tuple[str, ...]:
    """The experiment that this session watches, then those that it started, the newest first.

    Raises StoreError when the store cannot be read.
    """
    from xception_lab.experiments.store import Store

    owner: str | None = st.session_state.get(_OWNER)
    started = Store().experiments(owner) if owner else ()
    watching: str | None = st.session_state.get(_RUN)
    return tuple(dict.fromkeys((watching, *started) if watching else started))


def put_away() -> None:
    """Watch no experiment; it goes on, and its link finds it again."""
    st.session_state[_RUN] = None


def button(label: str, key: str, action: Callable[[], None]) -> None:
    """A button of the live part whose action changes the whole page, which a callback in a fragment would not run."""
    if st.button(label, key=key):
        attempt(action)
        st.rerun()


def start(spec: ExperimentSpec) -> None:
    """Queue an experiment for this session and watch it."""
    owner = st.session_state.setdefault(_OWNER, secrets.token_urlsafe(8))

    def submit() -> None:
        st.session_state[_RUN] = scheduler().submit(spec, owner)
        st.session_state["starting"] = False  # the popover that the button stood in

    attempt(submit)


def attempt(action: Callable[[], None]) -> None:
    """Do something to the queue; a full one, another process's lease or a broken store is said when the page runs."""
    try:
        action()
    except KeyError:
        pass  # the experiment is gone, which the page says when it looks for it
    except RuntimeError as error:
        st.session_state[_TROUBLE] = message_of(error)


@st.cache_data(show_spinner=False)
def _estimate_s(spec: ExperimentSpec) -> float:
    from xception_lab.experiments.cluster import default_workers
    from xception_lab.experiments.estimate import estimate_s

    return estimate_s(spec, default_workers())


def estimate_text(spec: ExperimentSpec) -> str:
    """How many runs it is and how long they may take here: an estimate from a few timed steps."""
    with st.spinner(_("Timing a few steps …")):
        seconds = _estimate_s(spec)
    return _("{runs} runs, about **{minutes:.0f} min** on this machine: an estimate from a few timed steps.").format(
        runs=len(spec.variants()), minutes=max(1.0, seconds / 60)
    )


def show_progress(progress: Progress) -> None:
    """How far an experiment is: its place in the queue, the share done, the time left, and what holds it up."""
    if progress.reason:
        st.warning(translate_message(progress.reason))
    if progress.finished:
        return
    if progress.place:
        said = _("{place} runs before yours in the queue.").format(place=progress.place)
    elif progress.time_left_s is None:
        said = _("Starting the workers …")
    else:
        said = _("about {seconds:.0f} s left").format(seconds=progress.time_left_s)
    st.progress(progress.share, said)
