"""Networks whose every number is known and none is a default."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xception_lab.spec import XceptionSpec


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


def network_by_hand(spec: XceptionSpec, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The logits from state_dict keys and the paper's Figure 5, written without the plan."""

    def norm(x: Tensor, name: str) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"], eps=spec.batch_norm_eps)

    def rectified(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, spec.negative_slope * x)

    def separable(x: Tensor, name: str) -> Tensor:
        if spec.convolution == "standard":
            return F.conv2d(x, state[f"{name}.weight"], padding=1)
        activate = {"none": lambda x: x, "relu": rectified, "elu": F.elu}[spec.intermediate]

        def between(x: Tensor) -> Tensor:
            return activate(norm(x, f"{name}.bn") if spec.batch_norm == "every" else x)

        spatial, mix = state[f"{name}.conv1.weight"], state[f"{name}.pointwise.weight"]
        groups = spatial.shape[0] // spatial.shape[1]
        if spec.order == "depthwise-first":
            return F.conv2d(between(F.conv2d(x, spatial, padding=1, groups=groups)), mix)
        return F.conv2d(between(F.conv2d(x, mix)), spatial, padding=1, groups=groups)

    def pool(x: Tensor) -> Tensor:
        if not spec.same_pooling:
            return F.max_pool2d(x, 3, stride=2, padding=1)
        (top, bottom), (left, right) = (tensorflow_same(side) for side in x.shape[-2:])
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), 3, stride=2)

    def residual(x: Tensor, block: int, convolutions: int, leading_relu: bool, halve: bool) -> Tensor:
        y, index = x, 0
        for convolution in range(convolutions):
            if convolution or leading_relu:
                y, index = F.relu(y), index + 1
            y = norm(separable(y, f"block{block}.rep.{index}"), f"block{block}.rep.{index + 1}")
            index += 2
        y = pool(y) if halve else y
        if not spec.residual:
            return y
        if not halve:
            return x + y
        return y + norm(F.conv2d(x, state[f"block{block}.skip.weight"], stride=2), f"block{block}.skipbn")

    stride, padding = (1, 1) if spec.small_stem else (2, 0)
    x = F.relu(norm(F.conv2d(x, state["conv1.weight"], stride=stride, padding=padding), "bn1"))
    x = F.relu(norm(F.conv2d(x, state["conv2.weight"], padding=padding), "bn2"))
    entry = len(spec.entry_channels)
    for block in range(1, entry + 1):
        x = residual(x, block, 2, leading_relu=block > 1, halve=True)
    for block in range(entry + 1, entry + spec.middle_blocks + 1):
        x = residual(x, block, 3, leading_relu=True, halve=False)
    x = residual(x, entry + spec.middle_blocks + 1, 2, leading_relu=True, halve=True)
    x = F.relu(norm(separable(x, "conv3"), "bn3"))
    x = F.relu(norm(separable(x, "conv4"), "bn4"))
    return F.linear(x.mean((2, 3)), state["fc.weight"], state["fc.bias"])


def tensorflow_same(side: int) -> tuple[int, int]:
    """TensorFlow's SAME for a 3/2 window: pad to ceil(side / 2) windows, the odd pixel after."""
    total = max((-(-side // 2) - 1) * 2 + 3 - side, 0)
    return total // 2, total - total // 2
