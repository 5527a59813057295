"""An experiment as data: a question, a grid of variants and a number of seeds. Free of torch and of dask."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any

from xception_lab.common.validate import check_choice, check_whole
from xception_lab.spec import ACTIVATIONS, ORDERS, TrainSpec, XceptionSpec
from xception_lab.training.records import lists_to_tuples, train_spec_from_dict

Grid = tuple[tuple[str, tuple[Any, ...]], ...]

NETWORK_FIELDS = tuple(f.name for f in fields(XceptionSpec) if f.name not in ("in_channels", "num_classes"))
RUN_FIELDS = tuple(f.name for f in fields(TrainSpec) if f.name not in ("xception", "dataset", "seed", "train_size"))
MAX_SEEDS = 100
MAX_RUNS = 400  # of one experiment
MAX_UNFINISHED = 200  # runs that one owner may have in the queue


@dataclass(frozen=True, slots=True)
class Preset:
    """A question, the section of the paper that raises it, and the fields to vary, the baseline's level first."""

    question: str
    paper_section: str
    grid: Grid


PRESETS = {
    "two-differences": Preset(
        "Of the two differences between the extreme Inception block and the depthwise separable convolution, "
        "does the order matter, and does the ReLU in between?",
        "2",
        (("order", ORDERS), ("intermediate", ("none", "relu"))),
    ),
    "figure-10": Preset(
        "What belongs between the depthwise and the pointwise convolution: nothing, a ReLU or an ELU?",
        "4.7",
        (("intermediate", ACTIVATIONS),),
    ),
    "figure-9": Preset("Are the residual connections essential?", "4.6", (("residual", (True, False)),)),
    "conjecture": Preset(
        "Does a ReLU in between harm shallow feature spaces and help deep ones, as the paper supposes?",
        "4.7",
        # Inception's order: the 1x1 first, then the segments of section 1.2; None is one per channel
        (("order", ("pointwise-first",)), ("segments", (1, 4, 16, None)), ("intermediate", ("none", "relu"))),
    ),
    "own": Preset("What do these fields change?", "", ()),
}


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """The variants of a base run, each on seeds 0 to seeds - 1.

    preset: a key of PRESETS, which says what varies; with "own" that is `grid`.
    base: the run that the variants are made from; its seed is not used.
    grid: ((field, levels), ...), fields of TrainSpec or of its network, the first level of each the baseline.
    Raises ValueError naming field, value and rule.
    """

    preset: str = "two-differences"
    seeds: int = 3
    base: TrainSpec = field(default_factory=TrainSpec)
    grid: Grid = ()

    def __post_init__(self) -> None:
        check_choice("preset", self.preset, PRESETS)
        check_whole("seeds", self.seeds, 1, MAX_SEEDS)
        if bool(self.grid) != (self.preset == "own"):
            raise ValueError(f"grid={self.grid!r}: belongs to preset='own', which needs one")
        _check_grid(self.grid)
        runs = self.seeds * len(self.cells())
        if runs > MAX_RUNS:
            raise ValueError(f"seeds={self.seeds}: makes {runs} runs, must make at most {MAX_RUNS}")

    @property
    def question(self) -> str:
        """What the experiment asks, in one English sentence."""
        return PRESETS[self.preset].question

    @property
    def paper_section(self) -> str:
        """The section of the paper that raises the question; empty for an experiment of one's own."""
        return PRESETS[self.preset].paper_section

    @property
    def levels(self) -> Grid:
        """The fields that vary, and their levels, the baseline first."""
        return self.grid or PRESETS[self.preset].grid

    def cells(self) -> tuple[TrainSpec, ...]:
        """One run for each combination of levels, all on the base's seed."""
        names = [name for name, _ in self.levels]
        return tuple(
            _with(self.base, dict(zip(names, values, strict=True)))
            for values in product(*(levels for _, levels in self.levels))
        )

    def variants(self, seeds: int | None = None) -> tuple[TrainSpec, ...]:
        """Every run, seed after seed, so that the comparisons within a seed are complete early.

        seeds: of the first so many seeds, by default of all.
        """
        cells = self.cells()
        return tuple(replace(cell, seed=seed) for seed in range(seeds or self.seeds) for cell in cells)

    def to_json(self) -> str:
        """The spec as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)


def experiment_spec_from_json(text: str) -> ExperimentSpec:
    """The inverse of ExperimentSpec.to_json. Raises ValueError on anything else."""
    try:
        values: dict[str, Any] = json.loads(text)
        grid = tuple((name, tuple(map(lists_to_tuples, levels))) for name, levels in values["grid"])
        values |= {"base": train_spec_from_dict(values["base"]), "grid": grid}
        return ExperimentSpec(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not an ExperimentSpec: {error}") from error


def _check_grid(grid: Grid) -> None:
    names = [name for name, _ in grid]
    for name, levels in grid:
        if name not in NETWORK_FIELDS + RUN_FIELDS:
            raise ValueError(f"grid field {name!r}: must be one of {', '.join(NETWORK_FIELDS + RUN_FIELDS)}")
        if names.count(name) > 1 or not levels or len(set(levels)) < len(levels):
            raise ValueError(f"grid {name}={levels!r}: must be named once, with at least one level and none twice")


def _with(base: TrainSpec, values: dict[str, Any]) -> TrainSpec:
    network = {name: value for name, value in values.items() if name in NETWORK_FIELDS}
    run = {name: value for name, value in values.items() if name in RUN_FIELDS}
    return replace(base, xception=replace(base.xception, **network), **run)


def level_of(spec: TrainSpec, name: str) -> Any:
    """The value of one grid field in a run."""
    return getattr(spec.xception if name in NETWORK_FIELDS else spec, name)
