"""Figures 1 to 4 of the paper as modules, and the proof that Figures 2 and 3 are the same function.

Each maps (N, in_channels, H, W) to (N, out_channels, H, W); a ReLU follows every convolution, as in Inception.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xception_lab.arch.inception_module import CHANNELS, SIZE
from xception_lab.common.validate import check_divisor

PICTURES = 4


class CanonicalInception(nn.Module):
    """Figure 1: a 1x1, a 1x1 and a 3x3, a 1x1 and two 3x3, a pooling and a 1x1, side by side; four equal towers."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        width = _equal("towers", 4, out_channels)
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
    """Figure 2: every tower a 1x1 and a 3x3, side by side."""

    def __init__(self, in_channels: int, out_channels: int, towers: int) -> None:
        super().__init__()
        width = _equal("towers", towers, out_channels)
        self.towers = nn.ModuleList(
            nn.Sequential(*_conv(in_channels, width, 1), *_conv(width, width, 3)) for _ in range(towers)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([tower(x) for tower in self.towers], 1)


class SegmentedInception(nn.Module):
    """Figure 3: one large 1x1, then a 3x3 on each segment of its channels; Figure 4 at one segment a channel."""

    def __init__(self, in_channels: int, out_channels: int, segments: int) -> None:
        super().__init__()
        _equal("segments", segments, out_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)
        self.spatial = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=segments)

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.pointwise(x).relu()).relu()


class ExtremeInception(SegmentedInception):
    """Figure 4: one large 1x1, then one 3x3 a channel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, out_channels)


@dataclass(frozen=True, slots=True)
class EquivalenceCheck:
    """Both modules run on the same random pictures: how far their outputs are apart at most.

    max_output: the largest output, for scale. weights: how many numbers each module has, the same ones.
    """

    segments: int
    weights: int
    outputs: int
    max_output: float
    max_difference: float
    max_difference_float64: float


def stack_towers(towers: SimplifiedInception) -> SegmentedInception:
    """Figure 3 with the weights of Figure 2: its towers' kernels stacked, nothing else done to them."""
    firsts, seconds = zip(*((tower[0], tower[2]) for tower in towers.towers), strict=True)  # type: ignore[index]
    out_channels, in_channels = sum(conv.out_channels for conv in firsts), firsts[0].in_channels
    segmented = SegmentedInception(in_channels, out_channels, len(towers.towers)).to(firsts[0].weight.dtype)
    with torch.no_grad():
        for one, many in ((segmented.pointwise, firsts), (segmented.spatial, seconds)):
            one.weight.copy_(torch.cat([conv.weight for conv in many]))
            assert one.bias is not None
            one.bias.copy_(torch.cat([conv.bias for conv in many]))
    return segmented


def check_equivalence(segments: int, seed: int = 0, channels: int = CHANNELS, size: int = SIZE) -> EquivalenceCheck:
    """Build Figure 2, stack its weights into Figure 3, run both on the same pictures, compare every output.

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


def _equal(field: str, count: int, out_channels: int) -> int:
    check_divisor(field, count, "out_channels", out_channels)
    return out_channels // count
