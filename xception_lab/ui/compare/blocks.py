"""The three blocks side by side, from a comparison to what the drawing component shows."""

from typing import Any

from xception_lab.arch.comparison import ComparedBlock, Measure, compare
from xception_lab.arch.latex import Formula
from xception_lab.common.units import format_bytes, format_count, format_shape
from xception_lab.drawing.block_diagram import Diagram, DrawnConv, block_diagram
from xception_lab.spec import CompareSpec
from xception_lab.ui.fields.compare import BlocksState, StartState
from xception_lab.ui.fields.field import read_state, state_texts
from xception_lab.ui.fields.registry import texts_ahead
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ACTIVATION_NAMES, conv_role, figure_text, kind_name, measure_name, ratio_text


def show_blocks(
    spec: CompareSpec,
    columns: tuple[ComparedBlock, ...],
    counted: Measure,
    key: str,
    *,
    titles: tuple[str, ...] = (),
    ahead: dict[str, dict[str, CompareSpec]] | None = None,
    slim: bool = False,
) -> None:
    """Draw blocks side by side with their figures, the first being the reference.

    counted: "macs" or "flops". ahead: by control and value, the settings one step away; their figures go along,
    so that a key press shows them at once, before the page has run. slim: without the drawing, below another one.
    """
    whole = max(layer.macs for column in columns for layer in column.cost.layers)
    drawn = [_column(spec, column, counted, whole, column is columns[0]) for column in columns]
    for column, title in zip(drawn, titles, strict=False):
        column["title"], column["subtitle"] = title, ""
    figures = {
        control: {
            value: _figures(columns if setting == spec else compare(setting), counted)
            for value, setting in steps.items()
        }
        for control, steps in (ahead or {}).items()
    }
    components.blocks({"columns": drawn, "summary": _summary(columns), "ahead": figures, "slim": slim}, key)


def specs_ahead(state: StartState | BlocksState, fields: Fields) -> dict[str, dict[str, CompareSpec]]:
    """The comparisons at most one step of each control away, by control and by the text that it would have."""
    texts = state_texts(state)
    return {
        field.key: {text: read_state(type(state), ahead).spec for text, ahead in texts_ahead(texts, field.key).items()}
        for field in fields
    }


def comparison_headline(columns: tuple[ComparedBlock, ...], counted: Measure) -> str:
    """What the comparison comes to, in one computed sentence."""
    separable = columns[-1]
    sentence = _("Depthwise separable against standard: **{cost}** {counted}, **{moved}** bytes moved.")
    return sentence.format(
        cost=ratio_text(separable.ratios[counted]),
        counted=measure_name(counted),
        moved=ratio_text(separable.ratios["moved_bytes"]),
    )


def per_value_text(columns: tuple[ComparedBlock, ...]) -> str:
    """Why: what one value of the output costs in each block."""
    sentence = _(
        "Multiplications for one output value: **{standard}** standard, **{extreme}** extreme, "
        "**{separable}** separable."
    )
    return sentence.format(**{column.kind: f"{column.macs_per_value:,.4g}" for column in columns})


def _column(spec: CompareSpec, column: ComparedBlock, counted: Measure, whole: int, reference: bool) -> dict[str, Any]:
    drawn = block_diagram(column.spec, column.cost, spec.size, spec.size, whole)
    return {
        "kind": column.kind,
        "title": kind_name(column.kind),
        "subtitle": subtitle(column),
        "in_shape": format_shape(*drawn.in_shape),
        "convs": [_conv(conv, counted) for conv in drawn.convs],
        "between": _between(drawn),
        "after": {"shape": format_shape(*drawn.out_shape), "pills": _after(drawn)},
        "numbers": _numbers(column, counted, reference),
    }


def subtitle(column: ComparedBlock) -> str:
    """What a block does, in one line."""
    if column.kind == "standard":
        return _("space and channels at once")
    if column.kind == "separable":
        return _("k×k per channel, then 1×1")
    segments = column.spec.segments
    if segments is None:
        return _("1×1, then k×k per channel")
    if segments == 1:
        return _("1×1, then k×k on all channels")
    return _("1×1, then k×k on {segments} segments").format(segments=segments)


