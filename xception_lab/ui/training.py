"""The training lab's Streamlit parts: the scheduler of this server, and an experiment on the page in words."""

import secrets
from collections.abc import Callable
from typing import Any

import streamlit as st

from xception_lab.experiments import PRESETS, ExperimentSpec
from xception_lab.figures.training import curves_figure, effects_figure
from xception_lab.progress import Progress
from xception_lab.results import Stored, curves, records_csv, run_rows, stored_result, to_json
from xception_lab.spec import TrainSpec
from xception_lab.statistics import Effect, Setting
from xception_lab.ui.charts import show_chart
from xception_lab.ui.controls import OPTIONS
from xception_lab.ui.field import marked
from xception_lab.ui.language import ASSETS
from xception_lab.ui.language import text as _

QUESTIONS = {
    "two-differences": marked("Does the **order** matter, and does the **ReLU between**?"),
    "figure-10": marked("What belongs between the two convolutions: **nothing, a ReLU or an ELU**?"),
    "figure-9": marked("Are the **residual connections** essential?"),
    "conjecture": marked("Does a ReLU between harm **shallow** feature spaces and help **deep** ones?"),
    "own": marked("What do these fields change?"),
}
VALUES = {
    ("order", "depthwise-first"): OPTIONS["depthwise-first"],
    ("order", "pointwise-first"): OPTIONS["pointwise-first"],
    ("intermediate", "none"): marked("nothing between"),
    ("intermediate", "relu"): marked("ReLU between"),
    ("intermediate", "elu"): marked("ELU between"),
    ("residual", True): marked("with residuals"),
    ("residual", False): marked("without residuals"),
    ("segments", None): marked("one a channel"),
}
VERDICTS = {
    "harmful": marked("harmful"),
    "helpful": marked("helpful"),
    "no difference seen": marked("no difference seen"),
    "undecided": marked("undecided"),
}
# of two changes together, against the sum of what each does alone
JOINT_VERDICTS = VERDICTS | {
    "harmful": marked("worse together than their sum"),
    "helpful": marked("better together than their sum"),
}
GUESSES = ("harmful", "no difference seen", "helpful")

_RUN = "run"
_TROUBLE = "_trouble"


@st.cache_resource
def scheduler() -> Any:
    """The one scheduler of this server, on the store under XCEPTION_LAB_HOME."""
    from xception_lab.scheduler import Scheduler
    from xception_lab.store import Store

    return Scheduler(Store())


@st.cache_data
def shipped(preset: str) -> Stored | None:
    """The stored result of a preset, run by this code and shipped with it."""
    return stored_result(ASSETS / "results", preset)


def watched() -> Progress | None:
    """The experiment that this session watches, from the link or from Start; None where there is none.

    What went wrong, here or in a button before, is said on the page.
    """
    asked = st.session_state[_RUN] if _RUN in st.session_state else st.query_params.get(_RUN)
    progress = None
    if asked:
        try:
            progress = scheduler().progress(asked)
        except KeyError:
            st.info(_("The link's experiment is not on this server; the stored result is shown."))
        except RuntimeError as error:  # the store cannot be read
            st.session_state[_TROUBLE] = str(error)
    st.session_state[_RUN] = progress.id if progress else None
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(trouble)
    return progress


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
    owner = st.session_state.setdefault("_owner", secrets.token_urlsafe(8))

    def submit() -> None:
        st.session_state[_RUN] = scheduler().submit(spec, owner)

    attempt(submit)


def attempt(action: Callable[[], None]) -> None:
    """Do something to the queue; a full one, another process's lease or a broken store is said when the page runs."""
    try:
        action()
    except (RuntimeError, KeyError) as error:
        st.session_state[_TROUBLE] = str(error)


@st.cache_data(show_spinner=False)
def _estimate_s(spec: ExperimentSpec) -> float:
    from xception_lab.cluster import default_workers
    from xception_lab.experiments import estimate_s

    return estimate_s(spec, default_workers())


def estimate_text(spec: ExperimentSpec) -> str:
    """How many runs it is and how long they may take here: an estimate from a few timed steps."""
    with st.spinner(_("Timing a few steps …")):
        seconds = _estimate_s(spec)
    return _("{runs} runs, about **{minutes:.0f} min** on this machine: an estimate from a few timed steps.").format(
        runs=len(spec.variants()), minutes=max(1.0, seconds / 60)
    )


def experiment_spec(values: dict[str, Any]) -> ExperimentSpec:
    """The experiment that the page's controls ask for."""
    base = TrainSpec(dataset=values["dataset"], epochs=int(values["epochs"]))
    return ExperimentSpec(values["preset"], int(values["seeds"]), base)


def question(preset: str) -> str:
    """The experiment's question, with the section of the paper that raises it."""
    asked, section = _(QUESTIONS[preset]), PRESETS[preset].paper_section
    return f"{asked} " + _("Paper, section {section}.").format(section=section) if section else asked


