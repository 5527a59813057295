"""The network that the controls ask for, its headline, and its figures above every view of the Network page."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from xception_lab.arch.breakdown import (
    AreaMeasure,
    NetworkBreakdown,
    break_down,
    cost_changes,
    cost_shares,
    paper_network,
)
from xception_lab.spec import XceptionSpec
from xception_lab.ui.fields.field import read_state, state_texts
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.fields.registry import texts_ahead
from xception_lab.ui.network.names import QUANTITY_NAMES, layer_kind_name
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import figure_text, percent, ratio_text

BAR_MEASURES: tuple[AreaMeasure, ...] = ("macs", "params", "activation_bytes")


@lru_cache(maxsize=256)
def network_at(spec: XceptionSpec, size: int) -> NetworkBreakdown:
    """break_down, cached. size: height and width of the picture, in pixels."""
    return break_down(spec, size)


def network_of(state: NetworkState) -> NetworkBreakdown:
    """The network that the controls ask for."""
    spec = state.spec
    return network_at(spec.xception, spec.size)


def network_headline(network: NetworkBreakdown) -> str:
    """In which kinds of layers the work is, in one sentence."""
    kinds = {share.name: share for share in cost_shares(network, "kind")}
    if network.spec.convolution == "standard":
        separable = network_at(replace(network.spec, convolution="separable"), network.size)
        times = next(change.ratio for change in cost_changes(network, separable) if change.measure == "macs")
        sentence = _(
            "Every separable convolution replaced by a regular one, against the separable network: **{times}** MACs."
        )
        return sentence.format(times=ratio_text(times))
    pointwise = sum(kinds[kind].shares["macs"] for kind in ("pointwise", "shortcut") if kind in kinds)
    spatial = next(kinds[kind] for kind in ("depthwise", "spatial") if kind in kinds)
    sentence = (
        _("**{ones}** of all MACs are 1×1 convolutions, the shortcuts' included; **{share}** {others}.")
        if "shortcut" in kinds
        else _("**{ones}** of all MACs are 1×1 convolutions; **{share}** {others}.")
    )
    others = _("the depthwise 3×3")
    if spatial.name == "spatial":
        others = _("the 3×3 on one segment, a regular one") if network.spec.segments == 1 else _("the 3×3 on segments")
    return sentence.format(ones=percent(pointwise), share=percent(spatial.shares["macs"]), others=others)


def show_network_figures(network: NetworkBreakdown, state: NetworkState, sliders: Fields) -> None:
    """Parameters, MACs and activation bytes, the layers that each is in, and its ratio to the paper's network.

    The figures one step of each slider away are sent too: the browser shows them at a key press, before the page runs.
    """
    figures = _figures(network)
    legend = [
        {
            "kind": kind.name,
            "name": layer_kind_name(kind.name, network.spec),
            "text": " · ".join(percent(kind.shares[measure]) for measure in BAR_MEASURES),
        }
        for kind in cost_shares(network, "kind")
    ]
    summary = "; ".join(f"{figure['name']}: {figure['value']}" for figure in figures)
    summary += ". " + "; ".join(f"{entry['name']}: {entry['text']}" for entry in legend)
    words = {
        "legend_of": _("Shares of: MACs · parameters · activations"),
        "against": _("To the right: against the paper's network"),
    }
    data = {"figures": figures, "legend": legend, "summary": summary} | words
    ahead = {
        key: {text: _figures(step) for text, step in steps.items()}
        for key, steps in networks_ahead(state, sliders).items()
    }
    components.network_figures(data | {"ahead": ahead}, "anatomy")


def networks_ahead(state: NetworkState, sliders: Fields) -> dict[str, dict[str, NetworkBreakdown]]:
    """The networks at most one step of each slider away, by the slider's key and its text at that step."""
    texts = state_texts(state)
    return {
        slider.key: {
            text: network_of(read_state(NetworkState, ahead)) for text, ahead in texts_ahead(texts, slider.key).items()
        }
        for slider in sliders
    }


def _figures(network: NetworkBreakdown) -> list[dict[str, Any]]:
    kinds = cost_shares(network, "kind")
    changes = {change.measure: change for change in cost_changes(network, paper_network())}
    figures: list[dict[str, Any]] = []
    for measure in BAR_MEASURES:
        change = changes[measure]
        parts = [
            {
                "kind": kind.name,
                "name": layer_kind_name(kind.name, network.spec),
                "percent": round(100 * kind.shares[measure], 3),
                "text": percent(kind.shares[measure]),
            }
            for kind in kinds
            if kind.shares[measure]  # even nothing would be drawn a pixel or two wide
        ]
        figures.append(
            {
                "measure": measure,
                "name": _(QUANTITY_NAMES[measure]),
                "value": figure_text(measure, change.value),
                "ratio": _("as in the paper's network")
                if change.ratio.direction == "same"
                else ratio_text(change.ratio),
                "direction": change.ratio.direction,
                "parts": parts,
            }
        )
    return figures
