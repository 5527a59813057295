"""A person's own data: class folders in an archive, or the original CIFAR-10, MNIST or Fashion-MNIST files.

Every refusal is a ValueError of one sentence that names file, value and rule. A few bad pictures among many are left
out, and Dataset.notes says which. Nothing is written to disk, and nothing in a file is ever executed.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import BinaryIO

import numpy as np

from xception_lab.common.messages import message_of, quote_name, say
from xception_lab.data.archives import MAX_UPLOAD, MIB, RefusedError, gunzip, is_archive, read_entries
from xception_lab.data.builtin import FASHION_CLASSES
from xception_lab.data.dataset import PARTS, Dataset, ImageArray, LabelArray
from xception_lab.data.images import SUFFIXES, BadPictureError, read_picture
from xception_lab.data.mnist_cifar import CIFAR_ARCHIVE, CIFAR_CLASSES, read_cifar_binary, read_idx

MIN_PICTURES = 10  # per class, training and test together
MAX_CLASSES = 100
MAX_PICTURES = 70_000
MAX_UNREADABLE = 1_000  # more than those that can be read
TEST_EVERY = 5  # one picture of so many is for the test
VALIDATION_EVERY = 10  # and of so many of the others for validation
SPLIT_SEED = 0

_IDX = re.compile(r"(train|t10k)-(images|labels)[-.]idx([13])-ubyte(\.gz)?")
_CIFAR = re.compile(r"(data_batch_[1-5]|test_batch)\.bin")
_CIFAR_PICKLE = re.compile(r"data_batch_[1-5]|test_batch")
# SHA-256 of Fashion-MNIST's unpacked test labels: its files have MNIST's names
_FASHION_LABELS = "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"

# the folders of an upload: which part of the data they are, and in which order repeated pictures are kept
_FOLDERS = {"train": ("train", 0), "validation": ("validation", 1), "val": ("validation", 1), "test": ("test", 2)}

LabelledImages = tuple[ImageArray, LabelArray]


@dataclass(slots=True)
class UploadContents:
    """What was read so far of the files of one upload.

    cifar: batches by name ("data_batch_1"). idx: arrays by name ("train-images"). pictures: (path, picture).
    problems: (why the file was left out, path). unreadable: how many of these are pictures.
    """

    cifar: dict[str, LabelledImages] = field(default_factory=dict[str, LabelledImages])
    idx: dict[str, ImageArray] = field(default_factory=dict[str, ImageArray])
    pictures: list[tuple[str, ImageArray]] = field(default_factory=list[tuple[str, ImageArray]])
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    unreadable: int = 0

    def notes(self) -> tuple[str, ...]:
        """One sentence per kind of problem, with the first three paths."""
        notes: list[str] = []
        for problem, count in Counter(problem for problem, _ in self.problems).items():
            paths = [quote_name(path) for kind, path in self.problems if kind == problem][:3]
            names, more = ", ".join(paths), count - len(paths)
            notes.append(
                say("Left out, {problem}: {paths} and {more:,} more", problem=problem, paths=names, more=more)
                if more
                else say("Left out, {problem}: {paths}", problem=problem, paths=names)
            )
        return tuple(notes)

    def explain_empty(self, name: str) -> str:
        """Why the archive of this name gives no pictures, with what it holds instead."""
        notes = self.notes()
        if not notes:
            return say("{name}: must hold pictures in class folders, holds none", name=name)
        details = reduce(lambda before, note: say("{before}; {note}", before=before, note=note), notes)
        return say("{name}: must hold pictures in class folders, holds none ({details})", name=name, details=details)


def read_upload(filename: str, data: bytes | BinaryIO) -> Dataset:
    """One uploaded file as a Dataset of kind "own": an archive that read_uploads takes.

    Raises ValueError naming file, value and rule.
    """
    return read_uploads([(filename, data)])


def read_uploads(files: Sequence[tuple[str, bytes | BinaryIO]]) -> Dataset:
    """Uploaded files, (name, content) each, as one Dataset of kind "own".

    files: an archive (zip, tar, tar.gz) of class folders; or CIFAR-10's binary version, an archive; or the four IDX
        files of MNIST or Fashion-MNIST, in an archive or one by one. Class folders may lie under train/ and test/,
        and validation/ or val/; without these a fifth of each class is drawn for the test, the same fifth every time.
    A tenth of each class's training pictures is drawn for validation where the upload has no such part.
    Class folders give 32x32 RGB pictures, the other formats the size of their own. CIFAR-10's pickles are refused.
    Raises ValueError naming file, value and rule.
    """
    if not files:
        raise ValueError(say("files=[]: must hold at least one file"))
    upload = UploadContents()
    for filename, data in files:
        _read_file(filename, data, upload)
    name = re.sub(r"(\.tar)?\.\w+$", "", files[0][0]) or "own data"
    if upload.cifar:
        return _cifar_dataset(name, upload)
    if upload.idx:
        return _idx_dataset(name, upload)
    return _folder_dataset(name, files[0][0], upload)


def _read_file(filename: str, data: bytes | BinaryIO, upload: UploadContents) -> None:
    content = data if isinstance(data, bytes) else data.read(MAX_UPLOAD + 1)
    if len(content) > MAX_UPLOAD:
        most = MAX_UPLOAD // MIB
        raise ValueError(say("{name}: must have at most {most} MiB, has more", name=quote_name(filename), most=most))
    if _IDX.fullmatch(_basename(filename)):
        _add_original(filename, content, upload)
        return
    if _CIFAR_PICKLE.fullmatch(_basename(filename)):
        raise _pickle_error(filename)
    if not is_archive(content):
        sentence = say(
            "{name}: must be a zip of class folders, CIFAR-10's binary version or the four MNIST files",
            name=quote_name(filename),
        )
        raise ValueError(sentence)
    for entry in read_entries(filename, content, _is_wanted):
        if _CIFAR_PICKLE.fullmatch(_basename(entry.path)):
            raise _pickle_error(entry.path)
        if entry.problem:
            upload.problems.append((entry.problem, entry.path))
        elif _IDX.fullmatch(_basename(entry.path)) or _CIFAR.fullmatch(_basename(entry.path)):
            _add_original(entry.path, entry.content, upload)
        elif _is_picture(entry.path):
            _add_picture(filename, entry.path, entry.content, upload)
        else:
            upload.problems.append((say("not a picture"), entry.path))


def _pickle_error(path: str) -> ValueError:
    sentence = say(
        "{name}: is a pickle, which is not read: upload CIFAR-10's binary version, {archive}",
        name=quote_name(path),
        archive=CIFAR_ARCHIVE,
    )
    return ValueError(sentence)


def _basename(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _is_picture(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def _is_wanted(path: str) -> bool:
    return _is_picture(path) or bool(_IDX.fullmatch(_basename(path)) or _CIFAR.fullmatch(_basename(path)))


def _add_picture(filename: str, path: str, content: bytes, upload: UploadContents) -> None:
    if len(upload.pictures) == MAX_PICTURES:
        name = quote_name(filename)
        raise ValueError(say("{name}: must hold at most {most:,} pictures, holds more", name=name, most=MAX_PICTURES))
    try:
        upload.pictures.append((path, read_picture(content)))
    except BadPictureError as error:
        upload.problems.append((message_of(error), path))
        upload.unreadable += 1
        # each takes as long as a good one
        if upload.unreadable > MAX_UNREADABLE + len(upload.pictures):
            sentence = say(
                "{name}: must hold pictures that can be read, {count:,} of the first {all:,} cannot",
                name=quote_name(filename),
                count=upload.unreadable,
                all=upload.unreadable + len(upload.pictures),
            )
            raise ValueError(sentence) from error


def _add_original(path: str, content: bytes, upload: UploadContents) -> None:
    """Read one of the original files, so that only its arrays stay in memory. Raises ValueError with the path."""
    name = _basename(path)
    try:
        if match := _IDX.fullmatch(name):
            unpacked = gunzip(path, content) if content[:2] == b"\x1f\x8b" else content
            upload.idx[f"{match[1]}-{match[2]}"] = read_idx(unpacked, 3 if match[2] == "images" else 1)
        else:
            images, labels = read_cifar_binary(content)
            upload.cifar[name.removesuffix(".bin")] = images, labels.astype(np.int64)
    except RefusedError:
        raise
    except ValueError as error:
        raise ValueError(say("{name}: {reason}", name=quote_name(path), reason=message_of(error))) from error


def _cifar_dataset(name: str, upload: UploadContents) -> Dataset:
    batches = sorted(batch for batch in upload.cifar if batch != "test_batch")
    if not batches or "test_batch" not in upload.cifar:
        sentence = say(
            "{names}: must hold test_batch and at least one data_batch of CIFAR-10", names=", ".join(upload.cifar)
        )
        raise ValueError(sentence)
    if len(batches) < 5:
        whole = {f"data_batch_{number}" for number in range(1, 6)}
        upload.problems += [(say("not there"), batch) for batch in sorted(whole - set(batches))]
    parts = [upload.cifar[batch] for batch in batches]
    train = np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])
    source = "CIFAR-10 (Krizhevsky 2009), uploaded"
    return _dataset(name, train, upload.cifar["test_batch"], CIFAR_CLASSES, source, upload.notes())


def _idx_dataset(name: str, upload: UploadContents) -> Dataset:
    missing = [
        part for part in ("train-images", "train-labels", "t10k-images", "t10k-labels") if part not in upload.idx
    ]
    if missing:
        names, absent = ", ".join(upload.idx), ", ".join(missing)
        raise ValueError(say("{names}: must be four files, {missing} missing", names=names, missing=absent))
    parts: list[LabelledImages] = []
    for part in ("train", "t10k"):
        images, labels = upload.idx[f"{part}-images"], upload.idx[f"{part}-labels"]
        if len(images) != len(labels):
            sentence = say(
                "{part}-labels: must hold a label a picture, holds {labels:,} for {count:,}",
                part=part,
                labels=len(labels),
                count=len(images),
            )
            raise ValueError(sentence)
        parts.append((images[..., None], labels.astype(np.int64)))
    train, test = parts
    if train[0].shape[1:] != test[0].shape[1:]:
        shape = str(train[0].shape[1:3])
        raise ValueError(say("t10k-images: must have the size of train-images, {shape}", shape=shape))
    fashion = hashlib.sha256(upload.idx["t10k-labels"].tobytes()).hexdigest() == _FASHION_LABELS
    values = np.unique(np.concatenate([train[1], test[1]]))
    classes = FASHION_CLASSES if fashion else tuple(str(value) for value in values)
    train, test = ((images, np.searchsorted(values, labels)) for images, labels in parts)
    source = "Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), uploaded; MIT" if fashion else f"IDX files, uploaded: {name}"
    return _dataset(name, train, test, classes, source, upload.notes())


def _folder_dataset(name: str, filename: str, upload: UploadContents) -> Dataset:
    """Class folders, sorted by path, so that the archive's order changes nothing; repeated pictures are left out."""
    if not upload.pictures:
        raise ValueError(upload.explain_empty(quote_name(filename)))
    upload.pictures.sort(key=lambda picture: picture[0])
    parts = _without_root([path.split("/") for path, _ in upload.pictures])
    has_split = {"train", "test"} <= {part[0].lower() for part in parts if len(part) > 2}
    pictures: dict[str, list[tuple[str, ImageArray]]] = {part: [] for part in PARTS}
    digests: set[bytes] = set()
    # training pictures first: of a picture in two parts, the one in the test is left out
    for part, (path, picture) in sorted(
        zip(parts, upload.pictures, strict=True),
        key=lambda pair: has_split and _FOLDERS.get(pair[0][0].lower(), ("", 0))[1],
    ):
        digest = hashlib.sha256(picture.tobytes()).digest()
        split = _FOLDERS.get(part[0].lower(), ("", 0))[0] if has_split else "train"
        if len(part) < (3 if has_split else 2) or not split:
            upload.problems.append((say("outside the class folders"), path))
        elif digest in digests:
            upload.problems.append((say("the same picture as another"), path))
        else:
            digests.add(digest)
            pictures[split].append((part[1] if has_split else part[0], picture))
    return _label(name, filename, pictures, upload)


