"""XceptionSpec -> nn.Module: the paper's network and smaller ones of the same plan.

The network of XceptionSpec() at 299 pixels (paper, section 3, Figure 5). "sep" is a separable convolution: a 3x3
depthwise convolution, then a 1x1. A batch norm follows every convolution and every sep; shortcuts are added last.

    stage      output           layers                                                      shortcut
    stem       64 x 147 x 147   conv 3x3/2 32, ReLU, conv 3x3 64, ReLU                      none
    block1     128 x 74 x 74    sep 128, ReLU, sep 128, max pool 3x3/2                      conv 1x1/2 128
    block2     256 x 37 x 37    ReLU, sep 256, ReLU, sep 256, max pool 3x3/2                conv 1x1/2 256
    block3     728 x 19 x 19    ReLU, sep 728, ReLU, sep 728, max pool 3x3/2                conv 1x1/2 728
    block4-11  728 x 19 x 19    ReLU, sep 728, ReLU, sep 728, ReLU, sep 728                 identity
    block12    1024 x 10 x 10   ReLU, sep 728, ReLU, sep 1024, max pool 3x3/2               conv 1x1/2 1024
    head       1000 x 1 x 1     sep 1536, ReLU, sep 2048, ReLU, mean pool, linear 1000      none

The state_dict keys are those of timm's legacy_xception, so its published weights load as they are.
The paper reports 79.0 % top-1 and 94.5 % top-5 on ImageNet (Table 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, Stage, network_stages
from xception_lab.nn.blocks import build_activation, build_conv
from xception_lab.nn.pooling import MaxPool2d, SameMaxPool2d
from xception_lab.spec import XceptionSpec


def build_xception(spec: XceptionSpec) -> nn.Module:
    """The network as a module, (N, in_channels, H, W) -> (N, num_classes). Source: paper, section 3."""
    return Xception(spec)


class GlobalAvgPool2d(nn.Module):
    """The mean over the picture, (N, C, H, W) -> (N, C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            # the gradient of adaptive_avg_pool2d has another memory format than x: the layers before would take 12
            # times longer
            return F.avg_pool2d(x, x.shape[-2:])
        return F.adaptive_avg_pool2d(x, 1)


class SeparableConv2d(nn.Sequential):
    """One separable convolution; its children, in running order, are named conv1 (spatial) and pointwise."""


class ResidualBlock(nn.Module):
    """The body of a stage plus its shortcut: rep(x) + skip(x), or rep(x) alone (Figure 9)."""

    def __init__(self, rep: nn.Sequential, skip: nn.Module | None, skipbn: nn.Module | None, residual: bool) -> None:
        super().__init__()
        self.rep = rep
        self.skip = skip
        self.skipbn = skipbn
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.rep(x)
        if not self.residual:
            return y
        if self.skip is not None and self.skipbn is not None:
            x = self.skipbn(self.skip(x))
        # in place: nothing else reads y, and no gradient needs the output of a batch norm or a pooling
        y += x
        return y


class Xception(nn.Module):
    """The whole network, from the same plan (arch/plan.network_stages) from which network_cost counts."""

    def __init__(self, spec: XceptionSpec) -> None:
        super().__init__()
        self.spec = spec
        self.dropout = nn.Dropout(spec.dropout)
        self.order: list[str] = []  # names of the children in running order
        for stage in network_stages(spec):
            if stage.name.startswith("block"):
                self._append(stage.name, _residual_block(spec, stage))
            else:
                for name, module in _children(spec, stage.body, ""):
                    self._append(name, module)

    def _append(self, name: str, module: nn.Module) -> None:
        self.add_module(name, module)
        self.order.append(name)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, exit_channels[-1], H', W'), before the mean over the picture."""
        for name in self.order[: self.order.index("global_pool")]:
            x = self.get_submodule(name)(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        x = self.get_submodule("global_pool")(self.forward_features(x))
        return self.get_submodule("fc")(self.dropout(torch.flatten(x, 1)))


def _residual_block(spec: XceptionSpec, stage: Stage) -> ResidualBlock:
    rep = nn.Sequential()
    for name, module in _children(spec, stage.body, f"{stage.name}.rep."):
        rep.add_module(name, module)
    project = [_build(spec, op) for op in stage.shortcut or ()]
    skip, skipbn = project or (None, None)
    return ResidualBlock(rep, skip, skipbn, residual=stage.shortcut is not None)


def _children(spec: XceptionSpec, ops: tuple[Op, ...], prefix: str) -> list[tuple[str, nn.Module]]:
    """(name, module) of each operation; the two halves of a separable convolution are children of one module."""
    children: dict[str, nn.Module] = {}
    for op in ops:
        name, _, part = op.name.removeprefix(prefix).partition(".")
        # the first operation of a stage must not overwrite its input, which the shortcut still reads
        module = _build(spec, op, inplace=op is not ops[0])
        if part:
            children.setdefault(name, SeparableConv2d()).add_module(part, module)
        else:
            children[name] = module
    return list(children.items())


def _build(spec: XceptionSpec, op: Op, inplace: bool = False) -> nn.Module:
    match op:
        case Conv():
            return build_conv(op)
        case Norm():
            # Keras's momentum is the share that stays, torch's the share that is new: 0.99 there is 0.01 here
            return nn.BatchNorm2d(op.channels, eps=spec.batch_norm_eps, momentum=0.01)
        case Act():
            return build_activation(op, inplace)
        case Pool(size=None):
            return GlobalAvgPool2d()
        case Pool():
            return SameMaxPool2d() if spec.same_pooling else MaxPool2d()
        case Linear():
            return nn.Linear(op.in_features, op.out_features)
