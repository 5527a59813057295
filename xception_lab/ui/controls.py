"""The fields as Streamlit widgets."""

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

from xception_lab.comparison import Measure
from xception_lab.ui.components import dragged
from xception_lab.ui.fields import COMPARE_KEYS, FIELDS, fitted, marked, nearest, options_of
from xception_lab.ui.language import text as _

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
}
OPTIONS = {
    "params": marked("Parameters"),
    "macs": "MACs / FLOPs",
    "moved_bytes": marked("Bytes moved"),
    "log": marked("logarithmic"),
    "linear": marked("linear"),
    "pointwise-first": marked("1×1 first"),
    "depthwise-first": marked("depthwise first"),
}


def _option(value: str) -> str:
    return _(OPTIONS[value]) if value in OPTIONS else value


def shown(key: str, values: Mapping[str, str] | None = None) -> Any:
    """Draw the control of a field and return its value, one of its options: under a dragging pointer, that one."""
    field = FIELDS[key]
    options = options_of(key, values or {})
    committed = st.session_state[key]
    if committed not in options:
        st.session_state[key] = nearest(committed, options, field.default)
    if field.widget == "slider":
        chosen = st.select_slider(key, options, key=key, help=_(field.help))
        return dragged(key, chosen, options)
    return st.segmented_control(
        _(LABELS.get(key, key)), options, format_func=_option, key=key, help=_(field.help), required=True
    )


def main_controls(keys: tuple[str, ...]) -> dict[str, str]:
    """The most used controls in one row; a control's committed value decides what those after it may be."""
    values: dict[str, str] = {}
    with st.container(key="controls"):
        for column, key in zip(st.columns(len(keys), gap="medium"), keys, strict=True):
            with column:
                values[key] = shown(key, _committed())
    return values


def more_controls(keys: tuple[str, ...]) -> dict[str, str]:
    """The rarer controls, folded away."""
    values: dict[str, str] = {}
    with st.popover(_("More controls"), icon=":material/tune:"):
        for pair in zip(keys[::2], keys[1::2], strict=True):
            for column, key in zip(st.columns((2, 3), gap="medium"), pair, strict=True):
                with column:
                    values[key] = shown(key, _committed())
    return values


def presets() -> None:
    """One button a preset; each sets every control of the comparison."""
    labels = {
        "middle": _("Middle flow, 728→728"),
        "early": _("Early layer, 64→128"),
        "mobile": _("MobileNet-like, 256→256"),
        "order": _("The order question, 128→256 / 2"),
    }
    for name, label in labels.items():
        st.button(label, key=f"preset_{name}", on_click=apply_preset, args=(name,))


def chosen_measure(counted: Measure) -> Measure:
    """The quantity that the charts show, in the convention that is switched on."""
    measure = shown("measure")
    return counted if measure == "macs" else cast(Measure, measure)


def chosen_convention() -> Measure:
    """ "macs" or "flops"."""
    return "flops" if shown("convention") == "FLOPs" else "macs"


def apply_preset(name: str) -> None:
    """Set every control of the comparison: the preset's values, all others at their defaults."""
    chosen = PRESETS[name]
    for key in COMPARE_KEYS:
        st.session_state[key] = chosen.get(key, FIELDS[key].default)


def section(key: str, label: str, icon: str) -> Any:
    """A foldable section; `.open` says whether its content is in sight and worth computing."""
    return st.expander(label, expanded=st.session_state[key], icon=icon, key=key, on_change="rerun")


def _committed() -> dict[str, str]:
    return fitted({key: st.session_state.get(key, FIELDS[key].default) for key in COMPARE_KEYS})
