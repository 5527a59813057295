"""A person's own data sets, one safetensors file each, stored from the upload until the runs that train on them.

A file's name is "own-" and a digest of its content. So the same upload is stored once, a link with the name means the
same pictures for ever, and no name can lead out of the folder.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from xception_lab.common.files import write_atomically
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_from_text, message_to_text, say
from xception_lab.data.dataset import ARRAYS, Dataset

PREFIX = "own-"

_NAME = re.compile(PREFIX + "[0-9a-f]{16}")


def is_custom(name: str) -> bool:
    """Whether a data set's name is one that save_dataset returns."""
    return bool(_NAME.fullmatch(name))


def save_dataset(dataset: Dataset, folder: Path | None = None) -> str:
    """Store an uploaded data set. Returns the name that catalogue.load_dataset takes.

    folder: the run store's, by default the one under XCEPTION_LAB_HOME. Raises StoreError when it cannot be written.
    """
    notes = tuple(map(message_to_text, dataset.notes))
    words = {"name": dataset.name, "classes": dataset.classes, "source": dataset.source, "notes": notes}
    # data of version 0.1 have no validation part: without an empty one, their file and its name stay what they were
    arrays = {name: array for name in ARRAYS if len(array := getattr(dataset, name))}
    content = save(arrays, {"words": json.dumps(words)})
    name = PREFIX + hashlib.sha256(content).hexdigest()[:16]
    save_content(name, content, folder)
    return name


def save_content(name: str, content: bytes, folder: Path | None = None) -> None:
    """Store a data set's file as load_content read it on another machine, under the same name.

    Raises StoreError when it cannot be written, ValueError when the name is none of ours.
    """
    path = _path(name, folder)
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        sentence = say("the data in {folder} cannot be kept: {error}", folder=str(path.parent), error=str(error))
        raise StoreError(sentence) from error


def load_content(name: str, folder: Path | None = None) -> bytes:
    """A stored data set's file, to be sent to another machine. Raises ValueError when there is none of this name."""
    try:
        return _path(name, folder).read_bytes()
    except OSError as error:
        raise _missing(name) from error


def load_custom(name: str, folder: Path | None = None) -> Dataset:
    """A stored data set. Raises ValueError when there is none of this name, or its file is not whole."""
    path = _path(name, folder)
    if not path.exists():
        raise _missing(name)
    try:
        with safe_open(path, "numpy") as file:
            words = json.loads(file.metadata()["words"])
            names = set(ARRAYS) & set(file.keys())
            arrays: dict[str, Any] = {name: file.get_tensor(name) for name in names}
        return Dataset(
            words["name"],
            **arrays,
            classes=tuple(words["classes"]),
            source=words["source"],
            kind="own",
            notes=tuple(map(message_from_text, words["notes"])),
        )
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        sentence = say(
            "dataset={name}: must be a whole file, {error}: upload it again", name=repr(name), error=str(error)
        )
        raise ValueError(sentence) from error


def _missing(name: str) -> ValueError:
    return ValueError(say("dataset={name}: must be kept on this machine: upload it again", name=repr(name)))


def _path(name: str, folder: Path | None) -> Path:
    if not is_custom(name):
        sentence = say("dataset={name}: must be {prefix} and 16 hexadecimal digits", name=repr(name), prefix=PREFIX)
        raise ValueError(sentence)
    return (folder or home_folder()) / "data" / f"{name}.safetensors"
