"""The three blocks side by side, from a comparison to what the drawing component shows."""

from functools import lru_cache
from typing import Any

from xception_lab.arch.comparison import ComparedBlock, Measure, compare
from xception_lab.arch.latex import Formula
from xception_lab.common.citations import section
from xception_lab.common.units import format_bytes, format_count, format_shape
from xception_lab.drawing.block_diagram import Diagram, DrawnConv, block_diagram
from xception_lab.spec import CompareSpec
from xception_lab.ui.fields.compare import BlocksState, StartState
from xception_lab.ui.fields.field import read_state, state_texts
from xception_lab.ui.fields.registry import texts_ahead
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import language
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import (
    ACTIVATION_NAMES,
    conv_role_name,
    figure_text,
    kind_name,
    measure_name,
    ratio_text,
)
from xception_lab.ui.shell.terms import term


def show_blocks(
    spec: CompareSpec,
    blocks: tuple[ComparedBlock, ...],
    counted: Measure,
    key: str,
    *,
    titles: tuple[tuple[str, str], ...] = (),
    ahead: dict[str, dict[str, CompareSpec]] | None = None,
    slim: bool = False,
) -> None:
    """Draw blocks side by side with their figures, the first being the reference.

    counted: "macs" or "flops". key: the component's. titles: in place of the blocks' own titles and subtitles.
    ahead: by control and its text, the comparisons one step away, see `specs_ahead`; their figures are sent to the
    browser too, which shows them at a key press, before the page has run. slim: the figures without the drawing.
    """
    most_macs = max(layer.macs for block in blocks for layer in block.cost.layers)
    columns = [_column(spec, block, counted, most_macs, block is blocks[0]) for block in blocks]
    for column, texts in zip(columns, titles, strict=False):
        column["title"], column["subtitle"] = texts
    figures = {
        control: {text: _figures(step, counted, language()) for text, step in steps.items()}
        for control, steps in (ahead or {}).items()
    }
    components.blocks({"columns": columns, "summary": _summary(blocks), "ahead": figures, "slim": slim}, key)


def specs_ahead(state: StartState | BlocksState, fields: Fields) -> dict[str, dict[str, CompareSpec]]:
    """The comparisons at most one step of each control away, by the control's key and its text at that step."""
    return _specs_ahead(state, tuple(field.key for field in fields))


@lru_cache(maxsize=1024)
def _specs_ahead(state: StartState | BlocksState, keys: tuple[str, ...]) -> dict[str, dict[str, CompareSpec]]:
    texts = state_texts(state)
    return {
        key: {text: read_state(type(state), ahead).spec for text, ahead in texts_ahead(texts, key).items()}
        for key in keys
    }


def comparison_headline(blocks: tuple[ComparedBlock, ...], counted: Measure) -> str:
    """The comparison's result in one sentence: the last block against the first."""
    separable = blocks[-1]
    sentence = _("Depthwise separable against standard: **{cost}** {counted}, **{moved}** bytes moved.")
    return sentence.format(
        cost=ratio_text(separable.ratios[counted]),
        counted=term("mac" if counted == "macs" else "flop", measure_name(counted)),
        moved=ratio_text(separable.ratios["moved_bytes"]),
    )


def per_value_text(blocks: tuple[ComparedBlock, ...]) -> str:
    """The reason in one sentence: the multiplications for one value of the output, in each block."""
    sentence = _(
        "Multiplications an output value: **{standard}** standard, **{extreme}** extreme, **{separable}** separable."
    )
    segments = next((block.spec.segments for block in blocks if block.kind == "extreme"), None)
    if segments is not None:
        sentence = _(
            "Multiplications an output value: **{standard}** standard, **{extreme}** Inception in segments, "
            "**{separable}** separable."
        )
    return sentence.format(**{block.kind: products_text(block.macs_per_value) for block in blocks})


def products_text(products: float) -> str:
    """Multiplications for one value in digits, which a reader may check: "68.5", "35,672"."""
    return f"{products:,.0f}" if products >= 1000 else f"{products:.4g}"


def _column(
    spec: CompareSpec, block: ComparedBlock, counted: Measure, most_macs: int, reference: bool
) -> dict[str, Any]:
    diagram = block_diagram(block.spec, block.cost, spec.size, spec.size, most_macs)
    return {
        "kind": block.kind,
        "title": block_name(block),
        "subtitle": subtitle(block),
        "in_shape": format_shape(*diagram.in_shape),
        "convs": [_conv(conv, counted) for conv in diagram.convs],
        "between": _between(diagram),
        "after": {"shape": format_shape(*diagram.out_shape), "pills": _after(diagram)},
        "numbers": _numbers(block, counted, reference),
    }


def block_name(block: ComparedBlock) -> str:
    """The block's name: with fewer segments than channels the module is not the extreme one (paper, section 1.2)."""
    segments = block.spec.segments if block.kind == "extreme" else None
    if segments is None:
        return kind_name(block.kind)
    return (_("Inception, 1 segment") if segments == 1 else _("Inception, {segments} segments")).format(
        segments=segments
    )


