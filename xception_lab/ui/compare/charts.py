"""The words and the text summaries of the cost charts, and the table of other counters."""

from collections.abc import Callable

from xception_lab.arch.comparison import ComparedBlock, Measure
from xception_lab.figures.cost import CostWords
from xception_lab.nn.other_counters import CounterResult
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import figure_text, kind_name, measure_name


def cost_words(measure: str) -> CostWords:
    """Every text that a cost chart shows, in this session's language."""
    return CostWords(
        measure_name(measure),
        {kind: kind_name(kind) for kind in KINDS},
        {
            "conv": _("convolution"),
            "pointwise": _("pointwise"),
            "depthwise": _("depthwise"),
            "spatial": _("spatial"),
            "bn": "BN",
            "pointwise_bn": "BN",
            "depthwise_bn": "BN",
            "intermediate": _("activation between"),
            "activation": _("activation after"),
        },
        {
            "axis": _("segments (groups of the spatial convolution)"),
            "current": _("now"),
            "inception": "Inception",
            "regular": _("regular convolution"),
            "one": _("one a channel"),
            "hover": _("%{x} segments of %{customdata} channels: %{y:,}") + "<extra></extra>",
        },
    )


def chart_summary(blocks: tuple[ComparedBlock, ...], measure: Measure) -> str:
    """The chart as text, for a screen reader."""
    parts = [f"{kind_name(block.kind)}: {figure_text(measure, getattr(block.cost, measure))}" for block in blocks]
    return f"{measure_name(measure)}. {'; '.join(parts)}."


def counter_rows(
    blocks: tuple[ComparedBlock, ...], spec: CompareSpec, count: Callable[..., tuple[CounterResult, ...]]
) -> list[dict[str, str | int]]:
    """What each counter prints for each block. count: runs the counters, as other_counters.run_counters."""
    reasons = {
        "xception_lab": _("convolutions and linear layers, no bias"),
        "torch FlopCounterMode": _("2 × the same MACs"),
        "torchinfo": _("also one for every batch-norm parameter and picture, and biases at every pixel"),
    }
    return [
        {
            _("block"): kind_name(block.kind),
            _("counter"): result.counter,
            _("prints"): result.figure,
            _("and calls it"): result.quantity,
            _("above our MACs by"): result.excess,
            _("because it counts"): reasons[result.counter],
        }
        for block in blocks
        for result in count(block.spec, spec.size, spec.size, spec.batch_size)
    ]
