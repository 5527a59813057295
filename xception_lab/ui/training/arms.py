"""The colours and dashes of an experiment's variants: one that is a block of the paper has that block's colour."""

from collections.abc import Sequence
from dataclasses import replace

from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, VARIANT_COLOURS
from xception_lab.spec import XceptionSpec

DASHES = ("solid", "dash", "dot")
# by order and activation: the variants that several questions share look alike in each
_SHARED = {
    ("depthwise-first", "relu"): VARIANT_COLOURS[0],
    ("depthwise-first", "elu"): VARIANT_COLOURS[1],
    ("pointwise-first", "none"): VARIANT_COLOURS[2],
}


def arm_colours(networks: Sequence[XceptionSpec]) -> tuple[str, ...]:
    """A colour for each variant's network; a block's colour goes to the first variant that is made of that block.

    A variant that several questions share has its own colour too; what else there is gets those that are left.

    Where there are more variants than colours, those that differ in their activation alone have one colour.
    """
    kinds = _kinds(networks)
    if len(set(kinds)) < len(networks):
        first = {kind: networks[kinds.index(kind)] for kind in kinds}
        own = dict(zip(first, arm_colours(tuple(first.values())), strict=True))
        return tuple(own[kind] for kind in kinds)
    chosen: list[str | None] = []
    for network in networks:
        colour = BLOCK_COLOURS_ON_BOTH_GROUNDS.get(_block(network) or "") or _shared_colour(network)
        chosen.append(None if colour in chosen else colour)
    # from the last one, which no question shares
    left = [colour for colour in reversed(VARIANT_COLOURS) if colour not in chosen] or list(VARIANT_COLOURS)
    others = iter(left * len(networks))
    return tuple(colour or next(others) for colour in chosen)


def arm_dashes(networks: Sequence[XceptionSpec]) -> tuple[str, ...]:
    """Plotly's dash of each variant's line: other than solid where a variant before it has its colour for kinship."""
    kinds = _kinds(networks)
    return tuple(DASHES[kinds[:place].count(kind) % len(DASHES)] for place, kind in enumerate(kinds))


def _kinds(networks: Sequence[XceptionSpec]) -> tuple[XceptionSpec, ...]:
    """What each network has a colour for: itself, or without its activation where there are many.

    One that is a block of the paper is of its own kind.
    """
    blocks = {_block(network) for network in networks} - {None}
    if len(networks) - len(blocks) <= len(VARIANT_COLOURS):
        return tuple(networks)
    return tuple(network if _block(network) else replace(network, intermediate="none") for network in networks)


def _block(network: XceptionSpec) -> str | None:
    """The paper's block that the network's convolutions are, None for one that lies between."""
    if network.convolution == "standard":
        return "standard"
    if not _is_plain(network):
        return None
    match network.order, network.intermediate, network.negative_slope:
        case ("depthwise-first", "none", _) | ("depthwise-first", "relu", 1):  # a slope of 1 changes nothing
            return "separable"
        case "pointwise-first", "relu", 0:
            return "extreme"
        case _:
            return None


def _shared_colour(network: XceptionSpec) -> str | None:
    """The colour of a variant that several questions share."""
    if network.convolution == "standard" or network.negative_slope or not _is_plain(network):
        return None
    return _SHARED.get((network.order, network.intermediate))


def _is_plain(network: XceptionSpec) -> bool:
    """Whether one channel is a segment and no batch norm stands between, as in the paper's two blocks."""
    return network.segments is None and network.segment_depth is None and network.batch_norm == "last"
