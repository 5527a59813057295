"""Presets of the comparison, and which quantity its charts show."""

from collections.abc import Mapping
from typing import cast

import streamlit as st

from xception_lab.arch.comparison import Measure
from xception_lab.ui.fields.compare import COMPARE_KEYS
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.language import translate as _

PRESETS: dict[str, dict[str, str]] = {
    "default": {},
    "middle": {"in_channels": "728", "out_channels": "728", "size": "19"},
    "early": {"in_channels": "64", "out_channels": "128", "size": "147"},
    "mobile": {"in_channels": "256", "out_channels": "256", "size": "14"},
    "order": {"in_channels": "128", "out_channels": "256", "size": "74", "stride": "2"},
}


def preset_buttons(
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


def chart_measure(values: Mapping[str, str]) -> Measure:
    """The quantity that the charts show, in the convention that is switched on."""
    return convention(values) if values["measure"] == "macs" else cast(Measure, values["measure"])


def apply_preset(name: str, keys: tuple[str, ...] = COMPARE_KEYS) -> None:
    """Set every control in `keys`: the preset's values, all others at their defaults."""
    chosen = PRESETS[name]
    set_controls({key: chosen.get(key, FIELDS[key].default) for key in keys})
