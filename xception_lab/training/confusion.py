"""Where a trained network is wrong: confusion matrix and example mistakes, from its predictions. Free of torch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.messages import say
from xception_lab.data.dataset import Dataset

Predictions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrongly classified test picture: its index, its label and its predicted class."""

    picture: int
    label: str
    predicted: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion matrix of a test set, and the pictures behind it.

    counts: counts[label][predicted]. recalls: per class, the share of its pictures that are predicted right.
    mistakes: one of each confused pair of classes, the most frequent pair first, then a second of each, and so on: so
    the first few show different confusions.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    recalls: tuple[float, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def right(self) -> int:
        """How many pictures are predicted right."""
        return sum(row[number] for number, row in enumerate(self.counts))

    @property
    def total(self) -> int:
        """How many pictures there are."""
        return sum(map(sum, self.counts))


def confusion(dataset: Dataset, predictions: Predictions) -> Confusion:
    """The confusion matrix of a data set's test pictures.

    predictions: (N,), a class for each test picture, in order. Raises ValueError when they do not fit the data set.
    """
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
    label_and_predicted = labels[wrong], predictions[wrong]
    pair = labels[wrong] * len(dataset.classes) + predictions[wrong]
    # how many mistakes of the same pair come before this one
    order = np.argsort(pair, kind="stable")
    first_of_pair = np.searchsorted(pair[order], pair[order])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - first_of_pair
    sequence = np.lexsort((pair, -counts[label_and_predicted], rank))
    names = dataset.classes
    return tuple(
        Mistake(index, names[int(labels[index])], names[int(predictions[index])]) for index in wrong[sequence].tolist()
    )
