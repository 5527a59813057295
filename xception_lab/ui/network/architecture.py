"""The architecture of a network as cards to click, and the layers and the code of the chosen card."""

from typing import Any

import streamlit as st

from xception_lab.arch.breakdown import NetworkBreakdown, cost_shares
from xception_lab.arch.plan import Flow
from xception_lab.arch.snippets import stage_snippet
from xception_lab.common.units import format_count, format_shape
from xception_lab.drawing.network_cards import Card, CardRow, network_cards
from xception_lab.ui.fields.network import STAGE
from xception_lab.ui.network.names import FLOW_NAMES, card_title
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ACTIVATION_NAMES, figure_text, measure_name, percent


def show_architecture(network: NetworkBreakdown, chosen: str) -> None:
    """Draw the network as cards; a click on one sets the control `stage` to it. chosen: the key of the marked card."""
    data = {
        "flows": [
            {"key": flow, "title": _(name), "note": _flow_note(network, flow)} for flow, name in FLOW_NAMES.items()
        ],
        "cards": [_card(card, card.key == chosen) for card in network_cards(network)],
        "hints": [_("Click a block for its layers and code."), _("Its bars: share of MACs, of parameters.")],
        "out_shape": _("{classes} classes").format(classes=network.spec.num_classes),
        "words": {"zoom_in": _("Zoom in"), "zoom_out": _("Zoom out"), "reset": _("Whole picture")},
        "summary": _("The network's blocks in running order; each is a button that shows its layers"),
    }
    components.architecture(data, "architecture", _choose_stage)


def _choose_stage(key: object) -> None:
    # the browser may send anything
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
        "bars": [{"name": measure, "percent": 100 * card.shares[measure]} for measure in ("macs", "params")],
        "shortcut": {"none": "", "identity": _("identity"), "projection": "1×1 / 2"}[card.shortcut],
        "times": f"× {card.times}" if card.times > 1 else "",
        "in_shape": format_shape(*card.stage.in_shape[1:]),
        "rows": [_row(row) for row in card.rows],
        "selected": selected,
    }


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
    """The layers of the card `chosen` with shapes and cost, and the code that builds it."""
    card = next((card for card in network_cards(network) if card.key == chosen), None)
    if card is None:
        return
    st.markdown(
        f"**{card_title(card)}** · {format_shape(*card.stage.in_shape[1:])} → {format_shape(*card.stage.out_shape[1:])}"
    )
    totals = card.stage.totals
    figures = (
        f"{format_count(totals['params'])} {measure_name('params')}, {format_count(totals['macs'])} MACs, "
        f"{measure_name('activation_bytes')}: {figure_text('activation_bytes', totals['activation_bytes'])}"
    )
    st.caption(figures + (_(", each of {times} equal blocks").format(times=card.times) if card.times > 1 else ""))
    head = (_("name"), _("layer"), _("output"), measure_name("params"), "MACs")
    lines = [f"| {' | '.join(head)} |", "|---|:--|:--|--:|--:|"]
    for layer in card.stage.layers:
        cost = layer.cost
        name = cost.name.removeprefix(f"{card.stage.name}.")
        cells = (f"`{name}`", cost.op, format_shape(*cost.out_shape[1:]), _count(cost.params), _count(cost.macs))
        lines.append(f"| {' | '.join(cells)} |")
    with st.container(key="tight"):
        st.markdown("\n".join(lines))
    st.code(stage_snippet(network.spec, card.stage.stage), language="python", wrap_lines=True)


def _count(number: int) -> str:
    return format_count(number).replace(" ", "\u00a0") if number else "·"
