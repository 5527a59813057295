"""Networks whose every number is known and none is a default."""

import torch
from torch import nn


def randomised(module: nn.Module, seed: int) -> nn.Module:
    """Doubles everywhere, scaled to keep deep networks in range, and running statistics no fresh module would have."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            values = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            # a variance is positive
            tensor.copy_(
                values.abs() + 0.5 if name.endswith("running_var") else values / max(1, tensor[0].numel()) ** 0.5
            )
    return module
