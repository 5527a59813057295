"""The drawing's cards hold what the built network holds, in its order."""

import itertools
from collections import Counter

import pytest
import torch
from hypothesis import given
from strategies import examples, xception_specs
from torch import nn

from xception_lab import XceptionSpec, build_xception
from xception_lab.arch.breakdown import AREA_MEASURES, NetworkSpec, break_down
from xception_lab.drawing.network_cards import network_cards
from xception_lab.nn.pooling import MaxPool2d, SameMaxPool2d

PAPER = network_cards(break_down(XceptionSpec(), 299))


def test_the_papers_figure_5() -> None:
    assert [(card.key, card.number, card.times, card.shortcut) for card in PAPER] == [
        ("stem", 0, 1, "none"),
        ("block1", 1, 1, "projection"),
        ("block2", 2, 1, "projection"),
        ("block3", 3, 1, "projection"),
        ("middle", 4, 8, "identity"),
        ("exit", 12, 1, "projection"),
        ("head", 12, 1, "none"),
    ]
    rows = {card.key: [(row.type, row.out_channels) for row in card.rows] for card in PAPER}
    relu = ("activation", 0)
    assert rows["stem"] == [("conv", 32), relu, ("conv", 64), relu]
    assert rows["block1"] == [("separable", 128), relu, ("separable", 128), ("max_pool", 0)]
    assert rows["block3"] == [relu, ("separable", 728), relu, ("separable", 728), ("max_pool", 0)]
    assert rows["middle"] == [relu, ("separable", 728)] * 3
    assert rows["head"] == [
        ("separable", 1536),
        relu,
        ("separable", 2048),
        relu,
        ("mean_pool", 0),
        ("linear", 1000),
    ]


@examples(60)
@given(spec=xception_specs())
def test_the_cards_hold_what_the_module_holds(spec: XceptionSpec) -> None:
    drawn = network_cards(break_down(spec, 32))
    with torch.device("meta"):
        network = build_xception(spec)
    held = Counter(type(module) for module in network.modules())
    rows = [row for card in drawn for row in card.rows * card.times]
    between = sum(row.between != "none" for row in rows)
    outside = sum(card.times * (2 if card.shortcut == "projection" else 0) for card in drawn) // 2
    assert sum(len(row.parts) for row in rows) + outside == held[nn.Conv2d]
    assert sum(row.type == "activation" for row in rows) + between == held[nn.ReLU] + held[nn.LeakyReLU] + held[nn.ELU]
    pools = held[SameMaxPool2d] + held[MaxPool2d]
    assert sum(row.type == "max_pool" for row in rows) == pools
    assert all(sum(part.share for part in row.parts) == pytest.approx(1) for row in rows if row.parts)
    for weighed in AREA_MEASURES:
        assert sum(card.shares[weighed] for card in drawn) == pytest.approx(1)
    for before, after in itertools.pairwise(drawn):
        assert before.stage.out_shape == after.stage.in_shape


def test_the_order_of_the_parts_is_the_order_in_which_they_run() -> None:
    first = [part.kind for part in PAPER[4].rows[1].parts]
    turned = network_cards(
        break_down(NetworkSpec(order="pointwise-first", segments=4, intermediate="elu").xception, 299)
    )
    row = turned[4].rows[1]
    assert first == ["depthwise", "pointwise"]
    assert ([part.kind for part in row.parts], row.between, row.kernel_size) == (["pointwise", "spatial"], "elu", 3)


def test_without_a_middle_flow_its_card_is_gone_and_the_numbers_go_on() -> None:
    drawn = network_cards(break_down(NetworkSpec(middle_blocks=0).xception, 299))
    assert [(card.key, card.number) for card in drawn][3:] == [("block3", 3), ("exit", 4), ("head", 4)]
