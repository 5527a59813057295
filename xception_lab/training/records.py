"""The record of an epoch, and specs and records as JSON. Free of torch, so that a page can read a store without it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, cast

from xception_lab.spec import TrainSpec, XceptionSpec, without_added_fields


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One epoch of a run.

    train_loss, train_accuracy: means over the training pictures, each as the network was when it saw them.
    validation_loss, validation_accuracy: means over the validation pictures, after the epoch; None where the data have
        none. Accuracies are from 0 to 1.
    test_loss, test_accuracy: means over the test pictures, after the run's last epoch; None after the others. Data
        without validation pictures, which version 0.1 kept, are tested after every epoch.
    learning_rate: at the epoch's last step. images_per_s: training pictures per second, without the evaluation.
    elapsed_s: time spent on the run so far, without what lies between a kill and a resume.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    learning_rate: float
    images_per_s: float
    elapsed_s: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    @property
    def accuracy(self) -> float | None:
        """What a learning curve shows: the validation accuracy, or the test's where there is no validation part."""
        return self.test_accuracy if self.validation_accuracy is None else self.validation_accuracy


@dataclass(frozen=True, slots=True)
class StepReport:
    """How far an epoch is while it is under way, from its first step on.

    step, steps: of the epoch. loss: of the step's batch. accuracy: of all batches so far, 0 to 1. elapsed_s: since the
    epoch's first step began.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    elapsed_s: float


def validation_area(records: Sequence[EpochRecord]) -> float | None:
    """The area under the validation curve: the mean over the epochs, 0 to 1; None where an epoch has no validation.

    Of two runs that end alike, the faster one has the larger area.
    """
    accuracies = [record.validation_accuracy for record in records if record.validation_accuracy is not None]
    return sum(accuracies) / len(accuracies) if accuracies and len(accuracies) == len(records) else None


_ADDED = {"autocast": True, "use_test": True}


def train_spec_to_json(spec: TrainSpec) -> str:
    """The spec as one line of JSON: the same text for the same spec."""
    return json.dumps(train_spec_to_dict(spec), sort_keys=True)


def train_spec_to_dict(spec: TrainSpec) -> dict[str, Any]:
    """The spec as train_spec_from_dict takes it.

    Fields that version 0.1 did not have are left out at their defaults, so that a run has one text in all versions: a
    store finds it by that.
    """
    values = asdict(spec)
    values["xception"] = without_added_fields(values["xception"])
    return {name: value for name, value in values.items() if name not in _ADDED or value != _ADDED[name]}


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


def record_to_dict(record: EpochRecord) -> dict[str, Any]:
    """The record as record_from_dict takes it; what was not measured is left out."""
    return {name: value for name, value in asdict(record).items() if value is not None}


def record_from_dict(values: dict[str, Any]) -> EpochRecord:
    """A record from a dictionary that holds its fields, and perhaps others."""
    known: dict[str, Any] = {"test_loss": None, "test_accuracy": None}
    known |= {field.name: values[field.name] for field in fields(EpochRecord) if field.name in values}
    return EpochRecord(**known)


def with_data_shape(spec: TrainSpec, in_channels: int, num_classes: int) -> TrainSpec:
    """The run's spec with the channels and classes of its data, as its network has them when it is trained."""
    return replace(spec, xception=replace(spec.xception, in_channels=in_channels, num_classes=num_classes))
