"""Random numbers by name, and He initialisation from them."""

import hashlib

import torch
from torch import nn


def derive_seed(*names: object) -> int:
    """A seed of 63 bits from any names, the hash of their repr: neighbouring names give unrelated seeds."""
    return int.from_bytes(hashlib.sha256(repr(names).encode()).digest()[:8], "little") >> 1


def make_generator(*names: object) -> torch.Generator:
    """A generator with the seed that these names give; on the CPU, so that every device draws the same numbers."""
    return torch.Generator().manual_seed(derive_seed(*names))


def initialise(network: nn.Module, seed: int, stream: str = "weight") -> None:
    """Draw the weights anew, each from the seed, its module's name and its shape alone.

    Two networks agree wherever both name and shape do. Convolutions and linear layers are drawn as in He et al. 2015
    (uniform, fan-in), a linear layer's bias is zero; batch norms stay as they are, and so does a convolution's bias.

    seed: of the run, or of what else is drawn.
    stream: what the weights are for; two streams of one seed share no numbers.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            generator = make_generator(stream, seed, name, tuple(module.weight.shape))
            nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
