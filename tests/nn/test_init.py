"""He initialisation by name: the distribution of the paper that it cites, and the same numbers for ever."""

import hashlib
import math

import pytest
import torch
from torch import nn

from xception_lab.nn.blocks import build_block
from xception_lab.nn.init import initialise
from xception_lab.nn.xception import build_xception
from xception_lab.spec import SMALL_XCEPTION, BlockSpec


def _digest(network: nn.Module) -> str:
    numbers = b"".join(parameter.detach().numpy().tobytes() for parameter in network.parameters())
    return hashlib.sha256(numbers).hexdigest()[:16]


def test_a_seed_gives_the_weights_that_it_always_gave() -> None:
    # recorded when training and feature maps had an initialisation each
    network = build_xception(SMALL_XCEPTION)
    initialise(network, 3)
    assert _digest(network) == "c0e32589fdf6e9c3"
    block = build_block(BlockSpec("extreme", 3, 6, 3, batch_norm="none", segments=2, intermediate="relu"))
    initialise(block, 5, stream="features")
    assert _digest(block) == "884a4e4eb6ca8f37"


def test_weights_are_uniform_with_the_variance_that_a_relu_needs() -> None:
    convolution, linear = nn.Conv2d(64, 128, 3, groups=2), nn.Linear(256, 512)
    initialise(nn.Sequential(convolution, linear), 0)
    for weight, fan_in in ((convolution.weight, 32 * 9), (linear.weight, 256)):
        # He et al. 2015: a variance of 2 / fan_in, which a uniform distribution has from -sqrt(6 / fan_in) on
        assert weight.abs().max() <= math.sqrt(6 / fan_in)
        assert weight.var().item() == pytest.approx(2 / fan_in, rel=0.02)
    assert not linear.bias.any()


def test_seeds_and_streams_share_no_numbers() -> None:
    networks = [nn.Conv2d(8, 8, 3) for _ in range(4)]
    for network, (seed, stream) in zip(
        networks, ((0, "weight"), (1, "weight"), (0, "features"), (0, "weight")), strict=True
    ):
        initialise(network, seed, stream)
    first, *others, again = (network.weight for network in networks)
    assert torch.equal(first, again)
    assert all(not torch.isclose(first, other).any() for other in others)
