"""What the Compare page shows below the three blocks, one view at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from xception_lab.arch.breakdown import PAPER_SIZE
from xception_lab.arch.comparison import (
    ComparedBlock,
    Measure,
    SweepField,
    block_layer_rows,
    compare,
    spectrum,
    sweep,
    two_differences,
)
from xception_lab.arch.cost import network_cost
from xception_lab.arch.latex import macs_formula, params_formula
from xception_lab.arch.snippets import block_snippet
from xception_lab.common.citations import source
from xception_lab.figures.cost import spectrum_figure, sweep_figure
from xception_lab.nn.other_counters import count_own_xception, run_counters
from xception_lab.spec import CompareSpec, XceptionSpec
from xception_lab.ui.compare.blocks import block_name, formula_tex, show_blocks, step_text, step_title
from xception_lab.ui.compare.charts import (
    block_amounts,
    chart_summary,
    cost_words,
    counter_rows,
    layer_bars,
    network_counter_rows,
)
from xception_lab.ui.compare.stack import show_stack
from xception_lab.ui.fields.compare import BETWEEN, CODE_OF, MEASURE, ORDER, SCALE, SWEPT, CompareState, View
from xception_lab.ui.fields.field import state_texts
from xception_lab.ui.shell.address import is_projected
from xception_lab.ui.shell.charts import FixedFigure, fix_figure, show_amounts, show_chart
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import language, paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import measure_name
from xception_lab.ui.shell.tables import show_rows


@dataclass(frozen=True, slots=True)
class Comparison:
    """What every view of the page shows: the controls' state, its spec, and the three blocks with their costs.

    ahead: by control and its text, the specs at most one step away.
    """

    state: CompareState
    spec: CompareSpec
    blocks: tuple[ComparedBlock, ...]
    ahead: dict[str, dict[str, CompareSpec]]

    @property
    def charted(self) -> Measure:
        """The quantity that the charts show."""
        return self.state.charted


# the figures, each with the language and the size of this run among its arguments, for the cache


@lru_cache(maxsize=512)
def _spectrum_figure(spec: CompareSpec, charted: Measure, _own: str, is_large: bool) -> FixedFigure:
    current = spec.segments or spec.out_channels
    figure = spectrum_figure(spectrum(spec), compare(spec), charted, current, cost_words(charted))
    return fix_figure(figure, is_large)


@lru_cache(maxsize=512)
def _sweep_figure(
    spec: CompareSpec, swept: SweepField, charted: Measure, scale: str, _own: str, is_large: bool
) -> FixedFigure:
    words = cost_words(charted, compare(spec))
    return fix_figure(sweep_figure(sweep(spec, swept), charted, scale, words), is_large)


def show_layers(comparison: Comparison) -> None:
    """The cost of each layer of each block."""
    control(MEASURE)
    charted, texts = comparison.charted, state_texts(comparison.state)
    show_amounts(
        "layers",
        measure_name(charted),
        block_amounts(comparison.blocks, charted),
        lambda spec: layer_bars(spec, charted, language()),
        comparison.spec,
        {control: texts[control] for control in comparison.ahead},
        comparison.ahead,
    )
    st.markdown(paragraph("layers"))


def show_spectrum(comparison: Comparison) -> None:
    """The paper's spectrum of segments, section 1.2."""
    st.markdown(paragraph("spectrum"))
    control(MEASURE)
    spec, blocks, charted = comparison.spec, comparison.blocks, comparison.charted
    figure = _spectrum_figure(spec, charted, language(), is_projected())
    show_chart(figure, "spectrum", chart_summary(blocks, charted))


def show_sweep(comparison: Comparison) -> None:
    """The cost while one field varies."""
    with st.container(horizontal=True):
        for field in (SWEPT, SCALE, MEASURE):
            control(field)
    state, charted = comparison.state, comparison.charted
    figure = _sweep_figure(comparison.spec, state.swept, charted, state.scale, language(), is_projected())
    show_chart(figure, "sweep", chart_summary(comparison.blocks, charted))


def show_formulas(comparison: Comparison) -> None:
    """MACs and parameters as formulas with their numbers."""
    for place, block in zip(st.columns(3), comparison.blocks, strict=True):
        place.markdown(f"**{block_name(block)}**")
        place.latex(formula_tex("MACs", macs_formula(block.spec, block.cost)))
        place.latex(formula_tex(_("Parameters"), params_formula(block.spec, block.cost)))
    st.markdown(paragraph("formula"))


def show_differences(comparison: Comparison) -> None:
    """From the extreme to the separable block, one difference at a time."""
    with st.container(horizontal=True):
        control(BETWEEN)
        control(ORDER)
    state = comparison.state
    if comparison.spec.segments not in (None, comparison.spec.out_channels) or comparison.spec.depth_multiplier != 1:
        st.caption(
            _(
                "Here every channel is a segment of its own and `depth_multiplier` is 1, whatever the controls say: "
                "only then do the blocks differ in nothing else."
            )
        )
    steps = two_differences(comparison.spec, state.order, state.between)
    notes = ("", *(_("against the step before") for _step in steps[1:]))
    titles = tuple((step_title(step), note) for step, note in zip(steps, notes, strict=True))
    show_blocks(comparison.spec, steps, state.convention, "steps", titles=titles)
    for place, step in zip(st.columns(3), steps, strict=False):
        place.markdown(step_text(step))
    show_stack(state.order, state.between, comparison.spec.kernel_size)
    st.markdown(paragraph("later_practice"))


def show_table(comparison: Comparison) -> None:
    """Every layer of every block."""
    names = {block.kind: block_name(block) for block in comparison.blocks}
    rows = [{**row, "kind": names[str(row["kind"])]} for row in block_layer_rows(comparison.blocks)]
    # a layer's name here says what it does; with one column less all of them are in sight
    show_rows([{name: value for name, value in row.items() if name != "operation"} for row in rows])


def show_counters(comparison: Comparison) -> None:
    """What other counters print for the paper's network, and what they count for the blocks on the page."""
    paper = network_cost(XceptionSpec(), PAPER_SIZE, PAPER_SIZE)
    st.markdown(paragraph("counters", macs=f"{paper.macs:,}", versions=source("counters").title))
    if st.toggle(_("Count this app's Xception with every counter that is installed here, now"), key="count_network"):
        with st.spinner(_("Counting in a process of its own, up to half a minute …")):
            try:
                figures = count_own_xception()
            except (OSError, RuntimeError):
                st.error(_("The counters could not be run on this server."))
            else:
                st.dataframe(network_counter_rows(figures, paper.macs), hide_index=True)
    if st.toggle(_("Count these blocks with torch and torchinfo, now"), key="count"):
        st.dataframe(counter_rows(comparison.blocks, comparison.spec, run_counters), hide_index=True)


def show_code(comparison: Comparison) -> None:
    """The PyTorch code of one block."""
    control(CODE_OF)
    spec, kind = comparison.spec, comparison.state.code_of
    snippet = block_snippet(spec.block(kind), spec.size, spec.size, spec.batch_size)
    st.code(snippet, language="python")
    st.download_button(_("Download the snippet"), snippet, f"{kind}_block.py", on_click="ignore")


SHOW: dict[View, Callable[[Comparison], None]] = {
    "layers": show_layers,
    "spectrum": show_spectrum,
    "sweep": show_sweep,
    "formula": show_formulas,
    "differences": show_differences,
    "table": show_table,
    "counters": show_counters,
    "code": show_code,
}
