"""The worked example of a comparison, a smaller one that is computed value by value, as the component shows it."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from xception_lab.arch.comparison import ComparedBlock, Measure
from xception_lab.arch.plan import Conv, block_ops
from xception_lab.common.units import format_count, format_shape
from xception_lab.drawing.worked_example import WorkedBlock, WorkedExample, WorkedLayer, worked_example
from xception_lab.spec import CompareSpec
from xception_lab.ui.compare.blocks import block_name, products_text, subtitle
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import conv_role_name, measure_name

HELP = (
    N_(
        "Every row is a stack of channels of one small picture, a face of 8×8 pixels: the input, what stands between, "
        "the output. Violet is negative, faint is not yet reached."
    ),
    N_(
        "The box is the kernel. Point at a value, or touch it: lines lead to it from all that it is made of, and its "
        "products and their sum stand below."
    ),
    N_("Point at a channel of the input to see its part of the sum."),
    N_("A stroke through a value: the ReLU has cut it to 0."),
    N_(
        "A bar is as long as all multiplications of its block, the three on one scale; its full colour is what is "
        "done. Where 1×1 comes first it is done for a pixel's neighbours too, which the k×k needs, so meanwhile such a "
        "block is ahead: compare the wholes."
    ),
    N_(
        "The standard block's weights are the products of the separable block's. So both give the same values where "
        "nothing stands between, one with far fewer multiplications; a standard convolution can also learn what no "
        "such product gives."
    ),
)


def show_worked_example(spec: CompareSpec, blocks: tuple[ComparedBlock, ...], counted: Measure, key: str) -> None:
    """Draw the three blocks computing a picture of few channels and pixels, with the costs of the full `blocks`."""
    small = worked_example(spec)
    components.worked_example({"picture": _numbers(small), "words": _words(spec, small, blocks, counted)}, key)


@lru_cache(maxsize=256)
def _numbers(small: WorkedExample) -> str:
    """Tensors, weights and counts of the worked example as JSON; one text, for the browser to compare with its last."""
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
    spec: CompareSpec, small: WorkedExample, blocks: tuple[ComparedBlock, ...], counted: Measure
) -> dict[str, Any]:
    in_shape = format_shape(spec.in_channels, spec.size, spec.size)
    smaller = _smaller(spec, small.spec)
    return {
        "blocks": [
            {
                "title": block_name(block),
                "about": subtitle(block),
                "shapes": f"{in_shape} → {format_shape(*block.cost.out_shape[1:])}",
                # beside the stand-in's own number, which is another one
                "full": _("{products} a value in the full block").format(products=products_text(block.macs_per_value))
                if smaller
                else "",
                "layers": _layers(block, counted),
            }
            for block in blocks
        ],
        "note": " ".join(_notes(small, smaller)),
        "gates": {"relu": "ReLU", "elu": "ELU", "none": _("no ReLU")},
        "channel": _("channel {channel}:"),
        "together": _("all {count} channels: Σ"),
        "each": _("{products} multiplications a value"),
        "of": _("of {whole}"),
        "step": _("pixel {pixel} of {pixels}, channel {channel}"),
        "pointed": _("pointed at: pixel {pixel}, channel {channel}"),
        "place": _("Output row {row}, column {column}, channel {channel}"),
        "value": _("{block}: {value}, {products} multiplications a value"),
        "keys": _("Arrows move the output cell, Page Up and Page Down the channel, Space plays and pauses."),
        "hint": _("or touch any value"),
        "ask": _("How to read the picture"),
        "help": [_(sentence) for sentence in HELP],
        "back": _("One pixel back"),
        "next": _("One pixel on"),
        "play": _("Play"),
        "pause": _("Pause"),
        "scrub": _("Output pixel"),
        "speed": _("Speed {speed}×"),
    }


def _notes(small: WorkedExample, smaller: Sequence[str]) -> Iterator[str]:
    """What the picture is of, and that two of its blocks agree by design. smaller: in what it is a stand-in."""
    if smaller:
        yield _("A stand-in: {parts}. Costs are of the full block.").format(parts=", ".join(smaller))
    else:
        yield _("The whole block, before its batch norm.")
    if all(strip.between in (None, "none") for strip in small.blocks if strip.kind != "extreme"):
        yield _("The standard weights here are chosen to give what separable gives.")


def _layers(block: ComparedBlock, counted: Measure) -> list[dict[str, str]]:
    """Each convolution of a block with its cost in the comparison itself, not in the worked example."""
    costs = {layer.name: layer for layer in block.cost.layers}
    return [
        {
            "name": f"{op.kernel_size}×{op.kernel_size} {conv_role_name(op.role, op.groups)}",
            "cost": f"{format_count(getattr(costs[op.name], counted))} {measure_name(counted)}",
        }
        for op in block_ops(block.spec)
        if isinstance(op, Conv)
    ]


def _smaller(spec: CompareSpec, small: CompareSpec) -> list[str]:
    """In what the worked example is smaller than the comparison; empty where it is the whole block."""
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
            parts.append(_("{name} {few} instead of {all}").format(name=name, few=few, all=full))
    if small.segments != spec.segments:
        # None stands for one per channel
        few, full = (each.segments or each.out_channels for each in (small, spec))
        parts.append(_("{few} of {all} segments").format(few=few, all=full))
    return parts
