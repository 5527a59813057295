"""Compare: the three blocks side by side, with every control."""

from functools import partial

import streamlit as st

from xception_lab.code import block_code
from xception_lab.comparison import compare, layer_csv, layer_rows, spectrum, sweep, two_differences
from xception_lab.counters import count
from xception_lab.figures.cost import layers_figure, spectrum_figure, sweep_figure
from xception_lab.formula import macs_formula, params_formula
from xception_lab.ui.blocks import headline, kind_name, per_value, show_blocks, step_text, step_title, worked_tex
from xception_lab.ui.charts import chart_summary, counter_rows, show_chart, words
from xception_lab.ui.components import copy_link
from xception_lab.ui.controls import (
    chosen_convention,
    chosen_measure,
    main_controls,
    more_controls,
    presets,
    section,
    shown,
)
from xception_lab.ui.fields import FIELDS, compare_spec
from xception_lab.ui.frame import finish, frame
from xception_lab.ui.language import paragraph
from xception_lab.ui.language import text as _

MAIN = ("in_channels", "out_channels", "kernel_size", "size", "segments")
MORE = ("stride", "padding", "dilation", "intermediate", "batch_norm", "batch_size", "bias", "depth_multiplier")

frame("compare", tuple(FIELDS))
st.subheader(_("The same job, three ways"), anchor=False)
lead = st.container(key="lead")
with st.container(horizontal=True, key="presets"):
    presets()
    more = more_controls(MORE)
spec = compare_spec(main_controls(MAIN) | more)
columns = compare(spec)
shelf = st.container(key="shelf")
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    counted = chosen_convention()
    measure = chosen_measure(counted)
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
    st.download_button(
        _("Table (CSV)"), partial(layer_csv, columns), "xception-lab.csv", "text/csv", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip
lead.markdown(f"{headline(columns, counted)} {per_value(columns)}")
with shelf:
    show_blocks(spec, columns, counted, "blocks")

layers = section("show_layers", _("Where the cost sits, layer by layer"), ":material/bar_chart:")
if layers.open:
    with layers:
        show_chart(layers_figure(columns, measure, words(measure)), "layers", chart_summary(columns, measure))
        st.markdown(paragraph("layers"))

segments = section("show_spectrum", _("The spectrum: from one segment to one a channel"), ":material/ssid_chart:")
if segments.open:
    with segments:
        st.markdown(paragraph("spectrum"))
        current = spec.segments or spec.out_channels
        figure = spectrum_figure(spectrum(spec), columns, measure, current, words(measure))
        show_chart(figure, "spectrum", chart_summary(columns, measure))

swept = section("show_sweep", _("What if one field runs?"), ":material/show_chart:")
if swept.open:
    with swept:
        with st.container(horizontal=True):
            field, scale = shown("swept"), shown("scale")
        figure = sweep_figure(sweep(spec, field), measure, scale, words(measure))
        show_chart(figure, "sweep", chart_summary(columns, measure))

formula = section("show_formula", _("The formulas, with your numbers"), ":material/function:")
if formula.open:
    with formula:
        for place, column in zip(st.columns(3), columns, strict=True):
            place.markdown(f"**{kind_name(column.kind)}**")
            place.latex(worked_tex("MACs", macs_formula(column.spec, column.cost)))
            place.latex(worked_tex(_("Parameters"), params_formula(column.spec, column.cost)))
        st.markdown(paragraph("formula"))

differences = section("show_differences", _("The two differences, step by step"), ":material/swap_vert:")
if differences.open:
    with differences:
        with st.container(horizontal=True):
            between, order = shown("between"), shown("order")
        steps = two_differences(spec, order, between)
        show_blocks(spec, steps, counted, "steps", tuple(map(step_title, steps)))
        for place, step in zip(st.columns(3), steps, strict=False):
            place.markdown(step_text(step))
        st.markdown(paragraph("later_practice"))

table = section("show_table", _("Every layer as a table"), ":material/table:")
if table.open:
    table.dataframe(layer_rows(columns), hide_index=True)

counters = section("show_counters", _("What other counters print, and why"), ":material/calculate:")
if counters.open:
    with counters:
        st.markdown(paragraph("counters"))
        if st.toggle(_("Count these blocks with torch and torchinfo, now"), key="count"):
            st.dataframe(counter_rows(columns, spec, count), hide_index=True)

code = section("show_code", _("The block as PyTorch code"), ":material/code:")
if code.open:
    with code:
        kind = shown("code_of")
        snippet = block_code(spec.block(kind), spec.size, spec.size, spec.batch_size)
        st.code(snippet, language="python")
        st.download_button(_("Download the snippet"), snippet, f"{kind}_block.py", on_click="ignore")
finish(tuple(FIELDS))