def _without_root(parts: list[list[str]]) -> list[list[str]]:
    """Paths without the folders that all of them share, as long as folders remain."""
    while len({part[0] for part in parts}) == 1 and max(map(len, parts)) > 2 and min(map(len, parts)) > 1:
        parts = [part[1:] for part in parts]
    return parts


def _label(
    name: str,
    filename: str,
    pictures: Mapping[str, list[tuple[str, ImageArray]]],
    upload: UploadContents,
) -> Dataset:
    counts = Counter(label for part in PARTS for label, _ in pictures[part])
    classes = tuple(sorted(counts))
    if not 2 <= len(classes) <= MAX_CLASSES:
        sentence = say(
            "{name}: must hold 2 to {most} class folders, holds {count}",
            name=quote_name(filename),
            most=MAX_CLASSES,
            count=len(classes),
        )
        raise ValueError(sentence)
    index = {label: number for number, label in enumerate(classes)}
    train, validation, test = (
        (
            np.array([picture for _, picture in pictures[part]]),
            np.array([index[label] for label, _ in pictures[part]], np.int64),
        )
        for part in PARTS
    )
    if not pictures["test"]:
        _check_counts(classes, train[1])
        train, test = _split_off(train, TEST_EVERY)
    source = f"own pictures, uploaded: {name}"
    return _dataset(name, train, test, classes, source, upload.notes(), validation if len(validation[1]) else None)


