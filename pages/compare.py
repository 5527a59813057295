"""Compare: the three blocks side by side, with every control."""

from functools import partial

import streamlit as st

from xception_lab.arch.comparison import (
    Measure,
    block_layer_csv,
    block_layer_rows,
    compare,
    spectrum,
    sweep,
    two_differences,
)
from xception_lab.arch.latex import macs_formula, params_formula
from xception_lab.arch.snippets import block_snippet
from xception_lab.figures.cost import layers_figure, spectrum_figure, sweep_figure
from xception_lab.nn.other_counters import run_counters
from xception_lab.ui.compare.blocks import (
    comparison_headline,
    per_value_text,
    show_blocks,
    step_text,
    step_title,
    worked_tex,
)
from xception_lab.ui.compare.charts import chart_summary, cost_words, counter_rows
from xception_lab.ui.compare.presets import chart_measure, convention, preset_buttons
from xception_lab.ui.compare.worked_example import show_worked_example
from xception_lab.ui.fields.compare import WORKBENCH_KEYS
from xception_lab.ui.fields.specs import compare_spec, specs_ahead
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control, main_controls, more_controls
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name

KEYS = WORKBENCH_KEYS
MAIN = ("in_channels", "out_channels", "kernel_size", "size", "segments")
MORE = ("stride", "padding", "dilation", "intermediate", "batch_norm", "batch_size", "bias", "depth_multiplier")

values = frame("compare", KEYS)
spec = compare_spec(values)
columns = compare(spec)
counted: Measure = convention(values)
charted: Measure = chart_measure(values)

st.subheader(_("The same job, three ways"), anchor=False)
st.container(key="lead").markdown(f"{comparison_headline(columns, counted)} {per_value_text(columns)}")
settings = st.container()
show_worked_example(spec, columns, counted, "moving")
show_blocks(spec, columns, counted, "blocks", ahead=specs_ahead(values, MAIN), slim=True)
with settings:
    with st.container(horizontal=True, key="presets"):
        preset_buttons()
        more_controls(MORE)
    main_controls(MAIN)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control("view")
    control("convention")
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
    st.download_button(
        _("Table (CSV)"),
        partial(block_layer_csv, columns),
        "xception-lab.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def layers() -> None:
    """Where the cost sits."""
    control("measure")
    show_chart(layers_figure(columns, charted, cost_words(charted)), "layers", chart_summary(columns, charted))
    st.markdown(paragraph("layers"))


def segments() -> None:
    """The paper's spectrum, section 1.2."""
    st.markdown(paragraph("spectrum"))
    control("measure")
    current = spec.segments or spec.out_channels
    figure = spectrum_figure(spectrum(spec), columns, charted, current, cost_words(charted))
    show_chart(figure, "spectrum", chart_summary(columns, charted))


def running() -> None:
    """Cost against one field."""
    with st.container(horizontal=True):
        for key in ("swept", "scale", "measure"):
            control(key)
    figure = sweep_figure(sweep(spec, values["swept"]), charted, values["scale"], cost_words(charted))
    show_chart(figure, "sweep", chart_summary(columns, charted))


def formulas() -> None:
    """The numbers to redo by hand."""
    for place, column in zip(st.columns(3), columns, strict=True):
        place.markdown(f"**{kind_name(column.kind)}**")
        place.latex(worked_tex("MACs", macs_formula(column.spec, column.cost)))
        place.latex(worked_tex(_("Parameters"), params_formula(column.spec, column.cost)))
    st.markdown(paragraph("formula"))


def differences() -> None:
    """From extreme to separable, step by step."""
    with st.container(horizontal=True):
        control("between")
        control("order")
    steps = two_differences(spec, values["order"], values["between"])
    show_blocks(spec, steps, counted, "steps", titles=tuple(map(step_title, steps)))
    for place, step in zip(st.columns(3), steps, strict=False):
        place.markdown(step_text(step))
    st.markdown(paragraph("later_practice"))


def counters() -> None:
    """What other counters print."""
    st.markdown(paragraph("counters"))
    if st.toggle(_("Count these blocks with torch and torchinfo, now"), key="count"):
        st.dataframe(counter_rows(columns, spec, run_counters), hide_index=True)


def code() -> None:
    """The block as a snippet."""
    control("code_of")
    snippet = block_snippet(spec.block(values["code_of"]), spec.size, spec.size, spec.batch_size)
    st.code(snippet, language="python")
    st.download_button(_("Download the snippet"), snippet, f"{values['code_of']}_block.py", on_click="ignore")


{
    "layers": layers,
    "spectrum": segments,
    "sweep": running,
    "formula": formulas,
    "differences": differences,
    "table": lambda: st.dataframe(block_layer_rows(columns), hide_index=True),
    "counters": counters,
    "code": code,
}[values["view"]]()
finish(KEYS)
