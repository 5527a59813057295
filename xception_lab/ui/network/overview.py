"""The Network page's first sight: a network's figures, and its architecture as cards to click."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import streamlit as st

from xception_lab.arch.breakdown import (
    PAPER_SIZE,
    ChangeMeasure,
    NetworkBreakdown,
    break_down,
    cost_changes,
    cost_shares,
)
from xception_lab.arch.plan import Flow
from xception_lab.arch.snippets import stage_snippet
from xception_lab.common.units import format_count, format_shape
from xception_lab.drawing.network_cards import Card, CardRow, network_cards
from xception_lab.spec import XceptionSpec
from xception_lab.ui.fields.field import N_, read_state, state_texts
from xception_lab.ui.fields.network import SPEC_KEYS, STAGE, NetworkState
from xception_lab.ui.fields.registry import FIELDS, texts_ahead
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import control_values, set_controls
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ACTIVATION_NAMES, figure_text, measure_name, ratio_text

FLOWS: dict[Flow, str] = {
    "entry": N_("Entry flow"),
    "middle": N_("Middle flow"),
    "exit": N_("Exit flow"),
}
LAYER_KIND_NAMES: dict[str, str] = {
    "standard": N_("regular 3×3"),
    "depthwise": N_("depthwise"),
    "pointwise": N_("pointwise 1×1"),
    "shortcut": N_("shortcut 1×1"),
    "spatial": N_("3×3 on segments"),
    "linear": N_("linear"),
    "other": N_("BN, ReLU, pooling, addition"),
}
QUANTITIES: dict[ChangeMeasure, str] = {
    "params": N_("Parameters"),
    "macs": "MACs",
    "weight_bytes": N_("Weight bytes"),
    "activation_bytes": N_("Activation bytes"),
    "moved_bytes": N_("Bytes moved"),
}
NETWORK_PRESETS: dict[str, tuple[str, dict[str, str]]] = {
    "paper": (N_("The paper's network"), {}),
    "standard": (N_("Standard convolutions everywhere"), {"convolution": "standard"}),
    "inception": (
        N_("Inception-like: 4 segments"),
        {"network_segments": "4", "network_order": "pointwise-first", "network_intermediate": "relu"},
    ),
    "plain": (N_("No residual connections"), {"residual": "false"}),
    "half": (N_("Half as wide"), {"width_percent": "50"}),
    "small": (N_("For 32×32 pictures"), {"input_size": "32", "small_stem": "true", "num_classes": "10"}),
}


@lru_cache(maxsize=256)
def network_at(spec: XceptionSpec, size: int) -> NetworkBreakdown:
    """take_apart, kept."""
    return break_down(spec, size)


def paper_network() -> NetworkBreakdown:
    """Xception at 299 pixels, what every change is held against."""
    return network_at(XceptionSpec(), PAPER_SIZE)


def network_of(state: NetworkState) -> NetworkBreakdown:
    """The network that the controls ask for."""
    spec = state.spec
    return network_at(spec.xception, spec.size)


def network_headline(network: NetworkBreakdown) -> str:
    """Where the work is, in one computed sentence."""
    kinds = {share.name: share for share in cost_shares(network, "kind")}
    if network.spec.convolution == "standard":
        separable = network_at(replace(network.spec, convolution="separable"), network.size)
        times = next(change.ratio for change in cost_changes(network, separable) if change.measure == "macs")
        sentence = _(
            "Every separable convolution replaced by a regular one: **{times}** MACs than with separable ones."
        )
        return sentence.format(times=ratio_text(times))
    ones = sum(kinds[kind].shares["macs"] for kind in ("pointwise", "shortcut") if kind in kinds)
    spatial = next(kinds[kind] for kind in ("depthwise", "spatial") if kind in kinds)
    sentence = (
        _("**{ones}** of all MACs are 1×1 convolutions, **{spatial}** the depthwise 3×3 that look at space.")
        if spatial.name == "depthwise"
        else _("**{ones}** of all MACs are 1×1 convolutions, **{spatial}** the 3×3 on segments.")
    )
    return sentence.format(ones=percent(ones), spatial=percent(spatial.shares["macs"]))


def show_anatomy(network: NetworkBreakdown, state: NetworkState, sliders: Fields) -> None:
    """Parameters, MACs and activation bytes, where each lives, and how each stands to the paper's network.

    The figures one step of each slider away go along, so that a key press shows them before the page has run.
    """
    figures = _figures(network)
    legend = [
        {
            "kind": kind.name,
            "name": _(LAYER_KIND_NAMES[kind.name]),
            "text": f"{percent(kind.shares['macs'])} · {percent(kind.shares['params'])}",
        }
        for kind in cost_shares(network, "kind")
    ]
    spoken = "; ".join(f"{figure['name']}: {figure['value']}" for figure in figures)
    spoken += ". " + "; ".join(f"{entry['name']}: {entry['text']}" for entry in legend)
    data = {"figures": figures, "legend": legend, "legend_of": _("MACs · parameters"), "summary": spoken}
    ahead = {
        key: {option: _figures(there) for option, there in steps.items()}
        for key, steps in networks_ahead(state, sliders).items()
    }
    components.network_figures(data | {"ahead": ahead}, "anatomy")


def networks_ahead(state: NetworkState, sliders: Fields) -> dict[str, dict[str, NetworkBreakdown]]:
    """By slider and its value: the networks at most one step away."""
    texts = state_texts(state)
    return {
        slider.key: {
            text: network_of(read_state(NetworkState, ahead)) for text, ahead in texts_ahead(texts, slider.key).items()
        }
        for slider in sliders
    }


def _figures(network: NetworkBreakdown) -> list[dict[str, Any]]:
    kinds = cost_shares(network, "kind")
    told = {change.measure: change for change in cost_changes(network, paper_network())}
    figures: list[dict[str, Any]] = []
    for weighed in ("macs", "params", "activation_bytes"):
        change = told[weighed]
        parts = [
            {
                "kind": kind.name,
                "name": _(LAYER_KIND_NAMES[kind.name]),
                "percent": round(100 * kind.shares[weighed], 3),
                "text": percent(kind.shares[weighed]),
            }
            for kind in kinds
        ]
        figures.append(
            {
                "measure": weighed,
                "name": _(QUANTITIES[weighed]),
                "value": figure_text(weighed, change.value),
                "ratio": _("as the paper's") if change.ratio.direction == "same" else ratio_text(change.ratio),
                "direction": change.ratio.direction,
                "parts": parts,
            }
        )
    return figures


def percent(share: float) -> str:
    """A part of a whole as people read it: "93.4 %", "0.02 %", "0 %"."""
    if not share:
        return "0 %"
    return f"{100 * share:.1f} %" if share >= 0.0005 else "<0.1 %"


def show_architecture(network: NetworkBreakdown, chosen: str) -> None:
    """The cards of the network; a click puts its card's key into the control `stage`."""
    drawn = network_cards(network)
    data = {
        "flows": [{"key": flow, "title": _(name), "note": _flow_note(network, flow)} for flow, name in FLOWS.items()],
        "cards": [_card(card, card.key == chosen) for card in drawn],
        "hints": [_("Click a block for its layers and code."), _("Its bars: share of MACs, of parameters.")],
        "out_shape": _("{classes} classes").format(classes=network.spec.num_classes),
        "words": {"zoom_in": _("Zoom in"), "zoom_out": _("Zoom out"), "reset": _("Whole picture")},
        "summary": _("The network's blocks in running order; each is a button that shows its layers"),
    }
    components.architecture(data, "architecture", _choose_stage)


