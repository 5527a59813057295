"""The Network page's other views: shares, layers, what if, relatives, Figures 1 to 4, export."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from xception_lab.architecture import cards
from xception_lab.code import network_code
from xception_lab.counters import summarise
from xception_lab.export import MOST_WEIGHT_BYTES, has_onnx, to_onnx, to_safetensors
from xception_lab.figures.network import blocks_figure, changes_figure, relatives_figure, treemap_figure
from xception_lab.modules import CHANNELS, SIZE, TOWERS, Module, module
from xception_lab.network import Change, Network, Weighed, layer_csv, layer_rows
from xception_lab.network_report import ReportWords, network_report
from xception_lab.relatives import PAPER_TABLES, PaperTable, Relative, relatives
from xception_lab.ui import components
from xception_lab.ui.blocks import figure_text, measure_name, ratio_text
from xception_lab.ui.charts import show_chart
from xception_lab.ui.controls import control
from xception_lab.ui.field import marked
from xception_lab.ui.language import language, paragraph
from xception_lab.ui.language import text as _
from xception_lab.ui.links import set_controls
from xception_lab.ui.network import (
    QUANTITIES, amount_names, card_title, headline, paper_network, percent, presets, settings,
)  # fmt: skip
from xception_lab.ui.network_fields import EVERY
from xception_lab.units import compact, compact_bytes

_COLUMNS = {
    marked("ImageNet, single crop"): 1,
    marked("JFT, FastEval14k"): 2,
    marked("Size and speed on 60 K80 GPUs"): 3,
}


def show_shares(network: Network, weighed: Weighed) -> None:
    """Treemap and bars of one quantity."""
    control("weighed")
    names, measure = amount_names(), measure_name(weighed)
    left, right = st.columns(2, gap="medium")
    told = "; ".join(f"{card_title(card)}: {percent(card.shares[weighed])}" for card in cards(network))
    with left:
        show_chart(treemap_figure(network, weighed, names), "treemap", f"{measure}. {told}")
    with right:
        show_chart(blocks_figure(network, weighed, names, measure), "blocks_bars", f"{measure}. {told}")
    st.markdown(paragraph("network_shares"))


def show_layers(network: Network, values: Mapping[str, str]) -> None:
    """Every layer, filtered by flow and kind; torchinfo's summary beside it when asked."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control("layer_flow")
        control("layer_kind")
        st.download_button(
            _("Table (CSV)"), partial(layer_csv, network), "xception-layers.csv", "text/csv", on_click="ignore",
            icon=":material/download:",
        )  # fmt: skip
    kept = [
        layer
        for layer in network.layers
        if values["layer_flow"] in (EVERY, layer.flow) and values["layer_kind"] in (EVERY, layer.kind)
    ]
    if kept:
        st.dataframe(layer_rows(kept), hide_index=True, height=460)
    else:
        st.info(_("No layer of this network is of that kind in that flow."))
    if st.toggle(_("torchinfo's summary of the same network, now"), key="torchinfo"):
        _show_torchinfo(network)


def _show_torchinfo(network: Network) -> None:
    with st.spinner(_("Building it on torch's device meta …")):
        summary = summarise(network.spec, network.size)
    st.code(summary.text, language=None, height=420)
    st.markdown(
        _(
            "torchinfo counts **{theirs:,}** mult-adds, we **{ours:,}** MACs. The difference of {more:,} is one for each "
            "batch-norm parameter ({norms:,}) and one for each bias of the linear layer ({biases:,}); what is left "
            "unexplained is **{rest:,}**. Parameters: {params:,} in both."
        ).format(
            theirs=summary.torchinfo_macs, ours=summary.macs, more=summary.torchinfo_macs - summary.macs,
            norms=summary.batch_norm_params, biases=summary.linear_biases, rest=summary.unexplained,
            params=summary.torchinfo_params,
        )
    )  # fmt: skip
    st.markdown(paragraph("torchinfo"))


