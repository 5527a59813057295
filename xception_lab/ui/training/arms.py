"""The colours and dashes of an experiment's variants: one that is a block of the paper has that block's colour."""

from collections.abc import Sequence
from dataclasses import replace

from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, CATEGORICAL_COLOURS
from xception_lab.spec import XceptionSpec

DASHES = ("solid", "dash", "dot")
# no block's colour, and with a contrast of 3 to either ground
_OTHERS = tuple(colour.light for colour in CATEGORICAL_COLOURS[3:7])


def arm_colours(networks: Sequence[XceptionSpec]) -> tuple[str, ...]:
    """A colour for each variant's network; a block's colour goes to the first variant that is made of that block.

    Where there are more variants than colours, those that differ in their activation alone have one colour.
    """
    kinds = _kinds(networks)
    if len(set(kinds)) < len(networks):
        first = {kind: networks[kinds.index(kind)] for kind in kinds}
        own = dict(zip(first, arm_colours(tuple(first.values())), strict=True))
        return tuple(own[kind] for kind in kinds)
    colours: list[str] = []
    others = iter(_OTHERS * (len(networks) // len(_OTHERS) + 1))
    for network in networks:
        block = BLOCK_COLOURS_ON_BOTH_GROUNDS.get(_block(network) or "")
        colours.append(block if block and block not in colours else next(others))
    return tuple(colours)


def arm_dashes(networks: Sequence[XceptionSpec]) -> tuple[str, ...]:
    """Plotly's dash of each variant's line: other than solid where a variant before it has its colour for kinship."""
    kinds = _kinds(networks)
    return tuple(DASHES[kinds[:place].count(kind) % len(DASHES)] for place, kind in enumerate(kinds))


def _kinds(networks: Sequence[XceptionSpec]) -> tuple[XceptionSpec, ...]:
    """What each network has a colour for: itself, or without its activation where there are many.

    One that is a block of the paper is of its own kind.
    """
    blocks = {_block(network) for network in networks} - {None}
    if len(networks) - len(blocks) <= len(_OTHERS):
        return tuple(networks)
    return tuple(network if _block(network) else replace(network, intermediate="none") for network in networks)


def _block(network: XceptionSpec) -> str | None:
    """The paper's block that the network's convolutions are, None for one that lies between."""
    if network.convolution == "standard":
        return "standard"
    if network.segments is not None or network.segment_depth is not None or network.batch_norm != "last":
        return None
    match network.order, network.intermediate, network.negative_slope:
        case ("depthwise-first", "none", _) | ("depthwise-first", "relu", 1):  # a slope of 1 changes nothing
            return "separable"
        case "pointwise-first", "relu", 0:
            return "extreme"
        case _:
            return None
