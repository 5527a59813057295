"""What the folders of an upload mean: which are classes, and which part of the data each holds.

People's archives differ in their outermost folders, in the names of a split ("train" and "val", "Training" and
"Testing", "seg_train" and "seg_test") and in what lies beside. This reads all of that from the paths alone.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from xception_lab.data.dataset import PARTS

_PART_WORDS = {
    **dict.fromkeys(("train", "training", "trainset", "trainingset", "학습", "훈련"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset", "validationset", "검증"), "validation"),
    **dict.fromkeys(("test", "testing", "testset", "testingset", "시험", "테스트", "평가"), "test"),
}
_NEUTRAL_WORDS = ("set", "data", "dataset", "image", "images", "img", "imgs")  # "training" stands beside "test_set"


@dataclass(slots=True)
class FolderLayout:
    """The places of an upload's pictures, as indices of their paths.

    pictures: by part, (class, index); all are in "train" where there is no split. split: by part, the folders' names;
    empty where there is no split. outside: in no class folder. unlabelled: in the folder of a part that has no class
    folders. inner: folders inside class folders, with their numbers of pictures, which belong to the class.
    """

    pictures: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: {part: [] for part in PARTS})
    split: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    outside: list[int] = field(default_factory=list[int])
    unlabelled: list[int] = field(default_factory=list[int])
    inner: Counter[str] = field(default_factory=Counter[str])


def read_folders(paths: Sequence[str]) -> FolderLayout:
    """The layout of the pictures at these paths, with forward slashes.

    A folder that holds all others is passed through, whatever lies beside it; so is one inside a part's folder.
    """
    places = [path.split("/") for path in paths]
    layout = FolderLayout()
    indices, depth = _enter(places, range(len(places)), 0)
    layout.outside = sorted(set(range(len(places))) - set(indices))
    split = find_split({places[index][depth] for index in indices if len(places[index]) > depth + 1})
    if not split:
        _take(places, indices, depth, "train", layout)
        return layout
    layout.split = {part: tuple(sorted(name for name in split if split[name] == part)) for part in PARTS}
    layout.split = {part: names for part, names in layout.split.items() if names}
    inside: dict[str, list[int]] = {}
    for index in indices:
        if len(places[index]) > depth + 1 and places[index][depth] in split:
            inside.setdefault(places[index][depth], []).append(index)
        else:
            layout.outside.append(index)
    classes: set[str] = set()
    for part, names in layout.split.items():
        for name in names:
            members = inside[name]
            entered, below = _enter(places, members, depth + 1, classes)
            labels = {places[index][below] for index in entered if len(places[index]) > below + 1}
            # a folder of a test whose names are no classes, such as test/unknown, has no labels either
            if labels and (part == "train" or labels & classes):
                layout.outside += sorted(set(members) - set(entered))
                _take(places, entered, below, part, layout)
            else:
                layout.unlabelled += members
        if part == "train":
            classes = {label for label, _ in layout.pictures[part]}
    layout.split = {part: names for part, names in layout.split.items() if layout.pictures[part] or part == "train"}
    return layout


def find_split(names: Collection[str]) -> dict[str, str]:
    """Which of the folders beside each other are parts of a split: name -> part. Empty where they are none.

    A split has a training part and another one, whose names differ in the word for the part alone: "train" beside
    "test tube" are two classes.
    """
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        words = re.findall(r"[^\W\d_]+", name.lower())
        parts = {_PART_WORDS[word] for word in words if word in _PART_WORDS}
        if len(parts) == 1:
            rest = tuple(word for word in words if word not in _PART_WORDS and word not in _NEUTRAL_WORDS)
            groups.setdefault(rest, {})[name] = parts.pop()
    splits = [rest for rest in sorted(groups) if "train" in (parts := set(groups[rest].values())) and len(parts) > 1]
    return groups[splits[0]] if splits else {}


def _enter(
    places: Sequence[Sequence[str]], indices: Iterable[int], depth: int, classes: Collection[str] = ()
) -> tuple[list[int], int]:
    """The pictures below a folder that holds all others, and its depth; a folder that is a class is not entered."""
    inside = list(indices)
    while True:
        folders = {places[index][depth] for index in inside if len(places[index]) > depth + 1}
        deeper = [index for index in inside if len(places[index]) > depth + 1]
        if len(folders) != 1 or folders <= set(classes) or not any(len(places[index]) > depth + 2 for index in deeper):
            return inside, depth
        inside, depth = deeper, depth + 1


def _take(places: Sequence[Sequence[str]], indices: Iterable[int], depth: int, part: str, layout: FolderLayout) -> None:
    """Label the pictures by the folder at this depth."""
    for index in indices:
        place = places[index]
        if len(place) < depth + 2:
            layout.outside.append(index)
            continue
        layout.pictures[part].append((place[depth], index))
        if len(place) > depth + 2:
            layout.inner["/".join(place[: depth + 2])] += 1
