"""A pooled experiment on the page: its seeds and who trains them, the interval so far, and how one takes part."""

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of
from xception_lab.common.work_state import UNFINISHED
from xception_lab.experiments.plan import plan_name
from xception_lab.experiments.pool import PoolProgress, PoolStore, SeedProgress, pool_progress, take_part
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.figures.training import effects_figure
from xception_lab.ui.fields.training import DATASET
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.frame import heading
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.person import current_person
from xception_lab.ui.shell.share import class_link, show_qr
from xception_lab.ui.training.experiment import (
    get_scheduler,
    load_progress,
    load_result,
    show_experiment_progress,
    show_teacher,
    stored_effects,
    training_note,
)
from xception_lab.ui.training.texts import (
    confound_text,
    effect_label,
    effect_sentence,
    headline,
    question_text,
    verdict_details,
    verdict_interval,
)

POOL = "pool"  # the link's parameter
REFRESH_S = 2.0
SHARED_S = 1.0  # for so long, all who look share one reading of the store

_MADE = "_pool_made"
_TROUBLE = "_pool_trouble"
_CSS = """
<style>
.seeds { display: flex; flex-wrap: wrap; gap: .5rem; margin: .3rem 0 !important; padding: 0 !important; }
.seeds li {
  list-style: none; min-width: 4.6rem; margin: 0 !important; padding: .35rem .6rem; border-radius: .5rem;
  text-align: center;
  border: 1.5px solid color-mix(in srgb, currentColor 35%, transparent); font-variant-numeric: tabular-nums;
}
.seeds b { display: block; font-size: 1.25rem; line-height: 1.3; }
.seeds span { font-size: .85rem; }
.seeds .done { background: color-mix(in srgb, #2e7d5b 22%, transparent); border-color: #2e7d5b; }
.seeds .running { background: color-mix(in srgb, #c77d2e 18%, transparent); border-color: #c77d2e; }
.seeds .mine { outline: 3px solid currentColor; outline-offset: 1px; }
.st-key-pool_verdict p { font-size: 1.4rem; line-height: 1.35; text-wrap: pretty; }
.st-key-pool_part button { min-height: 3rem; }
.st-key-pool_part button p { font-size: 1.2rem; }
</style>
"""


def pool_parameter() -> str | None:
    """The pool as the link has it; None where there is none."""
    return session_parameter(POOL)


def pool_control(spec: ExperimentSpec) -> None:
    """Draw the button that splits the seeds of an experiment over a class."""

    def make() -> None:
        def act() -> None:
            st.session_state[_MADE] = PoolStore().add(spec)

        _try_action(act)

    st.button(
        _("Split the {seeds} seeds over a class").format(seeds=spec.seeds),
        key="make_pool",
        on_click=make,
        icon=":material/groups:",
    )


def open_made_pool() -> None:
    """Lead whoever has just made a pool to it, before anything is drawn."""
    if key := st.session_state.pop(_MADE, None):
        st.switch_page("pages/pool.py", query_params={POOL: key})


def show_pool() -> None:
    """The whole page."""
    st.html(_CSS)
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.warning(translate_message(trouble))
    key = st.session_state[POOL] = pool_parameter()
    try:
        progress = _load(key or "")
    except KeyError:
        heading(_("Pooled experiment"))
        st.info(
            _(
                "There is no such pooled experiment on this server. Make one on **Train**, under **Run it here**: the "
                "seeds of one experiment are split over a class, and all see one interval grow."
            )
        )
        st.page_link("pages/training.py", label=_("To the experiments"), icon=":material/science:")
        return
    except StoreError as error:
        heading(_("Pooled experiment"))
        st.warning(translate_message(error))
        return
    spec = progress.pool.spec
    heading(question_text(spec.preset))
    left, right = st.columns((10, 3), gap="large")
    with left:
        st.fragment(_show_live, run_every=None if progress.is_done else REFRESH_S)(progress.pool.id)
    with right:
        link, note = class_link("pool", {POOL: progress.pool.id})
        show_qr(link)
        copy_link(_("Copy link"), _("Copied"), link)
        if note:
            st.caption(note)
        st.caption(
            _(
                "Everybody with this link trains one seed. Seeds: {seeds}, epochs: {epochs}, pictures: {data}. The "
                "number of seeds was fixed beforehand, and no verdict is given before the last one."
            ).format(seeds=spec.seeds, epochs=spec.base.epochs, data=_data_text(spec))
        )


@st.cache_resource(ttl=SHARED_S, max_entries=20, show_spinner=False)
def _load(key: str) -> PoolProgress:
    return pool_progress(PoolStore().pool(key), get_scheduler())


