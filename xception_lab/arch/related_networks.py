"""Xception and related networks: published figures with their sources, and costs where the engine can compute them.

All accuracies are published ones. A published count keeps the digits with which it was published.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from xception_lab.arch.breakdown import standard_twin
from xception_lab.arch.cost import Cost, chain_cost, network_cost
from xception_lab.arch.plan import Act, Conv, Linear, Op, Pool, block_ops
from xception_lab.spec import BlockSpec, XceptionSpec

Origin = Literal["computed", "published"]
CostAxis = Literal["macs", "params"]

XCEPTION_PAPER = "Chollet, CVPR 2017"
MOBILENET_PAPER = "Howard et al., arXiv 1704.04861, Table 8"
TORCHVISION = "torchvision documentation, docs.pytorch.org/vision/stable/models.html"


@dataclass(frozen=True, slots=True)
class RelatedNetwork:
    """A network with its accuracy and cost; None where nothing was published.

    size: height and width of its picture in pixels. top1, top5: ImageNet accuracy of a single crop, 0 to 1.
    params, macs: for one picture; *_origin: whether computed by this engine or published, *_source: by whom.
    """

    name: str
    size: int
    top1: float | None
    top5: float | None
    accuracy_source: str
    params: int
    params_origin: Origin
    params_source: str
    macs: float
    macs_origin: Origin
    macs_source: str


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper as printed: its number, the names of its columns, its rows."""

    number: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


# every digit as printed
PAPER_TABLES = (
    PaperTable(
        1,
        ("", "Top-1 accuracy", "Top-5 accuracy"),
        (
            ("VGG-16", "0.715", "0.901"), ("ResNet-152", "0.770", "0.933"), ("Inception V3", "0.782", "0.941"),
            ("Xception", "0.790", "0.945"),
        ),
    ),
    PaperTable(
        2,
        ("", "FastEval14k MAP@100"),
        (
            ("Inception V3 - no FC layers", "6.36"), ("Xception - no FC layers", "6.70"),
            ("Inception V3 with FC layers", "6.50"), ("Xception with FC layers", "6.78"),
        ),
    ),
    PaperTable(
        3,
        ("", "Parameter count", "Steps/second"),
        (("Inception V3", "23,626,728", "31"), ("Xception", "22,855,952", "28")),
    ),
)  # fmt: skip

# output channels of its convolutions, 0 for a pooling
_VGG_16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
# (output channels, stride) of its separable convolutions
_MOBILENET = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


@cache
def related_networks() -> tuple[RelatedNetwork, ...]:
    """The paper's network first, then the networks of its Table 1, its standard twin and MobileNetV1."""
    paper = XceptionSpec()
    accuracy = f"{XCEPTION_PAPER}, Table 1"
    xception, twin = network_cost(paper, 299, 299), network_cost(standard_twin(paper), 299, 299)
    vgg, mobilenet = vgg_16_cost(), mobilenet_v1_cost()
    return (
        RelatedNetwork("Xception", 299, 0.790, 0.945, accuracy, *_computed(xception)),
        RelatedNetwork(
            "Inception V3", 299, 0.782, 0.941, accuracy, 23_626_728, "published", f"{XCEPTION_PAPER}, Table 3",
            5.71e9, "published", TORCHVISION,
        ),
        RelatedNetwork(
            "ResNet-152", 224, 0.770, 0.933, accuracy, 60_192_808, "published", TORCHVISION, 11.51e9, "published",
            TORCHVISION,
        ),
        RelatedNetwork("VGG-16", 224, 0.715, 0.901, accuracy, *_computed(vgg)),
        RelatedNetwork("MobileNetV1", 224, 0.706, None, MOBILENET_PAPER, *_computed(mobilenet)),
        RelatedNetwork("Xception, standard convolutions", 299, None, None, "", *_computed(twin)),
    )  # fmt: skip


def _computed(cost: Cost) -> tuple[int, Origin, str, int, Origin, str]:
    return cost.params, "computed", "xception_lab", cost.macs, "computed", "xception_lab"


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
