"""The Network page's views of the paper itself: its relatives and tables, its Figures 1 to 4."""

from typing import Any

import streamlit as st

from xception_lab.arch.inception_module import CHANNELS, SIZE, TOWERS, InceptionModule, inception_module
from xception_lab.arch.related_networks import PAPER_TABLES, PaperTable, RelatedNetwork, related_networks
from xception_lab.common.units import format_count
from xception_lab.figures.network import relatives_figure
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.network import TOWER_COUNT
from xception_lab.ui.network.overview import percent
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import measure_name

_COLUMNS = {
    N_("ImageNet, single crop"): 1,
    N_("JFT, FastEval14k"): 2,
    N_("Size and speed on 60 K80 GPUs"): 3,
}


def show_relatives() -> None:
    """Xception beside its relatives, and the paper's tables as they stand."""
    found = related_networks()
    names = {
        "accuracy": _("ImageNet top-1, single crop, as published"),
        "macs": _("MACs for one picture"),
        "params": measure_name("params"),
        "unknown": _("with standard convolutions:<br>no published accuracy"),
    }
    told = "; ".join(
        f"{r.name}: {r.top1:.1%}, {format_count(r.params)}, {format_count(r.macs)} MACs" for r in found if r.top1
    )
    for place, over in zip(st.columns(2, gap="medium"), ("macs", "params"), strict=True):
        with place:
            show_chart(relatives_figure(found, over, names), f"relatives_{over}", f"{names[over]}. {told}")
    st.markdown(_relatives_table(found))
    st.markdown(paragraph("relatives"))
    for place, (title, number) in zip(st.columns(3, gap="medium"), _COLUMNS.items(), strict=True):
        with place:
            name = _("Table {number}").format(number=number)
            st.markdown(f"**{name}** · {_(title)}")
            st.markdown(_paper_table(PAPER_TABLES[number - 1]))
    st.caption(_("Tables as printed in Chollet, CVPR 2017; none of these figures was measured here."))


def _relatives_table(found: tuple[RelatedNetwork, ...]) -> str:
    head = (_("network"), _("picture"), "top-1", "top-5", _("accuracy from"), measure_name("params"), "MACs")
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|:--|--:|--:|"]
    names = {"Xception, standard convolutions": _("Xception, standard convolutions")}
    for relative in found:
        accuracy = [f"{value:.1%}" if value else "–" for value in (relative.top1, relative.top5)]
        source = relative.accuracy_source or _("nobody published one")
        params = _figure(f"{relative.params:,}", relative.params_origin, relative.params_source)
        macs = f"{relative.macs / 1e9:g} G" if relative.macs_origin == "published" else f"{relative.macs:,}"
        size = f"{relative.size}×{relative.size}"
        cells = (
            names.get(relative.name, relative.name),
            size,
            *accuracy,
            source,
            params,
            _figure(macs, relative.macs_origin, relative.macs_source),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(figure: str, origin: str, source: str) -> str:
    return f"**{figure}**, " + (_("computed here") if origin == "computed" else source)


def _paper_table(table: PaperTable) -> str:
    ruler = "|".join([":--", *["--:"] * (len(table.columns) - 1)])
    head, *rows = (f"| {' | '.join(row)} |" for row in (table.columns, *table.rows))
    return "\n".join((head, f"|{ruler}|", *rows))


def show_modules(towers: int) -> None:
    """Figures 1 to 4, walked through by the number of towers; the equality of 2 and 3 proved when asked."""
    control(TOWER_COUNT)
    components.inception_modules(_modules_data(towers), "modules", _choose_towers)
    if st.button(_("Prove it now: build both, give them the same weights, compare"), type="primary", key="prove"):
        _prove(towers)
    st.markdown(paragraph("modules"))


def _choose_towers(towers: object) -> None:
    # it comes from a browser
    if towers in [str(count) for count in TOWERS]:
        set_controls({"towers": str(towers)})


def _prove(towers: int) -> None:
    from xception_lab.nn.inception import PICTURES, check_equivalence

    proof = check_equivalence(towers)
    st.success(
        _(
            "Figure 2 with {towers} towers and Figure 3 with {towers} segments: the same {weights:,} weights, "
            "{pictures} random pictures, {outputs:,} outputs up to {largest:.2f}. Largest difference "
            "**{difference:.1e}** in float32, **{exact:.1e}** in float64."
        ).format(
            towers=proof.segments,
            weights=proof.weights,
            pictures=PICTURES,
            outputs=proof.outputs,
            largest=proof.max_output,
            difference=proof.max_difference,
            exact=proof.max_difference_float64,
        ),
        icon=":material/check_circle:",
    )


def _modules_data(towers: int) -> dict[str, Any]:
    found = [inception_module(count) for count in TOWERS]
    now = inception_module(towers)
    most = max(each.macs for each in found)
    if now.figure == "extreme":
        third = (_("Figure 4 · extreme"), _("One 1×1, then one 3×3 for every channel: almost a separable convolution."))
    else:
        third = (
            _("Figure 3 · strictly equivalent"),
            _("One 1×1 for all, then a 3×3 on each of {segments} segments of {channels} channels.").format(
                segments=now.segments, channels=now.channels_per_segment
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
        "stops": [_stop(each, most) for each in found],
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


def _stop(each: InceptionModule, most: int) -> dict[str, Any]:
    names = {1: _("regular"), CHANNELS: _("one a channel")}
    kind = "depthwise" if each.figure == "extreme" else "spatial"
    return {
        "towers": each.segments,
        "text": f"{each.segments}" + (f" · {names[each.segments]}" if each.segments in names else ""),
        "label": _("{segments} segments: {macs} MACs, {share} of them in the 1×1").format(
            segments=each.segments, macs=format_count(each.macs), share=percent(each.pointwise_macs / each.macs)
        ),
        "parts": [
            {"kind": kind, "percent": 100 * each.spatial_macs / most},
            {"kind": "pointwise", "percent": 100 * each.pointwise_macs / most},
        ],
    }
