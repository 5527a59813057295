"""Uploaded weight files: read as data, checked key by key and shape by shape, never executed.

Accepted are safetensors files, including the training lab's, and PyTorch state_dicts (state_dict_file.py). What is
plainly the paper's network in other words is fitted to it (weight_rules.py). Every refusal is a ValueError of one
sentence that names file, value and rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import safetensors.torch
import torch
from torch import Tensor, nn

from xception_lab.common.json_text import JsonError, parse_json
from xception_lab.common.messages import Message, message_of, quote_name, say
from xception_lab.common.validate import is_whole
from xception_lab.data.archives import MIB
from xception_lab.data.reading_process import ReadingError, read_hdf5_apart
from xception_lab.features.keras_files import rename_tensors
from xception_lab.features.state_dict_file import (
    MAX_DIMENSIONS,
    PickledTensor,
    RefusalError,
    has_numbers,
    kind_of,
    read_state_dict_file,
    too_few_numbers,
)
from xception_lab.features.weight_rules import WRAPPERS, Rules, aligned_name, fit_tensors, strip_prefixes
from xception_lab.nn.xception import build_xception
from xception_lab.spec import TrainSpec, XceptionSpec
from xception_lab.training.records import train_spec_from_json

MAX_FILE = 200 * MIB  # the paper's network has 92 MB in float32
MAX_TENSORS = 4_000
MAX_STORED = 5 * MAX_TENSORS  # with an optimiser's state
MAX_HEADER = 4 * MIB
MAX_NUMBERS = MAX_FILE // 2  # of a network: each takes 4 bytes once it is loaded, 2 in the smallest files
MAX_BLOCKS = 100
# the kinds of numbers that torch computes with; it has others, packed, of 1 to 7 bits
HDF5_MAGIC, KERAS_ENTRY = b"\x89HDF\r\n\x1a\n", "model.weights.h5"
DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)

# Xception's weights were trained in TensorFlow; timm runs them with torch's own epsilon and pooling
KERAS = XceptionSpec()
TIMM = replace(KERAS, batch_norm_eps=1e-5, same_pooling=False)


@dataclass(frozen=True, slots=True)
class Weights:
    """The content of a weight file.

    tensors: by key. run: the training run that made them, None if unknown. rules: what was taken otherwise than it
    stands in the file, one sentence each. keras: whether Keras wrote them, so that they are run as there.
    """

    tensors: dict[str, Tensor]
    run: TrainSpec | None
    rules: Rules = ()
    keras: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork:
    """The network of a weight file, on the CPU and in evaluation mode.

    num_classes: of the file's last layer, 0 where it has none. rules: as Weights has them.
    """

    network: nn.Module
    spec: XceptionSpec
    num_classes: int
    rules: Rules


def read_weights(filename: str, content: bytes) -> Weights:
    """Read a weight file without executing anything in it. Raises ValueError naming file, value and rule."""
    name = quote_name(filename)
    if not content:
        raise ValueError(say("{name}: must hold weights, is empty", name=name))
    if len(content) > MAX_FILE:
        size, most = len(content) / MIB, MAX_FILE // MIB
        raise ValueError(say("{name}: must have at most {most} MiB, has {size:,.0f}", name=name, most=most, size=size))
    try:
        rules: Rules = ()
        keras = is_keras(content)
        if keras:
            (values, rules), run = _read_keras(content), None
        elif _is_safetensors(content):
            values, run = _read_safetensors(content)
        else:
            (values, rules), run = _read_state_dict(content), None
        tensors = _check_tensors(values)
    except RefusalError as refusal:
        raise ValueError(say("{name}: {reason}", name=name, reason=message_of(refusal))) from refusal
    tensors, prefixes = strip_prefixes(tensors)
    return Weights(tensors, run, rules + prefixes, keras)


def is_keras(content: bytes) -> bool:
    """Whether the file is one of HDF5, as Keras's .h5 is, or a .keras file: a zip that names its own entries."""
    return content.startswith(HDF5_MAGIC) or (
        content.startswith(b"PK\x03\x04") and KERAS_ENTRY.encode() in content[-4096:] + content[:4096]
    )


