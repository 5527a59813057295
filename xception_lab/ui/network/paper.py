"""The Network page's views of the paper itself: related networks and its tables, its Figures 1 to 4."""

from typing import Any

import streamlit as st

from xception_lab.arch.inception_module import CHANNELS, SIZE, TOWERS, InceptionModule, inception_module
from xception_lab.arch.related_networks import RelatedNetwork, related_networks
from xception_lab.common.citations import Citation, PaperTable, constant, paper_table, source
from xception_lab.common.units import format_count
from xception_lab.figures.network import relatives_figure
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.network import TOWER_COUNT
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import measure_name, percent

# title -> number in the paper
_TABLES = {
    N_("ImageNet, single crop"): 1,
    N_("JFT, FastEval14k"): 2,
    N_("Size and speed on {hardware}"): 3,
}


def show_relatives() -> None:
    """Xception beside related networks, and the paper's tables as printed."""
    networks = related_networks()
    names = {
        "accuracy": _("ImageNet top-1, single crop, as published"),
        "macs": _("MACs for one picture"),
        "params": measure_name("params"),
        "unknown": _("with standard convolutions:<br>no published accuracy found"),
    }
    summary = "; ".join(
        f"{network.name}: {network.top1:.1%}, {format_count(network.params)}, {format_count(network.macs)} MACs"
        for network in networks
        if network.top1
    )
    for place, axis in zip(st.columns(2, gap="medium"), ("macs", "params"), strict=True):
        with place:
            show_chart(relatives_figure(networks, axis, names), f"relatives_{axis}", f"{names[axis]}. {summary}")
    st.caption(
        _(
            "A bubble's area stands for the other cost: parameters in the chart over MACs, MACs in the one over "
            "parameters. A line is a network whose accuracy was not found."
        )
    )
    st.markdown(_relatives_table(networks))
    st.markdown(paragraph("relatives"))
    for place, (title, number) in zip(st.columns(3, gap="medium"), _TABLES.items(), strict=True):
        with place:
            name = _("Table {number}").format(number=number)
            st.markdown(f"**{name}** · {_(title).format(hardware=constant('table_3_hardware').text)}")
            st.markdown(_paper_table(paper_table(number)))
    st.caption(
        _("Tables as printed in {paper}; none of these figures was measured here.").format(
            paper=source("xception").markdown
        )
    )


def _relatives_table(networks: tuple[RelatedNetwork, ...]) -> str:
    head = (_("network"), _("picture"), "top-1", "top-5", _("accuracy from"), measure_name("params"), "MACs")
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|:--|--:|--:|"]
    names = {"Xception, standard convolutions": _("Xception, standard convolutions")}
    for network in networks:
        accuracy = [f"{value:.1%}" if value else "–" for value in (network.top1, network.top5)]
        accuracy_source = network.accuracy_source.markdown if network.accuracy_source else _("no source found")
        # a published count keeps the digits with which it was published
        macs = f"{network.macs / 1e9:g} G" if network.macs_source else f"{network.macs:,}"
        cells = (
            names.get(network.name, network.name),
            f"{network.size}×{network.size}",
            *accuracy,
            accuracy_source,
            _figure(f"{network.params:,}", network.params_source),
            _figure(macs, network.macs_source),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(figure: str, published: Citation | None) -> str:
    return f"**{figure}**, " + (published.markdown if published else _("computed here"))


def _paper_table(table: PaperTable) -> str:
    ruler = "|".join([":--", *["--:"] * (len(table.columns) - 1)])
    head, *rows = (f"| {' | '.join(row)} |" for row in (table.columns, *table.rows))
    return "\n".join((head, f"|{ruler}|", *rows))


def show_modules(towers: int) -> None:
    """Figures 1 to 4 for a number of towers; a button checks on random pictures that Figures 2 and 3 are equal."""
    control(TOWER_COUNT)
    components.inception_modules(_modules_data(towers), "modules", _choose_towers)
    label = _("Check it numerically: build both, give them the same weights, compare")
    if st.button(label, type="primary", key="check"):
        _check(towers)
    st.markdown(paragraph("modules"))


def _choose_towers(towers: object) -> None:
    # the browser may send anything
    if towers in [str(count) for count in TOWERS]:
        set_controls({"towers": str(towers)})


def _check(towers: int) -> None:
    from xception_lab.nn.inception import PICTURES, check_equivalence

    check = check_equivalence(towers)
    st.success(
        _(
            "Figure 2 with {towers} towers and Figure {figure} with {towers} segments: the same {weights:,} weights "
            "and biases, {pictures} random pictures, {outputs:,} outputs up to {largest:.2f}. Largest difference "
            "**{difference:.1e}** in float32, **{exact:.1e}** in float64."
        ).format(
            towers=check.segments,
            figure=4 if inception_module(towers).figure == "extreme" else 3,
            weights=check.weights,
            pictures=PICTURES,
            outputs=check.outputs,
            largest=check.max_output,
            difference=check.max_difference,
            exact=check.max_difference_float64,
        ),
        icon=":material/check_circle:",
    )


def _modules_data(towers: int) -> dict[str, Any]:
    modules = [inception_module(count) for count in TOWERS]
    chosen = inception_module(towers)
    most_macs = max(module.macs for module in modules)
    if chosen.figure == "extreme":
        third = (
            _("Figure 4 · extreme"),
            _("Figure 3 with one channel a segment: one 1×1, then a 3×3 for every channel."),
        )
    else:
        third = (
            _("Figure 3 · strictly equivalent"),
            _("One 1×1 for all, then a 3×3 on each of {segments} segments of {channels} channels.").format(
                segments=chosen.segments, channels=chosen.channels_per_segment
            ),
        )
    figures = (
        (_("Figure 1 · canonical"), _("Inception V3's module: four towers of different make.")),
        (_("Figure 2 · simplified"), _("One kernel size, no pooling: {towers} equal towers.").format(towers=towers)),
        third,
    )
    return {
        "towers": towers,
        "channels": CHANNELS,
        "figures": [{"title": title, "text": text} for title, text in figures],
        "stops": [_stop(module, most_macs) for module in modules],
        "words": {
            "input": _("input, {channels} channels").format(channels=CHANNELS),
            "concat": _("concatenation, {channels} channels").format(channels=CHANNELS),
            "pool": _("pooling"),
            "one": _("one 1×1 for all"),
            "simplify": _("simplify"),
            "equal": _("same weights, same outputs"),
            "walk": _("MACs of this module at {size}×{size} pixels, by segments").format(size=SIZE),
        },
        "summary": ". ".join(f"{title}: {text}" for title, text in figures),
    }


def _stop(module: InceptionModule, most_macs: int) -> dict[str, Any]:
    """A module in the row of all numbers of towers. most_macs: what a full bar stands for."""
    names = {1: _("regular"), CHANNELS: _("one a channel")}
    kind = "depthwise" if module.figure == "extreme" else "spatial"
    return {
        "towers": module.segments,
        "text": f"{module.segments}" + (f" · {names[module.segments]}" if module.segments in names else ""),
        "label": _("{segments} segments: {macs} MACs, {share} of them in the 1×1").format(
            segments=module.segments, macs=format_count(module.macs), share=percent(module.pointwise_macs / module.macs)
        ),
        "parts": [
            {"kind": kind, "percent": 100 * module.spatial_macs / most_macs},
            {"kind": "pointwise", "percent": 100 * module.pointwise_macs / most_macs},
        ],
    }