def _conv(conv: DrawnConv, counted: Measure) -> dict[str, Any]:
    cost = conv.layer.macs if counted == "macs" else conv.layer.flops
    return {
        "kernel": f"{conv.kernel_size}×{conv.kernel_size}",
        "role": conv_role(conv.role, conv.real_groups),
        "kernel_size": conv.kernel_size,
        "tops": conv.tops,
        "bottoms": conv.bottoms,
        "groups": conv.groups,
        "macs": f"{format_count(cost)} {measure_name(counted)}",
        "percent": round(100 * conv.share, 2),
    }


def _between(drawn: Diagram) -> dict[str, Any] | None:
    if drawn.between is None:
        return None
    if drawn.between == "none":
        pill = {"state": "off", "text": _("no ReLU")}
    else:
        pill = {"state": "on", "text": ACTIVATION_NAMES[drawn.between]}
    norm = [{"state": "plain", "text": "BN"}] if drawn.norm_between else []
    return {"shape": format_shape(*drawn.convs[0].layer.out_shape[1:]), "pills": [*norm, pill]}


def _after(drawn: Diagram) -> list[dict[str, str]]:
    names = [*(["BN"] if drawn.norm_after else []), *([ACTIVATION_NAMES[drawn.after]] if drawn.after != "none" else [])]
    return [{"state": "plain", "text": name} for name in names]


def _figures(columns: tuple[ComparedBlock, ...], counted: Measure) -> list[list[dict[str, str]]]:
    return [_numbers(column, counted, column is columns[0]) for column in columns]


def _numbers(column: ComparedBlock, counted: Measure, reference: bool) -> list[dict[str, str]]:
    """The figures of a block; reference: whether it is what the others are compared with."""
    return [
        {
            "measure": measure,
            "name": measure_name(measure),
            "value": figure_text(measure, getattr(column.cost, measure)),
            "ratio": _("reference") if reference else ratio_text(column.ratios[measure]),
            "direction": "" if reference else column.ratios[measure].direction,
        }
        for measure in ("params", counted, "moved_bytes")
    ]


def _summary(columns: tuple[ComparedBlock, ...]) -> str:
    """The drawing in one sentence for those who do not see it."""
    parts = [
        f"{kind_name(block.kind)}: {format_count(block.cost.params)} {measure_name('params')}, "
        f"{format_count(block.cost.macs)} MACs, {format_bytes(block.cost.moved_bytes)}"
        for block in columns
    ]
    return "; ".join(parts)


def worked_tex(name: str, worked: Formula) -> str:
    """A formula over its numbers over its result, one term a line, so that it fits a phone."""
    lines = (worked.symbols, *worked.numbers.split(" = "))
    aligned = r" \\ &= ".join(line.replace(" + ", r" \\ &\quad + ") for line in lines)
    return rf"\begin{{aligned}} \text{{{name}}} &= {aligned} \end{{aligned}}"


def step_title(step: ComparedBlock) -> str:
    """The name of a step on the walk from extreme to separable."""
    if step.kind == "separable":
        return _("Depthwise first")
    return _("Extreme Inception") if step.spec.between == "relu" else _("Without the ReLU")


def step_text(step: ComparedBlock) -> str:
    """What the paper says of a step, and what it changes in cost."""
    if step.kind == "extreme" and step.spec.between == "relu":
        return _("Section 1.2 and Figure 4: 1×1 first, then one spatial convolution a channel, with a ReLU after both.")
    says = (
        _("Section 2 argues that the **order is unimportant**, above all because the blocks are used stacked.")
        if step.kind == "separable"
        else _(
            "Section 2 says that the **ReLU between** might matter. Section 4.7 and Figure 10 test it: without it, "
            "training converges faster and ends better."
        )
    )
    change = _("Against the step before: {macs} MACs, {moved} bytes moved.").format(
        macs=ratio_text(step.ratios["macs"]), moved=ratio_text(step.ratios["moved_bytes"])
    )
    return f"{says}\n\n{change}"
