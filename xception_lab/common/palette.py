"""Colours and symbols of the blocks and of the kinds of layers, from assets/palette.json.

The same file is read by the components in the browser (assets/components), so each colour is declared once. The
categorical colours are those of .streamlit/config.toml, which Streamlit gives charts and components as its theme.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from xception_lab.common.files import asset_path


class Colour(NamedTuple):
    """One colour as #rrggbb in each theme."""

    light: str
    dark: str


def _read() -> dict[str, Any]:
    return json.loads(asset_path("palette.json").read_text(encoding="utf-8"))


_PALETTE = _read()
_BLOCKS: dict[str, dict[str, Any]] = _PALETTE["blocks"]

# in the theme's order
CATEGORICAL_COLOURS: tuple[Colour, ...] = tuple(
    Colour(light, dark)
    for light, dark in zip(_PALETTE["categorical"]["light"], _PALETTE["categorical"]["dark"], strict=True)
)
# by spec.Kind, in the order of spec.KINDS
BLOCK_COLOURS: Mapping[str, Colour] = {kind: CATEGORICAL_COLOURS[block["colour"]] for kind, block in _BLOCKS.items()}
# legible on a light ground and on a dark one: for a figure that does not know its theme
BLOCK_COLOURS_ON_BOTH_GROUNDS: Mapping[str, str] = {kind: block["on_both_grounds"] for kind, block in _BLOCKS.items()}
# plotly's names of a point's shape
BLOCK_SYMBOLS: Mapping[str, str] = {kind: block["symbol"] for kind, block in _BLOCKS.items()}
# of trained variants that are no block of the paper, on both grounds: no block's colour and not that of a difference
VARIANT_COLOURS: tuple[str, ...] = tuple(_PALETTE["variants"])
# by arch.breakdown.LayerKind, in the order of arch.breakdown.LAYER_KINDS
LAYER_KIND_COLOURS: Mapping[str, Colour] = {
    kind: CATEGORICAL_COLOURS[place] for kind, place in _PALETTE["layer_kinds"].items()
}
# a number below zero where a block's own colour stands for those above
BELOW_ZERO_COLOUR = Colour(**_PALETTE["below_zero"])
# a number above zero, on a page of either ground; the colour below zero is read by the scripts alone
PLUS_COLOUR: str = _PALETTE["signs"]["plus"]
# the ends of a feature map's scale, whose middle is the page's background
MAP_PLUS_COLOUR, MAP_MINUS_COLOUR = (
    Colour(_PALETTE["maps"]["light"][sign], _PALETTE["maps"]["dark"][sign]) for sign in ("plus", "minus")
)
