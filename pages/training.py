"""Training: the paper's claims as experiments, with a prediction first, seeds, and verdicts fixed beforehand."""

from functools import partial

import streamlit as st

from xception_lab.experiments.plan import plan_name
from xception_lab.ui.fields.field import VIEW_BELOW
from xception_lab.ui.fields.training import (
    ASK,
    DATASET,
    EPOCHS,
    GRID_FIELDS,
    OUTCOME,
    OWN,
    PRESET,
    SEEDS,
    TrainingState,
)
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.frame import finish, frame, heading
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.elsewhere import show_elsewhere
from xception_lab.ui.training.evidence import (
    known_differences,
    not_stored_notes,
    power_text,
    provenance_text,
    show_carry_over,
    show_evidence,
    stored_elsewhere_text,
    variants_text,
    verdict_notes,
    would_run_text,
)
from xception_lab.ui.training.experiment import (
    action_button,
    close_experiment,
    control_note,
    control_parameter,
    data_note,
    estimate_text,
    experiment_control,
    experiment_result,
    get_scheduler,
    has_first_step,
    load_current_experiment,
    load_progress,
    load_repetitions,
    load_result,
    show_experiment_progress,
    show_settings_problem,
    start_experiment,
    stop_experiment,
    stored_effects,
    training_note,
    watched_experiment,
)
from xception_lab.ui.training.guess import ask_guess, with_own_guess
from xception_lab.ui.training.my_runs import my_runs_control
from xception_lab.ui.training.pool import open_made_pool, pool_control
from xception_lab.ui.training.result import experiment_downloads
from xception_lab.ui.training.run import make_predictions_reader, run_parameter, show_experiment
from xception_lab.ui.training.texts import question_text
from xception_lab.ui.training.upload import custom_data_control

open_made_pool()
LOOK_S = 1.0  # between two looks at an experiment that runs
FIRST_LOOK_S = 0.4  # as long as somebody waits for its first sign

state = with_own_guess(frame("training", TrainingState))
is_revealed = state.guess != ASK
current = load_current_experiment()
show_settings_problem()
experiment_id = current.id if current else None
running = current is not None and not current.finished
has_begun = current is not None and has_first_step(current)
result = load_result(plan_name(state.preset, state.dataset))
effects = stored_effects(result.progress) if result and is_revealed else None
heading(question_text(current.spec.preset if current else state.preset))
control(PRESET)
row = st.container(horizontal=True, vertical_alignment="bottom", key="experiment")
if state.preset == OWN:
    with st.container(horizontal=True, vertical_alignment="bottom", key="grid"):
        for field in GRID_FIELDS:
            control(field)
own = custom_data_control() if state.dataset == OWN else None
spec = state.experiment(own)


def show_start() -> None:
    """The size of an experiment of one's own, what it could decide, and how long it would take."""
    for field in (SEEDS, EPOCHS):
        control(field)
    if spec is None:
        st.markdown(_("Upload your pictures first."))
        return
    if refusal := training_note() or data_note(spec):
        st.info(refusal, icon=":material/block:")
        return
    get_scheduler().prepare()  # whoever looks at this is about to press Start, and the workers take some seconds
    if result and effects and effects.primary:
        st.markdown(power_text(result, effects, state.seeds))
    st.markdown(would_run_text(spec))
    # before the estimate, which takes a while and need not be waited for
    st.button(_("Start"), type="primary", key="start", on_click=start_experiment, args=(spec,))
    estimate = st.container()
    if spec.seeds > 1:
        pool_control(spec)
    with estimate:
        line = st.empty()  # what it said of other controls is gone at once
        line.caption(estimate_text(spec))


with row:
    control(DATASET, notes=not_stored_notes(state.preset))
    with st.popover(_("Run it here"), icon=":material/play_arrow:", key="starting", on_change="rerun") as starting:
        if starting.open:
            show_start()
    my_runs_control()
    st.space("stretch")
    control(OUTCOME)
    copy_link(_("Copy link"), _("Copied"))


def show_live(experiment_id: str) -> None:
    """The experiment that runs, or ran, on this server."""
    scheduler = get_scheduler()
    progress = load_progress(experiment_id)
    if progress is None:
        return
    if progress.finished and running:
        st.rerun()  # once, to stop the clock
    show_experiment_progress(progress)
    right = experiment_control(progress)
    if right != "own":
        st.caption(control_note(right))
    with st.container(horizontal=True):
        if right == "none":
            pass
        elif not progress.finished:
            action_button(_("Stop"), "stop", lambda: stop_experiment(experiment_id, right))
        elif progress.state != "done":
            action_button(_("Go on"), "resume", lambda: scheduler.resume(experiment_id))
        action_button(_("Show the stored result"), "put_away", close_experiment)
        if is_revealed:
            experiment_downloads(partial(experiment_result, progress), "experiment")
    if is_revealed:
        predictions = make_predictions_reader(scheduler.checkpoint)
        show_experiment(state, progress, progress.effects(), predictions, scheduler.checkpoint)
    if running and not has_begun and has_first_step(progress):
        st.rerun()  # once, to look less often from now on


asked = current.spec if current else result.progress.spec if result else None
with st.container(key=VIEW_BELOW):
    if asked and not is_revealed:
        ask_guess(asked, known_differences(result).get(0, "") if result and not current else "")
    if experiment_id:
        look_s = LOOK_S if has_begun else FIRST_LOOK_S
        st.fragment(show_live, run_every=look_s if running else None)(experiment_id)
    elif result and effects:
        notes = verdict_notes(result, effects)
        show_experiment(state, result.progress, effects, result.predictions.__getitem__, None, notes)
        if state.outcome == "result" and effects.primary:
            show_elsewhere(result, effects, load_repetitions(plan_name(state.preset, state.dataset)))
            show_evidence(result, effects)
            show_carry_over(plan_name(state.preset, state.dataset), effects.primary)
        st.caption(f"{provenance_text(result, effects.seeds)} {would_run_text(spec) if spec else ''}")
        with st.container(horizontal=True):
            experiment_downloads(lambda stored=result: stored, "stored")
    elif not result:
        st.info(stored_elsewhere_text(state.preset, state.dataset), icon=":material/science:")
    if spec and (state.preset == "conjecture" or not (asked or state.preset == OWN)):
        st.markdown(variants_text(spec))
    if state.preset == "figure-9":
        st.markdown(paragraph("figure_9"))
    with st.expander(_("What this can say, and what not"), icon=":material/balance:"):
        st.markdown(paragraph("training"))
finish(state, run=watched_experiment(), control=control_parameter(), own=own, picked=run_parameter())
