"""The Network page's views of the network that its controls ask for: shares, layers, what if, export."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from xception_lab.arch.breakdown import CostChange, NetworkBreakdown, network_layer_csv, network_layer_rows
from xception_lab.arch.snippets import network_snippet
from xception_lab.common.units import format_bytes, format_seconds
from xception_lab.drawing.html_report import ReportWords, network_report
from xception_lab.drawing.network_cards import network_cards
from xception_lab.nn.export import MOST_WEIGHT_BYTES, has_onnx, to_onnx, to_safetensors
from xception_lab.nn.other_counters import torchinfo_summary
from xception_lab.timing.published_devices import NetworkPrediction, predict_networks
from xception_lab.ui.fields.network import LAYER_FLOW, LAYER_KIND, WEIGHED, NetworkState
from xception_lab.ui.network.charts import ChartRequest, show_areas, show_bars, show_changes
from xception_lab.ui.network.overview import (
    QUANTITIES,
    amount_names,
    card_title,
    network_headline,
    network_preset_buttons,
    network_settings,
    paper_network,
    percent,
)
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import language, paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ratio_text


def show_shares(asked: ChartRequest) -> None:
    """Treemap and bars of one quantity."""
    control(WEIGHED)
    left, right = st.columns(2, gap="medium")
    told = "; ".join(
        f"{card_title(card)}: {percent(card.shares[asked.weighed])}" for card in network_cards(asked.network)
    )
    with left:
        show_areas(asked, told)
    with right:
        show_bars(asked, told)
    st.markdown(paragraph("network_shares"))


def show_layers(network: NetworkBreakdown, state: NetworkState) -> None:
    """Every layer, filtered by flow and kind; torchinfo's summary beside it when asked."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control(LAYER_FLOW)
        control(LAYER_KIND)
        st.download_button(
            _("Table (CSV)"),
            partial(network_layer_csv, network),
            "xception-layers.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
    kept = [
        layer
        for layer in network.layers
        if state.layer_flow in (None, layer.flow) and state.layer_kind in (None, layer.kind)
    ]
    if kept:
        st.dataframe(network_layer_rows(kept), hide_index=True, height=460)
    else:
        st.info(_("No layer of this network is of that kind in that flow."))
    if st.toggle(_("torchinfo's summary of the same network, now"), key="torchinfo"):
        _show_torchinfo(network)


def _show_torchinfo(network: NetworkBreakdown) -> None:
    with st.spinner(_("Building it on torch's device meta …")):
        summary = torchinfo_summary(network.spec, network.size)
    st.code(summary.text, language=None, height=420)
    st.markdown(
        _(
            "torchinfo counts **{theirs:,}** mult-adds, we **{ours:,}** MACs. The difference of {more:,} is one for "
            "each batch-norm parameter ({norms:,}) and one for each bias of the linear layer ({biases:,}); what is "
            "left unexplained is **{rest:,}**. Parameters: {params:,} in both."
        ).format(
            theirs=summary.torchinfo_macs,
            ours=summary.macs,
            more=summary.torchinfo_macs - summary.macs,
            norms=summary.batch_norm_params,
            biases=summary.linear_biases,
            rest=summary.unexplained,
            params=summary.torchinfo_params,
        )
    )
    st.markdown(paragraph("torchinfo"))


def show_what_if(asked: ChartRequest, rows: tuple[CostChange, ...]) -> None:
    """This network against the paper's: presets, deltas, and where they fall."""
    with st.container(horizontal=True, key="presets"):
        network_preset_buttons()
    left, right = st.columns(2, gap="medium")
    with left:
        paper = paper_network()
        bounds = predict_networks(asked.network.spec, asked.network.size, paper.spec, paper.size)
        st.container(key="tight").markdown(_changes_table(rows, bounds))
        st.markdown(paragraph("network_what_if"))
    with right:
        control(WEIGHED)
        show_changes(asked)


def _changes_table(rows: tuple[CostChange, ...], bounds: tuple[NetworkPrediction, ...]) -> str:
    """One line a quantity; a new quantity is one more row."""
    head = ("", _("this network"), _("the paper's, at 299"), _("difference"), _("ratio"))
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|:--|"]
    for change in rows:
        delta = f"{change.delta:+,}" if change.delta else "0"
        values = (f"{change.value:,}", f"{change.reference:,}", delta, ratio_text(change.ratio))
        lines.append(f"| **{_(QUANTITIES[change.measure])}** | {' | '.join(values)} |")
    for bound in bounds:
        delta = f"{'-' if bound.delta_s < 0 else '+'}{format_seconds(abs(bound.delta_s))}" if bound.delta_s else "0"
        values = (format_seconds(bound.seconds), format_seconds(bound.reference_s), delta, ratio_text(bound.ratio))
        name = _("Predicted least time, {device}").format(device=bound.device)
        lines.append(f"| **{name}** | {' | '.join(values)} |")
    return "\n".join(lines)


def show_export(network: NetworkBreakdown, rows: tuple[CostChange, ...]) -> None:
    """The network as files."""
    snippet = network_snippet(network.spec, network.size, network.size)
    st.markdown(paragraph("network_export"))
    with st.container(horizontal=True, key="exports"):
        report = partial(_report, network, rows, snippet, network_settings())
        _download(_("Report (HTML)"), report, "xception-report.html", "text/html")
        _download(_("Snippet (PyTorch)"), snippet, "xception.py", "text/x-python")
        if network.cost.weight_bytes <= MOST_WEIGHT_BYTES:
            _download(
                _("state_dict (safetensors)"),
                partial(to_safetensors, network.spec, network.size),
                "xception.safetensors",
            )
            if has_onnx():
                _download("ONNX", partial(to_onnx, network.spec, network.size), "xception.onnx")
    if network.cost.weight_bytes > MOST_WEIGHT_BYTES:
        st.info(
            _("Its weights take {bytes}; a server exports at most {most}. The snippet builds it at any size.").format(
                bytes=format_bytes(network.cost.weight_bytes), most=format_bytes(MOST_WEIGHT_BYTES)
            )
        )
    elif not has_onnx():
        st.info(_("ONNX export needs one more package on the server: `pip install onnx`"))
    st.code(snippet, language="python", height=420)


def _download(label: str, data: Any, name: str, mime: str = "application/octet-stream") -> None:
    st.download_button(label, data, name, mime, on_click="ignore", icon=":material/download:", key=f"get_{name}")


def _report(network: NetworkBreakdown, rows: tuple[CostChange, ...], snippet: str, chosen: Mapping[str, str]) -> str:
    words = ReportWords(
        language=language(),
        title=_("An Xception, taken apart"),
        lead=network_headline(network).replace("**", ""),
        settings=_("Settings"),
        against=_("Against the paper's network at 299 pixels"),
        value=_("this network"),
        paper=_("the paper's, at 299"),
        difference=_("difference"),
        ratio=_("ratio"),
        where=_("Where it lives"),
        layers=_("Every layer"),
        code=_("PyTorch code"),
        source=_("Network: F. Chollet, Xception, CVPR 2017, Figure 5. Every figure was computed by Xception Lab."),
        conventions=_(
            "MACs: multiply-accumulates of convolutions and linear layers, no bias; FLOPs = 2 × MACs. Bytes: float32, "
            "one picture, every layer reads its input and weights and writes its output once."
        ),
        names=amount_names(),
    )
    return network_report(network, [(change, ratio_text(change.ratio)) for change in rows], chosen, snippet, words)
