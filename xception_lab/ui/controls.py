"""The fields as Streamlit widgets."""

from collections.abc import Mapping
from functools import partial
from typing import cast

import streamlit as st

from xception_lab.comparison import Measure
from xception_lab.ui.field import marked
from xception_lab.ui.fields import COMPARE_KEYS, FIELDS, options_of
from xception_lab.ui.language import text as _
from xception_lab.ui.links import drawing, set_controls, standing

PRESETS: dict[str, dict[str, str]] = {
    "default": {},
    "middle": {"in_channels": "728", "out_channels": "728", "size": "19"},
    "early": {"in_channels": "64", "out_channels": "128", "size": "147"},
    "mobile": {"in_channels": "256", "out_channels": "256", "size": "14"},
    "order": {"in_channels": "128", "out_channels": "256", "size": "74", "stride": "2"},
}

# a field of torch's keeps its name; a choice of the page is named in words
LABELS = {
    "convention": marked("Count in"),
    "measure": marked("Charts show"),
    "swept": marked("Along the axis"),
    "scale": marked("Scale"),
    "order": marked("Order"),
    "between": marked("Between the two"),
    "code_of": marked("Block"),
    "view": marked("Look at"),
    "preset": marked("Question"),
    "dataset": marked("Data"),
    "outcome": marked("Look at"),
    "grid_order": marked("Order"),
    "grid_intermediate": "intermediate",
    "grid_residual": "residual",
    "grid_segments": "segments",
    "grid_middle_blocks": "middle_blocks",
    "grid_learning_rate": "learning_rate",
    "network_view": marked("Look at"),
    "network_order": marked("Order"),
    "network_intermediate": marked("Between the two"),
    "stage": marked("Block"),
    "weighed": marked("Areas and bars show"),
    "layer_flow": marked("Flow"),
    "layer_kind": marked("Kind"),
    "timing_view": marked("Look at"),
    "timed_along": marked("Along the axis"),
    "look": marked("Look at"),
    "picture": marked("Picture"),
    "filters": marked("Filters"),
    "kernel": marked("k×k kernel"),
    "mix": marked("1×1 mix"),
    "groups": "segments",
    "draw": "seed",
    "network": marked("Network"),
    "trained_on": marked("Trained on"),
    "semantics": marked("Run as"),
    "layer": marked("Layer"),
    "sort": marked("Order"),
    "range": marked("Colour scale"),
    "map_size": marked("Size"),
    "row": marked("Row"),
    "column": marked("Column"),
    "target": marked("Recover"),
}
OPTIONS = {
    "latency": marked("Latency"),
    "roofline": marked("Roofline"),
    "running": marked("One field runs"),
    "operations": marked("Operations"),
    "devices": marked("On other devices"),
    "xception": "Xception",
    "bring": marked("Your own GPU"),
    "layers": marked("Layer by layer"),
    "spectrum": marked("The spectrum"),
    "sweep": marked("One field runs"),
    "formula": marked("Formulas"),
    "differences": marked("The two differences"),
    "table": marked("Table"),
    "counters": marked("Other counters"),
    "code": marked("PyTorch code"),
    "two-differences": marked("The two differences"),
    "figure-10": marked("Figure 10"),
    "figure-9": marked("Figure 9"),
    "conjecture": marked("The conjecture"),
    "fashion-mnist": "Fashion-MNIST",
    "emoji": marked("Emoji"),
    "emoji-style": marked("Emoji, new style"),
    "textures": marked("Textures"),
    "own": marked("Your own"),
    "result": marked("Result"),
    "runs": marked("All runs"),
    "run": marked("One run"),
    "depthwise-first,pointwise-first": marked("both"),
    "none,relu": "none, relu",
    "none,elu": "none, elu",
    "none,relu,elu": "none, relu, elu",
    "true,false": "true, false",
    "params": marked("Parameters"),
    "macs": "MACs / FLOPs",
    "moved_bytes": marked("Bytes moved"),
    "log": marked("logarithmic"),
    "linear": marked("linear"),
    "pointwise-first": marked("1×1 first"),
    "depthwise-first": marked("depthwise first"),
    "architecture": marked("Architecture"),
    "shares": marked("Where it lives"),
    "layer_table": marked("All layers"),
    "what_if": marked("What if"),
    "relatives": marked("Relatives"),
    "modules": marked("Figures 1–4"),
    "export": marked("Export"),
    "activation_bytes": marked("Activation bytes"),
    "all": marked("all"),
    "entry": marked("entry"),
    "middle": marked("middle"),
    "exit": marked("exit"),
    "blocks": marked("The three blocks"),
    "kernels": marked("Kernels"),
    "network": marked("A network, layer by layer"),
    "depth": marked("Along the depth"),
    "reach": marked("Receptive field"),
    "information": marked("Information"),
    "chelsea": marked("cat"),
    "coffee": marked("coffee"),
    "astronaut": marked("astronaut"),
    "boot": marked("ankle boot"),
    "checkerboard": marked("checkerboard"),
    "edge": marked("edge"),
    "gradient": marked("gradient"),
    "impulse": marked("impulse"),
    "stroke": marked("stroke"),
    "upload": marked("a file"),
    "camera": marked("camera"),
    "draw": marked("draw one"),
    "hand": marked("by hand"),
    "random": marked("random"),
    "trained": marked("trained"),
    "kernel=own": marked("own numbers"),
    "mix=own": marked("own numbers"),
    "identity": marked("identity"),
    "vertical": marked("vertical edge"),
    "blur": marked("blur"),
    "sharpen": marked("sharpen"),
    "colours": marked("colour opponents"),
    "channels": marked("± each channel"),
    "grey": marked("grey"),
    "small": marked("small Xceptions"),
    "network=run": marked("a run of the lab"),
    "filters=run": marked("a run of the lab"),
    "network=xception": marked("Xception (ImageNet)"),
    "lite0": "EfficientNet-Lite0",
    "index": marked("by number"),
    "strength": marked("strongest first"),
    "map": marked("each map"),
    "layer": marked("each layer"),
    "shared": marked("shared"),
    "input": marked("the block's input"),
    "first": marked("what enters the activation"),
}


