"""Keras's files of Xception against what Keras itself answered, and HDF5 files that a stranger may upload."""

import io
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from xception_lab.features.weight_files import KERAS, TIMM, LoadedNetwork, network_of_file, read_weights

FOLDER = Path(__file__).parent / "keras"
SUFFIXES = ("h5", "keras", "weights.h5")
# the widths of the files, which keras/make.py made, and the logits that Keras gave for the picture
NARROW = {"stem_channels": (3, 4), "entry_channels": (5, 6, 8), "middle_channels": 8, "exit_channels": (10, 10, 12)}
LOGITS = (
    *(-1.2089036703109741, -0.039963364601135254, -0.018947884440422058, -0.10656457394361496),
    *(1.5514283180236816, 0.03809055685997009, -0.8089271783828735),
)
PICTURE = np.random.default_rng(1).standard_normal((1, 74, 74, 3)).astype(np.float32)


def _content(suffix: str) -> bytes:
    return lzma.decompress((FOLDER / f"narrow.{suffix}.xz").read_bytes())


def _load(content: bytes) -> LoadedNetwork:
    return network_of_file("x.h5", read_weights("x.h5", content), replace(TIMM, **NARROW))  # type: ignore[arg-type]


def _logits(loaded: LoadedNetwork) -> np.ndarray:
    with torch.inference_mode():
        return loaded.network(torch.from_numpy(PICTURE).permute(0, 3, 1, 2).contiguous()).numpy()[0]


def _changed(change: Callable[[h5py.File], None], suffix: str = "h5") -> bytes:
    file = io.BytesIO(_content(suffix))
    with h5py.File(file, "r+") as opened:
        change(opened)
    return file.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_keras_answers_as_in_keras(suffix: str) -> None:
    loaded = _load(_content(suffix))
    assert np.abs(_logits(loaded) - LOGITS).max() < 1e-4
    # timm's padding and epsilon were asked for, but these weights are Keras's
    assert (loaded.spec.batch_norm_eps, loaded.spec.same_pooling) == (KERAS.batch_norm_eps, KERAS.same_pooling)
    assert loaded.rules[0].startswith("Keras's file: ")
    assert loaded.num_classes == 7


def test_with_other_padding_the_answer_would_be_another() -> None:
    weights = replace(read_weights("x.h5", _content("h5")), keras=False)
    other = network_of_file("x.h5", weights, replace(TIMM, **NARROW, batch_norm_eps=1e-3))  # type: ignore[arg-type]
    assert np.abs(_logits(other) - LOGITS).max() > 1e-3


def _renamed(names: dict[str, str], weights: Callable[[str, str], str]) -> Callable[[h5py.File], None]:
    """The file with other names of layers, and of weights from the layer's name and the weight's."""

    def change(file: h5py.File) -> None:
        root = file["model_weights"]
        layers = [name if isinstance(name, str) else name.decode() for name in root.attrs["layer_names"]]
        root.attrs["layer_names"] = np.array([names.get(layer, layer) for layer in layers], "S60")
        for layer in layers:
            group = root[layer]
            arrays = [(str(name).rpartition("/")[2], group[name][()]) for name in group.attrs["weight_names"]]
            del root[layer]
            group = root.create_group(names.get(layer, layer))
            paths = [weights(names.get(layer, layer), part) for part, _ in arrays]
            group.attrs["weight_names"] = np.array(paths, "S80")
            for path, (_, array) in zip(paths, arrays, strict=True):
                group[path] = array

    return change


def test_the_running_numbers_of_a_long_session_are_taken_as_numbers() -> None:
    names = {f"conv2d_{number}" if number else "conv2d": f"conv2d_{number + 8}" for number in range(4)}
    names |= {
        f"batch_normalization_{number}" if number else "batch_normalization": f"batch_normalization_{number + 98}"
        for number in range(4)
    }
    content = _changed(_renamed(names, lambda layer, part: f"{layer}/{part}:0"))
    assert np.abs(_logits(_load(content)) - LOGITS).max() < 1e-4


def test_the_names_of_the_first_version_of_keras_are_read() -> None:
    old = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
    content = _changed(_renamed({}, lambda layer, part: f"{layer}_{old.get(part, part)}:0"))
    assert np.abs(_logits(_load(content)) - LOGITS).max() < 1e-4


def test_a_file_without_the_last_layer_gives_no_classes() -> None:
    def change(file: h5py.File) -> None:
        del file["layers/dense"]

    loaded = _load(_changed(change, "weights.h5"))
    assert (loaded.num_classes, len(loaded.rules)) == (0, 2)


def _made(fill: Callable[[h5py.File], object]) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        fill(opened)
    return file.getvalue()


def _outside(path: Path) -> dict[str, bytes]:
    """Files that would have another file read in their name."""
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(path), "a", (4,))
    external = [(str(path), 0, 16)]
    return {
        "an external link": _made(lambda file: file.__setitem__("a", h5py.ExternalLink(str(path), "a"))),
        "external bytes": _made(lambda file: file.create_dataset("a", (4,), "f4", external=external)),
        "a virtual data set": _made(lambda file: file.create_virtual_dataset("a", layout)),
    }


def test_no_other_file_of_the_machine_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["a"] = np.full(4, 7, np.float32)
    for name, content in _outside(secret).items():
        with pytest.raises(ValueError, match=r"^'x\.h5': must hold tensors, holds none$"):
            read_weights("x.h5", content)
        assert content, name


def _loop(file: h5py.File) -> None:
    group = file.create_group("a")
    group["a"] = group


REFUSED = {
    "other layers": (_made(lambda file: file.create_dataset("layers/dense/vars/0", (2, 2), "f4")), "Keras's Xception"),
    "nothing": (_made(lambda file: file.create_group("a")), "holds none"),
    "texts": (_made(lambda file: file.create_dataset("a", data="text")), "holds none"),
    "a loop": (_made(_loop), "holds none"),
    "a bomb": (
        _made(lambda file: file.create_dataset("a", (2**36,), "f4", chunks=(2**20,), compression="gzip")),
        "arrays of at most 200 MiB",
    ),
    "many arrays": (
        _made(lambda file: [file.create_dataset(f"a{number}", data=1.0) for number in range(4_001)]),
        "at most 4,000 arrays",
    ),
    "cut": (_content("h5")[:100_000], "damaged"),
    "a start": (b"\x89HDF\r\n\x1a\n" + bytes(500), "damaged"),
}


@pytest.mark.parametrize(("content", "rule"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_file_of_keras_is_refused_in_a_sentence(content: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as refusal:
        _load(content)
    assert str(refusal.value).startswith("'x.h5': ")
    assert str(refusal.value).isprintable()


def test_a_packed_file_that_unpacks_to_more_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(201 * 2**20))
    with pytest.raises(ValueError, match="arrays of at most 200 MiB"):
        read_weights("x.keras", file.getvalue())
