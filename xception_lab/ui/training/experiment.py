"""The experiment that a session watches: it is found, started, stopped, resumed and estimated here."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from xception_lab.classroom.room import RoomError
from xception_lab.classroom.store import ClassStore
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_of
from xception_lab.common.settings import load_settings
from xception_lab.common.work_state import UNFINISHED
from xception_lab.experiments.effects import Effects
from xception_lab.experiments.ownership import is_ownerless, opens
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.repetition import Repetition, load_repetition, repeating_devices
from xception_lab.experiments.results_file import ExperimentResult, load_stored_result, with_data_shape
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.person import current_person
from xception_lab.ui.shell.seat import current_seat

if TYPE_CHECKING:
    from xception_lab.experiments.scheduler import Scheduler

Control = Literal["own", "shared", "none"]

_RUN = "run"  # the link's parameter for an experiment
_CONTROL = "control"  # and for the key with which its owner lets others control it
_TROUBLE = "_trouble"

CLEAN_S = 3600.0  # between two cleanings
STARTING_S = 20.0  # an estimate waits so long at most for the workers to start
POLL_S = 0.2

_TIMING = threading.Lock()  # two estimates at once would disturb each other


@st.cache_resource
def get_scheduler() -> "Scheduler":
    """The one scheduler of this server, on the store under XCEPTION_LAB_HOME."""
    from xception_lab.experiments.scheduler import Scheduler
    from xception_lab.experiments.store import Store

    return Scheduler(Store(), settings=load_settings)


@st.cache_resource(ttl=CLEAN_S, show_spinner=False)
def _clean() -> float:
    """Clean the store, once in a while: what is cached is that it was done. Returns when, in seconds since 1970."""
    from xception_lab.experiments.bounds import clean
    from xception_lab.experiments.store import Store

    clean(Store(), load_settings())
    return time.time()


# kept as it is, not as a copy for each run of a page: all of it is frozen, and a copy takes longer than the charts
@st.cache_resource
def load_result(name: str) -> ExperimentResult | None:
    """The result of a plan that this code has computed and that is shipped with it; None where there is none."""
    return load_stored_result(name)


@st.cache_resource
def load_repetitions(name: str) -> tuple[Repetition, ...]:
    """What other devices made of a plan, as far as it is shipped: those that made all of it first."""
    found = [load_repetition(name, device) for device in repeating_devices(name)]
    return tuple(sorted(found, key=lambda repetition: repetition.result is None))


def stored_effects(progress: Progress) -> Effects:
    """The effects of a stored result's runs, computed once for as long as the result is kept."""
    return _kept_effects(progress)[1]


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Progress: id})
def _kept_effects(progress: Progress) -> tuple[Progress, Effects]:
    """With the progress itself, so that nothing else gets its id meanwhile."""
    return progress, progress.effects()


def load_current_experiment() -> Progress | None:
    """The experiment that this session watches, from the link or from Start; None where there is none.

    Draws what went wrong here, or in the button that was pressed before. The link keeps an experiment that cannot be
    found: the server may be another one, or about to get its store back.
    """
    experiment_id = watched_experiment()
    progress = None
    if experiment_id:
        try:
            progress = get_scheduler().progress(experiment_id)
        except KeyError:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.info(_("The link's experiment is not on this server; the stored result is shown."))
                st.button(_("Forget the link"), key="forget", on_click=close_experiment)
            if set_aside := list_set_aside_stores():
                note = _("A damaged store of runs was set aside here as {names}; what could be read of it was kept.")
                st.info(note.format(names=", ".join(set_aside)))
        except RuntimeError as error:  # the store cannot be read
            st.session_state[_TROUBLE] = message_of(error)
    st.session_state[_RUN] = experiment_id
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(translate_message(trouble))
    return progress


def watched_experiment() -> str | None:
    """The id of the experiment that this session watches, as the link has it; None where it watches none."""
    return session_parameter(_RUN)


def control_parameter() -> str | None:
    """The control key as the link has it; None where there is none."""
    return session_parameter(_CONTROL)


def watch_experiment(experiment_id: str) -> None:
    """Watch an experiment of the person's own."""
    st.session_state[_RUN], st.session_state[_CONTROL] = experiment_id, None


def experiment_control(progress: Progress) -> Control:
    """Whether the person may stop and resume the experiment: as its owner, or since that shared its control key."""
    from xception_lab.experiments.store import Store

    if is_ownerless(progress.owner) or current_person().owns(progress.owner):
        return "own"
    key = control_parameter()
    try:
        return "shared" if key and opens(key, Store().control(progress.id)) else "none"
    except StoreError:
        return "none"


