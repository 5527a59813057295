"""Feature maps as what the drawing component shows: columns of rows of maps, and one map large."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.features.maps import (
    BlockMaps,
    BlockStep,
    LayerMaps,
    Values,
    channel_limits,
    downsample,
    encode_png,
    grey_levels,
    histogram,
    sort_channels,
    zeros_share,
)
from xception_lab.ui.fields.features import STEPS, FeaturesState
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.language import translate as _

MOST = 24  # maps of one layer that are drawn at a time
MOST_OF_BLOCK = 12  # where the steps of three blocks stand under each other
_BEHIND = ("second", "after")  # the steps on either side of the last activation

Number = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class MapColumn:
    """One column of maps. kind: whose colour it wears. numbers: (name, value, note) at its foot.

    norm: whether a batch norm stands before the last activation. names: of steps that have other names than a
    block's. colour: the picture itself, uint8 (H, W, 3), for its row or,
    where no row is its own, for the head.
    """

    kind: str
    title: str
    subtitle: str
    maps: BlockMaps
    numbers: list[Number] = field(default_factory=list[Number])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    colour: NDArray[np.uint8] | None = None
    norm: bool = False

    def step_name(self, step: str) -> str:
        """What a step is called in this column."""
        if step == "after" and self.norm:
            return _("after batch norm and activation")
        return self.names.get(step) or step_name(step, self.maps.kind)


def step_name(step: str, kind: str) -> str:
    """What a step of a block is called: the picture, a convolution's output, after an activation."""
    names = {
        "input": _("input"),
        "first": _("after the 1×1") if kind == "extreme" else _("after the depthwise k×k"),
        "between": _("after the activation between"),
        "second": {
            "standard": _("after the convolution"),
            "extreme": _("after the k×k per channel"),
            "separable": _("after the 1×1"),
        }[kind],
        "after": _("after the last activation"),
    }
    return names[step]


def show_columns(
    columns: Sequence[MapColumn], state: FeaturesState, steps: tuple[str, ...] = STEPS, *, enlarge: bool = True
) -> None:
    """Draw columns of maps in the order, scale and size that the controls ask for, and the picked map large."""
    shared = {step: _largest(columns, step) for step in steps}
    picked = {"step": state.step, "channel": state.channel}
    drawn = [
        {
            "kind": column.kind,
            "title": column.title,
            "subtitle": column.subtitle,
            "rows": [_row(column, step, state, shared[step], whole="between" in steps) for step in steps],
            "numbers": column.numbers,
            "picture": _encoded(column.colour) if column.colour is not None and "input" not in steps else "",
        }
        for column in columns
    ]
    data = {
        "columns": [{**column, "rows": [row for row in column["rows"] if row]} for column in drawn],
        "detail": _detail(columns, state) if enlarge else None,
        "picked": picked,
        "size": state.map_size,
        "summary": "; ".join(f"{column.title}: {column.subtitle}" for column in columns),
        "words": {
            "before": _("before"),
            "histogram": _("histogram"),
            "kernel": _("its kernel"),
            "picture": _("the picture"),
        },
    }
    components.feature_maps(data, "maps", _pick)


def _largest(columns: Sequence[MapColumn], step: str) -> float:
    found = [channel_limits(maps.values).max() for column in columns if (maps := column.maps.step(_step(step)))]
    return float(max(found, default=0))


def _step(name: str) -> BlockStep:
    return next(step for step in ("input", "first", "between", "second", "after") if step == name)


def _row(column: MapColumn, step: str, state: FeaturesState, shared: float, *, whole: bool) -> dict[str, Any] | None:
    maps = column.maps.step(_step(step))
    if maps is None:
        said = {"first": _("space and channels at once: nothing in between"), "between": _("nothing between")}
        if not whole or step not in said or (column.kind == "standard" and step == "between"):
            return None
        return {"gap": said[step]}
    channels = sort_channels(maps.values, state.sort)[: MOST_OF_BLOCK if whole else MOST]
    top = {"map": None, "layer": float(channel_limits(maps.values).max()), "shared": shared}[state.range]
    small = downsample(maps.values[channels], state.map_size)
    colour = _encoded(column.colour) if step == "input" and column.colour is not None else ""
    return {
        "step": step,
        "colour": colour,
        "label": column.step_name(step),
        "note": _note(maps.values, len(channels), step),
        "channels": channels.tolist(),
        "height": small.shape[1],
        "width": small.shape[2],
        "pixels": base64.b64encode(grey_levels(small, top).tobytes()).decode(),
    }


def _encoded(picture: NDArray[np.uint8]) -> str:
    return base64.b64encode(encode_png(picture)).decode()


def _note(values: Values, shown: int, step: str) -> str:
    count, height, width = values.shape
    size = f"{count}×{height}×{width}" if shown == count else _("{shown} of {count}").format(shown=shown, count=count)
    if step in ("between", "after"):
        return size + " · " + _("{share:.0%} zeros").format(share=zeros_share(values))
    return size


