"""An experiment as data: a question, a grid of variants and a number of seeds. Free of torch and of dask."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any, Literal

from xception_lab.common.validate import check_choice, check_whole
from xception_lab.spec import ACTIVATIONS, ORDERS, TrainSpec, XceptionSpec
from xception_lab.training.records import lists_to_tuples, train_spec_from_dict, train_spec_to_dict

Grid = tuple[tuple[str, tuple[Any, ...]], ...]
Setting = tuple[tuple[str, Any], ...]  # ((field, value), ...)
Overrides = tuple[tuple[Setting, Setting], ...]

NETWORK_FIELDS = tuple(f.name for f in fields(XceptionSpec) if f.name not in ("in_channels", "num_classes"))
RUN_FIELDS = tuple(f.name for f in fields(TrainSpec) if f.name not in ("xception", "dataset", "seed", "train_size"))
MARGIN = 0.5  # percentage points: a smaller difference between two networks is of no account here
MAX_SEEDS = 100
MAX_RUNS = 400  # of one experiment
MAX_UNFINISHED = 200  # runs that one owner may have in the queue


@dataclass(frozen=True, slots=True)
class Contrast:
    """A comparison that is fixed before anything has run.

    change, baseline: what it compares. where: what other factors are at. test: "difference" asks whether it is 0,
    "equivalence" whether it lies within the margin; "slope" asks whether the difference grows with the logarithm of
    the field `where` names.
    """

    change: Setting
    baseline: Setting
    where: Setting = ()
    test: Literal["difference", "equivalence", "slope"] = "difference"


@dataclass(frozen=True, slots=True)
class Preset:
    """A question, the section of the paper that raises it, and the fields to vary, the baseline's level first.

    primary: the comparisons that answer it; all others are exploratory.
    family: how many differences were fixed beforehand in all, where other presets ask some of them: P1 (ReLU against
        nothing) and P2 (ELU against nothing) are corrected together, wherever one of them is asked.
    fixed: fields of the network that have this value in every variant.
    overrides: as in ExperimentSpec, for every experiment with this preset.
    exploratory: comparisons that change two fields at once; shown with their estimate and own interval, no verdict.
    """

    question: str
    paper_section: str
    grid: Grid
    primary: tuple[Contrast, ...] = ()
    fixed: Setting = ()
    family: int = 0
    overrides: Overrides = ()
    exploratory: tuple[Contrast, ...] = ()


# deeper segments have more weights: with these widths every depth of the small Xception has depth 1's 82,802 parameters
# to half a percent
_WIDTHS = {
    2: ((30, 62), (92, 124, 150)),
    4: ((28, 56), (84, 116, 144)),
    8: ((24, 48), (72, 96, 128)),
    16: ((16, 32), (64, 80, 96)),
}
_EQUAL_PARAMETERS: Overrides = tuple(
    (
        (("segment_depth", depth),),
        (("entry_channels", entry), ("middle_channels", entry[-1]), ("exit_channels", exits)),
    )
    for depth, (entry, exits) in _WIDTHS.items()
)
_NONE, _RELU, _ELU = ((("intermediate", level),) for level in ("none", "relu", "elu"))
_DEPTHWISE_FIRST, _POINTWISE_FIRST = ((("order", level),) for level in ORDERS)

PRESETS = {
    "two-differences": Preset(
        "Of the two differences between the extreme Inception block and the depthwise separable convolution, "
        "does the order matter, and does the ReLU in between?",
        "1.2",
        (("order", ORDERS), ("intermediate", ("none", "relu"))),
        (
            Contrast(_RELU, _NONE, _DEPTHWISE_FIRST),
            Contrast(_POINTWISE_FIRST, _DEPTHWISE_FIRST, _NONE, "equivalence"),
        ),
        family=2,
        # the paper's two blocks: Figure 4's against the separable convolution, by both differences at once
        exploratory=(Contrast(_POINTWISE_FIRST + _RELU, _DEPTHWISE_FIRST + _NONE),),
    ),
    "figure-10": Preset(
        "What belongs between the depthwise and the pointwise convolution: nothing, a ReLU or an ELU?",
        "4.7",
        (("intermediate", ACTIVATIONS),),
        (Contrast(_RELU, _NONE), Contrast(_ELU, _NONE)),
        family=2,
    ),
    "figure-9": Preset(
        "Are the residual connections essential?",
        "4.6",
        (("residual", (True, False)),),
        (Contrast((("residual", False),), (("residual", True),)),),
    ),
    "batch-norm": Preset(
        "Does a ReLU in between still harm with a batch norm before it?",
        "4.7",
        (("batch_norm", ("last", "every")), ("intermediate", ACTIVATIONS)),
        (Contrast(_RELU, _NONE, (("batch_norm", "every"),)),),
    ),
    "dose": Preset(
        "What does it do to cut more of the negative signal?",
        "4.7",
        (("negative_slope", (1.0, 0.5, 0.2, 0.1, 0.0)),),
        (Contrast((("negative_slope", 0.0),), (("negative_slope", 1.0),)),),
        _RELU,
    ),
    "conjecture": Preset(
        "Does a ReLU in between harm shallow feature spaces and help deep ones, as the paper supposes?",
        "4.7",
        # within one order; None is a segment of one channel
        (("segment_depth", (None, 2, 4, 8, 16)), ("intermediate", ("none", "relu"))),
        (Contrast(_RELU, _NONE, (("segment_depth", None),), "slope"),),
        overrides=_EQUAL_PARAMETERS,
    ),
    "own": Preset("What do these fields change?", "", ()),
}


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """The variants of a base run, each on the same seeds.

    preset: a key of PRESETS, which says what varies; with "own" that is `grid`.
    base: the run that the variants are made from; its seed is not used.
    grid: ((field, levels), ...), fields of TrainSpec or of its network, the first level of each the baseline.
    first_seed: the seeds are this one and the next `seeds` - 1.
    overrides: ((setting, changes), ...): what else is different in the variants that have this setting, such as the
        learning rate that was chosen for them.
    Raises ValueError naming field, value and rule.
    """

    preset: str = "two-differences"
    seeds: int = 3
    base: TrainSpec = field(default_factory=TrainSpec)
    grid: Grid = ()
    first_seed: int = 0
    overrides: Overrides = ()

    def __post_init__(self) -> None:
        check_choice("preset", self.preset, PRESETS)
        check_whole("seeds", self.seeds, 1, MAX_SEEDS)
        check_whole("first_seed", self.first_seed, 0)
        if bool(self.grid) != (self.preset == "own"):
            raise ValueError(f"grid={self.grid!r}: belongs to preset='own', which needs one")
        _check_grid(self.grid)
        for where, changes in self.overrides:
            for name, _value in where + changes:
                _check_field("overrides", name)
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
    def primary(self) -> tuple[Contrast, ...]:
        """The comparisons that answer the question, fixed beforehand; a grid of one factor is a question by itself."""
        if self.preset != "own":
            return PRESETS[self.preset].primary
        factors = [(name, levels) for name, levels in self.grid if len(levels) > 1]
        if len(factors) != 1:
            return ()
        ((name, (first, *others)),) = factors
        return tuple(Contrast(((name, other),), ((name, first),)) for other in others)

    @property
    def levels(self) -> Grid:
        """The fields that vary, and their levels, the baseline first."""
        return self.grid or PRESETS[self.preset].grid

    def cells(self) -> tuple[TrainSpec, ...]:
        """One run for each combination of levels, all on the base's seed."""
        return tuple(self.cell(setting) for setting in self.settings())

    def settings(self) -> tuple[Setting, ...]:
        """The combinations of levels."""
        names = [name for name, _ in self.levels]
        return tuple(
            tuple(zip(names, values, strict=True)) for values in product(*(levels for _, levels in self.levels))
        )

    def cell(self, setting: Setting) -> TrainSpec:
        """The run of one combination of levels, on the base's seed."""
        values = dict(PRESETS[self.preset].fixed + setting)
        for where, changes in PRESETS[self.preset].overrides + self.overrides:
            if set(where) <= set(setting):
                values |= dict(changes)
        return _with(self.base, values)

    def variants(self, seeds: int | None = None) -> tuple[TrainSpec, ...]:
        """Every run, seed after seed, so that the comparisons within a seed are complete early.

        seeds: of the first so many seeds, by default of all.
        """
        cells = self.cells()
        numbers = range(self.first_seed, self.first_seed + (seeds or self.seeds))
        return tuple(replace(cell, seed=seed) for seed in numbers for cell in cells)

    def to_json(self) -> str:
        """The spec as one line of JSON; what version 0.1 did not have is left out at its default.

        But a conjecture always says its overrides: by that it is told from version 0.1's, which had another grid.
        """
        values = {**asdict(self), "base": train_spec_to_dict(self.base)}
        if not self.first_seed:
            del values["first_seed"]
        if not self.overrides and self.preset != "conjecture":
            del values["overrides"]
        return json.dumps(values, sort_keys=True)


