"""The two variants that a question compares, drawn as rows of their layers."""

from typing import Any

from xception_lab.experiments.spec import Contrast, ExperimentSpec
from xception_lab.spec import BlockSpec, XceptionSpec
from xception_lab.ui.shell import components
from xception_lab.ui.shell.chains import block_chain
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.texts import setting_text


def show_compared(experiment: ExperimentSpec, contrast: Contrast) -> None:
    """Draw one convolution of each variant's networks; nothing where both are drawn alike."""
    varies_shortcuts = any(field == "residual" for field, _level in contrast.change)
    rows: list[dict[str, Any]] = []
    for setting in (contrast.baseline, contrast.change):
        network = experiment.cell(setting + contrast.where).xception
        rows.append({"name": setting_text(setting), "layers": _layers(network, varies_shortcuts)})
    if rows[0]["layers"] != rows[1]["layers"]:
        summary = "; ".join(f"{row['name']}: {' → '.join(layer['text'] for layer in row['layers'])}" for row in rows)
        components.scene({"scene": "chains", "blocks": rows, "summary": summary}, "compared")


def _layers(network: XceptionSpec, with_shortcut: bool) -> list[dict[str, Any]]:
    """The layers of one separable convolution. with_shortcut: whether what is added to it is drawn."""
    width = network.middle_channels
    if network.convolution == "standard":
        spec = BlockSpec("standard", width, width, activation="none")
    else:
        is_extreme = network.order == "pointwise-first"
        spec = BlockSpec(
            "extreme" if is_extreme else "separable",
            width,
            width,
            # a slope of 1 is no activation at all
            intermediate="none" if network.negative_slope == 1 else network.intermediate,
            batch_norm=network.batch_norm,
            activation="none",
        )
    layers = block_chain(spec)
    if with_shortcut and network.residual:
        layers.append({"kind": "activation", "text": _("+ input"), "is_between": True})
    return layers
