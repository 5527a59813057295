"""The Time page's headline, and the words of its charts."""

from collections.abc import Sequence
from typing import Any

from xception_lab.common.units import format_times
from xception_lab.timing.analysis import SpeedVerdict, flops_ratio, speed_verdict
from xception_lab.timing.results import MAX_BUSY_SHARE, Results
from xception_lab.timing.settings import Settings
from xception_lab.ui.compare.charts import cost_words
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ratio_text

LAYER_NAMES = {
    "conv": N_("convolution"),
    "pointwise": N_("pointwise step"),
    "depthwise": N_("depthwise step"),
    "spatial": N_("spatial step"),
    "bn": N_("batch norm"),
    "intermediate": N_("activation between"),
    "activation": N_("activation"),
}
LIMIT_NAMES = {"memory": N_("memory-bound"), "compute": N_("compute-bound")}


def timing_words() -> Any:
    """Every text of the timing charts, in this session's language."""
    from xception_lab.figures.timing import TimingWords

    layers = {name: _(text) for name, text in LAYER_NAMES.items()}
    return TimingWords(
        {**cost_words("macs").kinds, **layers, "xception": "Xception"},
        {
            "median": _("median"),
            "measured": _("measured"),
            "bound": _("predicted lower bound"),
            "latency": _("latency"),
            "memory": _("memory-bound"),
            "compute": _("compute-bound"),
            "cache_roof": _("roof of the fastest cache"),
            "memory_roof": _("roof of the memory"),
            "flops": "FLOPs",
            "time": _("time"),
            "share": _("part of the standard block's"),
            "intensity": _("FLOPs a byte"),
            "seconds": "{:.3g} s",
            "crossing": _("they cross"),
            "at": _("at {:.0f}"),
            "own": _("own time in a forward pass"),
            "predicted": _("predicted latency (textbook roofline)"),
        },
    )


def timing_headline(group: Sequence[Settings], results: Results) -> str:
    """The comparison's result in words: FLOPs against time of the separable block, and the layer that explains it.

    group: the settings of the three blocks.
    """
    verdict = speed_verdict(group, results)
    if verdict is None:
        sentence = _(
            "Depthwise separable against standard: **{flops}** FLOPs. Measure, and see what that is in seconds."
        )
        return sentence.format(flops=ratio_text(flops_ratio(group)))
    doubtful = verdict.disturbed or results.machine.busy_share > MAX_BUSY_SHARE
    doubt = _("Measured on a disturbed machine: not to be trusted.") if doubtful else ""
    return " ".join(filter(None, (_outcome(verdict), _reason(verdict), doubt)))


def _outcome(verdict: SpeedVerdict) -> str:
    if verdict.outcome == "no difference seen":
        sentence = _(
            "Depthwise separable against standard: **{flops}** FLOPs, and **no difference in time** to be seen."
        )
        return sentence.format(flops=ratio_text(verdict.flops))
    sentence = (
        _("Depthwise separable against standard: **{flops}** FLOPs, **{times} faster**.")
        if verdict.outcome == "faster"
        else _("Depthwise separable against standard: **{flops}** FLOPs, and yet **{times} slower**.")
    )
    return sentence.format(flops=ratio_text(verdict.flops), times=format_times(verdict.times.times))


def _reason(verdict: SpeedVerdict) -> str:
    if verdict.slowest is None or verdict.limit is None:
        return ""
    sentence = _("Its {layer} is {limit} and takes **{share:.0%}** of the time.")
    return sentence.format(
        layer=_(LAYER_NAMES[verdict.slowest]), limit=_(LIMIT_NAMES[verdict.limit]), share=verdict.share
    )