def option_text(key: str, value: str) -> str:
    """A value of a field in words; "field=value" in OPTIONS is for a word that means something else elsewhere."""
    for name in (f"{key}={value}", value):
        if name in OPTIONS:
            return _(OPTIONS[name])
    return value


def control(key: str, options: tuple[str, ...] = ()) -> None:
    """Draw the control of a field; its value is in what `frame` returns.

    options: where the page knows more closely than the field what can be chosen now; `confine` comes before.
    """
    field = FIELDS[key]
    options = options or options_of(key, standing())
    drawing(key)
    if field.widget == "slider":
        st.select_slider(_(LABELS.get(key, key)), options, key=key, help=_(field.help))
    else:
        words = partial(option_text, key)
        st.segmented_control(
            _(LABELS.get(key, key)), options, format_func=words, key=key, help=_(field.help), required=True
        )


def main_controls(keys: tuple[str, ...]) -> None:
    """The most used controls in one row."""
    with st.container(key="controls"):
        for column, key in zip(st.columns(len(keys), gap="medium"), keys, strict=True):
            with column:
                control(key)


def more_controls(keys: tuple[str, ...], stacked: bool = False) -> None:
    """The rarer controls, folded away and drawn only when they are opened; stacked: wide ones, each in its own row."""
    folded = st.popover(_("More controls"), icon=":material/tune:", key="more", on_change="rerun")
    if not folded.open:
        return
    with folded:
        if stacked:
            for key in keys:
                control(key)
            return
        for pair in zip(keys[::2], keys[1::2], strict=True):
            for column, key in zip(st.columns((2, 3), gap="medium"), pair, strict=True):
                with column:
                    control(key)


def presets(
    names: tuple[str, ...] = ("middle", "early", "mobile", "order"), keys: tuple[str, ...] = COMPARE_KEYS
) -> None:
    """One button a preset; each sets every control in `keys`, of the comparison unless told."""
    labels = {
        "middle": _("Middle flow, 728→728"),
        "early": _("Early layer, 64→128"),
        "mobile": _("MobileNet-like, 256→256"),
        "order": _("The order question, 128→256 / 2"),
    }
    for name in names:
        st.button(labels[name], key=f"preset_{name}", on_click=apply_preset, args=(name, keys))


def convention(values: Mapping[str, str]) -> Measure:
    """ "macs" or "flops"."""
    return "flops" if values["convention"] == "FLOPs" else "macs"


def measure(values: Mapping[str, str]) -> Measure:
    """The quantity that the charts show, in the convention that is switched on."""
    return convention(values) if values["measure"] == "macs" else cast(Measure, values["measure"])


def apply_preset(name: str, keys: tuple[str, ...] = COMPARE_KEYS) -> None:
    """Set every control in `keys`: the preset's values, all others at their defaults."""
    chosen = PRESETS[name]
    set_controls({key: chosen.get(key, FIELDS[key].default) for key in keys})