def _detail(columns: Sequence[MapColumn], state: FeaturesState) -> dict[str, Any]:
    step, channel = state.step, state.channel
    panels = [_panel(column, step, channel) for column in columns]
    title = _("Channel {channel} in all columns: {held}") if len(columns) > 1 else _("Channel {channel}: {held}")
    return {"title": title.format(channel=channel, held=_held(columns, panels, step)), "panels": panels}


def _held(columns: Sequence[MapColumn], panels: Sequence[Mapping[str, Any]], step: str) -> str:
    """What the panels show of a channel."""
    if any(panel.get("before") for panel in panels):
        norm = step in _BEHIND and any(column.norm for column in columns)
        held = (
            _("its values before and after batch norm and activation")
            if norm
            else _("its values before and after the activation")
        )
    else:
        held = _("its values")
    return _("its kernel") + ", " + held if any(panel.get("kernel") for panel in panels) else held


def _panel(column: MapColumn, step: str, channel: int) -> dict[str, Any]:
    head = {"kind": column.kind, "title": f"{column.title} · {column.step_name(step)}"}
    maps = column.maps.step(_step(step))
    if maps is None or channel >= len(maps.values):
        return {**head, "missing": _("There is no such map here.")}
    before, after = _around(column.maps, maps)
    low = float(min(before[channel].min(), after[channel].min(), 0))
    high = float(max(before[channel].max(), after[channel].max(), 0)) or 1.0
    values = maps.values[channel]
    both = before is not after
    told = [_measures(each[channel]) for each in ((before, after) if both else (values,))]
    names = (_("mean"), _("smallest"), _("largest"), _("zeros"))
    return {
        **head,
        "height": values.shape[0],
        "width": values.shape[1],
        "pixels": base64.b64encode(grey_levels(values[None], None).tobytes()).decode(),
        "kernel": _kernel(column.maps, maps, channel),
        "before": histogram(before[channel], low, high) if both else [],
        "after": histogram(after[channel], low, high),
        "zero": 100 * (0 - low) / (high - low),
        "low": _short(low),
        "high": _short(high),
        "behind": _("after BN and activation") if column.norm and step in _BEHIND else _("after"),
        "measures": [[name, *numbers] for name, *numbers in zip(names, *told, strict=True)],
        "stats": ", ".join(f"{name} {number}" for name, number in zip(names, _measures(values), strict=True)),
    }


def _measures(values: Values) -> tuple[str, ...]:
    """Mean, smallest, largest and share of zeros of one map, as they are written."""
    return (
        *(_short(float(number)) for number in (values.mean(), values.min(), values.max())),
        f"{zeros_share(values):.0%}",
    )


def _short(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def _around(block: BlockMaps, maps: LayerMaps) -> tuple[Values, Values]:
    """The values before and after the activation that a step stands next to; the same where there is none."""
    pairs = {
        "first": ("first", "between"),
        "between": ("first", "between"),
        "second": ("second", "after"),
        "after": ("second", "after"),
    }
    if maps.step not in pairs:
        return maps.values, maps.values
    before, after = (block.step(_step(name)) for name in pairs[maps.step])
    return (before or maps).values, (after or maps).values


def _kernel(block: BlockMaps, maps: LayerMaps, channel: int) -> dict[str, Any] | None:
    """The weights of the convolution that made the map: k x k grids with their inputs, or one number a channel."""
    source = {"between": "first", "after": "second"}.get(maps.step, maps.step)
    conv = block.step(_step(source))
    if conv is None or conv.layer not in block.weights:
        return None
    weight = block.weights[conv.layer][channel]
    if weight.shape[1] == 1:  # a 1x1: what it takes of every channel
        flat = weight.reshape(-1)
        return {"columns": min(len(flat), 8), "grids": [_grid("", flat)], "note": _("its weight for each channel")}
    if len(weight) == 1:
        return {"columns": weight.shape[2], "grids": [_grid("", weight[0])], "note": ""}
    # a convolution over many channels: the three kernels that weigh most
    shown = np.sort(np.argsort(-np.abs(weight).sum(axis=(1, 2)), kind="stable")[:3]).tolist()
    grids = [_grid(str(of), weight[of]) for of in shown]
    note = _("its kernels for the inputs {shown} of {count}").format(
        shown=", ".join(map(str, shown)), count=len(weight)
    )
    return {"columns": weight.shape[2], "grids": grids, "note": note}


def _grid(of: str, values: Values) -> dict[str, Any]:
    """One kernel's numbers. of: the input channel that it reads, "" where it reads the only one or all."""
    return {"of": of, "values": [float(f"{value:.3g}") for value in values.reshape(-1)]}


def _pick() -> None:
    picked = components.picked_map()
    if picked and picked["step"] in STEPS and 0 <= picked["channel"] < 2048:
        set_controls({"step": picked["step"], "channel": str(picked["channel"])})
