"""What uploaded files hold so far, and what of them was left out, in words."""

from collections import Counter
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from xception_lab.archives import shown
from xception_lab.sentence import said

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Part = tuple[Images, Labels]


@dataclass(slots=True)
class Found:
    """cifar, idx: the original files by name. pictures: (path, picture). problems: (what it is, path)."""

    cifar: dict[str, Part] = field(default_factory=dict[str, Part])
    idx: dict[str, Images] = field(default_factory=dict[str, Images])
    pictures: list[tuple[str, Images]] = field(default_factory=list[tuple[str, Images]])
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def notes(self) -> tuple[str, ...]:
        """One sentence a kind of problem, with the first three paths."""
        notes: list[str] = []
        for problem, count in Counter(problem for problem, _ in self.problems).items():
            paths = [shown(path) for kind, path in self.problems if kind == problem][:3]
            names, more = ", ".join(paths), count - len(paths)
            notes.append(
                said("Left out, {problem}: {paths} and {more:,} more", problem=problem, paths=names, more=more)
                if more
                else said("Left out, {problem}: {paths}", problem=problem, paths=names)
            )
        return tuple(notes)

    def none(self, name: str) -> str:
        """Why the archive of this name gives no pictures, with what it holds instead."""
        notes = self.notes()
        if not notes:
            return said("{name}: must hold pictures in class folders, holds none", name=name)
        told = reduce(lambda before, note: said("{before}; {note}", before=before, note=note), notes)
        return said("{name}: must hold pictures in class folders, holds none ({told})", name=name, told=told)