def _read_keras(content: bytes) -> tuple[dict[str, Any], Rules]:
    try:
        # the child is bounded, and what it says is checked as any stranger's file is
        stored, _ = _read_safetensors(read_hdf5_apart(content))
    except ReadingError as error:
        raise RefusalError(message_of(error)) from error
    tensors = rename_tensors({key.partition(" ")[2]: stored[key] for key in sorted(stored)})
    if not tensors:
        raise RefusalError(say("must hold the layers of Keras's Xception, holds others"))
    rule = say("Keras's file: its layers have timm's names here, padding and epsilon are TensorFlow's")
    return tensors, (rule,)


def _is_safetensors(content: bytes) -> bool:
    return len(content) > 9 and content[8:9] == b"{"


def _read_safetensors(content: bytes) -> tuple[dict[str, Any], TrainSpec | None]:
    size = int.from_bytes(content[:8], "little")
    if size > min(MAX_HEADER, len(content) - 8):
        raise RefusalError(say("must be a whole safetensors file, its header is longer than the file or the limit"))
    meta = _check_header(content[8 : 8 + size], len(content) - 8 - size)
    try:
        tensors: dict[str, Any] = dict(safetensors.torch.load(content))
    except Exception as error:  # safetensors raises its own bare Exception class, differing between versions
        raise RefusalError(say("must be a whole safetensors file, is damaged")) from error
    try:
        run = train_spec_from_json(meta["spec"]) if "spec" in meta else None
    except (ValueError, RecursionError):
        run = None  # another program's metadata
    if any(key.startswith("network.") for key in tensors):  # a run's checkpoint has its optimiser's state as well
        tensors = {key: tensor for key, tensor in tensors.items() if key.startswith("network.")}
    return tensors, run


def _check_header(header: bytes, num_bytes: int) -> dict[str, str]:
    """The metadata of a safetensors header, once its tensors fit the `num_bytes` bytes behind it.

    Raises RefusalError. safetensors and torch would refuse some of these too, in words of their own, or after the work.
    """
    damaged = say("must be a whole safetensors file, is damaged")
    try:
        values = parse_json(header.rstrip(b" "), MAX_HEADER)
    except JsonError as error:
        raise RefusalError(say("in its header, {reason}", reason=message_of(error))) from error
    if not isinstance(values, dict):
        raise RefusalError(damaged)
    meta = values.pop("__metadata__", {})
    if len(values) > MAX_STORED:
        raise RefusalError(
            say("must hold at most {most:,} tensors, holds {count:,}", most=MAX_STORED, count=len(values))
        )
    if not isinstance(meta, dict) or not all(isinstance(text, str) for text in meta.values()):
        raise RefusalError(damaged)
    for key, tensor in values.items():
        shape = tensor.get("shape") if isinstance(tensor, dict) else None
        offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
        if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
            raise RefusalError(damaged)
        if not all(is_whole(number, 0) for number in (*shape, *offsets)):
            raise RefusalError(damaged)
        if len(shape) > MAX_DIMENSIONS or not has_numbers(shape, num_bytes):
            raise RefusalError(too_few_numbers(key, shape))
        if not offsets[0] <= offsets[1] <= num_bytes:
            raise RefusalError(say("{key} must lie within the file, reaches out of it", key=quote_name(key)))
    return meta


def _read_state_dict(content: bytes) -> tuple[dict[str, Any], Rules]:
    loaded = read_state_dict_file(content)
    rules: list[Message] = []
    for key in WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            rules.append(say("The tensors are taken from {key} in the file", key=quote_name(key)))
    if not isinstance(loaded, dict):
        raise RefusalError(say("must hold a dictionary of tensors, holds a {kind}", kind=kind_of(loaded)))
    return cast(dict[str, Any], loaded), tuple(rules)


