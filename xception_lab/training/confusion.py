"""Where a trained network is wrong: confusion matrix and example mistakes, from its predictions. Free of torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.messages import say
from xception_lab.data.dataset import Dataset

Predictions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A test picture that got the wrong class: its index, its own class and the one it was given."""

    picture: int
    label: str
    predicted: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """Test pictures counted by class and by the class they were given.

    counts: counts[label][predicted]. recalls: the share of each class that is right. mistakes: from the most frequent
    confusion to the rarest in turn, so that a first few show different ones.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    recalls: tuple[float, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def right(self) -> int:
        """How many are right."""
        return sum(row[number] for number, row in enumerate(self.counts))

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(map(sum, self.counts))


def confusion(dataset: Dataset, predictions: Predictions) -> Confusion:
    """What the predictions, (N,) of the test pictures in order, confuse. Raises ValueError when they do not fit."""
    labels, classes = dataset.test_labels, len(dataset.classes)
    if predictions.shape != labels.shape or not ((predictions >= 0) & (predictions < classes)).all():
        sentence = say(
            "predictions of shape {shape}: must be {count} classes from 0 to {last}",
            shape=str(predictions.shape),
            count=len(labels),
            last=classes - 1,
        )
        raise ValueError(sentence)
    counts = np.bincount(labels * classes + predictions, minlength=classes**2).reshape(classes, classes)
    return Confusion(
        dataset.classes,
        tuple(tuple(row) for row in counts.tolist()),
        tuple((np.diag(counts) / counts.sum(1)).tolist()),
        _mistakes(dataset, predictions, counts),
    )


def _mistakes(dataset: Dataset, predictions: Predictions, counts: NDArray[np.int64]) -> tuple[Mistake, ...]:
    labels = dataset.test_labels
    wrong = np.flatnonzero(predictions != labels)
    pairs = labels[wrong], predictions[wrong]
    code = pairs[0] * len(dataset.classes) + pairs[1]
    # the how-many-th of its own confusion each mistake is
    order = np.argsort(code, kind="stable")
    first = np.searchsorted(code[order], code[order])
    turn = np.empty_like(order)
    turn[order] = np.arange(len(order)) - first
    sequence = np.lexsort((code, -counts[pairs], turn))
    names = dataset.classes
    return tuple(
        Mistake(int(at), names[int(labels[at])], names[int(predictions[at])]) for at in wrong[sequence].tolist()
    )
