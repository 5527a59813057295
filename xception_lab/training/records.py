"""What a run answers, and specs and records as JSON: free of torch, so a page can read a store without it."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

from xception_lab.spec import TrainSpec, XceptionSpec


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch of a run. Losses and accuracies are means over pictures; the training ones run along the epoch.

    learning_rate: at the epoch's last step. images_per_s: training pictures a second, evaluation apart.
    elapsed_s: working time since the run's first picture, over all sittings.
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
    """A spec from the dictionary that dataclasses.asdict makes of it, lists standing for tuples."""
    network: dict[str, Any] = {name: lists_to_tuples(value) for name, value in values["xception"].items()}
    run: dict[str, Any] = {**values, "xception": XceptionSpec(**network)}
    return TrainSpec(**run)


def lists_to_tuples(value: Any) -> Any:
    """JSON's lists back as the tuples that specs hold."""
    return tuple(cast(list[Any], value)) if isinstance(value, list) else value


def record_from_dict(values: dict[str, Any]) -> EpochRecord:
    """A record from a mapping that holds its fields, and perhaps others."""
    return EpochRecord(**{field.name: values[field.name] for field in fields(EpochRecord)})