def subtitle(block: ComparedBlock) -> str:
    """What a block does, in one line."""
    if block.kind == "standard":
        return _("space and channels at once")
    if block.kind == "separable":
        return _("k×k per channel, then 1×1")
    segments = block.spec.segments
    if segments is None:
        return _("1×1, then k×k per channel")
    if segments == 1:
        return _("1×1, then k×k on all channels")
    return _("1×1, then k×k on {segments} segments").format(segments=segments)


def _conv(conv: DrawnConv, counted: Measure) -> dict[str, Any]:
    cost = conv.layer.macs if counted == "macs" else conv.layer.flops
    return {
        "kernel": f"{conv.kernel_size}×{conv.kernel_size}",
        "role": conv_role_name(conv.role, conv.real_groups),
        "kernel_size": conv.kernel_size,
        "tops": conv.tops,
        "bottoms": conv.bottoms,
        "groups": conv.groups,
        "macs": f"{format_count(cost)} {measure_name(counted)}",
        "percent": round(100 * conv.share, 2),
    }


def _between(diagram: Diagram) -> dict[str, Any] | None:
    if diagram.between is None:
        return None
    if diagram.between == "none":
        pill = {"state": "off", "text": _("no ReLU")}
    else:
        pill = {"state": "on", "text": ACTIVATION_NAMES[diagram.between]}
    norm = [{"state": "plain", "text": "BN"}] if diagram.norm_between else []
    return {"shape": format_shape(*diagram.convs[0].layer.out_shape[1:]), "pills": [*norm, pill]}


def _after(diagram: Diagram) -> list[dict[str, str]]:
    names = ["BN"] if diagram.norm_after else []
    if diagram.after != "none":
        names.append(ACTIVATION_NAMES[diagram.after])
    return [{"state": "plain", "text": name} for name in names]


@lru_cache(maxsize=4096)
def _figures(spec: CompareSpec, counted: Measure, _own: str) -> list[list[dict[str, str]]]:
    # _own: the language of this run, for the cache
    blocks = compare(spec)
    return [_numbers(block, counted, block is blocks[0]) for block in blocks]


def _numbers(block: ComparedBlock, counted: Measure, reference: bool) -> list[dict[str, str]]:
    """The figures of a block; reference: whether it is what the others are compared with."""
    return [
        {
            "measure": measure,
            "name": measure_name(measure),
            "value": figure_text(measure, getattr(block.cost, measure)),
            "ratio": _("reference") if reference else ratio_text(block.ratios[measure]),
            "direction": "" if reference else block.ratios[measure].direction,
        }
        for measure in ("params", counted, "moved_bytes")
    ]


def _summary(blocks: tuple[ComparedBlock, ...]) -> str:
    """The drawing as text, for a screen reader."""
    parts = [
        f"{block_name(block)}: {format_count(block.cost.params)} {measure_name('params')}, "
        f"{format_count(block.cost.macs)} MACs, {format_bytes(block.cost.moved_bytes)}"
        for block in blocks
    ]
    return "; ".join(parts)


def formula_tex(name: str, formula: Formula) -> str:
    """LaTeX of a formula in symbols, below it in numbers, below it its result; one term per line, to fit a phone."""
    lines = (formula.symbols, *formula.numbers.split(" = "))
    aligned = r" \\ &= ".join(line.replace(" + ", r" \\ &\quad + ") for line in lines)
    return rf"\begin{{aligned}} \text{{{name}}} &= {aligned} \end{{aligned}}"


def step_title(step: ComparedBlock) -> str:
    """The name of a step from the extreme to the separable block."""
    if step.kind == "separable":
        return _("Depthwise first")
    return _("Extreme Inception") if step.spec.between == "relu" else _("Without the ReLU")


def step_text(step: ComparedBlock) -> str:
    """What the paper says of a step, and what it changes in cost."""
    named = section("two_differences")
    if step.kind == "extreme" and step.spec.between == "relu":
        sentence = _(
            "Section {section} and Figure 4: [1×1](#term-pointwise) first, then one spatial convolution a channel, "
            "with a ReLU after both."
        )
        return sentence.format(section=named)
    claim = (
        _(
            "Section {section} argues that the **order is unimportant**, “in particular because these operations are "
            "meant to be used in a stacked setting”. The picture below shows why."
        )
        if step.kind == "separable"
        else _(
            "Section {section} says that the **ReLU between** might matter. Section {test} and Figure 10 test it: "
            "without it, training converges faster and ends better."
        )
    ).format(section=named, test=section("between"))
    change = _("Against the step before: {macs} MACs, {moved} bytes moved.").format(
        macs=ratio_text(step.ratios["macs"]), moved=ratio_text(step.ratios["moved_bytes"])
    )
    return f"{claim}\n\n{change}"
