"""The moving picture: the stand-in of a comparison, with every word it shows, for the client-side component."""

import json
from functools import lru_cache
from typing import Any

from xception_lab.comparison import Column
from xception_lab.picture import Layer, Picture, Strip, picture
from xception_lab.plan import Conv, block_ops
from xception_lab.spec import CompareSpec
from xception_lab.ui import components
from xception_lab.ui.blocks import conv_role, kind_name, subtitle
from xception_lab.ui.language import text as _
from xception_lab.units import shape


def show_moving(spec: CompareSpec, columns: tuple[Column, ...], key: str) -> None:
    """Draw the three blocks at work on few channels and pixels; the costs around it are those of `columns`."""
    small = picture(spec)
    components.moving({"picture": _numbers(small), "words": _words(spec, small, columns)}, key)


@lru_cache(maxsize=256)
def _numbers(small: Picture) -> str:
    """The stand-in's tensors, weights and counts as one text, which the browser compares with what it has."""
    spec = {"in_channels": small.spec.in_channels, "size": small.spec.size}
    return json.dumps({"spec": spec, "tensor": small.tensor, "blocks": [_block(small, strip) for strip in small.strips]})


def _block(small: Picture, strip: Strip) -> dict[str, Any]:
    sides = (small.spec.size, *(layer.side for layer in strip.layers))
    layers = [_layer(layer, side) for layer, side in zip(strip.layers, sides, strict=False)]
    return {"kind": strip.kind, "layers": layers, "between": strip.between, "counts": strip.counts}


def _layer(layer: Layer, side: int) -> dict[str, Any]:
    conv = layer.conv
    return {
        "ins": conv.in_channels, "outs": conv.out_channels, "groups": conv.groups, "kernel": conv.kernel_size,
        "stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation, "from": side, "side": layer.side,
        "quarters": layer.quarters,
    }  # fmt: skip


def _words(spec: CompareSpec, small: Picture, columns: tuple[Column, ...]) -> dict[str, Any]:
    in_shape = shape(spec.in_channels, spec.size, spec.size)
    blocks = [
        {
            "title": kind_name(column.kind),
            "about": subtitle(column),
            "shapes": f"{in_shape} → {shape(*column.cost.out_shape[1:])}",
            "layers": [
                f"{op.kernel_size}×{op.kernel_size} {conv_role(op.role, op.groups)}"
                for op in block_ops(column.spec)
                if isinstance(op, Conv)
            ],
        }
        for column in columns
    ]
    return {
        "blocks": blocks,
        "note": _note(spec, small.spec),
        "gates": {"relu": "ReLU", "elu": "ELU", "none": _("no ReLU")},
        "channel": _("channel {channel}:"),
        "together": _("all {count} channels ="),
        "of": _("of {whole} multiplications"),
        "step": _("pixel {pixel} of {pixels}, channel {channel}"),
        "place": _("Output row {row}, column {column}, channel {channel}"),
        "value": _("{block} {value}, {products} multiplications a value"),
        "keys": _("Arrows move the output cell, Page Up and Page Down the channel, Space plays and pauses."),
        "back": _("One pixel back"),
        "next": _("One pixel on"),
        "play": _("Play"),
        "pause": _("Pause"),
        "scrub": _("Output pixel"),
        "speed": _("Speed {speed}×"),
    }


def _note(spec: CompareSpec, small: CompareSpec) -> str:
    """That it is a stand-in and of what."""
    parts: list[str] = []
    if (small.in_channels, small.out_channels) != (spec.in_channels, spec.out_channels):
        said = _("{few}→{few_out} of {all}→{all_out} channels")
        parts.append(
            said.format(few=small.in_channels, few_out=small.out_channels, all=spec.in_channels, all_out=spec.out_channels)
        )
    if small.size != spec.size:
        parts.append(_("{few} of {all} pixels").format(few=f"{small.size}×{small.size}", all=f"{spec.size}×{spec.size}"))
    for name in ("kernel_size", "padding", "dilation", "segments"):
        kept, asked = getattr(small, name), getattr(spec, name)
        if kept != asked:
            parts.append(f"{name} {kept or small.out_channels}/{asked or spec.out_channels}")
    if not parts:
        return _("The whole block, before its batch norm.")
    return _("A stand-in: {parts}. Costs are of the full block.").format(parts=", ".join(parts))