def _check_tensors(values: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The values, all of which must be dense CPU tensors of real numbers; nothing is copied before this is checked."""
    if len(values) > MAX_TENSORS:
        raise RefusalError(
            say("must hold at most {most:,} tensors, holds {count:,}", most=MAX_TENSORS, count=len(values))
        )
    tensors: dict[str, Tensor] = {}
    for key, value in values.items():
        if isinstance(key, str) and isinstance(value, PickledTensor):
            value = value.tensor(key)
        if not isinstance(key, str) or not isinstance(value, Tensor):
            name, kind = quote_name(str(key)[:60]), kind_of(value)
            raise RefusalError(say("must hold tensors by name, {key} is a {kind}", key=name, kind=kind))
        if value.layout is not torch.strided or value.device.type != "cpu" or value.dtype not in DTYPES:
            raise RefusalError(say("{key} must be a dense tensor of real numbers", key=quote_name(key)))
        # with a stride of zero a few bytes look like a huge tensor
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise RefusalError(too_few_numbers(key, value.shape))
        tensors[key] = value
    if not tensors:
        raise RefusalError(say("must hold tensors, holds none"))
    return tensors


def load_into(filename: str, network: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Load tensors into a network that was built on device "meta"; it is then on the CPU and in evaluation mode.

    Raises ValueError naming the file and the first key that is missing, unknown, of another shape or not finite;
    memory is allocated only after these checks.
    """
    name, expected = quote_name(filename), network.state_dict()
    counters = {key for key in expected if key.endswith("num_batches_tracked")}  # old files have none
    missing = [key for key in expected if key not in tensors and key not in counters]
    unknown = [key for key in tensors if key not in expected]
    if missing or unknown:
        keys = [quote_name(key) for key in missing or unknown]
        first = say("{key} and {more:,} more", key=keys[0], more=len(keys) - 1) if len(keys) > 1 else keys[0]
        count = len(expected)
        if missing:
            sentence = say(
                "{name}: must have this network's {count} keys, lacks {key}", name=name, count=count, key=first
            )
        else:
            sentence = say(
                "{name}: must have this network's {count} keys, has the unknown {key}",
                name=name,
                count=count,
                key=first,
            )
        raise ValueError(sentence)
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape:
            sentence = say(
                "{name}: {key} must have the shape {shape}, has {given}",
                name=name,
                key=key,
                shape=str(tuple(expected[key].shape)),
                given=str(tuple(tensor.shape)),
            )
            raise ValueError(sentence)
    count = sum(tensor.numel() for tensor in expected.values())
    if count > MAX_NUMBERS:
        sentence = say(
            "{name}: must be a network of at most {most:,} numbers, is one of {count:,}",
            name=name,
            most=MAX_NUMBERS,
            count=count,
        )
        raise ValueError(sentence)
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor.float()).all():  # as the network holds them
            raise ValueError(say("{name}: {key} must hold finite numbers alone", name=name, key=key))
    network = network.to_empty(device="cpu")
    network.load_state_dict(dict(tensors), strict=False)
    return network.eval()


def network_of_file(filename: str, weights: Weights, spec: XceptionSpec = TIMM) -> LoadedNetwork:
    """The network of a weight file: that of the run which made it, or else the one of `spec`.

    What a run made must be as the run says; other tensors are fitted to the network. Raises ValueError as load_into
    does.
    """
    tensors, rules = weights.tensors, weights.rules
    if weights.keras:
        spec = replace(spec, batch_norm_eps=KERAS.batch_norm_eps, same_pooling=KERAS.same_pooling)
    if weights.run is not None:
        spec = _spec_of_run(filename, weights.run, tensors)
    elif name := aligned_name(tensors):
        sentence = say(
            "{name}: holds {network}, DeepLab's Aligned Xception, whose layers are others: the paper's Xception is "
            "legacy_xception in timm, xception in Cadene's models, Xception in Keras",
            name=quote_name(filename),
            network=name,
        )
        raise ValueError(sentence)
    with torch.device("meta"):
        network = build_xception(spec)
    num_classes = spec.num_classes
    if weights.run is None:
        tensors, num_classes, fitting = fit_tensors(tensors, network.state_dict())
        rules += fitting
        if num_classes and num_classes != spec.num_classes:
            spec = replace(spec, num_classes=num_classes)
            with torch.device("meta"):
                network = build_xception(spec)
    return LoadedNetwork(load_into(filename, network, tensors), spec, num_classes, rules)


def _spec_of_run(filename: str, run: TrainSpec, tensors: Mapping[str, Tensor]) -> XceptionSpec:
    """The run's network; its numbers of channels and classes are its data's, and are read from the tensors."""
    spec = run.xception
    if spec.middle_blocks + len(spec.entry_channels) > MAX_BLOCKS:
        sentence = say("{name}: must have at most {most} blocks, has more", name=quote_name(filename), most=MAX_BLOCKS)
        raise ValueError(sentence)
    first, last = tensors.get("conv1.weight"), tensors.get("fc.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 2 or not first.shape[1] or not last.shape[0]:
        return spec  # load_into says what is wrong
    return replace(spec, in_channels=first.shape[1], num_classes=last.shape[0])