def control_note(control: Control) -> str:
    """What somebody who is not the owner should know of what they may do."""
    if control == "shared":
        return _("Another person's experiment, and its owner has given you control over it.")
    if control_parameter():
        return _("Another person's experiment. The link's key gives no control over it, so it is for reading.")
    return _("Another person's experiment: its link is for reading. The owner can share control, under **My runs**.")


def stop_experiment(experiment_id: str, control: Control) -> None:
    """Stop an experiment; its owner is told where another person did."""
    from xception_lab.experiments.scheduler import CANCELLED, CANCELLED_BY_ANOTHER

    get_scheduler().cancel(experiment_id, CANCELLED_BY_ANOTHER if control == "shared" else CANCELLED)


def training_note() -> str:
    """Why this person can start nothing here, in a sentence; empty where nothing stands in the way."""
    from xception_lab.experiments.bounds import BoundError, check_training
    from xception_lab.experiments.store import Store

    try:
        check_training(Store(), load_settings(), current_person().owner)
    except BoundError as error:
        return translate_message(error)
    except StoreError:
        return ""  # Start says it
    return ""


def data_note(spec: ExperimentSpec) -> str:
    """Why these data cannot be trained on, in a sentence; empty where they can."""
    from xception_lab.data.catalogue import load_dataset

    try:
        available = len(load_dataset(spec.base.dataset).train_labels)
    except ValueError as error:
        return translate_message(error)
    batch = spec.base.batch_size
    if available >= batch:
        return ""
    return _(
        "There are {count} pictures to learn from, fewer than the {batch} of one step: bring at least {more} more."
    ).format(count=available, batch=batch, more=batch - available)


def experiment_result(progress: Progress) -> ExperimentResult:
    """An experiment of this server as a file has it: with the machine, and the channels and classes of its data."""
    from xception_lab.data.catalogue import load_dataset
    from xception_lab.measurement.machine import machine_text
    from xception_lab.training.state import training_device

    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        machine = f"workers of the dask scheduler {address}"
    else:
        machine = machine_text(training_device().type)
    with suppress(ValueError):  # data that are gone: their channels and classes are not known any more
        data = load_dataset(progress.spec.base.dataset)
        progress = with_data_shape(progress, data.train_images.shape[3], len(data.classes))
    return ExperimentResult(progress, machine, {})


def show_settings_problem() -> None:
    """Say that the server's settings file is not used, and why."""
    if problem := load_settings().problem:
        st.warning(translate_message(problem), icon=":material/settings:")


def list_set_aside_stores() -> tuple[str, ...]:
    """The names of the damaged databases that were set aside in the home folder, the newest first."""
    return tuple(sorted((path.name for path in home_folder().glob("runs.set-aside-*.sqlite")), reverse=True))


def list_session_experiments() -> tuple[str, ...]:
    """The ids of the experiment that this session watches, then of those of its person, the newest first.

    Raises StoreError when the store cannot be read.
    """
    from xception_lab.experiments.store import Store

    own_ids = Store().experiments(current_person().owner)
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
    st.session_state[_RUN] = st.session_state[_CONTROL] = None


def action_button(label: str, key: str, action: Callable[[], None]) -> None:
    """Draw a button of the live part whose action changes the whole page: a callback would rerun the fragment alone."""
    if st.button(label, key=key):
        try_action(action)
        st.rerun()


def start_experiment(spec: ExperimentSpec) -> None:
    """Queue an experiment for this person and watch it. From a seat in a class's room, the teacher sees it too."""
    owner = current_person().owner

    def submit() -> None:
        _clean()
        experiment = get_scheduler().submit(spec, owner)
        watch_experiment(experiment)
        show_teacher(experiment)
        st.session_state["starting"] = False  # the popover that the button stood in

    try_action(submit)


def show_teacher(experiment: str) -> None:
    """Let the teacher of the room in which this tab has a seat see an experiment that it has started."""
    if seat := current_seat():
        # without the room the experiment is the person's own all the same
        with suppress(RoomError, StoreError):
            ClassStore().add_experiment(seat.code, seat.key, experiment)


def try_action(action: Callable[[], None]) -> None:
    """Do something to the queue; the next run says so where it is full, leased by another process or broken."""
    try:
        action()
    except KeyError:
        pass  # the experiment is gone: load_current_experiment reports it
    except RuntimeError as error:
        st.session_state[_TROUBLE] = message_of(error)


@dataclass(slots=True)
class _Estimate:
    """An estimate under way. begun_s, seen_s: since when, and when a page last waited for it, by time.monotonic."""

    future: Future[float]
    begun_s: float
    seen_s: float


