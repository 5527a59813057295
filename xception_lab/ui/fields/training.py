"""The training lab's controls: the question, the data, the size of the experiment, and a grid of one's own.

A grid control holds the levels of one field, with commas between: "none,relu" compares, "relu" is the same for all.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from xception_lab.data.builtin import DATASETS
from xception_lab.experiments.spec import MAX_UNFINISHED, NETWORK_FIELDS, PRESETS, ExperimentSpec, Grid
from xception_lab.spec import TrainSpec
from xception_lab.ui.fields.field import FALSE, N_, TRUE, Field, number_options

OWN = "own"
GRID_PREFIX = "grid_"

_ONE_A_CHANNEL = "max"

_GRID_FIELDS = (
    Field(
        "grid_order",
        ("depthwise-first", "pointwise-first", "depthwise-first,pointwise-first"),
        "depthwise-first",
        help=N_("Which convolution comes first. Two values are compared, one is the same for every run."),
    ),
    Field(
        "grid_intermediate",
        ("none", "relu", "elu", "none,relu", "none,elu", "none,relu,elu"),
        "none,relu",
        help=N_("What stands between the two convolutions."),
    ),
    Field("grid_residual", (TRUE, FALSE, "true,false"), TRUE, help=N_("Residual connections: Figure 9.")),
    Field(
        "grid_segments",
        (_ONE_A_CHANNEL, "1", "4", "16", "max,1", "max,16,4,1"),
        _ONE_A_CHANNEL,
        help=N_("Groups of the spatial convolution: 1 is a regular convolution, max one a channel."),
    ),
    Field("grid_middle_blocks", ("0", "1", "3", "1,3"), "1", help=N_("Middle flow's blocks; the paper has 8.")),
    Field(
        "grid_learning_rate",
        ("0.004", "0.012", "0.036", "0.012,0.004"),
        "0.012",
        help=N_("The highest learning rate of a run."),
    ),
)
GRID_KEYS = tuple(field.key for field in _GRID_FIELDS)


def _startable(values: Mapping[str, str]) -> tuple[str, ...]:
    """As many seeds as one person may have in the queue."""
    cells = 1
    if values.get("preset") == OWN:
        given = (values.get(field.key, field.default) for field in _GRID_FIELDS)
        cells = math.prod(len(levels.split(",")) for levels in given)
    return tuple(seeds for seeds in _SEEDS if int(seeds) * cells <= MAX_UNFINISHED)


_SEEDS = number_options(*range(1, 11))

TRAIN_FIELDS = (
    Field("preset", tuple(PRESETS), "two-differences", help=N_("Which question is put to the test.")),
    Field(
        "dataset",
        (*DATASETS, OWN),
        "fashion-mnist",
        help=N_("What the networks learn; textures are a demonstration. New style: the test is drawn unlike it."),
    ),
    *_GRID_FIELDS,
    Field("seeds", _SEEDS, "3", "slider", N_("Runs of every variant, each from other weights."), _startable),
    Field("epochs", number_options(*range(1, 9)), "4", "slider", N_("How often a run sees every training picture.")),
    Field("outcome", ("result", "runs", "run"), "result", help=N_("What is shown of the experiment.")),
)
TRAIN_KEYS = tuple(field.key for field in TRAIN_FIELDS)


def experiment_spec(values: Mapping[str, str], own: str | None) -> ExperimentSpec | None:
    """The experiment that the controls ask for; None while it waits for the user's own data.

    own: the name under which they are kept.
    """
    dataset = own if values["dataset"] == OWN else values["dataset"]
    if dataset is None:
        return None
    base = TrainSpec(dataset=dataset, epochs=int(values["epochs"]))
    if values["preset"] != OWN:
        return ExperimentSpec(values["preset"], int(values["seeds"]), base)
    levels: Grid = tuple((key.removeprefix(GRID_PREFIX), _levels(key, values[key])) for key in GRID_KEYS)
    same = {name: values[0] for name, values in levels if len(values) == 1}
    # an experiment needs a factor; one whose levels are one is run, and compares nothing
    varied = tuple((name, values) for name, values in levels if len(values) > 1) or levels[:1]
    network = {name: value for name, value in same.items() if name in NETWORK_FIELDS}
    run = {name: value for name, value in same.items() if name not in NETWORK_FIELDS}
    base = replace(base, xception=replace(base.xception, **network), **run)
    return ExperimentSpec(OWN, int(values["seeds"]), base, varied)


def _levels(key: str, value: str) -> tuple[str | int | float | bool | None, ...]:
    return tuple(_level(key, part) for part in value.split(","))


def _level(key: str, text: str) -> str | int | float | bool | None:
    match key.removeprefix(GRID_PREFIX):
        case "residual":
            return text == TRUE
        case "segments":
            return None if text == _ONE_A_CHANNEL else int(text)
        case "middle_blocks":
            return int(text)
        case "learning_rate":
            return float(text)
        case _:
            return text
