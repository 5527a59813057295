"""The Train page's controls: the question, the data, the size of the experiment, and a grid of one's own.

A grid control has the levels of one field, separated by commas in a link: "none,relu" compares the two, "relu" is the
same for every run.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from xception_lab.data.builtin import DATASETS
from xception_lab.experiments.plan import planned_experiment
from xception_lab.experiments.spec import MAX_UNFINISHED, NETWORK_FIELDS, PRESETS, ExperimentSpec, Grid
from xception_lab.spec import Activation, Order, TrainSpec
from xception_lab.ui.fields.compare import ACTIVATION_LABELS, ORDER, ORDER_LABELS, SEGMENTS
from xception_lab.ui.fields.field import N_, VIEW_BELOW, Field, Option, Texts, number_options, word_options
from xception_lab.ui.fields.network import NETWORK_INTERMEDIATE, RESIDUAL

Outcome = Literal["result", "runs", "run"]
Level = TypeVar("Level")

OWN = "own"


def _grid_options(
    *texts: str, parse: Callable[[str], Level], labels: dict[str, str] | None = None
) -> tuple[Option[tuple[Level, ...]], ...]:
    """Options from texts of comma-separated levels. parse: of one level. labels: by text, where another is shown."""
    return tuple(Option(text, tuple(map(parse, text.split(","))), (labels or {}).get(text, "")) for text in texts)


GRID_ORDER: Field[tuple[Order, ...]] = Field(
    "grid_order",
    _grid_options(
        "depthwise-first",
        "pointwise-first",
        "depthwise-first,pointwise-first",
        parse=ORDER.parse,
        labels={**ORDER_LABELS, "depthwise-first,pointwise-first": N_("both")},
    ),
    "depthwise-first",
    label=N_("Order"),
    help=N_("Which convolution comes first. Two values are compared, one is the same for every run."),
)
GRID_INTERMEDIATE: Field[tuple[Activation, ...]] = Field(
    "grid_intermediate",
    _grid_options(
        "none",
        "relu",
        "elu",
        "none,relu",
        "none,elu",
        "none,relu,elu",
        parse=NETWORK_INTERMEDIATE.parse,
        labels={
            **ACTIVATION_LABELS,
            "none,relu": N_("none, ReLU"),
            "none,elu": N_("none, ELU"),
            "none,relu,elu": N_("none, ReLU, ELU"),
        },
    ),
    "none,relu",
    term="intermediate",
    help=N_("What stands between the two convolutions."),
)
GRID_RESIDUAL = Field(
    "grid_residual",
    _grid_options("true", "false", "true,false", parse=RESIDUAL.parse, labels={"true,false": "true, false"}),
    "true",
    term="residual",
    help=N_("Residual connections: Figure 9."),
)
GRID_SEGMENTS = Field(
    "grid_segments",
    _grid_options("max", "1", "4", "16", "max,1", "max,16,4,1", parse=SEGMENTS.parse),
    "max",
    term="segments",
    help=N_("Groups of the spatial convolution: 1 is a regular convolution, max one a channel."),
)
GRID_MIDDLE_BLOCKS = Field(
    "grid_middle_blocks",
    _grid_options("0", "1", "3", "1,3", parse=int),
    "1",
    term="middle_blocks",
    help=N_("Middle flow's blocks; the paper has 8."),
)
GRID_LEARNING_RATE = Field(
    "grid_learning_rate",
    _grid_options("0.004", "0.012", "0.036", "0.012,0.004", parse=float),
    "0.012",
    term="learning_rate",
    help=N_("The highest learning rate of a run."),
)
GRID_FIELDS: tuple[Field[Any], ...] = (
    GRID_ORDER,
    GRID_INTERMEDIATE,
    GRID_RESIDUAL,
    GRID_SEGMENTS,
    GRID_MIDDLE_BLOCKS,
    GRID_LEARNING_RATE,
)

PRESET: Field[str] = Field(
    "preset",
    word_options(
        *PRESETS,
        labels={
            "two-differences": N_("The two differences"),
            "figure-10": N_("Figure 10"),
            "figure-9": N_("Figure 9"),
            "batch-norm": N_("Batch norm between"),
            "dose": N_("How much negative is cut"),
            "conjecture": N_("The conjecture"),
            OWN: N_("Your own"),
        },
    ),
    "two-differences",
    label=N_("Question"),
    help=N_("Which question is put to the test."),
)
DATASET: Field[str] = Field(
    "dataset",
    word_options(
        *DATASETS,
        OWN,
        labels={
            "fashion-mnist": "Fashion-MNIST",
            "emoji": N_("Emoji"),
            "emoji-style": N_("Emoji, new style"),
            "textures": N_("Textures"),
            OWN: N_("Your own data"),
        },
    ),
    "fashion-mnist",
    label=N_("Data"),
    help=N_(
        "What the networks learn; textures are a demonstration. New style: the test is drawn unlike it. ▷: nothing is "
        "stored for the question, run it here."
    ),
)


def _available_seeds(texts: Texts) -> tuple[str, ...]:
    """The numbers of seeds with which the experiment has no more runs than one person may have in the queue."""
    cells = math.prod(len(field.read(texts)) for field in GRID_FIELDS) if PRESET.read(texts) == OWN else 1
    return tuple(option.text for option in SEEDS.options if option.value * cells <= MAX_UNFINISHED)


SEEDS = Field(
    "seeds",
    number_options(*range(1, 11)),
    "3",
    "slider",
    help=N_("Runs of every variant, each from other weights."),
    narrow=_available_seeds,
)
EPOCHS = Field(
    "epochs", number_options(*range(1, 9)), "4", "slider", help=N_("How often a run sees every training picture.")
)
OUTCOME: Field[Outcome] = Field(
    "outcome",
    word_options(
        "result", "runs", "run", labels={"result": N_("Result"), "runs": N_("All runs"), "run": N_("One run")}
    ),
    "result",
    label=N_("Look at"),
    help=N_("What is shown of the experiment."),
    part=VIEW_BELOW,
)


ASK, SHOW = "ask", "show"  # nothing of the answer is on the page yet; it is shown without a guess
GUESSES = ("-2", "-1", "0", "1", "2")  # percentage points
# no control draws it: the page has a button for each guess
GUESS: Field[str] = Field("guess", word_options(ASK, *GUESSES, SHOW), ASK)


@dataclass(frozen=True, slots=True)
class TrainingState:
    """The controls of the Train page. grid_*: the levels of a field in an experiment of one's own."""

    preset: str = PRESET.attribute()
    dataset: str = DATASET.attribute()
    grid_order: tuple[Order, ...] = GRID_ORDER.attribute()
    grid_intermediate: tuple[Activation, ...] = GRID_INTERMEDIATE.attribute()
    grid_residual: tuple[bool, ...] = GRID_RESIDUAL.attribute()
    grid_segments: tuple[int | None, ...] = GRID_SEGMENTS.attribute()
    grid_middle_blocks: tuple[int, ...] = GRID_MIDDLE_BLOCKS.attribute()
    grid_learning_rate: tuple[float, ...] = GRID_LEARNING_RATE.attribute()
    seeds: int = SEEDS.attribute()
    epochs: int = EPOCHS.attribute()
    outcome: Outcome = OUTCOME.attribute()
    guess: str = GUESS.attribute()

    @property
    def grid(self) -> Grid:
        """The levels of each field that an experiment of one's own can vary."""
        return (
            ("order", self.grid_order),
            ("intermediate", self.grid_intermediate),
            ("residual", self.grid_residual),
            ("segments", self.grid_segments),
            ("middle_blocks", self.grid_middle_blocks),
            ("learning_rate", self.grid_learning_rate),
        )

    def experiment(self, own: str | None) -> ExperimentSpec | None:
        """The experiment that the controls ask for; None while the user's own data are not uploaded.

        A preset is run as its plan was fixed, with the learning rates that were chosen, but with seeds of its own.

        own: the name under which those are stored.
        """
        dataset = own if self.dataset == OWN else self.dataset
        if dataset is None:
            return None
        base = TrainSpec(dataset=dataset, epochs=self.epochs)
        if self.preset != OWN:
            planned = planned_experiment(self.preset, dataset)
            if planned is None:
                return ExperimentSpec(self.preset, self.seeds, base)
            base = replace(planned.base, epochs=self.epochs)
            return replace(planned, base=base, seeds=self.seeds, first_seed=0)
        same = {name: levels[0] for name, levels in self.grid if len(levels) == 1}
        # an experiment needs a factor: without any, one with a single level, which compares nothing
        varied = tuple((name, levels) for name, levels in self.grid if len(levels) > 1) or self.grid[:1]
        network = {name: value for name, value in same.items() if name in NETWORK_FIELDS}
        run = {name: value for name, value in same.items() if name not in NETWORK_FIELDS}
        base = replace(base, xception=replace(base.xception, **network), **run)
        return ExperimentSpec(OWN, self.seeds, base, varied)
