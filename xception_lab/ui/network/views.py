"""The Network page's views of the network that its controls ask for: shares, layers, what if, export."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from xception_lab.arch.breakdown import (
    AreaMeasure,
    CostChange,
    LayerKind,
    NetworkBreakdown,
    cost_shares,
    network_layer_csv,
    network_layer_rows,
    paper_network,
)
from xception_lab.arch.snippets import network_snippet
from xception_lab.common.citations import source
from xception_lab.common.units import format_bytes, format_seconds
from xception_lab.drawing.html_report import ReportWords, network_report
from xception_lab.drawing.network_cards import network_cards
from xception_lab.nn.export import MOST_WEIGHT_BYTES, has_onnx, to_onnx, to_safetensors
from xception_lab.nn.other_counters import torchinfo_summary
from xception_lab.timing.published_devices import NetworkPrediction, predict_networks
from xception_lab.ui.fields.field import state_keys, state_texts
from xception_lab.ui.fields.network import LAYER_FLOW, LAYER_KIND, WEIGHED, ArchitectureState, NetworkState
from xception_lab.ui.network.charts import ChartRequest, show_areas, show_bars, show_changes
from xception_lab.ui.network.names import QUANTITY_NAMES, amount_names, card_title
from xception_lab.ui.network.overview import network_headline
from xception_lab.ui.network.presets import network_preset_buttons
from xception_lab.ui.shell.controls import control, download_button
from xception_lab.ui.shell.language import language, paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import duration_text, percent, ratio_text
from xception_lab.ui.shell.tables import show_rows


def show_shares(request: ChartRequest) -> None:
    """Nested areas and bars of one quantity."""
    control(WEIGHED)
    left, right = st.columns(2, gap="medium")
    summary = "; ".join(
        f"{card_title(card)}: {percent(card.shares[request.measure])}" for card in network_cards(request.network)
    )
    with left:
        show_areas(request, summary)
    with right:
        show_bars(request, summary)
    text = paragraph("network_shares", **_paper_shares())
    middle = [stage.name for stage in request.network.stages if stage.stage.flow == "middle"]
    if len(middle) > 1:
        equal = _("What the areas call *{first}* to *{last}* are the {count} equal blocks of the middle flow.")
        text = f"{text} {equal.format(first=middle[0], last=middle[-1], count=len(middle))}"
    st.markdown(text)


def _paper_shares() -> dict[str, str]:
    """Where the paper's network keeps its parameters, MACs and activation bytes, as its text names them."""
    network = paper_network()
    kinds = {share.name: share.shares for share in cost_shares(network, "kind")}
    entry, *_rest = cost_shares(network, "flow")

    def share(measure: AreaMeasure, *names: LayerKind) -> str:
        return percent(sum(kinds[name][measure] for name in names))

    return {
        "pointwise_params": share("params", "pointwise", "shortcut"),
        "pointwise_macs": share("macs", "pointwise", "shortcut"),
        "pointwise_bytes": share("activation_bytes", "pointwise", "shortcut"),
        "depthwise_layers": str(sum(layer.kind == "depthwise" for layer in network.layers)),
        "depthwise_params": share("params", "depthwise"),
        "depthwise_macs": share("macs", "depthwise"),
        "depthwise_bytes": share("activation_bytes", "depthwise"),
        "linear_params": share("params", "linear"),
        "other_bytes": share("activation_bytes", "other"),
        "entry_bytes": percent(entry.shares["activation_bytes"]),
    }


