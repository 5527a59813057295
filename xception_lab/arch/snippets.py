"""A spec as a PyTorch snippet that runs by itself: plain torch.nn, without this package."""

from textwrap import indent

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, Stage, block_ops, network_stages
from xception_lab.common.citations import section, source
from xception_lab.spec import BlockSpec, XceptionSpec

_TITLES = {
    "standard": "Standard convolution",
    "extreme": "Extreme Inception block: 1x1 first, then {spatial} (Xception, section {section})",
    "separable": "Depthwise separable convolution: depthwise first, then 1x1 (Xception, section {section})",
}
_ACTIVATIONS = {"none": "nn.Identity()", "relu": "nn.ReLU()", "elu": "nn.ELU()"}


def block_snippet(spec: BlockSpec, height: int, width: int, batch_size: int = 1) -> str:
    """A runnable snippet that builds the block as `block` and its output as `y`, (N, out_channels, H', W')."""
    if spec.segments is None:
        spatial = "one spatial convolution a channel"
    else:
        spatial = f"spatial convolutions on {spec.segments} segments"
    shape = f"{batch_size}, {spec.in_channels}, {height}, {width}"
    return "\n".join(
        (
            "import torch",
            "from torch import nn",
            "",
            f"# {_TITLES[spec.kind].format(spatial=spatial, section=section('two_differences'))}",
            "block = nn.Sequential(",
            *(f"    {_module(op)},{_comment(op)}" for op in block_ops(spec)),
            # in training mode a batch norm refuses an output of one value per channel
            ").eval()",
            "",
            f"x = torch.randn({shape})",
            "y = block(x)",
            "print(tuple(y.shape))",
            'print(f"{sum(p.numel() for p in block.parameters()):,} parameters")',
            "",
        )
    )


def network_snippet(spec: XceptionSpec, height: int, width: int) -> str:
    """A runnable snippet that builds the network as `model` and its logits as `y`, (1, num_classes)."""
    return "\n".join(
        (
            "import torch",
            "import torch.nn.functional as F",
            "from torch import nn",
            "",
            model_snippet(spec) + ".eval()",
            "",
            f"x = torch.randn(1, {spec.in_channels}, {height}, {width})",
            "with torch.inference_mode():",
            "    y = model(x)",
            "print(tuple(y.shape))",
            'print(f"{sum(p.numel() for p in model.parameters()):,} parameters")',
            "",
        )
    )


def model_snippet(spec: XceptionSpec) -> str:
    """The network alone as `model`, with definitions of the modules that torch lacks; uses torch, nn and F."""
    return "\n".join(
        (
            _SAME_POOL if spec.same_pooling else "",
            _RESIDUAL if spec.residual else "",
            f"# Xception ({source('xception').short}), Figure 5",
            "model = nn.Sequential(",
            *(indent(stage_snippet(spec, stage), "    ") for stage in network_stages(spec)),
            ")",
        )
    )


_SAME_POOL = '''

class SameMaxPool2d(nn.Module):
    """3x3 max pooling of stride 2 with TensorFlow's SAME padding."""

    def forward(self, x):
        height, width = x.shape[-2:]
        return F.max_pool2d(F.pad(x, (width % 2, 1, height % 2, 1), value=float("-inf")), 3, 2)'''

_RESIDUAL = '''

class Residual(nn.Module):
    """body(x) + shortcut(x)"""

    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)'''


def stage_snippet(spec: XceptionSpec, stage: Stage) -> str:
    """The lines of network_snippet that build one stage."""
    lines = [f"# {stage.name}, {stage.flow} flow"]
    if stage.shortcut is None:
        return "\n".join((*lines, *_network_modules(spec, stage.body)))
    body = indent("\n".join(_network_modules(spec, stage.body)), "    ")
    shortcut = ", ".join(_module(op, spec) for op in stage.shortcut)
    shortcut = f"nn.Sequential({shortcut})" if shortcut else "nn.Identity()"
    return "\n".join((*lines, "Residual(nn.Sequential(", body, f"), {shortcut}),"))


def _network_modules(spec: XceptionSpec, ops: tuple[Op, ...]) -> list[str]:
    lines: list[str] = []
    for op in ops:
        if isinstance(op, Linear):
            lines += ["nn.Flatten(),", f"nn.Dropout({spec.dropout}),"]
        lines.append(f"{_module(op, spec)},{_comment(op)}")
    return lines


def _module(op: Op, network: XceptionSpec | None = None) -> str:
    match op:
        case Conv():
            return f"nn.Conv2d({_conv_arguments(op)})"
        case Norm():
            # a network has Keras's values, a block torch's defaults
            extra = f", eps={network.batch_norm_eps}, momentum=0.01" if network else ""
            return f"nn.BatchNorm2d({op.channels}{extra})"
        case Act():
            return f"nn.LeakyReLU({op.negative_slope})" if op.negative_slope else _ACTIVATIONS[op.function]
        case Pool(size=None):
            return "nn.AdaptiveAvgPool2d(1)"
        case Pool():
            same = network is not None and network.same_pooling
            return "SameMaxPool2d()" if same else "nn.MaxPool2d(3, stride=2, padding=1)"
        case Linear():
            return f"nn.Linear({op.in_features}, {op.out_features})"


def _conv_arguments(op: Conv) -> str:
    arguments = [str(op.in_channels), str(op.out_channels), f"kernel_size={op.kernel_size}"]
    for name, value, default in (
        ("stride", op.stride, 1),
        ("padding", op.padding, 0),
        ("dilation", op.dilation, 1),
        ("groups", op.groups, 1),
    ):
        if value != default:
            arguments.append(f"{name}={value}")
    return ", ".join([*arguments, f"bias={op.bias}"])


def _comment(op: Op) -> str:
    if isinstance(op, Conv):
        return f"  # {op.role}"
    if isinstance(op, Act) and op.is_between:
        return "  # between the two: the paper's Figure 10 asks whether it helps"
    return ""
