"""The relatives against networks built by hand from their own papers, and the paper's tables to the last digit."""

import itertools

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from xception_lab.arch.cost import Cost
from xception_lab.arch.related_networks import mobilenet_v1_cost, related_networks, vgg_16_cost
from xception_lab.common.citations import paper_table


def _vgg_16() -> nn.Module:
    def stack(ins: int, outs: int, count: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for position in range(count):
            layers += [nn.Conv2d(outs if position else ins, outs, 3, padding=1), nn.ReLU()]
        return [*layers, nn.MaxPool2d(2, 2)]

    features = (*stack(3, 64, 2), *stack(64, 128, 2), *stack(128, 256, 3), *stack(256, 512, 3), *stack(512, 512, 3))
    full = (nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))
    return nn.Sequential(*features, nn.Flatten(), *full)


def _mobilenet_v1() -> nn.Module:
    def after(channels: int) -> tuple[nn.Module, nn.Module]:
        return nn.BatchNorm2d(channels), nn.ReLU6()

    layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, 1, bias=False), *after(32)]
    widths = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    for ins, outs in itertools.pairwise(widths):
        # halved wherever it widens, but not at first
        stride = 2 if outs > ins and ins > 32 else 1
        layers += [nn.Conv2d(ins, ins, 3, stride, 1, groups=ins, bias=False), *after(ins)]
        layers += [nn.Conv2d(ins, outs, 1, bias=False), *after(outs)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


@pytest.mark.parametrize(
    ("ours", "build", "params", "millions"),
    [(vgg_16_cost(), _vgg_16, 138_357_544, 15_470), (mobilenet_v1_cost(), _mobilenet_v1, 4_231_976, 569)],
    ids=["VGG-16", "MobileNetV1"],
)
def test_what_we_lay_out_is_the_network(ours: Cost, build: type[nn.Module], params: int, millions: int) -> None:
    with torch.device("meta"):
        network = build().eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, 224, 224))
    assert 2 * ours.macs == counter.get_total_flops()
    assert ours.params == sum(parameter.numel() for parameter in network.parameters()) == params
    # as published: torchvision's documentation, and Table 8 of the MobileNet paper
    assert round(ours.macs / 1e6) == millions


def test_accuracies_are_the_papers_and_each_has_a_source() -> None:
    found = {relative.name: relative for relative in related_networks()}
    table = {name: (float(top1), float(top5)) for name, top1, top5 in paper_table(1).rows}
    assert {name: (found[name].top1, found[name].top5) for name in table} == table
    assert found["MobileNetV1"].top1 == 0.706
    twin = found["Xception, standard convolutions"]
    assert (twin.top1, twin.top5, twin.accuracy_source) == (None, None, None)
    assert all(relative.accuracy_source for relative in found.values() if relative is not twin)
    assert {found[name].params for name, *_ in paper_table(3).rows} == {23_626_728, 22_855_952}
    published = {name for name, relative in found.items() if relative.params_source and relative.macs_source}
    assert published == {"Inception V3", "ResNet-152"}, "the engine lays out the others"
    assert (found["Inception V3"].macs, found["ResNet-152"].macs) == (5.71e9, 11.51e9)
    assert found["ResNet-152"].params == 60_192_808


def test_the_papers_tables_as_they_stand() -> None:
    assert [table.rows for table in map(paper_table, (1, 2, 3))] == [
        (
            ("VGG-16", "0.715", "0.901"),
            ("ResNet-152", "0.770", "0.933"),
            ("Inception V3", "0.782", "0.941"),
            ("Xception", "0.790", "0.945"),
        ),
        (
            ("Inception V3 - no FC layers", "6.36"),
            ("Xception - no FC layers", "6.70"),
            ("Inception V3 with FC layers", "6.50"),
            ("Xception with FC layers", "6.78"),
        ),
        (("Inception V3", "23,626,728", "31"), ("Xception", "22,855,952", "28")),
    ]
    assert [paper_table(number).citation.where for number in (1, 2, 3)] == ["Table 1", "Table 2", "Table 3"]