def setting_text(setting: Setting) -> str:
    """A variant in words: "depthwise first, ReLU between"."""
    return ", ".join(_level_text(name, value) for name, value in setting)


def _level_text(name: str, value: Any) -> str:
    if (name, value) in VALUES:
        return _(VALUES[name, value])
    # a grid of one's own varies any field
    return _("{number} segments").format(number=value) if name == "segments" else f"{name}={value}"


def effect_text(effect: Effect) -> str:
    """What an effect compares, in words."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f": {change}"
    compared = _("{change} instead of {baseline}").format(change=change, baseline=setting_text(effect.baseline))
    return f"{compared} ({setting_text(effect.where)})" if effect.where else compared


def _effect_label(effect: Effect) -> str:
    """An effect on a chart's axis, in two lines."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f"<br>{change}"
    where = f" ({setting_text(effect.where)})" if effect.where else ""
    return f"{change}{where}<br>" + _("instead of {baseline}").format(baseline=setting_text(effect.baseline))


def verdict_text(effect: Effect, precision: float) -> str:
    """An effect with its interval and its computed verdict, in one sentence."""
    verdict = _((JOINT_VERDICTS if effect.kind == "interaction" else VERDICTS)[effect.verdict])
    if effect.half_width is None:
        return _("{what}: {points:+.2f} points; one seed decides nothing.").format(
            what=effect_text(effect), points=effect.points
        )
    sentence = _("{what}: **{verdict}**, {points:+.2f} points, 95 % CI {low:+.2f} to {high:+.2f}.").format(
        what=effect_text(effect), verdict=verdict, points=effect.points, low=effect.low, high=effect.high
    )
    if effect.verdict == "undecided" and effect.seeds_needed:
        more = _("About {seeds} seeds in all would narrow it to ±{precision}.")
        sentence += " " + more.format(seeds=effect.seeds_needed, precision=precision)
    return sentence


def show_progress(progress: Progress) -> None:
    """How far an experiment is: its place in the queue, the share done, the time left, and what holds it up."""
    if progress.reason:
        st.warning(progress.reason)
    if progress.finished:
        return
    if progress.place:
        said = _("{place} runs before yours in the queue.").format(place=progress.place)
    elif progress.time_left_s is None:
        said = _("Starting the workers …")
    else:
        said = _("about {seconds:.0f} s left").format(seconds=progress.time_left_s)
    st.progress(progress.share, said)


def show_result(progress: Progress, key: str) -> None:
    """Verdicts, effects, curves and runs of an experiment, as far as they are known."""
    effects = progress.effects()
    baseline = {name: levels[0] for name, levels in progress.spec.levels}
    # with an interaction a main effect misleads alone: the effect at the other factors' baseline stands beside it
    main = [effect for effect in effects.effects if all(baseline[name] == value for name, value in effect.where)]
    if main:
        for effect in main:
            st.markdown(f"- {verdict_text(effect, effects.precision)}")
        st.caption(
            _(
                "{seeds} seeds, paired. Bands: lowest to highest seed; dots: one seed each; bars: 95 % (Student's t). "
                "Sampling error of the test set: ±{error:.2f} points."
            )
            .format(seeds=len(effects.seeds), error=effects.sampling_error)
        )  # fmt: skip
        _show_guess(main)
    left, right = st.columns(2)
    drawn = curves(progress)
    with left:
        if drawn:
            names = [setting_text(curve.setting) for curve in drawn]
            figure = curves_figure(drawn, names, _("test accuracy"), _("epoch"))
            show_chart(figure, f"{key}_curves", "; ".join(names))
    with right:
        if main:
            compared = [effect for effect in effects.effects if effect.kind != "interaction"]
            names = [_effect_label(effect) for effect in compared]
            figure = effects_figure(compared, names, _("points of test accuracy"))
            show_chart(figure, f"{key}_effects", "; ".join(verdict_text(e, effects.precision) for e in compared))
    with st.expander(_("All runs"), icon=":material/table:"):
        st.dataframe(run_rows(progress), hide_index=True)


def _show_guess(effects: list[Effect]) -> None:
    """The person's guess beside what the data say of the ReLU."""
    relu = [e for e in effects if e.kind == "main" and e.change == (("intermediate", "relu"),)]
    guess = st.session_state.get("guess")
    if relu and guess:
        said = _("Your guess: **{guess}**. The data say: **{outcome}**.")
        st.markdown(said.format(guess=_(VERDICTS[guess]), outcome=_(VERDICTS[relu[0].verdict])))


def downloads(progress: Progress, machine: str, key: str) -> None:
    """The experiment as CSV and as JSON."""
    st.download_button(
        _("Records (CSV)"), lambda: records_csv(progress), f"{key}.csv", "text/csv", on_click="ignore", key=f"{key}_csv"
    )
    st.download_button(
        _("Experiment (JSON)"), lambda: to_json(progress, machine), f"{key}.json", "application/json",
        on_click="ignore", key=f"{key}_json",
    )  # fmt: skip