def _split_off(part: LabelledImages, every: int) -> tuple[LabelledImages, LabelledImages]:
    """The rest, and one of so many pictures of every class, always the same for the same labels."""
    images, labels = part
    rng = np.random.Generator(np.random.PCG64(SPLIT_SEED))
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen[members[: round(len(members) / every)]] = True
    return (images[~chosen], labels[~chosen]), (images[chosen], labels[chosen])


def _check_counts(classes: Iterable[str], *parts: LabelArray) -> None:
    for number, label in enumerate(classes):
        count = sum(int((labels == number).sum()) for labels in parts)
        if count < MIN_PICTURES:
            sentence = say(
                "class {label}: must have at least {least} usable pictures, has {count}",
                label=quote_name(label),
                least=MIN_PICTURES,
                count=count,
            )
            raise ValueError(sentence)


def _dataset(
    name: str,
    train: LabelledImages,
    test: LabelledImages,
    classes: tuple[str, ...],
    source: str,
    notes: tuple[str, ...],
    validation: LabelledImages | None = None,
) -> Dataset:
    """The data set, once it holds what every kind of upload must. Raises ValueError naming value and rule.

    validation: None to draw it from the training part.
    """
    if not 2 <= len(classes) <= MAX_CLASSES:
        sentence = say(
            "{name}: must hold 2 to {most} classes, holds {count}",
            name=quote_name(name),
            most=MAX_CLASSES,
            count=len(classes),
        )
        raise ValueError(sentence)
    _check_counts(classes, train[1], test[1], *([validation[1]] if validation else []))
    for part, labels in (("train", train[1]), ("test", test[1])):
        for number, label in enumerate(classes):
            if not (labels == number).any():
                sentence = say(
                    "class {label}: must have pictures in train and test, has none in {part}",
                    label=quote_name(label),
                    part=part,
                )
                raise ValueError(sentence)
    if validation is None:
        train, validation = _split_off(train, VALIDATION_EVERY)
    return Dataset(
        name,
        np.ascontiguousarray(train[0]),
        train[1],
        np.ascontiguousarray(test[0]),
        test[1],
        classes,
        source,
        "own",
        notes,
        np.ascontiguousarray(validation[0]),
        validation[1],
    )