def show_what_if(network: Network, rows: tuple[Change, ...], weighed: Weighed) -> None:
    """This network against the paper's: presets, deltas, and where they fall."""
    with st.container(horizontal=True, key="presets"):
        presets()
    head = ("", _("this network"), _("the paper's, at 299"), _("difference"), _("ratio"))
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|:--|"]
    for change in rows:
        values = (f"{change.value:,}", f"{change.reference:,}", f"{change.delta:+,}", ratio_text(change.ratio))
        lines.append(f"| **{_(QUANTITIES[change.measure])}** | {' | '.join(values)} |")
    st.markdown("\n".join(lines))
    control("weighed")
    paper = cards(paper_network())
    drawn = cards(network)
    names = {card.key: card_title(card) if card.key != "middle" else _("Middle flow") for card in (*paper, *drawn)}
    names |= {"exit": _("Exit block"), "now": _("this network"), "paper": _("the paper's, at 299")}
    told = "; ".join(f"{names[card.key]}: {figure_text(weighed, card.amounts[weighed])}" for card in drawn)
    measure = measure_name(weighed)
    show_chart(changes_figure(drawn, paper, weighed, names, measure), "changes", f"{measure}. {told}")
    st.markdown(paragraph("network_what_if"))


def show_relatives() -> None:
    """Xception beside its relatives, and the paper's tables as they stand."""
    found = relatives()
    names = {
        "accuracy": _("ImageNet top-1, single crop, as published"), "macs": _("MACs for one picture"),
        "params": measure_name("params"), "unknown": _("with standard convolutions:<br>no published accuracy"),
    }  # fmt: skip
    told = "; ".join(f"{r.name}: {r.top1:.1%}, {compact(r.params)}, {compact(r.macs)} MACs" for r in found if r.top1)
    for place, over in zip(st.columns(2, gap="medium"), ("macs", "params"), strict=True):
        with place:
            show_chart(relatives_figure(found, over, names), f"relatives_{over}", f"{names[over]}. {told}")
    st.dataframe([_relative_row(relative) for relative in found], hide_index=True)
    st.markdown(paragraph("relatives"))
    for place, (title, number) in zip(st.columns(3, gap="medium"), _COLUMNS.items(), strict=True):
        with place:
            st.markdown(f"**{_('Table {number}').format(number=number)}** · {_(title)}")
            st.markdown(_paper_table(PAPER_TABLES[number - 1]))
    st.caption(_("Tables as printed in Chollet, CVPR 2017; none of these figures was measured here."))


def _relative_row(relative: Relative) -> dict[str, Any]:
    origins = {"computed": _("computed here"), "published": _("published")}
    return {
        _("network"): relative.name,
        _("picture"): relative.size,
        "top-1": relative.top1,
        "top-5": relative.top5,
        _("accuracy from"): relative.accuracy_source or _("nobody published one"),
        _("parameters"): relative.params,
        _("parameters are"): f"{origins[relative.params_origin]}: {relative.params_source}",
        "MACs": relative.macs,
        _("MACs are"): f"{origins[relative.macs_origin]}: {relative.macs_source}",
    }


def _paper_table(table: PaperTable) -> str:
    ruler = "|".join([":--", *["--:"] * (len(table.columns) - 1)])
    return "\n".join(f"| {' | '.join(row)} |" for row in (table.columns, ("RULER",), *table.rows)).replace(
        "| RULER |", f"|{ruler}|"
    )


def show_modules(towers: int) -> None:
    """Figures 1 to 4, walked through by the number of towers; the equality of 2 and 3 proved when asked."""
    control("towers")
    components.modules(_modules_data(towers), "modules", _choose_towers)
    if st.button(_("Prove it now: build both, give them the same weights, compare"), type="primary", key="prove"):
        _prove(towers)
    st.markdown(paragraph("modules"))


def _choose_towers(towers: object) -> None:
    # it comes from a browser
    if towers in map(str, TOWERS):
        set_controls({"towers": str(towers)})


