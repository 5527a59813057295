"""The chart of a network's mistakes: every count stands once, in its own cell, and only mistakes are coloured."""

from xception_lab.figures.confusion import confusion_figure
from xception_lab.training.confusion import Confusion


def test_every_count_stands_in_its_cell_and_only_mistakes_are_coloured() -> None:
    counts = ((5, 2, 0), (1, 1234, 0), (0, 3, 6))
    names = ("coat", "bag", "boot")
    heat, right = confusion_figure(Confusion(names, counts, (), ()), names, ("given", "own", "pictures")).data
    assert list(map(list, heat.z)) == [[None, 2, None], [1, None, None], [None, 3, None]]
    assert list(map(list, heat.text)) == [["", "2", ""], ["1", "", ""], ["", "3", ""]]
    assert (heat.x, heat.y) == (names, names)
    assert list(zip(right.y, right.x, right.text, strict=True)) == [
        ("coat", "coat", "5"),
        ("bag", "bag", "1,234"),
        ("boot", "boot", "6"),
    ]
