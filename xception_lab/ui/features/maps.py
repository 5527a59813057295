"""Feature maps as the component feature_maps gets them: columns of rows of maps, and one map enlarged."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.units import format_number
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
from xception_lab.spec import Kind
from xception_lab.ui.fields.features import CHANNEL, STEP, STEPS, FeaturesState
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import whole_percent

MAX_MAPS = 24  # of one layer that are drawn at a time
MAX_BLOCK_MAPS = 12  # where the steps of three blocks stand under each other
FAINT = 0.1  # of the value of full colour: what is below it is hardly seen, on a light ground and on a dark one
LEAST_SEEN = 0.01  # of a map's values: where fewer are to be seen it looks empty

# the steps before and after the activation that a step stands next to; the picture stands next to none
_AROUND_ACTIVATION: dict[BlockStep, tuple[BlockStep, BlockStep]] = {
    "first": ("first", "between"),
    "between": ("first", "between"),
    "second": ("second", "after"),
    "after": ("second", "after"),
}

# whose colour a network or a block has
Look = Kind | Literal["variant"]

# name, value, note
LabelledNumber = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class MapColumn:
    """One column of maps.

    look: whose colour it has: a kind of block's, or that of a variant that is no block of the paper.
    numbers: at its foot. step_names: of steps that have other names than a block's.
    picture: the input, uint8 (H, W, 3), for the row of the step "input" or, where there is no such row, for the head.
    has_batch_norm: whether a batch norm stands before the last activation.
    beside: how many of a step's maps stand beside each other where that means something. sizes: of steps whose maps are
    weights, as torch has their shapes.
    """

    look: Look
    title: str
    subtitle: str
    maps: BlockMaps
    numbers: list[LabelledNumber] = field(default_factory=list[LabelledNumber])
    step_names: Mapping[BlockStep, str] = field(default_factory=dict[BlockStep, str])
    picture: NDArray[np.uint8] | None = None
    has_batch_norm: bool = False
    beside: Mapping[BlockStep, int] = field(default_factory=dict[BlockStep, int])
    sizes: Mapping[BlockStep, str] = field(default_factory=dict[BlockStep, str])

    def step_name(self, step: BlockStep) -> str:
        """What a step is called in this column."""
        if step == "after" and self.has_batch_norm:
            return _("after batch norm and activation")
        return self.step_names.get(step) or step_name(step, self.maps.kind)


def step_name(step: BlockStep, kind: Kind) -> str:
    """What a step of a block is called: the picture, a convolution's output, after an activation."""
    names = {
        "input": _("input, −1 black to 1 white"),
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
    columns: Sequence[MapColumn], state: FeaturesState, steps: tuple[BlockStep, ...] = STEPS, *, enlarge: bool = True
) -> None:
    """Draw columns of maps in the order, scale and size that the controls ask for.

    steps: the rows. enlarge: whether the selected map is drawn large.
    """
    limits = {step: _step_limit(columns, step) for step in steps}

    def row_of(column: MapColumn, step: BlockStep) -> dict[str, Any] | None:
        return _row(column, step, state, limits[step], steps, enlarge=enlarge)

    data = {
        "columns": [
            {
                "kind": column.look,
                "title": column.title,
                "subtitle": column.subtitle,
                "rows": [row for step in steps if (row := row_of(column, step))],
                "numbers": column.numbers,
                "picture": _encode_picture(column.picture) if "input" not in steps else "",
            }
            for column in columns
        ],
        "detail": _detail(columns, state) if enlarge else None,
        "picked": {"step": state.step, "channel": state.channel},
        "size": state.map_size,
        "summary": "; ".join(f"{column.title}: {column.subtitle}" for column in columns),
        "words": {
            "before": _("before"),
            "histogram": _("histogram"),
            "kernel": _("its kernel"),
            "picture": _("the picture"),
            "faint": _("≤: the largest value where a map looks empty"),
            "negative": _("negative"),
            "positive": _("positive"),
            "full": {
                "map": _("full colour: each map's largest value"),
                "layer": _("full colour: each layer's largest value"),
                "shared": _("full colour: the largest value in any column"),
            }[state.range],
        },
    }
    components.feature_maps(data, "maps", _select_map)


def _step_limit(columns: Sequence[MapColumn], step: BlockStep) -> float:
    """The largest absolute value of a step in any column."""
    limits = [channel_limits(maps.values).max() for column in columns if (maps := column.maps.step(step))]
    return float(max(limits, default=0))


