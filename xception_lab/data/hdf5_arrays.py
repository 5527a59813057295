"""The arrays of an HDF5 file such as Keras writes, in the order in which it lists them.

HDF5's library was not made for strangers' files, so only the child process of reading_process.py comes here. A link or
data set of HDF5 may name another file of the machine: such a one is not followed.
"""

import io
import zipfile
from collections.abc import Iterator

import h5py
import numpy as np
from numpy.typing import NDArray

from xception_lab.common.messages import say

MIB = 2**20
MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_BYTES = 200 * MIB  # of all arrays together
MAX_ARRAYS = 4_000
MAX_OBJECTS = 20_000
MAX_DEPTH = 12
KERAS_ENTRY = "model.weights.h5"  # of a .keras file, which is a zip

Arrays = dict[str, NDArray[np.generic]]


def read_hdf5(content: bytes) -> Arrays:
    """The arrays of numbers by path, from an HDF5 file or the one in a .keras file.

    Raises ValueError, whose message continues after the file's name, and for hostile bytes what h5py raises.
    """
    if not content.startswith(MAGIC):
        content = _keras_entry(content)
    arrays: Arrays = {}
    num_bytes = 0
    with h5py.File(io.BytesIO(content), "r") as file:
        for path, dataset in _list_datasets(file):
            if dataset.dtype.kind not in "fiu":
                continue
            num_bytes += dataset.size * dataset.dtype.itemsize
            # before it is read: a packed data set of few bytes promises any number
            if num_bytes > MAX_BYTES:
                raise ValueError(say("must hold arrays of at most {most} MiB, holds more", most=MAX_BYTES // MIB))
            if len(arrays) == MAX_ARRAYS:
                raise ValueError(say("must hold at most {most:,} arrays, holds more", most=MAX_ARRAYS))
            arrays[path] = np.asarray(dataset[()])
    return arrays


def _keras_entry(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(KERAS_ENTRY) as entry:
        weights = entry.read(MAX_BYTES + 1)
    if len(weights) > MAX_BYTES:
        raise ValueError(say("must hold arrays of at most {most} MiB, holds more", most=MAX_BYTES // MIB))
    return weights


def _list_datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """The data sets of model_weights, or of the whole file, in Keras's order: an optimiser's are left out."""
    root = _child(file, "model_weights")
    root = root if isinstance(root, h5py.Group) else file
    if "layer_names" not in root.attrs:
        yield from _walk(root)
        return
    for layer in _names(root, "layer_names"):
        group = _child(root, layer)
        if not isinstance(group, h5py.Group) or "weight_names" not in group.attrs:
            continue
        for name in _names(group, "weight_names"):
            target: object = group
            for part in name.split("/"):
                target = _child(target, part) if isinstance(target, h5py.Group) else None
            if isinstance(target, h5py.Dataset):
                yield f"{layer}/{name}", target


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names among a group's attributes."""
    names = np.asarray(group.attrs[attribute]).ravel()[:MAX_ARRAYS].tolist()
    return [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names]


def _walk(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    waiting: list[tuple[str, h5py.Group]] = [("", group)]
    count = 0
    while waiting:
        prefix, group = waiting.pop()
        for name in map(str, group):
            count += 1
            if count > MAX_OBJECTS:
                raise ValueError(say("must hold at most {most:,} objects, holds more", most=MAX_OBJECTS))
            path, target = f"{prefix}{name}", _child(group, name)
            if isinstance(target, h5py.Dataset):
                yield path, target
            elif isinstance(target, h5py.Group) and path.count("/") < MAX_DEPTH and not path.startswith("optimizer"):
                waiting.append((f"{path}/", target))


def _child(group: h5py.Group, name: str) -> object:
    """What a group has under a name, None where that is nothing, or a link or data set that leads out of the file."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        return None
    target = group[name]
    if isinstance(target, h5py.Dataset) and (target.external or target.is_virtual):
        return None
    return target
