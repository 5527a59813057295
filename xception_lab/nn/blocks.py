"""BlockSpec -> nn.Module."""

from collections import OrderedDict

from torch import nn

from xception_lab.arch.plan import Act, Conv, Norm, block_ops
from xception_lab.spec import BlockSpec


def build_block(spec: BlockSpec) -> nn.Sequential:
    """The block as a module, (N, in_channels, H, W) -> (N, out_channels, H', W').

    The names of its children are those of block_cost's layers. Source: paper, section 1.2.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for op in block_ops(spec):
        match op:
            case Conv():
                layers[op.name] = build_conv(op)
            case Norm():
                layers[op.name] = nn.BatchNorm2d(op.channels)
            case Act():
                layers[op.name] = build_activation(op)
            case _:
                raise AssertionError(f"a block has no {op}")
    return nn.Sequential(layers)


def build_conv(op: Conv) -> nn.Conv2d:
    """The convolution of a plan."""
    return nn.Conv2d(
        op.in_channels,
        op.out_channels,
        op.kernel_size,
        stride=op.stride,
        padding=op.padding,
        dilation=op.dilation,
        groups=op.groups,
        bias=op.bias,
    )


def build_activation(op: Act, inplace: bool = False) -> nn.Module:
    """The activation of a plan. inplace: only where nothing else, such as a shortcut, reads its input."""
    match op.function:
        case "relu":
            return nn.LeakyReLU(op.negative_slope, inplace) if op.negative_slope else nn.ReLU(inplace)
        case "elu":
            return nn.ELU(inplace=inplace)
        case "none":
            return nn.Identity()