def show_layers(network: NetworkBreakdown, state: NetworkState) -> None:
    """A table of the layers, filtered by flow and kind; with a switch, torchinfo's summary of the same network."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        control(LAYER_FLOW)
        control(LAYER_KIND)
        download_button(_("Table (CSV)"), partial(network_layer_csv, network), "xception-layers.csv", "text/csv")
    layers = [
        layer
        for layer in network.layers
        if state.layer_flow in (None, layer.flow) and state.layer_kind in (None, layer.kind)
    ]
    if layers:
        show_rows(network_layer_rows(layers), {"layer": st.column_config.Column(width=170)}, height=460)
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


def show_what_if(request: ChartRequest, changes: tuple[CostChange, ...]) -> None:
    """This network against the paper's: presets, the change of each quantity, and the blocks that it is in."""
    with st.container(horizontal=True, key="presets"):
        network_preset_buttons()
    left, right = st.columns(2, gap="medium")
    with left:
        paper = paper_network()
        bounds = predict_networks(request.network.spec, request.network.size, paper.spec, paper.size)
        st.container(key="tight").markdown(_changes_table(changes, bounds))
        st.markdown(paragraph("network_what_if"))
        st.markdown(paragraph("figure_9"))
    with right:
        control(WEIGHED)
        show_changes(request)


def _changes_table(changes: tuple[CostChange, ...], bounds: tuple[NetworkPrediction, ...]) -> str:
    """One row per quantity, then one per device with its estimated time."""
    head = ("", _("this network"), _("the paper's, at 299"), _("difference"), _("change"))
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|:--|"]
    for change in changes:
        delta = f"{change.delta:+,}" if change.delta else "0"
        values = (f"{change.value:,}", f"{change.reference:,}", delta, ratio_text(change.ratio))
        lines.append(f"| **{_(QUANTITY_NAMES[change.measure])}** | {' | '.join(values)} |")
    for bound in bounds:
        delta = f"{'-' if bound.delta_s < 0 else '+'}{format_seconds(abs(bound.delta_s))}" if bound.delta_s else "0"
        values = (format_seconds(bound.seconds), format_seconds(bound.reference_s), delta, duration_text(bound.ratio))
        name = _("Estimated time, {device}").format(device=bound.device)
        lines.append(f"| **{name}** | {' | '.join(values)} |")
    return "\n".join(lines)


def show_export(network: NetworkBreakdown, state: NetworkState, changes: tuple[CostChange, ...]) -> None:
    """The network as files: a report, its code, its random initial weights. changes: against the paper's network."""
    snippet = network_snippet(network.spec, network.size, network.size)
    st.markdown(paragraph("network_export"))
    with st.container(horizontal=True, key="exports"):
        texts = state_texts(state)
        settings = {key: texts[key] for key in state_keys(ArchitectureState)}
        report = partial(_report, network, changes, snippet, settings)
        download_button(_("Report (HTML)"), report, "xception-report.html", "text/html")
        download_button(_("Snippet (PyTorch)"), snippet, "xception.py", "text/x-python")
        if network.cost.weight_bytes <= MOST_WEIGHT_BYTES:
            weights = partial(to_safetensors, network.spec, network.size)
            download_button(_("state_dict (safetensors)"), weights, "xception.safetensors", "application/octet-stream")
            if has_onnx():
                onnx = partial(to_onnx, network.spec, network.size)
                download_button("ONNX", onnx, "xception.onnx", "application/octet-stream")
    if network.cost.weight_bytes > MOST_WEIGHT_BYTES:
        st.info(
            _("Its weights take {bytes}; a server exports at most {most}. The snippet builds it at any size.").format(
                bytes=format_bytes(network.cost.weight_bytes), most=format_bytes(MOST_WEIGHT_BYTES)
            )
        )
    elif not has_onnx():
        st.info(_("ONNX export needs one more package on the server: `pip install onnx`"))
    st.code(snippet, language="python", height=420)


def _report(
    network: NetworkBreakdown, changes: tuple[CostChange, ...], snippet: str, settings: Mapping[str, str]
) -> str:
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
        source=_("Network: {paper}, Figure 5. Every figure was computed by Xception Lab.").format(
            paper=source("xception").short
        ),
        conventions=_(
            "MACs: multiply-accumulates of convolutions and linear layers, no bias; FLOPs = 2 × MACs. Bytes: float32, "
            "one picture, every layer reads its input and weights and writes its output once."
        ),
        names=amount_names(),
    )
    return network_report(network, [(change, ratio_text(change.ratio)) for change in changes], settings, snippet, words)
