"""A network as cards: one for each stage, equal ones together, without batch norms as in the paper's Figure 5."""

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from xception_lab.arch.breakdown import AREA_MEASURES, AreaMeasure, LayerKind, NetworkBreakdown, StageCost
from xception_lab.arch.plan import Act, Conv, Flow, Linear, Norm, Op, Pool
from xception_lab.spec import Activation

RowType = Literal["conv", "separable", "activation", "max_pool", "mean_pool", "linear"]
Shortcut = Literal["none", "identity", "projection"]


@dataclass(frozen=True, slots=True)
class CardPart:
    """One convolution of a row. share: of the row's MACs, 0 to 1."""

    kind: LayerKind
    share: float


@dataclass(frozen=True, slots=True)
class CardRow:
    """One line on a card. parts: its convolutions in running order. between: the activation between them.

    function: of an activation's row.
    """

    type: RowType
    parts: tuple[CardPart, ...] = ()
    kernel_size: int = 1
    stride: int = 1
    out_channels: int = 0
    function: Activation = "none"
    between: Activation = "none"


@dataclass(frozen=True, slots=True)
class Card:
    """A stage, or several equal ones in a row.

    key: "stem", "block1" and so on for the entry flow, "middle", "exit", "head".
    number: of the first block. times: how many stages the card stands for. stage: the first of them.
    amounts, shares: of all of them together; shares of the whole network, 0 to 1.
    """

    key: str
    flow: Flow
    number: int
    times: int
    stage: StageCost
    shortcut: Shortcut
    rows: tuple[CardRow, ...]
    amounts: dict[AreaMeasure, int]
    shares: dict[AreaMeasure, float]


def network_cards(network: NetworkBreakdown) -> tuple[Card, ...]:
    """The network's cards in running order; the middle flow is one card, or none where it has no block."""
    cards: list[Card] = []
    number = 0
    for key, group in groupby(network.stages, _key):
        stages = list(group)
        first = stages[0]
        number += key not in ("stem", "head")
        amounts: dict[AreaMeasure, int] = {
            measure: sum(stage.totals[measure] for stage in stages) for measure in AREA_MEASURES
        }
        shares: dict[AreaMeasure, float] = {name: amounts[name] / getattr(network.cost, name) for name in AREA_MEASURES}
        card = Card(key, first.stage.flow, number, len(stages), first, _shortcut(first), _rows(first), amounts, shares)
        cards.append(card)
        number += len(stages) - 1
    return tuple(cards)


def _key(stage: StageCost) -> str:
    if stage.stage.flow == "middle":
        return "middle"
    return "exit" if stage.stage.flow == "exit" and stage.name != "head" else stage.name


def _shortcut(stage: StageCost) -> Shortcut:
    if stage.stage.shortcut is None:
        return "none"
    return "projection" if stage.stage.shortcut else "identity"


def _rows(stage: StageCost) -> tuple[CardRow, ...]:
    macs: dict[str, tuple[LayerKind, int]] = {layer.cost.name: (layer.kind, layer.cost.macs) for layer in stage.layers}
    units = (tuple(group) for _, group in groupby(stage.stage.body, _unit))
    return tuple(_row(ops, macs) for ops in units if not isinstance(ops[0], Norm))


def _unit(op: Op) -> str:
    """The name of the row that an operation belongs to: the halves of a separable convolution share theirs."""
    head, _, last = op.name.rpartition(".")
    return head if head and last in ("conv1", "pointwise", "act") else op.name


def _row(ops: tuple[Op, ...], macs: dict[str, tuple[LayerKind, int]]) -> CardRow:
    convs = [op for op in ops if isinstance(op, Conv)]
    if convs:
        whole = sum(macs[conv.name][1] for conv in convs)
        parts = tuple(CardPart(macs[conv.name][0], macs[conv.name][1] / whole) for conv in convs)
        widest = max(convs, key=lambda conv: conv.kernel_size)
        functions: list[Activation] = [op.function for op in ops if isinstance(op, Act)]
        between: Activation = functions[0] if functions else "none"
        kind: RowType = "separable" if len(convs) > 1 else "conv"
        return CardRow(kind, parts, widest.kernel_size, widest.stride, convs[-1].out_channels, between=between)
    match ops[0]:
        case Act(function=function):
            return CardRow("activation", function=function)
        case Pool(size=None):
            return CardRow("mean_pool")
        case Linear(out_features=out_features):
            return CardRow("linear", out_channels=out_features)
        case _:
            return CardRow("max_pool", kernel_size=3, stride=2)
