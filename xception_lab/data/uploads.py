"""A person's own data: class folders in an archive, or files in the form of CIFAR-10's or MNIST's.

Every refusal is a ValueError of one sentence that names file, value and rule. A few bad pictures among many are left
out. Dataset.notes says what was taken as what, and what was left out. Nothing is written to disk, and nothing in a file
is ever executed.
"""

import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import BinaryIO

import numpy as np

from xception_lab.common.messages import Message, message_of, quote_name, say
from xception_lab.data.archives import MAX_UPLOAD, MIB, RefusedError, gunzip, is_archive, is_zip, read_entries
from xception_lab.data.builtin import FASHION_CLASSES
from xception_lab.data.class_folders import read_folders
from xception_lab.data.dataset import PARTS, Dataset, ImageArray, LabelArray
from xception_lab.data.images import OTHER_FORMATS, SUFFIXES, BadPictureError, other_format, read_picture
from xception_lab.data.mnist_cifar import (
    CIFAR_ARCHIVE,
    CIFAR_CLASSES,
    idx_content,
    read_cifar_binary,
    read_idx,
    read_idx_labels,
)

MIN_PICTURES = 10  # per class, training and test together
MAX_CLASSES = 100
MAX_PICTURES = 70_000
MAX_UNREADABLE = 1_000  # more than those that can be read
TEST_EVERY = 5  # one picture of so many is for the test
VALIDATION_EVERY = 10  # and of so many of the others for validation
SPLIT_SEED = 0

# a browser adds " (1)" to the name of a second download
_CIFAR = re.compile(r"(data_batch_[1-5]|test_batch)(?: ?\(\d+\))?\.bin")
_CIFAR_PICKLE = re.compile(r"data_batch_[1-5]|test_batch")
# MNIST's own names, and whatever else may be in its form: EMNIST, QMNIST, KMNIST and others add words to them
_MNIST = re.compile(r"(train|t10k)-(images|labels)[-.]idx([13])-ubyte(\.gz)?")
_MAYBE_IDX = re.compile(r"idx\d|ubyte|(images|labels)[^/]*$", re.IGNORECASE)
_IDX_PART = re.compile(r"(?<![a-z])(train|training|t10k|test|testing)(?![a-z])", re.IGNORECASE)
_IDX_SLOTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
# SHA-256 of Fashion-MNIST's unpacked test labels: its files have MNIST's names
_FASHION_LABELS = "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"

LabelledImages = tuple[ImageArray, LabelArray]


