"""Every data set by its name: those that come with the lab (builtin.py), and a person's own (custom.py)."""

import numpy as np

from xception_lab.common.messages import say
from xception_lab.data.builtin import CHANCE_ACCURACIES, DATASETS, load_builtin
from xception_lab.data.dataset import Dataset


def load_dataset(name: str) -> Dataset:
    """The data set of this name.

    name: one of DATASETS, which give the same object at every call, or the name that custom.save_dataset returned.
    Raises ValueError naming field, value and rule for any other name.
    """
    if isinstance(name, str) and name.startswith("own-"):  # pyright: ignore[reportUnnecessaryIsInstance]
        from xception_lab.data.custom import load_custom  # imports safetensors, which the other data sets do not need

        return load_custom(name)
    if name not in DATASETS:
        allowed = ", ".join(map(repr, DATASETS))
        raise ValueError(say("dataset={name}: must be one of {allowed}", name=repr(name), allowed=allowed))
    return load_builtin(name)


def chance_accuracy(name: str) -> float | None:
    """The test accuracy, 0 to 1, of always answering the most frequent class; None where the data are not here."""
    if name in CHANCE_ACCURACIES:
        return CHANCE_ACCURACIES[name]
    try:
        labels = load_dataset(name).test_labels
    except ValueError:
        return None
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else None
