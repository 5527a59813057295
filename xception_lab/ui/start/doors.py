"""The links of the start page to the other pages, each with one result computed or stored there."""

import json
from functools import cache
from typing import Any

import streamlit as st

from xception_lab.arch.comparison import Ratio, ratio
from xception_lab.common.units import format_count
from xception_lab.features.readings import ORDERS, WIDTH, relu_range
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results_file import results_from_json
from xception_lab.ui.features.readings import format_losses
from xception_lab.ui.fields.features import TARGET
from xception_lab.ui.network.overview import network_headline, paper_network
from xception_lab.ui.shell.language import ASSETS
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import VERDICT_NAMES, ratio_text


def door(page: str, title: str, about: str, result: str, texts: dict[str, str]) -> None:
    """A link to a page: what the page is about, and one result of it. texts: of the controls, as in the link."""
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{title}**  \n{about}")
        st.markdown(result)
        st.page_link(f"pages/{page}.py", label=_("Open"), icon=":material/arrow_forward:", query_params=texts)


def network_result() -> str:
    """The size of the paper's network, and which layers its work is in."""
    network = paper_network()
    figures = _("{params} parameters, {macs} MACs at 299×299.").format(
        params=format_count(network.cost.params), macs=format_count(network.cost.macs)
    )
    return f"{figures} {network_headline(network)}"


def relu_result() -> str:
    """Figure 10's comparison in the stored experiment; read from its file, because scipy loads slowly."""
    relu = _stored_effects()[0]
    sentence = _(
        "A ReLU between, small Xceptions on Fashion-MNIST: **{points:+.2f} points**, {confidence} interval {low:+.2f} "
        "to {high:+.2f}, {seeds} seeds: **{verdict}**."
    )
    verdict = _(VERDICT_NAMES[relu["verdict"]])
    confidence, seeds = f"{100 * relu['confidence']:.3g} %", len(relu["differences"])
    points, low, high = relu["points"], relu["low"], relu["high"]
    return sentence.format(points=points, low=low, high=high, confidence=confidence, seeds=seeds, verdict=verdict)


def timing_result() -> str:
    """FLOPs and time of the separable block against the standard one at the defaults, from the stored times."""
    sentence = _("64→128 channels at 56×56 on a CPU: **{flops}** FLOPs, **{time:.0%}** of the standard block's time.")
    flops, time = _stored_times()
    return sentence.format(flops=ratio_text(flops), time=time)


@cache
def _stored_times() -> tuple[Ratio, float]:
    results = results_from_json((ASSETS / "results" / "timing-cpu.json").read_bytes())
    standard, _extreme, separable = three_blocks(CompareSpec())
    costs = [settings.cost().flops for settings in (separable, standard)]
    medians_s = [timing.median_s for timing in map(results.timing, (separable, standard)) if timing]
    return ratio(*costs), medians_s[0] / medians_s[1]


def information_result() -> str:
    """What the ReLU between takes over the shipped pictures in both orders, from the stored readings."""
    pictures = relu_range(WIDTH, TARGET.read({}))
    sentence = _(
        "A ReLU between, random filters, {width} channels: at the ReLU itself a linear reader loses {extreme} of a "
        "picture's variance with the 1×1 first, {separable} with the depthwise convolution first."
    )
    extreme, separable = (format_losses(*pictures.loss_ends(kind)) for kind in ORDERS)
    return sentence.format(width=WIDTH, extreme=extreme, separable=separable)


@cache
def _stored_effects() -> list[dict[str, Any]]:
    """The effects of Figure 10's stored experiment, its first primary one first."""
    return json.loads((ASSETS / "results" / "figure-10.json").read_text(encoding="utf-8"))["effects"]