def _choose_stage(key: object) -> None:
    # it comes from a browser
    if key in STAGE.texts:
        set_controls({"stage": str(key)})


def _flow_note(network: NetworkBreakdown, flow: Flow) -> str:
    share = next((share for share in cost_shares(network, "flow") if share.name == flow), None)
    if share is None:
        return _("no block")
    return _("{macs} of MACs, {params} of parameters").format(
        macs=percent(share.shares["macs"]), params=percent(share.shares["params"])
    )


def _card(card: Card, selected: bool) -> dict[str, Any]:
    title = card_title(card)
    figures = _("{macs} of MACs, {params} of parameters").format(
        macs=percent(card.shares["macs"]), params=percent(card.shares["params"])
    )
    return {
        "key": card.key,
        "flow": card.flow,
        "title": title,
        "percent": percent(card.shares["macs"]),
        "label": f"{title}: {figures}",
        "bars": [{"name": weighed, "percent": 100 * card.shares[weighed]} for weighed in ("macs", "params")],
        "shortcut": {"none": "", "identity": _("identity"), "projection": "1×1 / 2"}[card.shortcut],
        "times": f"× {card.times}" if card.times > 1 else "",
        "in_shape": format_shape(*card.stage.in_shape[1:]),
        "rows": [_row(row) for row in card.rows],
        "selected": selected,
    }


