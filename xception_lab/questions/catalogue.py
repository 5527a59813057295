"""The questions that people ask about Xception: where in the app each is shown live, and what to look for there.

The texts are Markdown files, one a question and language, of the question's own name: assets/text/<language>/questions.
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["block", "counting", "speed", "network", "evidence"]
Page = Literal["compare", "timing", "features", "training", "network"]

GROUPS: tuple[Group, ...] = ("block", "counting", "speed", "network", "evidence")


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the state of a page that shows its answer live.

    name: in a link, of its text, and of its values. parameters: of the page's controls, as in a link; at least one,
    because a link that names none shows what the session had there.
    shows: what stands on that page then, the same in both languages; `{name}` is one of the question's values.
    """

    name: str
    group: Group
    page: Page
    shows: tuple[str, ...]
    parameters: dict[str, str]


_MIDDLE = {"in_channels": "728", "out_channels": "728", "size": "19"}
_DEVICES = {"timing_view": "devices"}

QUESTIONS = (
    Question("order", "block", "network", ("# depthwise", "# pointwise"), {"stage": "middle"}),
    Question("between", "block", "compare", ("# depthwise", "# pointwise", "nn.BatchNorm2d(128)"), {"view": "code"}),
    Question(
        "relu-twice",
        "block",
        "compare",
        ("nn.BatchNorm2d(64)", "nn.ReLU()"),
        {"view": "code", "intermediate": "relu", "batch_norm": "every"},
    ),
    Question("separable", "block", "compare", ("{depthwise}", "{pointwise}"), {"out_channels": "128"}),
    Question("depthwise-alone", "block", "compare", ("{params}",), {"view": "formula"}),
    Question(
        "shallow", "block", "training", ("{points}", "{low}", "{high}"), {"preset": "conjecture", "guess": "show"}
    ),
    Question("segments", "block", "compare", ("{macs}",), {"segments": "4", "view": "spectrum"}),
    Question("in-between", "block", "compare", ("{macs_16}",), {"segments": "16", "view": "spectrum"}),
    Question(
        "groups",
        "block",
        "compare",
        ("nn.Conv2d(32, 64", "groups=32"),
        {"in_channels": "32", "out_channels": "64", "depth_multiplier": "2", "view": "code"},
    ),
    Question("depth-multiplier", "block", "compare", ("{params}",), {"depth_multiplier": "2"}),
    Question("kernel-5", "block", "compare", ("{times_5}",), {"kernel_size": "5"}),
    Question(
        "spatially-separable",
        "block",
        "compare",
        ("{depthwise_separable_short}",),
        {"in_channels": "128", "batch_norm": "none"},
    ),
    Question("nine-times", "counting", "compare", ("{times}",), _MIDDLE),
    Question("macs-flops", "counting", "compare", ("{macs}", "{flops}"), {"view": "counters"}),
    Question("counters-apart", "counting", "compare", ("torch FlopCounterMode",), {"view": "counters"}),
    Question(
        "one-bias",
        "counting",
        "compare",
        ("{live_torch}",),
        {
            "in_channels": "8",
            "out_channels": "96",
            "kernel_size": "5",
            "bias": "true",
            "batch_norm": "none",
            "view": "formula",
        },
    ),
    Question("depthwise-params", "counting", "network", ("{share}",), {"network_view": "shares", "weighed": "params"}),
    Question("more-bytes", "counting", "compare", ("{macs}", "{moved}"), {"size": "147"}),
    Question("layers-36", "counting", "network", ("block1.skip", "block12.skip"), {
        "network_view": "layer_table", "layer_kind": "shortcut",
    }),
    Question("fan-out", "counting", "compare", ("groups=728",), {**_MIDDLE, "view": "code"}),
    Question("seconds", "speed", "timing", ("{flops}", "{faster}"), {"timing_view": "latency"}),
    Question("gpu", "speed", "timing", ("A100 SXM 40 GB",), _DEVICES),
    Question("small-blocks", "speed", "timing", ("{separable}",), {"size": "7"}),
    Question("winograd", "speed", "timing", ("Winograd",), _DEVICES),
    Question("tf32", "speed", "timing", ("A100 SXM 40 GB, TF32",), _DEVICES),
    Question(
        "synchronise",
        "speed",
        "timing",
        ("python -m xception_lab time --all --out results.json",),
        {"timing_view": "bring"},
    ),
    Question("channels-last", "speed", "timing", ("channels_last",), {"memory_format": "channels_last"}),
    Question("training-speed", "speed", "timing", ("{faster}",), {"backward": "true"}),
    Question("shortcut-input", "network", "network", ("nn.ReLU()", "stride=2"), {"stage": "block2"}),
    Question("in-place", "network", "network", ("Residual(", "nn.ReLU()"), {"stage": "middle"}),
    Question(
        "hook",
        "network",
        "features",
        ("block2.rep.2", "block2.rep.3"),
        {"look": "network", "layer": "block2.rep.2", "trained_on": "fashion-mnist"},
    ),
    Question("same-padding", "network", "network", ("SameMaxPool2d",), {"network_view": "export"}),
    Question("batch-norm-eps", "network", "network", ("eps={eps}", "momentum=0.01"), {"stage": "block2"}),
    Question("timm", "network", "network", ("legacy_xception",), {"network_view": "export"}),
    Question("residual", "network", "network", ("{saved}",), {"network_view": "what_if", "residual": "false"}),
    Question("inception-v3", "network", "network", ("{inception_params}",), {"network_view": "relatives"}),
    Question("mobilenet", "network", "compare", ("MobileNetV1", "MobileNetV2"), {
        "view": "differences", "between": "relu",
    }),
    Question("better", "evidence", "network", ("{xception}", "{inception}"), {"network_view": "relatives"}),
    Question("figure-10", "evidence", "training", ("{relu}", "{elu}"), {"preset": "figure-10", "guess": "show"}),
    Question("order-tested", "evidence", "training", ("{points}",), {"guess": "show"}),
    Question("relu-harm", "evidence", "features", ("{extreme}", "{separable}"), {"look": "information"}),
    Question("deeplab", "evidence", "compare", ("DeepLabv3+",), {"view": "differences"}),
    Question("seeds", "evidence", "training", ("{low}", "{high}"), {"preset": "figure-10", "guess": "show"}),
    Question("other-machine", "evidence", "training", ("{machine}",), {"guess": "show"}),
)  # fmt: skip

NAMES = tuple(question.name for question in QUESTIONS)
