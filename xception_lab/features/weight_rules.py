"""What a weight file of the paper's network may have otherwise than timm's, and is still plainly the same.

The same trained Xception goes about with another name of its last layer, without it, with pointwise weights of two
sides, or below a prefix. Each rule says in a sentence what it did, so that the page can show it.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from xception_lab.common.messages import Message, quote_name, say

PREFIXES = ("module.", "model.", "network.", "backbone.", "_orig_mod.", "net.", "encoder.", "base_model.")
WRAPPERS = ("state_dict", "model_state_dict", "net", "model")
HEADS = ("fc", "last_linear", "classifier", "head.fc", "head", "linear")  # the names of the last layer
FIRST, HEAD = "conv1.weight", "fc"
_ALIGNED = re.compile(r"blocks\.(\d+)\.stack\.")
_ALIGNED_NAMES = {13: "xception41", 21: "xception65", 23: "xception71"}  # by their number of blocks
IMAGENET_CLASSES = 1000

Rules = tuple[Message, ...]


def strip_prefixes(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], Rules]:
    """The tensors without what training programs put before every key, or before every key but the last layer's."""
    rules: list[Message] = []
    while prefix := _find_prefix(tensors):
        tensors = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
        rules.append(say("The prefix {prefix} of the keys is left out", prefix=quote_name(prefix)))
    return tensors, tuple(rules)


def _find_prefix(tensors: Mapping[str, Tensor]) -> str:
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in tensors) or (
            FIRST not in tensors and f"{prefix}{FIRST}" in tensors and not _clashes(prefix, tensors)
        ):
            return prefix
    return ""


def _clashes(prefix: str, tensors: Mapping[str, Tensor]) -> bool:
    return any(key.startswith(prefix) and key.removeprefix(prefix) in tensors for key in tensors)


def aligned_name(tensors: Mapping[str, Tensor]) -> str:
    """The name of the Aligned Xception that the keys are of, in timm; "" where they are of none."""
    numbers = {int(match[1]) for key in tensors if (match := _ALIGNED.search(key)) and len(match[1]) < 4}
    return _ALIGNED_NAMES.get(max(numbers) + 1, "Aligned Xception") if numbers else ""


def fit_tensors(tensors: dict[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int, Rules]:
    """The tensors under the network's own keys and shapes, and how many classes their last layer has; 0 for none.

    expected: the network's own tensors. Where there is no last layer, one of zeros is put in its place.
    """
    tensors, rules = _fit_shapes(tensors, expected)
    tensors, name, head_rules = _fit_head(tensors, expected[f"{HEAD}.weight"].shape[1])
    rules += head_rules
    if not name:
        weight = expected[f"{HEAD}.weight"]
        tensors |= {f"{HEAD}.weight": torch.zeros(weight.shape), f"{HEAD}.bias": torch.zeros(weight.shape[0])}
        return tensors, 0, (*rules, say("There is no last layer: maps are shown, without a prediction"))
    classes = tensors[f"{HEAD}.weight"].shape[0]
    if classes != IMAGENET_CLASSES:
        sentence = say(
            "The last layer has {count:,} classes whose names the file does not say: maps are shown, without a "
            "prediction",
            count=classes,
        )
        return tensors, classes, (*rules, sentence)
    return tensors, classes, rules


def _fit_shapes(tensors: dict[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Rules]:
    """Tensors whose shape differs in sides of 1 alone, such as pointwise weights (128, 64), get the network's."""
    fitted: dict[str, Tensor] = {}
    changed: list[str] = []
    for key, tensor in tensors.items():
        shape = expected[key].shape if key in expected else tensor.shape
        sides = ([side for side in sizes if side != 1] for sizes in (shape, tensor.shape))
        if shape != tensor.shape and next(sides) == next(sides):
            tensor = tensor.reshape(shape)
            changed.append(key)
        fitted[key] = tensor
    if not changed:
        return fitted, ()
    return fitted, (
        say(
            "{count:,} tensors got sides of 1 that the file leaves out or adds, the first is {key}",
            count=len(changed),
            key=quote_name(changed[0]),
        ),
    )


def _fit_head(tensors: dict[str, Tensor], features: int) -> tuple[dict[str, Tensor], str, Rules]:
    """The last layer under its own name, and the name that the file has for it; "" for none that fits."""
    for name in HEADS:
        weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
        if weight is None or bias is None or weight.ndim not in (2, 4) or bias.ndim != 1:
            continue
        if tuple(weight.shape) not in ((len(bias), features), (len(bias), features, 1, 1)) or not len(bias):
            continue
        rest = {key: tensor for key, tensor in tensors.items() if key not in (f"{name}.weight", f"{name}.bias")}
        rest |= {f"{HEAD}.weight": weight.reshape(len(bias), features), f"{HEAD}.bias": bias}
        if name == HEAD:
            return rest, name, ()
        return rest, name, (say("The last layer is taken from {name}", name=quote_name(name)),)
    firsts = {name.split(".")[0] for name in HEADS}
    other = [key for key in tensors if key.split(".")[0] in firsts]
    kept = {key: tensor for key, tensor in tensors.items() if key not in other}
    if not other:
        return kept, "", ()
    left_out = say("{key} and what belongs to it is left out: no layer of this network", key=quote_name(other[0]))
    return kept, "", (left_out,)
