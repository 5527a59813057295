"""The layers that a page offers of each network, told from the plan: no torch here."""

from dataclasses import replace
from functools import cache

from xception_lab.receptive import Place, places
from xception_lab.spec import SMALL_XCEPTION, TrainSpec, XceptionSpec

FULL_SIDE = 299
TRAINED_ON = ("fashion-mnist", "emoji")
SHIPPED = ("none", "relu", "extreme")  # the twins, and the one whose blocks are extreme Inception's
SIDES = {"fashion-mnist": 28, "emoji": 32}
LITE0_BLOCKS = 16

# the ReLU between belongs to the deepest list: a twin without one has nothing there
_SMALL = replace(SMALL_XCEPTION, intermediate="relu")


def small_spec(dataset: str, variant: str) -> TrainSpec:
    """How a shipped network was trained; assets/weights/build.py is the recipe."""
    order = "pointwise-first" if variant == "extreme" else "depthwise-first"
    between = "none" if variant == "none" else "relu"
    return TrainSpec(replace(SMALL_XCEPTION, order=order, intermediate=between), dataset)


@cache
def small_places(dataset: str) -> dict[str, Place]:
    """Every layer of a small Xception with a ReLU between, on its own pictures."""
    side, channels = SIDES[dataset], 1 if dataset == "fashion-mnist" else 3
    return _maps(places(replace(_SMALL, in_channels=channels), side))


@cache
def full_places(keras: bool) -> dict[str, Place]:
    """Every layer of the paper's network at 299 pixels."""
    return _maps(places(XceptionSpec(same_pooling=keras), FULL_SIDE))


def _maps(found: dict[str, Place]) -> dict[str, Place]:
    """Without what is no map: the mean over the picture and the classifier."""
    return {name: place for name, place in found.items() if name not in ("global_pool", "fc")}


def map_names(spec: XceptionSpec, side: int) -> tuple[str, ...]:
    """The names of a network's layers that give maps, in running order."""
    return tuple(_maps(places(spec, side)))


def depth_names(spec: XceptionSpec, side: int, most: int = 80) -> tuple[str, ...]:
    """The layers whose summaries tell the depth: all, or in a deep network what leaves each activation and block."""
    found = _maps(places(spec, side))
    if len(found) <= most:
        return tuple(found)
    return tuple(name for name, place in found.items() if place.role in ("act", "block"))


@cache
def lite0_layers() -> tuple[str, ...]:
    """Module names of EfficientNet-Lite0's stem, depthwise and block outputs, and head."""
    blocks = [name for n in range(LITE0_BLOCKS) for name in (f"_blocks.{n}._bn1", f"_blocks.{n}")]
    return ("_conv_stem", "_bn0", *blocks, "_conv_head", "_bn1")