def _row(
    column: MapColumn,
    step: BlockStep,
    state: FeaturesState,
    shared_limit: float,
    steps: tuple[BlockStep, ...],
    *,
    enlarge: bool,
) -> dict[str, Any] | None:
    """One step's maps, a text in their place where the kind of block has no such step, or None for no row at all.

    enlarge: as in show_columns.
    """
    whole_block = "between" in steps
    maps = column.maps.step(step)
    if maps is None:
        gaps = {"first": _("space and channels at once: nothing in between"), "between": _("nothing between")}
        if not whole_block or step not in gaps or (column.maps.kind == "standard" and step == "between"):
            return None
        return {"gap": gaps[step]}
    channels = sort_channels(maps.values, state.sort)[: MAX_BLOCK_MAPS if whole_block else MAX_MAPS]
    small = downsample(maps.values[channels], state.map_size)
    limit = colour_limit(maps.values, state, shared_limit)
    return {
        "step": step,
        "colour": _encode_picture(column.picture) if step == "input" else "",
        "label": column.step_name(step),
        "note": column.sizes.get(step) or row_note(maps.values, len(channels), step),
        "channels": channels.tolist(),
        "beside": column.beside.get(step, 0),
        "height": small.shape[1],
        "width": small.shape[2],
        "pixels": _encode_levels(small, limit),
        "marks": _marks(maps.values[channels], limit) if enlarge else [],
    }


def _marks(values: Values, limit: float | None) -> list[str]:
    """What stands on a map that looks empty, the largest value in it; "" on any other.

    limit: the value that full colour stands for, None for each map's own largest value.
    """
    sizes = np.abs(values).reshape(len(values), -1)
    largest = sizes.max(axis=1)
    seen = (sizes >= FAINT * (largest if limit is None else np.full_like(largest, limit))[:, None]) & (sizes > 0)
    return [
        "" if share >= LEAST_SEEN else "≤" + format_number(float(most)) if most else "0"
        for most, share in zip(largest, seen.mean(axis=1), strict=True)
    ]


def colour_limit(values: Values, state: FeaturesState, shared_limit: float) -> float | None:
    """The value that full colour stands for in one layer's maps (C, H, W); None for each map's own largest value.

    shared_limit: the largest absolute value in any column.
    """
    if state.range == "map":
        return None
    return shared_limit if state.range == "shared" else float(channel_limits(values).max())


def _encode_picture(picture: NDArray[np.uint8] | None) -> str:
    return "" if picture is None else base64.b64encode(encode_png(picture)).decode()


def _encode_levels(values: Values, limit: float | None) -> str:
    return base64.b64encode(grey_levels(values, limit).tobytes()).decode()


def row_note(values: Values, num_drawn: int, step: BlockStep) -> str:
    """The size of a layer's output, what share of it an activation set to zero, and how many channels as a whole.

    A channel that looks empty may only be faint beside the others.
    """
    count, height, width = values.shape
    size = (
        f"{count}×{height}×{width}"
        if num_drawn == count
        else _("{shown} of {count}").format(shown=num_drawn, count=count)
    )
    if step in ("between", "after"):
        dead = int((values == 0).all(axis=(1, 2)).sum())
        return (
            size + " · " + _("{share} zeros, {dead} dead").format(share=whole_percent(zeros_share(values)), dead=dead)
        )
    return size


def _detail(columns: Sequence[MapColumn], state: FeaturesState) -> dict[str, Any]:
    """The selected channel of the selected step, one panel per column."""
    step, channel = state.step, state.channel
    panels = [_panel(column, state, _step_limit(columns, step)) for column in columns]
    title = _("Channel {channel} in all columns: {held}") if len(columns) > 1 else _("Channel {channel}: {held}")
    # channels are counted from 1, as in the worked example; links and files hold torch's index, from 0
    return {"title": title.format(channel=channel + 1, held=_panels_text(columns, panels, step)), "panels": panels}


def _panels_text(columns: Sequence[MapColumn], panels: Sequence[Mapping[str, Any]], step: BlockStep) -> str:
    """What the panels show of a channel."""
    if not any(panel.get("before") for panel in panels):
        text = _("its values")
    elif any(_is_beside_batch_norm(column, step) for column in columns):
        text = _("its values before and after batch norm and activation")
    else:
        text = _("its values before and after the activation")
    return _("its kernel") + ", " + text if any(panel.get("kernel") for panel in panels) else text


def _is_beside_batch_norm(column: MapColumn, step: BlockStep) -> bool:
    return column.has_batch_norm and step in ("second", "after")


