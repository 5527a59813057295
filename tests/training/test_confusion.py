"""Confusion matrices against scipy's counting, and the order of the mistakes."""

from collections import Counter
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from scipy.sparse import coo_array
from tiny_data import tiny_dataset

from xception_lab.data.dataset import Dataset
from xception_lab.training.artifacts import data_file
from xception_lab.training.confusion import confusion

DICE = np.random.default_rng(0)
CLASSES = tuple("abcde")


def made() -> Dataset:
    labels = np.concatenate([np.arange(5), DICE.integers(0, 5, 495)])
    pictures = DICE.integers(0, 256, (500, 4, 4, 1)).astype(np.uint8)
    return replace(tiny_dataset("tiny"), test_images=pictures, test_labels=labels, classes=CLASSES)


def test_every_picture_is_counted_once_at_its_class_and_the_one_it_was_given() -> None:
    dataset, predictions = made(), DICE.integers(0, 5, 500)
    found = confusion(dataset, predictions)
    counted = coo_array((np.ones(500, int), (dataset.test_labels, predictions)), shape=(5, 5)).toarray()
    assert np.array_equal(found.counts, counted)
    assert (found.right, found.total) == (int((predictions == dataset.test_labels).sum()), 500)
    for number, recall in enumerate(found.recalls):
        assert recall == pytest.approx((predictions[dataset.test_labels == number] == number).mean())


def test_the_first_mistakes_are_all_different_and_the_most_frequent_first() -> None:
    dataset, predictions = made(), DICE.integers(0, 5, 500)
    found = confusion(dataset, predictions)
    wrong = predictions != dataset.test_labels
    assert sorted(mistake.picture for mistake in found.mistakes) == np.flatnonzero(wrong).tolist()
    for mistake in found.mistakes:
        assert mistake.label == CLASSES[dataset.test_labels[mistake.picture]]
        assert mistake.predicted == CLASSES[predictions[mistake.picture]]
    pairs = [(mistake.label, mistake.predicted) for mistake in found.mistakes]
    frequent = Counter(pairs)
    assert len(set(pairs[:20])) == len(frequent) == 20
    assert [frequent[pair] for pair in pairs[:20]] == sorted(frequent.values(), reverse=True)


def test_a_perfect_network_makes_none() -> None:
    dataset = made()
    found = confusion(dataset, dataset.test_labels)
    assert (found.mistakes, set(found.recalls)) == ((), {1.0})


@pytest.mark.parametrize(
    "predictions", [np.zeros(499, int), np.full(500, 5), np.full(500, -1), np.zeros((500, 1), int)]
)
def test_predictions_of_another_test_set_are_refused(predictions: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"^predictions of shape .*: must be 500 classes from 0 to 4$"):
        confusion(made(), predictions)


def test_the_data_file_holds_every_picture() -> None:
    dataset = made()
    with np.load(BytesIO(data_file(dataset)), allow_pickle=False) as data:
        parts = [f"{part}_{content}" for part in ("test", "train", "validation") for content in ("images", "labels")]
        assert sorted(data.files) == ["classes", *parts]
        assert data["classes"].tolist() == list(CLASSES)
        assert all(np.array_equal(data[name], getattr(dataset, name)) for name in data.files if name != "classes")
