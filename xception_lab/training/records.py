"""The record of an epoch, and specs and records as JSON. Free of torch, so that a page can read a store without it."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from xception_lab.spec import TrainSpec, XceptionSpec


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch of a run.

    train_loss, train_accuracy: means over the training pictures, each as the network was when it saw them.
    test_loss, test_accuracy: means over the test pictures, after the epoch. Accuracies are from 0 to 1.
    learning_rate: at the epoch's last step. images_per_s: training pictures per second, without the evaluation.
    elapsed_s: time spent on the run so far, without what lies between a kill and a resume.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    learning_rate: float
    images_per_s: float
    elapsed_s: float


def train_spec_to_json(spec: TrainSpec) -> str:
    """The spec as one line of JSON: the same text for the same spec."""
    return json.dumps(asdict(spec), sort_keys=True)


def train_spec_from_json(text: str) -> TrainSpec:
    """The inverse of train_spec_to_json. Raises ValueError on anything else."""
    try:
        return train_spec_from_dict(json.loads(text))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a TrainSpec: {error}") from error


def train_spec_from_dict(values: dict[str, Any]) -> TrainSpec:
    """A spec from the dictionary that dataclasses.asdict makes of it; tuples may have become lists."""
    network: dict[str, Any] = {name: lists_to_tuples(value) for name, value in values["xception"].items()}
    run: dict[str, Any] = {**values, "xception": XceptionSpec(**network)}
    return TrainSpec(**run)


def lists_to_tuples(value: Any) -> Any:
    """A list of JSON as the tuple that a spec holds; any other value as it is."""
    return tuple(cast(list[Any], value)) if isinstance(value, list) else value


def record_from_dict(values: dict[str, Any]) -> EpochRecord:
    """A record from a dictionary that holds its fields, and perhaps others."""
    return EpochRecord(**{field.name: values[field.name] for field in fields(EpochRecord)})