_CONJECTURE_0_1 = (("order", ("pointwise-first",)), ("segments", (1, 4, 16, None)), ("intermediate", ("none", "relu")))


def experiment_spec_from_json(text: str) -> ExperimentSpec:
    """The inverse of ExperimentSpec.to_json. Raises ValueError on anything else."""
    try:
        values: dict[str, Any] = _with_present_grid(json.loads(text))
        grid = tuple((name, tuple(map(lists_to_tuples, levels))) for name, levels in values["grid"])
        overrides = tuple(map(_override_from_json, values.get("overrides", ())))
        values |= {"base": train_spec_from_dict(values["base"]), "grid": grid, "overrides": overrides}
        return ExperimentSpec(**values)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not an ExperimentSpec: {error}") from error


def _with_present_grid(values: dict[str, Any]) -> dict[str, Any]:
    """The same experiment, should it be version 0.1's conjecture: that had another grid, and no equal widths."""
    if values["preset"] == "conjecture" and "overrides" not in values:
        return values | {"preset": "own", "grid": _CONJECTURE_0_1}
    return values


def _override_from_json(override: Any) -> tuple[Setting, Setting]:
    where, changes = (tuple((name, lists_to_tuples(value)) for name, value in setting) for setting in override)
    return where, changes


def _check_grid(grid: Grid) -> None:
    names = [name for name, _ in grid]
    for name, levels in grid:
        _check_field("grid", name)
        if names.count(name) > 1 or not levels or len(set(levels)) < len(levels):
            raise ValueError(f"grid {name}={levels!r}: must be named once, with at least one level and none twice")


def _check_field(what: str, name: str) -> None:
    if name not in NETWORK_FIELDS + RUN_FIELDS:
        raise ValueError(f"{what} field {name!r}: must be one of {', '.join(NETWORK_FIELDS + RUN_FIELDS)}")


def _with(base: TrainSpec, values: dict[str, Any]) -> TrainSpec:
    network = {name: value for name, value in values.items() if name in NETWORK_FIELDS}
    run = {name: value for name, value in values.items() if name in RUN_FIELDS}
    return replace(base, xception=replace(base.xception, **network), **run)


def level_of(spec: TrainSpec, name: str) -> Any:
    """The value of one grid field in a run."""
    return getattr(spec.xception if name in NETWORK_FIELDS else spec, name)
