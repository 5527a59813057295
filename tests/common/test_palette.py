"""The palette against the theme in .streamlit/config.toml and against the engine's own lists of kinds."""

import re
import tomllib
from colorsys import rgb_to_hsv

import pytest
from paths import ROOT

from xception_lab.arch.breakdown import LAYER_KINDS
from xception_lab.common.palette import (
    BELOW_ZERO_COLOUR,
    BLOCK_COLOURS,
    BLOCK_COLOURS_ON_BOTH_GROUNDS,
    BLOCK_SYMBOLS,
    CATEGORICAL_COLOURS,
    LAYER_KIND_COLOURS,
    VARIANT_COLOURS,
)
from xception_lab.figures.confusion import MISTAKE_COLOURS, MISTAKE_TEXT
from xception_lab.figures.style import ERROR_COLOUR, GREY
from xception_lab.figures.training import DOT_OPACITY, EFFECT_COLOUR
from xception_lab.spec import KINDS

THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_the_categorical_colours_are_the_theme_s(ground: str) -> None:
    assert [getattr(colour, ground) for colour in CATEGORICAL_COLOURS] == THEME[ground]["chartCategoricalColors"]


def test_the_kinds_are_the_engine_s_in_its_order() -> None:
    assert tuple(LAYER_KIND_COLOURS) == LAYER_KINDS
    assert tuple(BLOCK_COLOURS) == tuple(BLOCK_SYMBOLS) == tuple(BLOCK_COLOURS_ON_BOTH_GROUNDS) == KINDS


def test_blocks_wear_the_theme_s_first_colours_as_traces_in_order_do() -> None:
    assert tuple(BLOCK_COLOURS.values()) == CATEGORICAL_COLOURS[: len(KINDS)]


def test_no_two_kinds_look_alike() -> None:
    assert len(set(LAYER_KIND_COLOURS.values())) == len(LAYER_KINDS)
    assert len(set(BLOCK_SYMBOLS.values())) == len(set(BLOCK_COLOURS_ON_BOTH_GROUNDS.values())) == len(KINDS)


def test_a_variant_looks_like_no_block_and_no_difference() -> None:
    taken = {*BLOCK_COLOURS_ON_BOTH_GROUNDS.values(), *(c for colours in BLOCK_COLOURS.values() for c in colours)}
    assert not {EFFECT_COLOUR, *taken} & set(VARIANT_COLOURS)
    assert len(set(VARIANT_COLOURS)) == len(VARIANT_COLOURS)


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_a_negative_value_has_a_hue_of_its_own_in_every_block(ground: str) -> None:
    negative = getattr(BELOW_ZERO_COLOUR, ground)
    for colour in BLOCK_COLOURS.values():
        apart = abs(_hue(negative) - _hue(getattr(colour, ground)))
        assert min(apart, 1 - apart) > 60 / 360, colour
    assert _contrast(negative, THEME[ground]["backgroundColor"]) >= 4.5  # of a number too


def _hue(colour: str) -> float:
    return rgb_to_hsv(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0]


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    assert re.fullmatch("#[0-9a-f]{6}", colour)
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_colours_stand_out_from_the_page(ground: str) -> None:
    """WCAG 2 asks of graphics a contrast of at least 3 to what is beside them."""
    background = THEME[ground]["backgroundColor"]
    colours = [getattr(colour, ground) for colour in CATEGORICAL_COLOURS]
    # what stands for no block: lines, whiskers, dots of seeds, which are partly transparent; effects; errors
    grey = "#808080"
    assert GREY == "gray"
    dots = _over(grey, background, DOT_OPACITY)
    marks = (*BLOCK_COLOURS_ON_BOTH_GROUNDS.values(), *VARIANT_COLOURS, grey, dots, EFFECT_COLOUR, ERROR_COLOUR)
    for colour in (*colours, *marks):
        assert _contrast(colour, background) >= 3, colour
    # a count of mistakes
    for colour in MISTAKE_COLOURS:
        assert _contrast(MISTAKE_TEXT, colour) >= 4.5, colour
    # text
    for colour in (THEME[ground]["textColor"], THEME[ground]["linkColor"], THEME[ground]["primaryColor"]):
        assert _contrast(colour, background) >= 4.5, colour


def _over(colour: str, ground: str, opacity: float) -> str:
    """What a colour of this opacity looks like on a ground."""
    pairs = ((int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * above + (1 - opacity) * below):02x}" for above, below in pairs)
