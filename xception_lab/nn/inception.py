"""Figures 1 to 4 of the paper as modules, and the check that Figures 2 and 3 are the same function (section 1.1).

Each maps (N, in_channels, H, W) to (N, out_channels, H, W); a ReLU follows every convolution, as in Inception.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xception_lab.arch.inception_module import CHANNELS, SIZE
from xception_lab.common.validate import check_divisor

PICTURES = 4


class CanonicalInception(nn.Module):
    """Figure 1: four towers of equal width side by side: 1x1; 1x1, 3x3; 1x1, 3x3, 3x3; average pooling, 1x1."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = _width("towers", 4, out_channels)
        self.towers = nn.ModuleList(
            (
                nn.Sequential(*_conv(in_channels, width, 1)),
                nn.Sequential(*_conv(in_channels, width, 1), *_conv(width, width, 3)),
                nn.Sequential(*_conv(in_channels, width, 1), *_conv(width, width, 3), *_conv(width, width, 3)),
                nn.Sequential(nn.AvgPool2d(3, 1, 1), *_conv(in_channels, width, 1)),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([tower(x) for tower in self.towers], 1)


class SimplifiedInception(nn.Module):
    """Figure 2: towers of equal width side by side, each a 1x1 and a 3x3."""

    def __init__(self, in_channels: int, out_channels: int, towers: int) -> None:
        super().__init__()
        width = _width("towers", towers, out_channels)
        self.towers = nn.ModuleList(
            nn.Sequential(*_conv(in_channels, width, 1), *_conv(width, width, 3)) for _ in range(towers)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([tower(x) for tower in self.towers], 1)


class SegmentedInception(nn.Module):
    """Figure 3: one large 1x1, then a 3x3 on each segment of its channels; Figure 4 with one segment per channel."""

    def __init__(self, in_channels: int, out_channels: int, segments: int) -> None:
        super().__init__()
        _width("segments", segments, out_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.spatial = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=segments)

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.pointwise(x).relu()).relu()


class ExtremeInception(SegmentedInception):
    """Figure 4: one large 1x1, then one 3x3 per channel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, out_channels)


@dataclass(frozen=True, slots=True)
class EquivalenceCheck:
    """The largest difference between the outputs of Figures 2 and 3 on the same random pictures.

    segments: of Figure 3, towers of Figure 2. weights: how many each of them has. outputs: how many were compared.
    max_output: the largest one, for scale. max_difference: in float32. max_difference_float64: in float64.
    """

    segments: int
    weights: int
    outputs: int
    max_output: float
    max_difference: float
    max_difference_float64: float


def stack_towers(towers: SimplifiedInception) -> SegmentedInception:
    """Figure 3 with the weights of Figure 2: the kernels and biases of its towers, stacked."""
    weights = towers.state_dict()  # towers.<number>.<0 is the 1x1, 2 the 3x3>.weight and .bias
    count = len(towers.towers)

    def stacked(layer: int, name: str) -> Tensor:
        return torch.cat([weights[f"towers.{tower}.{layer}.{name}"] for tower in range(count)])

    pointwise = stacked(0, "weight")
    out_channels, in_channels = pointwise.shape[:2]
    segmented = SegmentedInception(in_channels, out_channels, count).to(pointwise.dtype)
    segmented.load_state_dict(
        {
            "pointwise.weight": pointwise,
            "pointwise.bias": stacked(0, "bias"),
            "spatial.weight": stacked(2, "weight"),
            "spatial.bias": stacked(2, "bias"),
        }
    )
    return segmented


def check_equivalence(segments: int, seed: int = 0, channels: int = CHANNELS, size: int = SIZE) -> EquivalenceCheck:
    """Build Figure 2, stack its weights into Figure 3, run both on the same pictures and compare every output.

    Raises ValueError when segments do not divide channels. Source: paper, section 1.1.
    """
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        towers = SimplifiedInception(channels, channels, segments)
        x = torch.randn(PICTURES, channels, size, size)
        y, difference = _compare(towers, x)
        _, exact = _compare(towers.double(), x.double())
    weights = sum(parameter.numel() for parameter in towers.parameters())
    return EquivalenceCheck(segments, weights, y.numel(), float(y.max()), difference, exact)


def _compare(towers: SimplifiedInception, x: Tensor) -> tuple[Tensor, float]:
    y = towers(x)
    return y, float((y - stack_towers(towers)(x)).abs().max())


def _conv(in_channels: int, out_channels: int, kernel_size: int) -> tuple[nn.Conv2d, nn.ReLU]:
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2), nn.ReLU()


def _width(field: str, count: int, out_channels: int) -> int:
    """Channels of each of `count` towers or segments. Raises ValueError when they do not divide out_channels."""
    check_divisor(field, count, "out_channels", out_channels)
    return out_channels // count