def _panel(column: MapColumn, state: FeaturesState, shared_limit: float) -> dict[str, Any]:
    """The selected channel in one column: its map in the tile's colours, its kernel, and its values.

    shared_limit: as in colour_limit.
    """
    step, channel = state.step, state.channel
    head = {"kind": column.look, "title": f"{column.title} · {column.step_name(step)}"}
    maps = column.maps.step(step)
    if maps is None or channel >= len(maps.values):
        return {**head, "missing": _("There is no such map here.")}
    values = maps.values[channel]
    before, after = _values_around_activation(column.maps, maps)
    compares = before is not after
    limit = colour_limit(maps.values, state, shared_limit) or float(channel_limits(values[None])[0])
    low = float(min(before[channel].min(), after[channel].min(), 0))
    high = float(max(before[channel].max(), after[channel].max(), 0))
    if low == high:
        high = 1.0
    numbers = [_map_numbers(before[channel]), _map_numbers(after[channel])] if compares else [_map_numbers(values)]
    names = (_("mean"), _("smallest"), _("largest"), _("zeros"))
    return {
        **head,
        "height": values.shape[0],
        "width": values.shape[1],
        "pixels": _encode_levels(values[None], limit),
        "limit": {"low": format_number(-limit), "high": format_number(limit)},
        "kernel": _kernel(column.maps, maps, channel),
        "before": histogram(before[channel], low, high) if compares else [],
        "after": histogram(after[channel], low, high),
        "zero": 100 * (0 - low) / (high - low),
        "low": format_number(low),
        "high": format_number(high),
        "behind": _("after BN and activation") if _is_beside_batch_norm(column, step) else _("after"),
        "measures": [list(row) for row in zip(names, *numbers, strict=True)],
        "stats": ", ".join(f"{name} {number}" for name, number in zip(names, _map_numbers(values), strict=True)),
    }


def _map_numbers(values: Values) -> tuple[str, ...]:
    """Mean, smallest, largest and share of zeros of one map, as texts."""
    return (
        *(format_number(float(number)) for number in (values.mean(), values.min(), values.max())),
        whole_percent(zeros_share(values)),
    )


def _values_around_activation(block: BlockMaps, maps: LayerMaps) -> tuple[Values, Values]:
    """The values before and after the activation that a step stands next to; twice its own where there is none."""
    if maps.step not in _AROUND_ACTIVATION:
        return maps.values, maps.values
    before, after = (block.step(step) or maps for step in _AROUND_ACTIVATION[maps.step])
    return before.values, after.values


def _kernel(block: BlockMaps, maps: LayerMaps, channel: int) -> dict[str, Any] | None:
    """The weights of the convolution that made the map: k x k grids with their inputs, or one number per channel."""
    conv_step: BlockStep = _AROUND_ACTIVATION[maps.step][0] if maps.step in _AROUND_ACTIVATION else maps.step
    conv = block.step(conv_step)
    if conv is None or conv.layer not in block.weights:
        return None
    weight = block.weights[conv.layer][channel]
    if weight.shape[1] == 1:  # a 1x1: what it takes of every channel
        flat = weight.reshape(-1)
        return {
            "columns": min(len(flat), 8),
            "grids": [_kernel_grid("", flat)],
            "note": _("its weight for each channel"),
        }
    if len(weight) == 1:
        return {"columns": weight.shape[2], "grids": [_kernel_grid("", weight[0])], "note": ""}
    # a convolution over many channels: the three kernels with the largest weights
    inputs = np.sort(np.argsort(-np.abs(weight).sum(axis=(1, 2)), kind="stable")[:3]).tolist()
    grids = [_kernel_grid(str(number + 1), weight[number]) for number in inputs]
    note = _("its kernels for the inputs {shown} of {count}")
    if len(inputs) == len(weight):
        note = _("its kernels for all {count} inputs")
    note = note.format(shown=", ".join(str(number + 1) for number in inputs), count=len(weight))
    return {"columns": weight.shape[2], "grids": grids, "note": note}


def _kernel_grid(input_channel: str, values: Values) -> dict[str, Any]:
    """One kernel's numbers. input_channel: the one that it reads, "" where it reads the only one or all."""
    return {"of": input_channel, "values": [float(f"{value:.3g}") for value in values.reshape(-1)]}


def _select_map() -> None:
    selection = components.picked_map()
    if selection and selection["step"] in STEP.texts and str(selection["channel"]) in CHANNEL.texts:
        set_controls({STEP.key: selection["step"], CHANNEL.key: str(selection["channel"])})
