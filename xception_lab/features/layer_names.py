"""The names and sizes of each network's layers, derived from the plan without torch."""

from dataclasses import replace
from functools import cache

from xception_lab.arch.plan import network_stages
from xception_lab.arch.receptive_field import LayerGeometry, LayerWindow, layer_geometries, same_padding_window
from xception_lab.spec import SMALL_XCEPTION, Kind, TrainSpec, XceptionSpec

FULL_SIDE = 299
TRAINED_ON = ("fashion-mnist", "emoji")
# the first two differ in the ReLU between alone; the blocks of the third are those of extreme Inception
SHIPPED_VARIANTS = ("none", "relu", "extreme")
SIDES = {"fashion-mnist": 28, "emoji": 32}
LITE0_SIDE = 224
MAX_MIDDLE = 8  # middle blocks up to which lab_layers() has every name; the paper's network has as many

# repeats, kernel_size, stride and channels of EfficientNet-Lite0's groups of blocks (Tan and Le 2019, table 1)
_LITE0 = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))
_LITE0_EXPANSION = 6
# with the ReLU between, so that its list of layers has every name
_SMALL = replace(SMALL_XCEPTION, intermediate="relu")


def shipped_run(dataset: str, variant: str) -> TrainSpec:
    """How a shipped network was trained; tools/build_weights.py is the recipe."""
    order = "pointwise-first" if variant == "extreme" else "depthwise-first"
    between = "none" if variant == "none" else "relu"
    return TrainSpec(replace(SMALL_XCEPTION, order=order, intermediate=between), dataset)


@cache
def paper_layers(keras: bool) -> dict[str, LayerGeometry]:
    """Every layer of the paper's network at 299 pixels."""
    return _without_classifier(layer_geometries(XceptionSpec(same_pooling=keras), FULL_SIDE))


def _without_classifier(layers: dict[str, LayerGeometry]) -> dict[str, LayerGeometry]:
    """The layers whose outputs are maps: all but the mean over the picture and the classifier."""
    return {name: layer for name, layer in layers.items() if name not in ("global_pool", "fc")}


def map_names(spec: XceptionSpec, side: int) -> tuple[str, ...]:
    """The names of the layers of a network whose outputs are maps, in running order."""
    return tuple(_without_classifier(layer_geometries(spec, side)))


def depth_names(spec: XceptionSpec, side: int, most: int = 80) -> tuple[str, ...]:
    """The layers to summarise along the depth: all, or of more than `most` the activations and blocks alone."""
    layers = _without_classifier(layer_geometries(spec, side))
    if len(layers) <= most:
        return tuple(layers)
    return tuple(name for name, layer in layers.items() if layer.role in ("act", "block"))


@cache
def lab_layers() -> tuple[str, ...]:
    """Every name that a layer of the training lab's networks can have, in whatever variant."""
    variants = (_SMALL, replace(SMALL_XCEPTION, convolution="standard"))
    specs = (replace(spec, middle_blocks=count) for spec in variants for count in range(MAX_MIDDLE + 1))
    stages = [stage for spec in specs for stage in network_stages(spec)]
    return tuple(dict.fromkeys(name for stage in stages for name in (*(op.name for op in stage.body), stage.name)))


def network_kind(spec: XceptionSpec) -> Kind:
    """The kind of block that a network is made of."""
    if spec.convolution == "standard":
        return "standard"
    return "extreme" if spec.order == "pointwise-first" else "separable"


@cache
def lite0_layers() -> dict[str, LayerGeometry]:
    """EfficientNet-Lite0's layers at 224 pixels: stem, what surrounds each depthwise convolution, blocks, head.

    A block's receptive field is its body's: the shortcut reads pixels that the body reads as well.
    """
    windows: tuple[LayerWindow, ...] = (same_padding_window(3, 2, LITE0_SIDE),)
    channels = 32
    layers = [LayerGeometry(name, role, channels, windows[-1].out_side, windows) for name, role in _LITE0_STEM]
    blocks = [
        (kernel_size, stride if first else 1, width)
        for repeats, kernel_size, stride, width in _LITE0
        for first in (True, *(False,) * (repeats - 1))
    ]
    for number, (kernel_size, stride, width) in enumerate(blocks):
        windows = (*windows, same_padding_window(kernel_size, stride, windows[-1].out_side))
        expanded = channels * (_LITE0_EXPANSION if number else 1)
        for part, role, count in (("._bn1", "norm", expanded), ("._swish", "act", expanded), ("", "block", width)):
            layers.append(LayerGeometry(f"_blocks.{number}{part}", role, count, windows[-1].out_side, windows))
        channels = width
    layers += [LayerGeometry(name, role, 1280, windows[-1].out_side, windows) for name, role in _LITE0_HEAD]
    return {layer.name: layer for layer in layers}


_LITE0_STEM = (("_conv_stem", "standard"), ("_bn0", "norm"))
_LITE0_HEAD = (("_conv_head", "pointwise"), ("_bn1", "norm"), ("_swish", "act"))
