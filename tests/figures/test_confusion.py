"""The chart of a network's mistakes: every count stands once, in its own cell and in the page's colour."""

from xception_lab.figures.confusion import confusion_figure
from xception_lab.training.confusion import Confusion


def test_every_count_stands_in_its_cell_and_only_mistakes_are_coloured() -> None:
    counts = ((5, 2, 0), (1, 1234, 0), (0, 3, 6))
    names = ("coat", "bag", "boot")
    confusion = Confusion(names, counts, (), ())
    heat, numbers = confusion_figure(confusion, names, ("given", "own", "pictures")).data
    stood = {(own, given): text for own, given, text in zip(numbers.y, numbers.x, numbers.text, strict=True) if text}
    assert stood == {
        (names[label], names[predicted]): f"{count:,}"
        for label, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if count
    }
    assert list(map(list, heat.z)) == [[None, 2, 0], [1, None, 0], [0, 3, None]]
    assert heat.text is None, "plotly would colour it for a white page"
    assert numbers.textfont.color is None
