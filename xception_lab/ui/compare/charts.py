"""The words and the text summaries of the charts of what blocks cost."""

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


def chart_summary(columns: tuple[ComparedBlock, ...], measure: Measure) -> str:
    """The chart in one sentence, for those who do not see it."""
    parts = [f"{kind_name(c.kind)}: {figure_text(measure, getattr(c.cost, measure))}" for c in columns]
    return f"{measure_name(measure)}. {'; '.join(parts)}."


def counter_rows(
    columns: tuple[ComparedBlock, ...], spec: CompareSpec, count: Callable[..., tuple[CounterResult, ...]]
) -> list[dict[str, str | int]]:
    """What each counter prints for each block, run now."""
    why = {
        "xception_lab": _("convolutions and linear layers, no bias"),
        "torch FlopCounterMode": _("2 × the same MACs"),
        "torchinfo": _("also one for every batch-norm parameter and picture, and biases at every pixel"),
    }
    return [
        {
            _("block"): kind_name(column.kind),
            _("counter"): found.counter,
            _("prints"): found.figure,
            _("and calls it"): found.quantity,
            _("above our MACs by"): found.excess,
            _("because it counts"): why[found.counter],
        }
        for column in columns
        for found in count(column.spec, spec.size, spec.size, spec.batch_size)
    ]
