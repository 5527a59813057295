"""The words and the text summaries of the cost charts, the bars of the layers, and the table of other counters."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from xception_lab.arch.comparison import ComparedBlock, Measure, compare
from xception_lab.common.citations import constant
from xception_lab.figures.cost import CostWords
from xception_lab.nn.other_counters import NETWORK_COUNTERS, CounterResult
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.ui.compare.blocks import block_name
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import BLOCK_LAYER_NAMES, figure_text, kind_name, measure_name


def cost_words(measure: str, blocks: tuple[ComparedBlock, ...] = ()) -> CostWords:
    """Every text that a cost chart shows, in this session's language. blocks: named as the page names them."""
    return CostWords(
        measure_name(measure),
        {kind: kind_name(kind) for kind in KINDS} | {block.kind: block_name(block) for block in blocks},
        {
            "axis": _("segments (groups of the spatial convolution)"),
            "current": _("now"),
            "inception": _("Inception modules"),
            "module": _("Inception, by segments"),
            "regular": _("1×1, then regular"),
            "one": _("one a channel"),
            "hover": _("%{x} segments of %{customdata} channels: %{y:,}") + "<extra></extra>",
        },
    )


def chart_summary(blocks: tuple[ComparedBlock, ...], measure: Measure) -> str:
    """The chart as text, for a screen reader."""
    return f"{measure_name(measure)}. {block_amounts(blocks, measure)}"


def block_amounts(blocks: tuple[ComparedBlock, ...], measure: Measure) -> str:
    """What each block has of a quantity, as text."""
    parts = [f"{block_name(block)}: {figure_text(measure, getattr(block.cost, measure))}" for block in blocks]
    return f"{'; '.join(parts)}."


@lru_cache(maxsize=4096)
def layer_bars(spec: CompareSpec, measure: Measure, _own: str) -> dict[str, Any]:
    """One bar a layer in running order, the three blocks under each other, as `show_amounts` draws it.

    _own: the language of this run, for the cache.
    """
    blocks = compare(spec)
    longest = max(getattr(layer, measure) for block in blocks for layer in block.cost.layers)
    rows: list[dict[str, Any]] = []
    for block in blocks:
        block_title = block_name(block)
        rows.append({"name": block_title, "bars": []})
        for layer in block.cost.layers:
            amount, name = getattr(layer, measure), _(BLOCK_LAYER_NAMES[layer.name])
            part = {
                "kind": block.kind,
                "percent": round(100 * amount / longest, 3),
                "tell": f"{block_title}, {name}: {amount:,}",
            }
            rows.append({"name": name, "bars": [{"value": figure_text(measure, amount), "parts": [part]}]})
    return {"rows": rows, "legend": []}


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
            _("block"): block_name(block),
            _("counter"): result.counter,
            _("prints"): result.figure,
            _("and calls it"): result.quantity,
            _("above our MACs by"): result.excess,
            _("because it counts"): reasons[result.counter],
        }
        for block in blocks
        for result in count(block.spec, spec.size, spec.size, spec.batch_size)
    ]


def network_counter_rows(figures: Mapping[str, int], macs: int) -> list[dict[str, str | int | None]]:
    """What each counter prints for the app's own Xception, beside the stored figure; None where it is not installed.

    figures: by the counter's key, as other_counters.count_own_xception. macs: ours of the same network.
    """
    rows: list[dict[str, str | int | None]] = []
    for counter in NETWORK_COUNTERS:
        figure = figures.get(counter.key)
        exact = macs if counter.quantity == "MACs" else 2 * macs
        rows.append(
            {
                _("counter"): counter.name
                if figure is not None
                else _("{counter}: not installed").format(counter=counter.name),
                _("prints"): figure,
                _("stored"): int(constant(f"own_{counter.key}").value),
                _("above our count by"): None if figure is None else figure - exact,
            }
        )
    return rows