def _data_text(spec: ExperimentSpec) -> str:
    return option_text(DATASET, spec.base.dataset) if spec.base.dataset in DATASET.texts else _("your own pictures")


def _show_live(key: str) -> None:
    """What changes while the class trains: whose turn it is, the seeds, and the interval."""
    try:
        progress = _load(key)
    except (KeyError, StoreError) as error:
        st.warning(translate_message(error))
        return
    owner = current_person().owner
    mine = [seed for seed in progress.seeds if seed.owner == owner and not seed.is_free]
    under_way = next((seed for seed in mine if seed.state in UNFINISHED), None)
    with st.container(key="pool_verdict"):
        st.markdown(_verdict_text(progress))
    with st.container(horizontal=True, vertical_alignment="center", key="pool_part"):
        _show_part(progress, under_way, has_trained=bool(mine))
    if under_way and under_way.experiment and (own := load_progress(under_way.experiment)):
        show_experiment_progress(own)
    st.html(_seeds_html(progress.seeds, mine))
    _show_interval(progress)


def _show_part(progress: PoolProgress, under_way: SeedProgress | None, *, has_trained: bool) -> None:
    """How one takes part: one seed at a time. under_way: the person's own."""
    if progress.is_done:
        return
    free = [seed.seed for seed in progress.seeds if seed.is_free]
    if under_way:
        st.markdown(_("You are training **seed {seed}**.").format(seed=under_way.seed))
    elif not free:
        st.markdown(_("Every seed is taken: watch the interval grow."))
    elif refusal := training_note():
        st.info(refusal, icon=":material/block:")
    else:
        label = _("Train seed {seed}") if not has_trained else _("Train one more: seed {seed}")
        text = f"**{label.format(seed=free[0])}**"
        if st.button(text, key="take_part", type="primary", icon=":material/play_arrow:"):
            _try_action(lambda: _take_part(progress))
            st.rerun()


def _take_part(progress: PoolProgress) -> None:
    show_teacher(take_part(PoolStore(), get_scheduler(), progress.pool.id, current_person().owner))
    _load.clear()


def _try_action(action: Callable[[], None]) -> None:
    """Do something to the pool; the next run says so where that is refused."""
    try:
        action()
    except (KeyError, RuntimeError) as error:
        st.session_state[_TROUBLE] = message_of(error)


def _verdict_text(progress: PoolProgress) -> str:
    effects = progress.effects
    if effects.seeds_missing:
        done = len(effects.seeds)
        return _("**{done} of {seeds} seeds are done.** No verdict before the last one.").format(
            done=done, seeds=progress.pool.spec.seeds
        )
    verdicts = (
        (
            headline(effect, effects.margin),
            verdict_interval(effect, effects),
            verdict_details(effect, effects),
            confound_text(effect, progress.pool.spec),
        )
        for effect in effects.primary
    )
    return "\n\n".join(" ".join(filter(None, texts)) for texts in verdicts)


def _seeds_html(seeds: Sequence[SeedProgress], mine: Sequence[SeedProgress]) -> str:
    """A card for each seed: what it is doing, and which are the person's own."""
    cards: list[str] = []
    for seed in seeds:
        if seed.is_free:
            name, state = _("free"), "free"
        elif seed.state == "running":
            name, state = f"{seed.share:.0%}", "running"
        else:
            name, state = (_("done"), "done") if seed.state == "done" else (_("waiting"), "queued")
        own = " · " + _("yours") if seed in mine else ""
        kind = f"{state} mine" if own else state
        cards.append(f'<li class="{kind}"><b>{seed.seed}</b><span>{escape(name + own)}</span></li>')
    label = escape(_("Seeds"))
    return f'<ul class="seeds" aria-label="{label}">{"".join(cards)}</ul>'


def _show_interval(progress: PoolProgress) -> None:
    effects = progress.effects
    if not effects.primary:
        return
    spec = progress.pool.spec
    stored = load_result(plan_name(spec.preset, spec.base.dataset))
    behind = () if stored is None else stored_effects(stored.progress).primary
    with_stored = behind and st.toggle(_("Show the stored result behind"), key="pool_stored")
    names = [effect_label(effect) for effect in effects.primary]
    figure = effects_figure(
        effects.primary, names, _("points of test accuracy"), effects.margin, behind if with_stored else ()
    )
    show_chart(figure, "pool_effects", "; ".join(map(effect_sentence, effects.primary)))
    if with_stored and stored:
        st.caption(
            _("Pale bar: the stored result's interval ({seeds} seeds, {epochs} epochs).").format(
                seeds=stored.progress.spec.seeds, epochs=stored.progress.spec.base.epochs
            )
        )