def _prove(towers: int) -> None:
    from xception_lab.equivalence import PICTURES, prove

    proof = prove(towers)
    st.success(
        _(
            "Figure 2 with {towers} towers and Figure 3 with {towers} segments: the same {weights:,} weights, "
            "{pictures} random pictures, {outputs:,} outputs up to {largest:.2f}. Largest difference "
            "**{difference:.1e}** in float32, **{exact:.1e}** in float64."
        ).format(
            towers=proof.segments, weights=proof.weights, pictures=PICTURES, outputs=proof.outputs,
            largest=proof.max_output, difference=proof.max_difference, exact=proof.max_difference_float64,
        ),
        icon=":material/check_circle:",
    )  # fmt: skip


def _modules_data(towers: int) -> dict[str, Any]:
    found = [module(count) for count in TOWERS]
    now = module(towers)
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
            "pool": _("pooling"), "one": _("one 1×1 for all"), "simplify": _("simplify"),
            "equal": _("same weights, same outputs"),
            "walk": _("MACs of this module at {size}×{size} pixels, by segments").format(size=SIZE),
        },
        "summary": ". ".join(f"{title}: {text}" for title, text in figures),
    }  # fmt: skip


def _stop(each: Module, most: int) -> dict[str, Any]:
    names = {1: _("regular"), CHANNELS: _("one a channel")}
    kind = "depthwise" if each.figure == "extreme" else "spatial"
    return {
        "towers": each.segments,
        "text": f"{each.segments}" + (f" · {names[each.segments]}" if each.segments in names else ""),
        "label": _("{segments} segments: {macs} MACs, {share} of them in the 1×1").format(
            segments=each.segments, macs=compact(each.macs), share=percent(each.pointwise_macs / each.macs)
        ),
        "parts": [
            {"kind": kind, "percent": 100 * each.spatial_macs / most},
            {"kind": "pointwise", "percent": 100 * each.pointwise_macs / most},
        ],
    }


def show_export(network: Network, rows: tuple[Change, ...]) -> None:
    """The network as files."""
    snippet = network_code(network.spec, network.size, network.size)
    st.markdown(paragraph("network_export"))
    with st.container(horizontal=True, key="exports"):
        report = partial(_report, network, rows, snippet, settings())
        _download(_("Report (HTML)"), report, "xception-report.html", "text/html")
        _download(_("Snippet (PyTorch)"), snippet, "xception.py", "text/x-python")
        if network.cost.weight_bytes <= MOST_WEIGHT_BYTES:
            _download(_("state_dict (safetensors)"), partial(to_safetensors, network.spec, network.size), "xception.safetensors")
            if has_onnx():
                _download("ONNX", partial(to_onnx, network.spec, network.size), "xception.onnx")
    if network.cost.weight_bytes > MOST_WEIGHT_BYTES:
        st.info(
            _("Its weights take {bytes}; a server exports at most {most}. The snippet builds it at any size.").format(
                bytes=compact_bytes(network.cost.weight_bytes), most=compact_bytes(MOST_WEIGHT_BYTES)
            )
        )
    elif not has_onnx():
        st.info(_("ONNX export needs one more package on the server: `pip install onnx`"))
    st.code(snippet, language="python", height=420)


def _download(label: str, data: Any, name: str, mime: str = "application/octet-stream") -> None:
    st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:", key=f"get_{name}")


def _report(network: Network, rows: tuple[Change, ...], snippet: str, chosen: Mapping[str, str]) -> str:
    words = ReportWords(
        language=language(), title=_("An Xception, taken apart"), lead=headline(network).replace("**", ""),
        settings=_("Settings"), against=_("Against the paper's network at 299 pixels"), value=_("this network"),
        paper=_("the paper's, at 299"), difference=_("difference"), ratio=_("ratio"), where=_("Where it lives"),
        layers=_("Every layer"), code=_("PyTorch code"),
        source=_("Network: F. Chollet, Xception, CVPR 2017, Figure 5. Every figure was computed by Xception Lab."),
        conventions=_(
            "MACs: multiply-accumulates of convolutions and linear layers, no bias; FLOPs = 2 × MACs. Bytes: float32, "
            "one picture, every layer reads its input and weights and writes its output once."
        ),
        names=amount_names(),
    )  # fmt: skip
    return network_report(network, [(change, ratio_text(change.ratio)) for change in rows], chosen, snippet, words)


