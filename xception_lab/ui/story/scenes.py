"""The pictures of the story's steps, as data for the component `scene`: sealed, or with the answer."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.arch.inception_module import CHANNELS
from xception_lab.spec import BlockSpec
from xception_lab.story import answers
from xception_lab.ui.network.names import LAYER_KIND_NAMES
from xception_lab.ui.shell.chains import block_chain
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import count_text, kind_name, percent, times_text
from xception_lab.ui.timing.words import LAYER_NAMES

Scene = dict[str, Any]
Pixels = NDArray[np.floating[Any]]

# the colours of a measured block's layers
_TIMED_KINDS = {"depthwise": "depthwise", "pointwise": "pointwise", "bn": "other", "activation": "other"}


def window_scene(told: bool) -> Scene:
    """One output value and the window that it is made of; with the answer also in two steps."""
    words = {
        "input": _("{channels} channels").format(channels=answers.LAYER.in_channels),
        "output": _("{channels} channels").format(channels=answers.LAYER.out_channels),
    }
    scene: Scene = {"scene": "window", "words": words, "told": None}
    if told:
        value = answers.output_value()
        scene["told"] = {"standard": value.standard, "depthwise": value.depthwise, "pointwise": value.pointwise}
        words["standard"] = _("all at once: {count}").format(count=f"{value.standard:g}")
        words["split"] = _("split in two: {count}").format(count=f"{value.split:g}")
        words["windows"] = _("a 3×3 in each channel")
        words["mix"] = _("a 1×1 across them")
    return scene | {"summary": ", ".join(words.values())}


def weights_scene(kernel_size: int, told: bool) -> Scene:
    """The weights of both blocks as areas."""
    words = {"standard": kind_name("standard"), "separable": kind_name("separable")}
    scene: Scene = {"scene": "areas", "kernel": kernel_size, "words": words, "told": None}
    if told:
        weights = answers.weights(kernel_size)
        scene["told"] = {
            "depthwise": weights.depthwise / weights.standard,
            "pointwise": weights.pointwise / weights.standard,
        }
        kernels = f"{kernel_size}×{kernel_size}"
        words["standard"] += f": {count_text(weights.standard)}"
        words["separable"] += f": {count_text(weights.depthwise + weights.pointwise)}"
        words["pointwise"] = f"1×1: {count_text(weights.pointwise)}"
        words["depthwise"] = f"{kernels}: {count_text(weights.depthwise)}"
    return scene | {"summary": ", ".join(words.values())}


def modules_scene(told: bool) -> Scene:
    """Figures 2 and 3, and with the answer Figure 4."""
    words = {"input": _("input"), "concat": _("concatenation"), "one": _("one 1×1")}
    figures = [(_("Figure 2"), answers.TOWERS, False, ""), (_("Figure 3"), answers.TOWERS, True, "=" if told else "?")]
    if told:
        figures.append((_("Figure 4: {towers} × 3×3").format(towers=CHANNELS), CHANNELS, True, "→"))
    modules = [
        {"title": title, "towers": towers, "one_for_all": one, "sign": sign, "words": words}
        for title, towers, one, sign in figures
    ]
    summary = "; ".join(f"{title}: {towers} × 3×3" for title, towers, _one, _sign in figures)
    note = _("small boxes: single channels")
    return {"scene": "modules", "channels": CHANNELS, "modules": modules, "note": note, "summary": summary}


def segments_scene(told: bool) -> Scene:
    """Four segments and one per channel as weights on the diagonal."""
    channels = answers.LAYER.out_channels
    chosen = (answers.INCEPTION_SEGMENTS, channels)
    titles = [
        _("Inception: {segments} segments").format(segments=answers.INCEPTION_SEGMENTS),
        _("one per channel: {segments}").format(segments=channels),
    ]
    modules = [
        {"segments": segments, "one_per_channel": segments == channels, "title": title}
        for segments, title in zip(chosen, titles, strict=True)
    ]
    words = {"across": _("channels that the 3×3 reads"), "down": _("its outputs")}
    scene: Scene = {
        "scene": "segments",
        "modules": modules,
        "bars": None,
        "words": words,
        "summary": ", ".join((*titles, *words.values())),
    }
    if told:
        costs = {segments: answers.segment_cost(segments) for segments in chosen}
        most = costs[answers.INCEPTION_SEGMENTS].macs
        scene["bars"] = [
            {
                "parts": [
                    {
                        "kind": "depthwise" if segments == channels else "spatial",
                        "share": costs[segments].spatial / most,
                        "text": "3×3",
                    },
                    {"kind": "pointwise", "share": costs[segments].pointwise / most, "text": "1×1"},
                ],
                "text": f"{count_text(costs[segments].macs)} MACs",
            }
            for segments in chosen
        ]
    return scene


def stack_scene(told: bool) -> Scene:
    """A stack of convolutions; its boundary can be moved."""
    words = {
        "pointwise": "1×1",
        "depthwise": "3×3",
        "block": _("block {number}"),
        "slide": _("Where a block begins"),
        "pointwise_first": _("1×1 first"),
        "depthwise_first": _("3×3 first"),
        "note": _("Move the boundary: the same row of convolutions, cut at another place.")
        if told
        else _("Move the boundary: what changes in the row of convolutions above?"),
    }
    blocks = [
        {"name": kind_name(kind), "layers": block_chain(BlockSpec(kind, batch_norm="none"))}
        for kind in ("extreme", "separable")
    ]
    return {"scene": "stack", "blocks": blocks, "words": words, "summary": words["slide"]}


def relu_scene(told: bool) -> Scene:
    """The picture, its maps before and after the ReLU, and what a linear reader recovers."""
    survival = answers.relu_survival()
    largest = float(np.abs(survival.enters).max())
    pictures: list[tuple[str, Pixels | None]] = [
        (_("the picture"), (survival.picture + 1) / 2),
        (_("before the ReLU"), _signed(survival.enters, largest)),
        (_("after the ReLU"), _signed(survival.leaves, largest) if told else None),
        (_("restored from that"), (survival.recovered.clip(-1, 1) + 1) / 2 if told else None),
    ]
    return {
        "scene": "pictures",
        "pictures": [
            {"caption": caption, **(_pixels(values) if values is not None else {})} for caption, values in pictures
        ],
        "summary": ", ".join(caption for caption, _values in pictures),
    }


def _signed(maps: Pixels, largest: float) -> Pixels:
    """Three maps as one picture, zero in the middle of the scale."""
    return 0.5 + maps / (2 * largest)


def _pixels(values: Pixels) -> dict[str, Any]:
    pixels = np.round(255 * values.transpose(1, 2, 0)).astype(np.uint8)
    return {"side": len(pixels), "pixels": base64.b64encode(pixels.tobytes()).decode()}


def effect_scene(told: bool, guess: tuple[float, float] | None) -> Scene:
    """The intervals after 3, 6 and 12 seeds, and the expected one."""
    low, high = -4.0, 4.0
    rows: list[Scene] = [{"name": _("your guess"), "interval": guess, "own": True, "dots": []}] if guess else []
    for seeds in answers.SEEDS:
        row: Scene = {"name": _("{seeds} seeds").format(seeds=seeds), "interval": None, "own": False, "dots": []}
        if told:
            row |= {"interval": answers.relu_intervals()[seeds], "dots": answers.relu_effect().differences[:seeds]}
        rows.append(row)
    return {
        "scene": "intervals",
        "rows": rows,
        "ends": [low, high],
        "ticks": [
            {"value": value, "text": f"{value:+d}".replace("-", "−") if value else "0"} for value in range(-4, 5, 2)
        ],
        "words": {"axis": _("accuracy with the ReLU minus without, in points")},
        "summary": ", ".join(row["name"] for row in rows),
    }


def speed_scene(told: bool) -> Scene:
    """FLOPs and time of both blocks, the separable one's divided among its layers."""
    early, value = answers.speed(answers.LAYER), answers.output_value()
    standard, separable = kind_name("standard"), kind_name("separable")
    fewer = 1 / early.flops_times
    bars: list[Scene] = [
        {"name": f"FLOPs: {standard}", "parts": [{"kind": "standard", "share": 1}], "text": ""},
        {
            "name": f"FLOPs: {separable}",
            "parts": [
                {"kind": "depthwise", "share": fewer * value.depthwise / value.split},
                {"kind": "pointwise", "share": fewer * value.pointwise / value.split},
            ],
            "text": "",
        },
    ]
    if told:
        total = sum(seconds for _name, seconds in early.layers_s)
        parts: list[Scene] = []
        for kind in dict.fromkeys(_TIMED_KINDS.values()):
            layers = {name: seconds for name, seconds in early.layers_s if _TIMED_KINDS[name] == kind}
            share = sum(layers.values()) / total / early.speed_times
            name = ", ".join(_(LAYER_NAMES[layer]) for layer in layers)
            parts.append({"kind": kind, "share": share, "text": "", "name": name})
        bars += [
            {
                "name": _("time: {block}").format(block=standard),
                "parts": [{"kind": "standard", "share": 1}],
                "text": "",
            },
            {
                "name": _("time: {block}").format(block=separable),
                "parts": parts,
                "text": _("{times} faster").format(times=times_text(early.speed_times)),
            },
        ]
    else:
        bars.append({"name": _("time: {block}").format(block=separable), "parts": None, "text": ""})
    return {"scene": "bars", "bars": bars, "summary": _names(bars)}


def shares_scene(told: bool) -> Scene:
    """Where Xception's parameters are."""
    names = {
        kind: _("classifier") if kind == "linear" else _(LAYER_KIND_NAMES[kind])
        for kind in ("depthwise", "pointwise", "shortcut", "linear")
    }
    if not told:
        bars: list[Scene] = [{"name": name, "parts": None, "text": ""} for name in names.values()]
        return {"scene": "bars", "bars": bars, "summary": _names(bars)}
    shares = answers.parameter_shares()
    bars = [
        {"name": name, "parts": [{"kind": kind, "share": shares[kind]}], "text": percent(shares[kind])}
        for kind, name in names.items()
    ]
    return {"scene": "bars", "bars": bars, "summary": _names(bars)}


def _names(bars: Sequence[Scene]) -> str:
    return "; ".join(f"{bar['name']} {bar['text']}".strip() for bar in bars)
