"""Keras's Xception under timm's names: the arrays of its .h5, .keras and .weights.h5 files as tensors.

A .h5 file names every layer; the convolutions and batch norms of the shortcuts, which Keras's code leaves unnamed, have
running numbers. The other two name no layer: they number those of each class in running order. Keras stores a kernel as
(height, width, in, out), a depthwise one as (height, width, channels, multiplier).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

Layer = dict[str, Tensor]

# each convolution with its batch norm in running order, as (timm's name, timm's name of the norm, Keras's name)
_Triple = tuple[str, str, str]
_PARTS = {"beta": "bias", "gamma": "weight", "moving_mean": "running_mean", "moving_variance": "running_var"}
_NUMBERED_PARTS = {
    "conv2d": ("kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "dense": ("kernel", "bias"),
}
_MOST_OF_A_LAYER = 4  # weights: a batch norm's
_OLD_PARTS = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}  # Keras 1's
_WEIGHT = re.compile(
    r"((?:depthwise_|pointwise_)?kernel|gamma|beta|bias|moving_mean|moving_variance|running_mean|running_std|W|b)"
    r"(?:_\d+)?(?::0)?$"
)
_NUMBERED = re.compile(r"(?:(.*)/)?layers/([a-z_0-9]*?)(?:_(\d+))?/vars/(\d)")


def _triples() -> tuple[_Triple, ...]:
    """The layers of the network but the last; a shortcut's, whose Keras name is empty, behind those of its block."""
    triples: list[_Triple] = [("conv1", "bn1", "block1_conv1"), ("conv2", "bn2", "block1_conv2")]
    for block in range(1, 13):
        first = 0 if block == 1 else 1  # a ReLU leads all but the first
        for number in range(3 if 4 <= block <= 11 else 2):
            place = f"block{block}.rep.{first + 3 * number}", f"block{block}.rep.{first + 3 * number + 1}"
            triples.append((*place, f"block{block + 1}_sepconv{number + 1}"))
        if block in (1, 2, 3, 12):
            triples.append((f"block{block}.skip", f"block{block}.skipbn", ""))
    return (*triples, ("conv3", "bn3", "block14_sepconv1"), ("conv4", "bn4", "block14_sepconv2"))


def rename_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keras's arrays by timm's keys, in timm's order of sides. tensors: by their paths, in the file's order.

    {} where they are of no Xception, some layers fewer where the file has fewer.
    """
    layers = _number_layers(tensors) if any(map(_NUMBERED.fullmatch, tensors)) else _name_layers(tensors)
    renamed: dict[str, Tensor] = {}
    for name, layer in layers.items():
        for part, tensor in layer.items():
            if part in _PARTS and tensor.ndim == 1 and name != "fc":
                renamed[f"{name}.{_PARTS[part]}"] = tensor
            elif part == "depthwise_kernel" and tensor.ndim == 4:
                renamed[f"{name}.conv1.weight"] = tensor.permute(2, 3, 0, 1)
            elif part == "pointwise_kernel" and tensor.ndim == 4:
                renamed[f"{name}.pointwise.weight"] = tensor.permute(3, 2, 0, 1)
            elif part == "kernel" and tensor.ndim == 4:
                renamed[f"{name}.weight"] = tensor.permute(3, 2, 0, 1)
            elif part == "kernel" and tensor.ndim == 2:
                renamed[f"{name}.weight"] = tensor.T
            elif part == "bias" and name == "fc":
                renamed[f"{name}.bias"] = tensor
    is_xception = "block12.rep.4.pointwise.weight" in renamed
    return {key: tensor.contiguous() for key, tensor in renamed.items()} if is_xception else {}


def _name_layers(tensors: Mapping[str, Tensor]) -> dict[str, Layer]:
    """The layers of a .h5 file by timm's names. Its paths begin with a layer, or with a model that has several."""
    layers: dict[str, Layer] = {}
    sizes = Counter(path.partition("/")[0] for path in tensors)
    for path, tensor in tensors.items():
        parts = path.split("/")
        match = _WEIGHT.search(parts[-1])
        if match and len(parts) > 1:
            key = parts[0] if sizes[parts[0]] <= _MOST_OF_A_LAYER else parts[-2]
            layers.setdefault(key, {})[_OLD_PARTS.get(match[1], match[1])] = tensor
    found: dict[str, Layer] = {}
    for conv, norm, name in _triples():
        if name:
            found |= {conv: layers.pop(name, {}), norm: layers.pop(f"{name}_bn", {})}
    # what Keras's code leaves unnamed has the running number of its class in the session that made the file
    rest = [layers[name] for name in sorted(layers, key=_number)]
    shortcuts = [(conv, norm) for conv, norm, name in _triples() if not name]
    convs, norms = _with(rest, "kernel", 4), _with(rest, "moving_variance", 1)
    found |= dict(zip((conv for conv, _ in shortcuts), convs, strict=False))
    found |= dict(zip((norm for _, norm in shortcuts), norms, strict=False))
    return _with_head(found, _with(rest, "kernel", 2))


def _number_layers(tensors: Mapping[str, Tensor]) -> dict[str, Layer]:
    """The layers of a .keras or .weights.h5 file by timm's names."""
    models: dict[str, dict[str, dict[int, Layer]]] = {}
    for path, tensor in tensors.items():
        match = _NUMBERED.fullmatch(path)
        if match and match[2] in _NUMBERED_PARTS and int(match[4]) < len(_NUMBERED_PARTS[match[2]]):
            number, part = int((match[3] or "0")[:9]), _NUMBERED_PARTS[match[2]][int(match[4])]
            of_class = models.setdefault(match[1] or "", {}).setdefault(match[2], {})
            of_class.setdefault(number, {})[part] = tensor
    if not models:
        return {}

    def in_order(model: Mapping[str, dict[int, Layer]], kind: str) -> list[Layer]:
        return [layer for _, layer in sorted(model.get(kind, {}).items())]

    # a model that was trained further may have Xception as one of its layers
    whole = max(models.values(), key=lambda model: len(model.get("separable_conv2d", {})))
    convs, separables = in_order(whole, "conv2d"), in_order(whole, "separable_conv2d")
    found: dict[str, Layer] = {}
    for conv, _norm, name in _triples():
        source = separables if "sepconv" in name else convs
        found[conv] = source.pop(0) if source else {}
    found |= dict(zip((norm for _, norm, _ in _triples()), in_order(whole, "batch_normalization"), strict=False))
    heads = _with([layer for model in models.values() for layer in in_order(model, "dense")], "kernel", 2)
    return _with_head(found, heads)


def _with_head(layers: dict[str, Layer], heads: Sequence[Layer]) -> dict[str, Layer]:
    return {**layers, "fc": heads[-1]} if heads else layers


def _with(layers: Sequence[Layer], part: str, dimensions: int) -> list[Layer]:
    return [layer for layer in layers if part in layer and layer[part].ndim == dimensions]


def _number(name: str) -> int:
    match = re.search(r"_(\d{1,9})$", name)
    return int(match[1]) if match else 0