# A group of files of one set: the folders they lie in, and the words before "train" in their names
Group = tuple[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class _SetFile:
    """One file of a set in CIFAR-10's or MNIST's form.

    slot: which file of its set, "data_batch_1" or "train-images". images, labels: an IDX file has one of them, the
    other is empty.
    """

    path: str
    slot: str
    images: ImageArray
    labels: LabelArray


@dataclass(slots=True)
class UploadContents:
    """What was read so far of the files of one upload.

    cifar, idx: files of sets, by group. pictures: (path, picture).
    problems: (why the file was left out, path). loose: whether IDX files came one by one, in no archive.
    unreadable: how many of the problems are pictures.
    """

    cifar: dict[Group, list[_SetFile]] = field(default_factory=dict[Group, list[_SetFile]])
    idx: dict[Group, list[_SetFile]] = field(default_factory=dict[Group, list[_SetFile]])
    pictures: list[tuple[str, ImageArray]] = field(default_factory=list[tuple[str, ImageArray]])
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    loose: bool = False
    unreadable: int = 0

    def notes(self) -> tuple[str, ...]:
        """One sentence per kind of problem."""
        return describe_problems(self.problems)

    def explain_empty(self, name: str) -> str:
        """Why the archive of this name gives no pictures, with what it holds instead."""
        notes = self.notes()
        if not notes:
            return say("{name}: must hold pictures in class folders, holds none", name=name)
        details = reduce(lambda before, note: say("{before}; {note}", before=before, note=note), notes)
        return say("{name}: must hold pictures in class folders, holds none ({details})", name=name, details=details)


def describe_problems(problems: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """One sentence per kind of problem, with the first three paths. problems: (why it was left out, path)."""
    notes: list[str] = []
    for problem, count in Counter(problem for problem, _ in problems).items():
        paths = [quote_name(path) for kind, path in problems if kind == problem][:3]
        names, more = ", ".join(paths), count - len(paths)
        notes.append(
            say("Left out, {problem}: {paths} and {more:,} more", problem=problem, paths=names, more=more)
            if more
            else say("Left out, {problem}: {paths}", problem=problem, paths=names)
        )
    return tuple(notes)


def read_upload(filename: str, data: bytes | BinaryIO) -> Dataset:
    """One uploaded file as a Dataset of kind "own": the first set of an archive that read_uploads takes.

    Raises ValueError naming file, value and rule.
    """
    return read_uploads([(filename, data)])[0]


def read_uploads(files: Sequence[tuple[str, bytes | BinaryIO]]) -> tuple[Dataset, ...]:
    """Uploaded files, (name, content) each, as data sets of kind "own": one, or each of the sets of an archive.

    files: an archive (zip, tar, tar.gz) of class folders; or CIFAR-10's binary version, an archive; or four IDX files
        in the form of MNIST, in an archive or one by one. Class folders may lie in the folders of a split, as
        class_folders.py reads them; without one a fifth of each class is drawn for the test, the same fifth every time.
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
    if not upload.cifar and not upload.idx:
        return (_folder_dataset(name, files[0][0], upload),)
    upload.problems += [(say("beside the files of a whole set"), path) for path, _ in upload.pictures]
    sets = [(group, found, _cifar_dataset) for group, found in _group_sets(upload.cifar, _is_whole_cifar, upload)]
    sets += [(group, found, _idx_dataset) for group, found in _group_sets(upload.idx, _is_whole_idx, upload)]
    if upload.loose:
        name = sets[0][0][1] or "IDX"
    datasets: list[Dataset] = []
    refusals: list[ValueError] = []
    for group, found, make in sets:
        try:
            datasets.append(make(name if len(sets) == 1 else _group_name(group) or name, found, upload))
        except ValueError as error:
            refusals.append(error)
    if not datasets:
        raise refusals[0]
    more = tuple(say("Left out: {reason}", reason=message_of(error)) for error in refusals)
    return tuple(replace(dataset, notes=dataset.notes + more) for dataset in datasets)


def _read_file(filename: str, data: bytes | BinaryIO, upload: UploadContents) -> None:
    content = data if isinstance(data, bytes) else data.read(MAX_UPLOAD + 1)
    if len(content) > MAX_UPLOAD:
        most = MAX_UPLOAD // MIB
        raise ValueError(say("{name}: must have at most {most} MiB, has more", name=quote_name(filename), most=most))
    if _CIFAR_PICKLE.fullmatch(_basename(filename)):
        raise _pickle_error(filename)
    if _MNIST.fullmatch(_basename(filename)) or (not is_zip(content) and _idx_content_start(content)):
        _add_idx(filename, content, upload)
        upload.loose = True
        return
    if not is_archive(content):
        sentence = say(
            "{name}: must be a zip of class folders, CIFAR-10's binary version or four files in the form of MNIST",
            name=quote_name(filename),
        )
        raise ValueError(sentence)
    for entry in read_entries(filename, content, _is_wanted):
        name = _basename(entry.path)
        if _CIFAR_PICKLE.fullmatch(name):
            raise _pickle_error(entry.path)
        if entry.problem:
            upload.problems.append((entry.problem, entry.path))
        elif _CIFAR.fullmatch(name):
            _add_cifar(entry.path, entry.content, upload)
        elif _is_picture(entry.path):
            _add_picture(filename, entry.path, entry.content, upload)
        elif _MNIST.fullmatch(name) or _idx_content_start(entry.content):
            _add_idx(entry.path, entry.content, upload)
        else:
            upload.problems.append((_not_a_picture(entry.path), entry.path))


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
    name = _basename(path)
    return _is_picture(path) or bool(_CIFAR.fullmatch(name) or _MAYBE_IDX.search(name))


def _not_a_picture(path: str) -> Message:
    """Why a file that is not read is left out, by its suffix."""
    other = OTHER_FORMATS.get(path.lower().rpartition(".")[2])
    return other_format(other) if other else say("not a picture")


def _idx_content_start(content: bytes) -> bool:
    """Whether the content, which may be gzipped, begins as an IDX file does."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(4)
        except (OSError, EOFError, zlib.error):
            return False
    return idx_content(content) != ""


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


def _add_cifar(path: str, content: bytes, upload: UploadContents) -> None:
    """Read a batch of CIFAR-10, so that only its arrays stay in memory. Raises ValueError with the path."""
    try:
        images, labels = read_cifar_binary(content)
    except ValueError as error:
        raise ValueError(say("{name}: {reason}", name=quote_name(path), reason=message_of(error))) from error
    match = _CIFAR.fullmatch(_basename(path))
    assert match
    file = _SetFile(path, match[1], images, labels.astype(np.int64))
    upload.cifar.setdefault((tuple(path.split("/")[:-1]), ""), []).append(file)


def _add_idx(path: str, content: bytes, upload: UploadContents) -> None:
    """Read an IDX file, so that only its array stays in memory. Raises ValueError with the path."""
    try:
        unpacked = gunzip(path, content) if content[:2] == b"\x1f\x8b" else content
        name = _MNIST.fullmatch(_basename(path))
        kind = idx_content(unpacked) or (name[2] if name else "")
        part, group = _idx_place(path)
        no_images, no_labels = np.zeros((0, 0, 0), np.uint8), np.zeros(0, np.int64)
        if kind == "images":
            file = _SetFile(path, f"{part}-images", read_idx(unpacked, 3), no_labels)
        else:
            file = _SetFile(path, f"{part}-labels", no_images, read_idx_labels(unpacked))
    except RefusedError:
        raise
    except ValueError as error:
        raise ValueError(say("{name}: {reason}", name=quote_name(path), reason=message_of(error))) from error
    upload.idx.setdefault(group, []).append(file)


def _idx_place(path: str) -> tuple[str, Group]:
    """ "train" or "t10k", and the group: EMNIST has several sets in one folder. Raises ValueError without the path."""
    *folders, name = path.split("/")
    for depth, place in reversed(list(enumerate((*folders, name)))):
        if match := _IDX_PART.search(place):
            words = place[: match.start()].strip("-_. ")
            return "train" if match[1].lower().startswith("train") else "t10k", (tuple(folders[:depth]), words)
    raise ValueError(say("must say train or test in its name, which is how the two parts are told apart"))


def _is_whole_cifar(slots: Collection[str]) -> bool:
    return "test_batch" in slots and len(slots) > 1


def _is_whole_idx(slots: Collection[str]) -> bool:
    return set(_IDX_SLOTS) <= set(slots)


def _group_sets(
    groups: Mapping[Group, Sequence[_SetFile]], is_whole: Callable[[Collection[str]], bool], upload: UploadContents
) -> list[tuple[Group, dict[str, _SetFile]]]:
    """The sets among files, none of which has files of another: those of one folder, or of the folders in one.

    Some archives have a folder for every file. Where nothing is whole, what there is of a set is returned as it is.
    """
    found = {group: list(files) for group, files in groups.items()}

    def whole(group: Group) -> bool:
        return is_whole({file.slot for file in found[group]})

    while found and not any(map(whole, found)):
        deepest = max(len(folders) for folders, _ in found)
        if not deepest:
            break
        for folders, words in [group for group in found if len(group[0]) == deepest]:
            found.setdefault((folders[:-1], words), []).extend(found.pop((folders, words)))
    if any(map(whole, found)):
        for group in [group for group in found if not whole(group)]:
            problem = say("beside the files of a whole set")
            upload.problems += [(problem, file.path) for file in found.pop(group)]
    return [(group, _unique(found[group], upload)) for group in sorted(found)]


def _unique(files: Iterable[_SetFile], upload: UploadContents) -> dict[str, _SetFile]:
    """The files of a set by slot; a copy is left out. Raises ValueError for two that differ."""
    slots: dict[str, _SetFile] = {}
    for file in sorted(files, key=lambda file: file.path):
        first = slots.setdefault(file.slot, file)
        if first is file:
            continue
        if not np.array_equal(first.images, file.images) or not np.array_equal(first.labels, file.labels):
            names = f"{quote_name(first.path)}, {quote_name(file.path)}"
            raise ValueError(say("{names}: must be one file, two differ as {slot}", names=names, slot=file.slot))
        upload.problems.append((say("the same file as another"), file.path))
    return slots


def _group_name(group: Group) -> str:
    folders, words = group
    return "/".join((*folders, words) if words else folders)


def _cifar_dataset(name: str, found: Mapping[str, _SetFile], upload: UploadContents) -> Dataset:
    batches = sorted(batch for batch in found if batch != "test_batch")
    if not _is_whole_cifar(found):
        sentence = say("{names}: must hold test_batch and at least one data_batch of CIFAR-10", names=", ".join(found))
        raise ValueError(sentence)
    problems: list[tuple[str, str]] = []
    if len(batches) < 5:
        whole = {f"data_batch_{number}" for number in range(1, 6)}
        problems = [(say("not there"), batch) for batch in sorted(whole - set(batches))]
    images = np.concatenate([found[batch].images for batch in batches])
    labels = np.concatenate([found[batch].labels for batch in batches])
    last = found["test_batch"]
    source = "CIFAR-10 (Krizhevsky 2009), uploaded"
    paths = [found[batch].path for batch in batches], [last.path]
    return _original_dataset(
        name, (images, labels), (last.images, last.labels), CIFAR_CLASSES, source, paths, problems, upload
    )


def _idx_dataset(name: str, found: Mapping[str, _SetFile], upload: UploadContents) -> Dataset:
    missing = [slot for slot in _IDX_SLOTS if slot not in found]
    if missing:
        names, absent = ", ".join(found), ", ".join(missing)
        raise ValueError(say("{names}: must be four files, {missing} missing", names=names, missing=absent))
    parts: list[LabelledImages] = []
    for part in ("train", "t10k"):
        images, labels = found[f"{part}-images"].images, found[f"{part}-labels"].labels
        if len(images) != len(labels):
            sentence = say(
                "{part}-labels: must hold a label a picture, holds {labels:,} for {count:,}",
                part=part,
                labels=len(labels),
                count=len(images),
            )
            raise ValueError(sentence)
        parts.append((images[..., None], labels))
    train, test = parts
    if train[0].shape[1:] != test[0].shape[1:]:
        shape = str(train[0].shape[1:3])
        raise ValueError(say("t10k-images: must have the size of train-images, {shape}", shape=shape))
    digest = hashlib.sha256(test[1].astype(np.uint8).tobytes()).hexdigest()
    values = np.unique(np.concatenate([train[1], test[1]]))
    classes = FASHION_CLASSES if digest == _FASHION_LABELS else tuple(str(value) for value in values)
    train, test = ((images, np.searchsorted(values, labels)) for images, labels in parts)
    fashion = "Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), uploaded; MIT"
    source = fashion if digest == _FASHION_LABELS else f"IDX files, uploaded: {name}"
    paths = tuple([found[f"{part}-{content}"].path for content in ("images", "labels")] for part in ("train", "t10k"))
    return _original_dataset(name, train, test, classes, source, (paths[0], paths[1]), [], upload)


def _original_dataset(
    name: str,
    train: LabelledImages,
    test: LabelledImages,
    classes: tuple[str, ...],
    source: str,
    paths: tuple[Sequence[str], Sequence[str]],
    problems: list[tuple[str, str]],
    upload: UploadContents,
) -> Dataset:
    """A set whose files name its parts. paths: the files of the training and of the test part."""
    known = set(map(_digest, train[0]))
    repeated = np.array([_digest(picture) in known for picture in test[0]], np.bool_)
    taken = _parts_note(*map(_first_names, paths))
    notes = (taken, *describe_problems([*upload.problems, *problems]))
    if repeated.any():
        count = int(repeated.sum())
        notes += (say("Left out of the test, the same as a training picture: {count:,} pictures", count=count),)
    return _dataset(name, train, (test[0][~repeated], test[1][~repeated]), classes, source, notes)


def _first_names(names: Sequence[str]) -> str:
    """The first names, quoted; a set in CIFAR-10's form has five files, an archive may have any number of folders."""
    return ", ".join([*map(quote_name, names[:5]), *(["…"] if len(names) > 5 else [])])


def _digest(picture: ImageArray) -> bytes:
    return hashlib.sha256(picture.tobytes()).digest()


def _parts_note(train: str, test: str, validation: str = "") -> Message:
    """What each part was taken from."""
    drawn = say("drawn, a tenth of each class of the training pictures")
    return say(
        "Training: {train}. Validation: {validation}. Test: {test}.",
        train=train,
        validation=validation or drawn,
        test=test or say("drawn, a fifth of each class"),
    )


def _folder_dataset(name: str, filename: str, upload: UploadContents) -> Dataset:
    """Class folders, sorted by path, so that the archive's order changes nothing; repeated pictures are left out."""
    if not upload.pictures:
        raise ValueError(upload.explain_empty(quote_name(filename)))
    upload.pictures.sort(key=lambda picture: picture[0])
    layout = read_folders([path for path, _ in upload.pictures])
    if layout.split and not layout.pictures["train"]:
        sentence = say(
            "{name}: {folder} must hold a folder for each class, holds pictures alone",
            name=quote_name(filename),
            folder=quote_name(layout.split["train"][0]),
        )
        raise ValueError(sentence)
    pictures: dict[str, list[tuple[str, ImageArray]]] = {part: [] for part in PARTS}
    digests: set[bytes] = set()
    # training pictures first: of a picture in two parts, the one in the test is left out
    for part in PARTS:
        for label, index in layout.pictures[part]:
            path, picture = upload.pictures[index]
            digest = _digest(picture)
            if digest in digests:
                upload.problems.append((say("the same picture as another"), path))
            else:
                digests.add(digest)
                pictures[part].append((label, picture))
    upload.problems += [(say("outside the class folders"), upload.pictures[index][0]) for index in layout.outside]
    unlabelled = say("in a folder without class folders, so without labels")
    upload.problems += [(unlabelled, upload.pictures[index][0]) for index in layout.unlabelled]
    names = {part: _first_names(folders) for part, folders in layout.split.items()}
    notes: list[Message] = [
        _parts_note(names.get("train", say("all class folders")), names.get("test", ""), names.get("validation", ""))
    ]
    if layout.inner:
        sentence = say(
            "Folders inside a class folder belong to its class: {folders:,} with {count:,} pictures, first {name}",
            folders=len(layout.inner),
            count=sum(layout.inner.values()),
            name=quote_name(min(layout.inner)),
        )
        notes.append(sentence)
    return _label(name, filename, pictures, (*notes, *upload.notes()))


def _label(
    name: str,
    filename: str,
    pictures: Mapping[str, list[tuple[str, ImageArray]]],
    notes: tuple[str, ...],
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
    return _dataset(name, train, test, classes, source, notes, validation if len(validation[1]) else None)


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
