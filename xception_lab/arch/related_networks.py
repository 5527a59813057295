"""Xception and related networks: published figures with their sources, and costs where the engine can compute them.

All accuracies are published ones, from assets/citations.json. A published count keeps the digits with which it was
published.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from xception_lab.arch.breakdown import standard_twin
from xception_lab.arch.cost import Cost, chain_cost, network_cost
from xception_lab.arch.plan import Act, Conv, Linear, Op, Pool, block_ops
from xception_lab.common.citations import Citation, constant, paper_table
from xception_lab.spec import BlockSpec, XceptionSpec

CostAxis = Literal["macs", "params"]


@dataclass(frozen=True, slots=True)
class RelatedNetwork:
    """A network with its accuracy and cost; accuracies and their source are None where no published one was found.

    size: height and width of its picture in pixels. top1, top5: ImageNet accuracy of a single crop, 0 to 1.
    params, macs: for one picture; *_source: where they were published, None where this engine computed them.
    """

    name: str
    size: int
    top1: float | None
    top5: float | None
    accuracy_source: Citation | None
    params: int
    params_source: Citation | None
    macs: float
    macs_source: Citation | None


# output channels of its convolutions, 0 for a pooling
_VGG_16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
# (output channels, stride) of its separable convolutions
_MOBILENET = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


@cache
def related_networks() -> tuple[RelatedNetwork, ...]:
    """The paper's network first, then the networks of its Table 1, its standard twin and MobileNetV1."""
    paper = XceptionSpec()
    inception_params, _speed = paper_table(3).row("Inception V3")
    inception_macs, resnet_params, resnet_macs, mobilenet_top1 = map(
        constant, ("inception_v3_macs", "resnet_152_params", "resnet_152_macs", "mobilenet_v1_top1")
    )
    twin = network_cost(standard_twin(paper), 299, 299)
    return (
        RelatedNetwork("Xception", 299, *_accuracy("Xception"), *_computed(network_cost(paper, 299, 299))),
        RelatedNetwork(
            "Inception V3",
            299,
            *_accuracy("Inception V3"),
            int(inception_params.replace(",", "")),
            paper_table(3).citation,
            float(inception_macs.value),
            inception_macs.citation,
        ),
        RelatedNetwork(
            "ResNet-152",
            224,
            *_accuracy("ResNet-152"),
            int(resnet_params.value),
            resnet_params.citation,
            float(resnet_macs.value),
            resnet_macs.citation,
        ),
        RelatedNetwork("VGG-16", 224, *_accuracy("VGG-16"), *_computed(vgg_16_cost())),
        RelatedNetwork(
            "MobileNetV1",
            224,
            float(mobilenet_top1.value),
            None,
            mobilenet_top1.citation,
            *_computed(mobilenet_v1_cost()),
        ),
        RelatedNetwork("Xception, standard convolutions", 299, None, None, None, *_computed(twin)),
    )


def _accuracy(name: str) -> tuple[float, float, Citation]:
    """Top-1 and top-5 of a network in the paper's Table 1, and the table."""
    table = paper_table(1)
    top1, top5 = map(float, table.row(name))
    return top1, top5, table.citation


def _computed(cost: Cost) -> tuple[int, None, int, None]:
    return cost.params, None, cost.macs, None


def vgg_16_cost() -> Cost:
    """Cost of VGG-16 on a (1, 3, 224, 224) picture, after Simonyan and Zisserman 2015, Table 1, column D."""
    ops: list[Op] = []
    width = 3
    for number, channels in enumerate(_VGG_16):
        if not channels:
            # 2x2 with stride 2 in VGG: on even sides it costs as much as the plan's 3x3
            ops.append(Pool(f"pool{number}"))
            continue
        conv = Conv(f"conv{number}", "standard", width, channels, 3, padding=1, bias=True)
        ops += [conv, Act(f"relu{number}", "relu")]
        width = channels
    # its first fully connected layer reads 7x7 pixels: a convolution of that size
    ops += [Conv("fc6", "standard", 512, 4096, 7, bias=True), Act("relu6", "relu"), Linear("fc7", 4096, 4096)]
    ops += [Act("relu7", "relu"), Linear("fc8", 4096, 1000)]
    return chain_cost(ops, (1, 3, 224, 224))


def mobilenet_v1_cost() -> Cost:
    """Cost of MobileNetV1 of width 1 on a (1, 3, 224, 224) picture, after Howard et al. 2017, Table 1."""
    ops: list[Op] = list(block_ops(BlockSpec("standard", 3, 32, stride=2)))
    width = 32
    for channels, stride in _MOBILENET:
        block = BlockSpec("separable", width, channels, stride=stride, batch_norm="every", intermediate="relu")
        ops += block_ops(block)
        width = channels
    ops += [Pool("pool", None), Linear("fc", width, 1000)]
    return chain_cost(ops, (1, 3, 224, 224))
