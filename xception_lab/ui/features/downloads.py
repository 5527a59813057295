"""What a person can download of the maps on the page: a picture of one step, and all the arrays."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from xception_lab.features.maps import Pixels, channel_limits, colour_maps, encode_npz, encode_png, sort_channels
from xception_lab.ui.features.maps import MAX_MAPS, MapColumn, colour_limit
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.controls import download_button
from xception_lab.ui.shell.language import translate as _

_MAPS_PER_ROW = 8


def map_downloads(columns: Sequence[MapColumn], state: FeaturesState, key: str) -> None:
    """Draw the buttons. key: of the widgets, and in the files' names."""
    make_picture, make_arrays = partial(_make_picture, columns, state), partial(_make_arrays, columns)
    download_button(_("Maps (PNG)"), make_picture, f"xception-lab-{key}.png", "image/png", key=f"{key}_png")
    npz = "application/octet-stream"
    download_button(_("Arrays (npz)"), make_arrays, f"xception-lab-{key}.npz", npz, key=f"{key}_npz")


def _make_picture(columns: Sequence[MapColumn], state: FeaturesState) -> bytes:
    """The selected step of every column as a PNG, under each other, in the order and scale of the page.

    Where no column has that step it is the last one of each.
    """
    layers = [maps for column in columns if (maps := column.maps.step(state.step))]
    layers = layers or [column.maps.steps[-1] for column in columns]
    shared_limit = max(float(channel_limits(maps.values).max()) for maps in layers)
    sheets: list[Pixels] = []
    for maps in layers:
        order = sort_channels(maps.values, state.sort)[:MAX_MAPS]
        limit = colour_limit(maps.values, state, shared_limit)
        sheets.append(colour_maps(maps.values[order], limit, _MAPS_PER_ROW, max(1, 64 // maps.values.shape[1])))
    width = max(sheet.shape[1] for sheet in sheets)
    padded = [np.pad(sheet, ((0, 8), (0, width - sheet.shape[1]), (0, 0)), constant_values=255) for sheet in sheets]
    return encode_png(np.concatenate(padded))


def _make_arrays(columns: Sequence[MapColumn]) -> bytes:
    """Every map of every column, named "number_kind/step/layer", as an npz file."""
    return encode_npz(
        {
            f"{number}_{column.look}/{maps.step}/{maps.layer or 'picture'}": maps.values
            for number, column in enumerate(columns)
            for maps in column.maps.steps
        }
    )
