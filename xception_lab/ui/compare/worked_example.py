"""The moving picture: the stand-in of a comparison, with every word it shows, for the client-side component."""

import json
from functools import lru_cache
from typing import Any

from xception_lab.arch.comparison import ComparedBlock, Measure
from xception_lab.arch.plan import Conv, block_ops
from xception_lab.common.units import format_count, format_shape
from xception_lab.drawing.worked_example import WorkedBlock, WorkedExample, WorkedLayer, worked_example
from xception_lab.spec import CompareSpec
from xception_lab.ui.compare.blocks import subtitle
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import conv_role, kind_name, measure_name

HELP = (
    N_(
        "Every row is a stack of channels of one small picture, a face of 8×8 pixels: the input, what stands between, "
        "the output. Pink is negative, pale is not yet reached."
    ),
    N_(
        "The box is the kernel. Point at a value, or touch it: lines lead to it from all that it is made of, and its "
        "products and their sum stand below."
    ),
    N_("Point at a channel of the input to see its part of the sum."),
    N_("A stroke through a value: the ReLU has cut it to 0."),
    N_(
        "The standard block's weights are the products of the separable block's. So both give the same values where "
        "nothing stands between, one with far fewer multiplications; a standard convolution can also learn what no "
        "such product gives."
    ),
)


def show_worked_example(spec: CompareSpec, columns: tuple[ComparedBlock, ...], counted: Measure, key: str) -> None:
    """Draw the three blocks at work on few channels and pixels; the costs around it are those of `columns`."""
    small = worked_example(spec)
    components.worked_example({"picture": _numbers(small), "words": _words(spec, small, columns, counted)}, key)


@lru_cache(maxsize=256)
def _numbers(small: WorkedExample) -> str:
    """The stand-in's tensors, weights and counts as one text, which the browser compares with what it has."""
    spec = {"in_channels": small.spec.in_channels, "size": small.spec.size}
    return json.dumps(
        {"spec": spec, "tensor": small.tensor, "blocks": [_block(small, strip) for strip in small.blocks]}
    )


def _block(small: WorkedExample, strip: WorkedBlock) -> dict[str, Any]:
    sides = (small.spec.size, *(layer.side for layer in strip.layers))
    layers = [_layer(layer, side) for layer, side in zip(strip.layers, sides, strict=False)]
    return {"kind": strip.kind, "layers": layers, "between": strip.between, "counts": strip.counts}


def _layer(layer: WorkedLayer, side: int) -> dict[str, Any]:
    conv = layer.conv
    return {
        "ins": conv.in_channels,
        "outs": conv.out_channels,
        "groups": conv.groups,
        "kernel": conv.kernel_size,
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "from": side,
        "side": layer.side,
        "halves": layer.halves,
    }


def _words(
    spec: CompareSpec, small: WorkedExample, columns: tuple[ComparedBlock, ...], counted: Measure
) -> dict[str, Any]:
    in_shape = format_shape(spec.in_channels, spec.size, spec.size)
    blocks = [
        {
            "title": kind_name(column.kind),
            "about": subtitle(column),
            "shapes": f"{in_shape} → {format_shape(*column.cost.out_shape[1:])}",
            "layers": _layers(column, counted),
        }
        for column in columns
    ]
    return {
        "blocks": blocks,
        "note": _note(spec, small.spec),
        "gates": {"relu": "ReLU", "elu": "ELU", "none": _("no ReLU")},
        "channel": _("channel {channel}:"),
        "together": _("{count} channels: Σ"),
        "each": _("{products} multiplications a value"),
        "of": _("of {whole}"),
        "step": _("pixel {pixel} of {pixels}, channel {channel}"),
        "place": _("Output row {row}, column {column}, channel {channel}"),
        "value": _("{block}: {value}, {products} multiplications a value"),
        "keys": _("Arrows move the output cell, Page Up and Page Down the channel, Space plays and pauses."),
        "hint": _("Touch any value"),
        "ask": _("How to read the picture"),
        "help": [_(sentence) for sentence in HELP],
        "back": _("One pixel back"),
        "next": _("One pixel on"),
        "play": _("Play"),
        "pause": _("Pause"),
        "scrub": _("Output pixel"),
        "speed": _("Speed {speed}×"),
    }


def _layers(column: ComparedBlock, counted: Measure) -> list[str]:
    """Each convolution of a block with what it costs in full."""
    costs = {layer.name: layer for layer in column.cost.layers}
    return [
        f"{op.kernel_size}×{op.kernel_size} {conv_role(op.role, op.groups)} · "
        f"{format_count(getattr(costs[op.name], counted))} {measure_name(counted)}"
        for op in block_ops(column.spec)
        if isinstance(op, Conv)
    ]


def _note(spec: CompareSpec, small: CompareSpec) -> str:
    """That it is a stand-in and of what."""
    parts: list[str] = []
    few, full = (f"{each.in_channels}→{each.out_channels}" for each in (small, spec))
    if few != full:
        parts.append(_("{few} of {all} channels").format(few=few, all=full))
    few, full = (f"{each.size}×{each.size}" for each in (small, spec))
    if few != full:
        parts.append(_("{few} of {all} pixels").format(few=few, all=full))
    for name in ("kernel_size", "padding", "dilation"):
        few, full = getattr(small, name), getattr(spec, name)
        if few != full:
            parts.append(f"{name} {few}/{full}")
    if small.segments != spec.segments:
        # None stands for one per channel
        few, full = (each.segments or each.out_channels for each in (small, spec))
        parts.append(f"segments {few}/{full}")
    if not parts:
        return _("The whole block, before its batch norm.")
    return _("A stand-in: {parts}. Costs are of the full block.").format(parts=", ".join(parts))
