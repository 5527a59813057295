"""Random numbers by name, and He initialisation from them."""

import hashlib

import torch
from torch import nn


def derive_seed(*names: object) -> int:
    """A seed of 63 bits from any names: neighbours share nothing."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little") >> 1


def make_generator(*names: object) -> torch.Generator:
    """A CPU generator, so that every device draws the same."""
    return torch.Generator().manual_seed(derive_seed(*names))


def initialise(network: nn.Module, seed: int) -> None:
    """Weights from seed, name and shape alone: two networks agree wherever both name and shape do.

    Convolutions and the linear layer as in He et al. 2015 (uniform, fan-in); batch norms start as identities.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            draw = make_generator("weight", seed, name, tuple(module.weight.shape))
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=draw)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