def card_title(card: Card) -> str:
    """Stem, Block 2, Blocks 4-11, Head."""
    if card.key == "stem":
        return _("Stem")
    if card.key == "head":
        return _("Head")
    if card.times > 1:
        return _("Blocks {first}–{last}").format(first=card.number, last=card.number + card.times - 1)
    return _("Block {number}").format(number=card.number)


def _row(row: CardRow) -> dict[str, Any]:
    text = {
        "activation": ACTIVATION_NAMES.get(row.function, row.function),
        "max_pool": _("max pooling 3×3 / 2"),
        "mean_pool": _("mean over the picture"),
        "linear": _("linear → {classes}").format(classes=row.out_channels),
    }.get(row.type) or _conv_text(row)
    parts = [{"kind": part.kind, "percent": 100 * part.share} for part in row.parts]
    return {"type": row.type, "text": text, "parts": parts}


def _conv_text(row: CardRow) -> str:
    kernel = f"{row.kernel_size}×{row.kernel_size}" + (f" / {row.stride}" if row.stride > 1 else "")
    if row.type == "conv":
        return f"{kernel} → {row.out_channels}"
    steps = ["1×1" if part.kind == "pointwise" else kernel for part in row.parts]
    if row.between != "none":
        steps.insert(1, ACTIVATION_NAMES[row.between])
    return f"{' · '.join(steps)} → {row.out_channels}"


def show_stage(network: NetworkBreakdown, chosen: str) -> None:
    """The chosen block's layers with shapes and cost, and the code that builds it."""
    card = next((card for card in network_cards(network) if card.key == chosen), None)
    if card is None:
        return
    st.markdown(
        f"**{card_title(card)}** · {format_shape(*card.stage.in_shape[1:])} → {format_shape(*card.stage.out_shape[1:])}"
    )
    totals = card.stage.totals
    figures = "{params} {name_params}, {macs} MACs, {bytes}"
    st.caption(
        figures.format(
            params=format_count(totals["params"]),
            name_params=measure_name("params"),
            macs=format_count(totals["macs"]),
            bytes=figure_text("activation_bytes", totals["activation_bytes"]),
        )
        + (_(", each of {times} equal blocks").format(times=card.times) if card.times > 1 else "")
    )
    head = ("", _("layer"), _("output"), measure_name("params"), "MACs")
    lines = [f"| {' | '.join(head)} |", "|---|:--|:--|--:|--:|"]
    for layer in card.stage.layers:
        cost = layer.cost
        short = cost.name.removeprefix(f"{card.stage.name}.")
        cells = (f"`{short}`", cost.op, format_shape(*cost.out_shape[1:]), _count(cost.params), _count(cost.macs))
        lines.append(f"| {' | '.join(cells)} |")
    with st.container(key="tight"):
        st.markdown("\n".join(lines))
    st.code(stage_snippet(network.spec, card.stage.stage), language="python", height=300)


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"


def apply_network_preset(name: str) -> None:
    """Set every field of the network: the preset's values, all others at their defaults."""
    chosen = NETWORK_PRESETS[name][1]
    set_controls({key: chosen.get(key, FIELDS[key].default) for key in SPEC_KEYS})


def network_preset_buttons() -> None:
    """One button a preset."""
    for name, (label, _values) in NETWORK_PRESETS.items():
        st.button(_(label), key=f"network_preset_{name}", on_click=apply_network_preset, args=(name,))


def network_settings() -> dict[str, str]:
    """What the network's controls stand at, by their names."""
    return {key: control_values()[key] for key in SPEC_KEYS}


def amount_names() -> dict[str, str]:
    """The names of quantities, kinds and flows in this session's language."""
    return {name: _(text) for name, text in (*QUANTITIES.items(), *LAYER_KIND_NAMES.items(), *FLOWS.items())}
