"""The layers that a page offers of each network, told from the plan: no torch here."""

from dataclasses import replace
from functools import cache

from xception_lab.arch.plan import network_stages
from xception_lab.arch.receptive_field import LayerGeometry, LayerWindow, layer_geometries, same_padding_window
from xception_lab.spec import SMALL_XCEPTION, Kind, TrainSpec, XceptionSpec

FULL_SIDE = 299
TRAINED_ON = ("fashion-mnist", "emoji")
SHIPPED_VARIANTS = ("none", "relu", "extreme")  # the twins, and the one whose blocks are extreme Inception's
SIDES = {"fashion-mnist": 28, "emoji": 32}
LITE0_SIDE = 224
MOST_MIDDLE = 8  # middle blocks of a run whose layers all have a name here; the paper's network has as many

# repeats, kernel_size, stride and channels of EfficientNet-Lite0's groups of blocks (Tan and Le 2019, table 1)
_LITE0 = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))
_LITE0_EXPANSION = 6
# the ReLU between belongs to the deepest list: a twin without one has nothing there
_SMALL = replace(SMALL_XCEPTION, intermediate="relu")


def shipped_run(dataset: str, variant: str) -> TrainSpec:
    """How a shipped network was trained; tools/build_weights.py is the recipe."""
    order = "pointwise-first" if variant == "extreme" else "depthwise-first"
    between = "none" if variant == "none" else "relu"
    return TrainSpec(replace(SMALL_XCEPTION, order=order, intermediate=between), dataset)


@cache
def paper_layers(keras: bool) -> dict[str, LayerGeometry]:
    """Every layer of the paper's network at 299 pixels."""
    return _maps(layer_geometries(XceptionSpec(same_pooling=keras), FULL_SIDE))


def _maps(found: dict[str, LayerGeometry]) -> dict[str, LayerGeometry]:
    """Without what is no map: the mean over the picture and the classifier."""
    return {name: place for name, place in found.items() if name not in ("global_pool", "fc")}


def map_names(spec: XceptionSpec, side: int) -> tuple[str, ...]:
    """The names of a network's layers that give maps, in running order."""
    return tuple(_maps(layer_geometries(spec, side)))


def depth_names(spec: XceptionSpec, side: int, most: int = 80) -> tuple[str, ...]:
    """The layers whose summaries tell the depth: all, or in a deep network what leaves each activation and block."""
    found = _maps(layer_geometries(spec, side))
    if len(found) <= most:
        return tuple(found)
    return tuple(name for name, place in found.items() if place.role in ("act", "block"))


@cache
def lab_layers() -> tuple[str, ...]:
    """Every name that a layer of a run of the training lab can have, in whatever variant."""
    variants = (_SMALL, replace(SMALL_XCEPTION, convolution="standard"))
    specs = (replace(spec, middle_blocks=count) for spec in variants for count in range(MOST_MIDDLE + 1))
    stages = [stage for spec in specs for stage in network_stages(spec)]
    return tuple(dict.fromkeys(name for stage in stages for name in (*(op.name for op in stage.body), stage.name)))


def network_kind(spec: XceptionSpec) -> Kind:
    """Which of the three blocks a network is made of."""
    if spec.convolution == "standard":
        return "standard"
    return "extreme" if spec.order == "pointwise-first" else "separable"


@cache
def lite0_layers() -> dict[str, LayerGeometry]:
    """EfficientNet-Lite0's layers at 224 pixels: stem, what stands around each depthwise activation, blocks, head.

    A block's shortcut sees a part of what its body does, so the body alone decides.
    """
    steps: tuple[LayerWindow, ...] = (same_padding_window(3, 2, LITE0_SIDE),)
    channels = 32
    found = [LayerGeometry(name, role, channels, steps[-1].after, steps) for name, role in _LITE0_STEM]
    blocks = [
        (kernel_size, stride if first else 1, width)
        for repeats, kernel_size, stride, width in _LITE0
        for first in (True, *(False,) * (repeats - 1))
    ]
    for number, (kernel_size, stride, width) in enumerate(blocks):
        steps = (*steps, same_padding_window(kernel_size, stride, steps[-1].after))
        wide = channels * (_LITE0_EXPANSION if number else 1)
        for part, role, count in (("._bn1", "norm", wide), ("._swish", "act", wide), ("", "block", width)):
            found.append(LayerGeometry(f"_blocks.{number}{part}", role, count, steps[-1].after, steps))
        channels = width
    found += [LayerGeometry(name, role, 1280, steps[-1].after, steps) for name, role in _LITE0_HEAD]
    return {place.name: place for place in found}


_LITE0_STEM = (("_conv_stem", "standard"), ("_bn0", "norm"))
_LITE0_HEAD = (("_conv_head", "pointwise"), ("_bn1", "norm"), ("_swish", "act"))