@st.cache_resource(max_entries=64, show_spinner=False)
def _estimating(spec: ExperimentSpec) -> _Estimate:
    now_s = time.monotonic()
    estimate = _Estimate(Future(), now_s, now_s)
    threading.Thread(target=_estimate, args=(spec, estimate, get_scheduler()), daemon=True).start()
    return estimate


def _estimated_s(spec: ExperimentSpec) -> float | None:
    """The estimate in seconds, None as long as it is under way. Raises what it raised."""
    estimate = _estimating(spec)
    estimate.seen_s = time.monotonic()
    if not estimate.future.done():
        return None
    if estimate.future.cancelled() or estimate.future.exception():
        _estimating.clear(spec)
    return None if estimate.future.cancelled() else estimate.future.result()


def _estimate(spec: ExperimentSpec, estimate: _Estimate, scheduler: "Scheduler") -> None:
    """Fill in an estimate once the workers run, which it would delay; one that nobody waits for is given up."""
    while not scheduler.is_ready and time.monotonic() - estimate.begun_s < STARTING_S:
        time.sleep(POLL_S)
        if time.monotonic() - estimate.seen_s > 10 * POLL_S:
            estimate.future.cancel()
            return
    try:
        estimate.future.set_result(_estimate_s(spec))
    except Exception as error:  # whoever waits for it shows what went wrong
        estimate.future.set_exception(error)


def _estimate_s(spec: ExperimentSpec) -> float:
    from xception_lab.experiments.estimate import estimate_s
    from xception_lab.experiments.placement import place_workers
    from xception_lab.nn.allocator import return_freed_memory

    placement = place_workers()
    with _TIMING:
        try:
            return estimate_s(spec, len(placement.devices), placement.speed)
        finally:
            return_freed_memory()


def estimate_text(spec: ExperimentSpec) -> str:
    """The number of runs, and how long they may take here: an estimate from a few timed steps.

    With the experiments that are under way here, which share the machine, and what the class's teacher will see.
    """
    with st.spinner(_("Timing a few steps …")):
        slot = st.empty()
        while (seconds := _estimated_s(spec)) is None:
            time.sleep(POLL_S)
            slot.empty()  # here a press of Start ends this run of the page, which else would wait for the estimate
    text = _("Runs: {runs}, about **{minutes:.0f} min** on this machine: an estimate from a few timed steps.")
    estimate = text.format(runs=len(spec.variants()), minutes=max(1.0, seconds / 60))
    seen = _("The teacher of your class sees what you start.") if current_seat() else ""
    return " ".join(filter(None, (estimate, _sharing_text(seconds), seen)))


def _sharing_text(seconds: float) -> str:
    """How much longer the experiments under way may make it: workers are shared out evenly. Empty where none is."""
    from xception_lab.experiments.store import Store

    try:
        under_way = [each.id for each in Store().summaries() if each.state in UNFINISHED and each.is_leased]
        left_s = [get_scheduler().progress(experiment).time_left_s for experiment in under_way]
    except (KeyError, StoreError):  # Start says what stands in the way
        return ""
    if not left_s:
        return ""
    known = [time_left for time_left in left_s if time_left is not None]
    if len(known) < len(left_s):
        return _("Experiments under way here, which share the machine: {count}. It takes longer with them.").format(
            count=len(left_s)
        )
    # as long as both are under way, each has its share; what is over before this one costs it no more than its own work
    longest = seconds + sum(min(time_left, seconds) for time_left in known)
    return _(
        "Experiments under way here, which share the machine: {count}. With them, up to **{minutes:.0f} min**."
    ).format(count=len(left_s), minutes=max(1.0, longest / 60))


def show_experiment_progress(progress: Progress) -> None:
    """An experiment's place in the queue, the share of it that is done, the time left, and why it waits or ended."""
    if progress.reason:
        st.warning(translate_message(progress.reason))
    for note in progress.notes:
        st.info(translate_message(note), icon=":material/info:")
    if progress.interrupted:
        st.info(
            _("Interrupted: what trained it has ended. What is done stays, and each run goes on after its last epoch."),
            icon=":material/pause_circle:",
        )
    if progress.finished:
        return
    if progress.place:
        text = _("{place} runs before yours in the queue.").format(place=progress.place)
    elif progress.time_left_s is None:
        text = _("Starting the workers …")
    else:
        text = _time_left_text(progress.time_left_s)
    if step_text := _step_text(progress):
        done = sum(run.epochs_done == run.spec.epochs for run in progress.runs)
        runs = _("{done} of {all} runs done here on the server").format(done=done, all=len(progress.runs))
        text = f"{runs} · {step_text} · {text}"
    st.progress(progress.share, text)


def has_first_step(progress: Progress) -> bool:
    """Whether any run has done a step."""
    return any(run.step or run.records for run in progress.runs)


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
