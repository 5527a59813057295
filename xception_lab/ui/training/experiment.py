"""The experiment that a session watches: it is found, started, stopped, resumed and estimated here."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_of
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.repetition import Repetition, load_repetition, repeating_devices
from xception_lab.experiments.results_file import ExperimentResult, load_stored_result
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message

if TYPE_CHECKING:
    from xception_lab.experiments.scheduler import Scheduler

_RUN = "run"  # the link's parameter for an experiment
_OWNER = "_owner"
_TROUBLE = "_trouble"


@st.cache_resource
def get_scheduler() -> "Scheduler":
    """The one scheduler of this server, on the store under XCEPTION_LAB_HOME."""
    from xception_lab.experiments.scheduler import Scheduler
    from xception_lab.experiments.store import Store

    return Scheduler(Store())


@st.cache_data
def load_result(name: str) -> ExperimentResult | None:
    """The result of a plan that this code has computed and that is shipped with it; None where there is none."""
    return load_stored_result(name)


@st.cache_data
def load_repetitions(name: str) -> tuple[Repetition, ...]:
    """What other devices made of a plan, as far as it is shipped: those that made all of it first."""
    found = [load_repetition(name, device) for device in repeating_devices(name)]
    return tuple(sorted(found, key=lambda repetition: repetition.result is None))


def load_current_experiment() -> Progress | None:
    """The experiment that this session watches, from the link or from Start; None where there is none.

    Draws what went wrong here, or in the button that was pressed before.
    """
    experiment_id = session_parameter(_RUN)
    progress = None
    if experiment_id:
        try:
            progress = get_scheduler().progress(experiment_id)
        except KeyError:
            st.info(_("The link's experiment is not on this server; the stored result is shown."))
            if set_aside := list_set_aside_stores():
                note = _("A damaged store of runs was set aside here as {names}; what could be read of it was kept.")
                st.info(note.format(names=", ".join(set_aside)))
        except RuntimeError as error:  # the store cannot be read
            st.session_state[_TROUBLE] = message_of(error)
    st.session_state[_RUN] = progress.id if progress else None
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(translate_message(trouble))
    return progress


def list_set_aside_stores() -> tuple[str, ...]:
    """The names of the damaged databases that were set aside in the home folder, the newest first."""
    return tuple(sorted((path.name for path in home_folder().glob("runs.set-aside-*.sqlite")), reverse=True))


def list_session_experiments() -> tuple[str, ...]:
    """The ids of the experiment that this session watches, then of those that it started, the newest first.

    Raises StoreError when the store cannot be read.
    """
    from xception_lab.experiments.store import Store

    owner: str | None = st.session_state.get(_OWNER)
    own_ids = Store().experiments(owner) if owner else ()
    current_id: str | None = st.session_state.get(_RUN)
    return tuple(dict.fromkeys((current_id, *own_ids) if current_id else own_ids))


def load_progress(experiment_id: str) -> Progress | None:
    """The experiment's progress for its fragment; None, with the reason drawn, while the store cannot be read."""
    try:
        return get_scheduler().progress(experiment_id)
    except (KeyError, StoreError) as error:
        st.warning(translate_message(error))
        return None


def close_experiment() -> None:
    """Stop watching the experiment. It goes on, and its link opens it again."""
    st.session_state[_RUN] = None


def action_button(label: str, key: str, action: Callable[[], None]) -> None:
    """Draw a button of the live part whose action changes the whole page: a callback would rerun the fragment alone."""
    if st.button(label, key=key):
        _try_action(action)
        st.rerun()


def start_experiment(spec: ExperimentSpec) -> None:
    """Queue an experiment for this session and watch it."""
    owner = st.session_state.setdefault(_OWNER, secrets.token_urlsafe(8))

    def submit() -> None:
        st.session_state[_RUN] = get_scheduler().submit(spec, owner)
        st.session_state["starting"] = False  # the popover that the button stood in

    _try_action(submit)


def _try_action(action: Callable[[], None]) -> None:
    """Do something to the queue; the next run says so where it is full, leased by another process or broken."""
    try:
        action()
    except KeyError:
        pass  # the experiment is gone: load_current_experiment reports it
    except RuntimeError as error:
        st.session_state[_TROUBLE] = message_of(error)


@st.cache_data(show_spinner=False)
def _estimate_s(spec: ExperimentSpec) -> float:
    from xception_lab.experiments.estimate import estimate_s
    from xception_lab.experiments.placement import place_workers

    placement = place_workers()
    return estimate_s(spec, len(placement.devices), placement.speed)


def estimate_text(spec: ExperimentSpec) -> str:
    """The number of runs, and how long they may take here: an estimate from a few timed steps.

    The workers are started meanwhile: whoever asks is about to start.
    """
    get_scheduler().prepare()
    with st.spinner(_("Timing a few steps …")):
        seconds = _estimate_s(spec)
    return _("{runs} runs, about **{minutes:.0f} min** on this machine: an estimate from a few timed steps.").format(
        runs=len(spec.variants()), minutes=max(1.0, seconds / 60)
    )


def show_experiment_progress(progress: Progress) -> None:
    """An experiment's place in the queue, the share of it that is done, the time left, and why it waits or ended."""
    if progress.reason:
        st.warning(translate_message(progress.reason))
    for note in progress.notes:
        st.info(translate_message(note), icon=":material/info:")
    if progress.finished:
        return
    if progress.place:
        text = _("{place} runs before yours in the queue.").format(place=progress.place)
    elif progress.time_left_s is None:
        text = _("Starting the workers …")
    else:
        text = _time_left_text(progress.time_left_s)
    if step_text := _step_text(progress):
        text = f"{step_text} · {text}"
    st.progress(progress.share, text)


def _time_left_text(seconds: float) -> str:
    if seconds < 120:
        return _("about {seconds:.0f} s left").format(seconds=seconds)
    return _("about {minutes:.0f} min left").format(minutes=seconds / 60)


def _step_text(progress: Progress) -> str:
    """How the epoch goes that is under way, of the run that is furthest; empty where none has taken a step."""
    under_way = [(run.epochs_done, number) for number, run in enumerate(progress.runs) if run.step]
    if not under_way:
        return ""
    run = progress.runs[max(under_way)[1]]
    assert run.step
    return _("seed {seed}, epoch {epoch} of {epochs}: loss {loss:.2f}, {accuracy:.0%} right").format(
        seed=run.spec.seed,
        epoch=run.step.epoch,
        epochs=run.spec.epochs,
        loss=run.step.loss,
        accuracy=run.step.accuracy,
    )
