"""A table of rows that a file has as well: its names and values in words, the file's names as the columns' help."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from xception_lab.ui.fields.compare import ACTIVATION_LABELS, ORDER_LABELS
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import BLOCK_LAYER_NAMES, KIND_NAMES, STATE_NAMES

# whole numbers of many digits, which are drawn in groups of three
_COUNTS = ("params", "macs", "flops", "weight_bytes", "input_bytes", "activation_bytes", "moved_bytes")
# short times: in the file in seconds, drawn in microseconds with four digits
_SHORT_TIMES = ("median_s", "p25_s", "p75_s", "first_call_s", "device_s", "loop_s")
_YES_NO = {True: N_("yes"), False: N_("no"), "True": N_("yes"), "False": N_("no")}
# what the file has, by column, in words
_VALUES: dict[str, Mapping[Any, str]] = {
    "kind": KIND_NAMES,
    "subject": {**KIND_NAMES, "xception": "Xception"},
    "flow": {"entry": N_("entry"), "middle": N_("middle"), "exit": N_("exit")},
    "operation": {
        **KIND_NAMES,
        "standard": N_("regular convolution"),
        "depthwise": N_("depthwise"),
        "pointwise": N_("pointwise"),
        "spatial": N_("spatial"),
        "shortcut": N_("shortcut 1×1"),
        "linear": N_("linear"),
        "batch_norm": N_("batch norm"),
        "relu": "ReLU",
        "elu": "ELU",
        "add": N_("addition"),
        "max_pool": N_("max pooling"),
        "mean_pool": N_("average pooling"),
    },
    "layer": {**BLOCK_LAYER_NAMES, "block": N_("whole block")},  # a network's layers have other names
    "limit": {"memory": N_("data"), "compute": N_("products")},
    "below_estimate": _YES_NO,
    "backward": _YES_NO,
    "output_wrong": _YES_NO,
    "residual": _YES_NO,
    "order": ORDER_LABELS,
    "intermediate": ACTIVATION_LABELS,
    "state": STATE_NAMES,
}


def show_rows(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, ColumnConfig] | None = None,
    height: int | Literal["auto", "content"] = "content",
) -> None:
    """Draw rows by the file's names. columns: how some of them are drawn. A column without words here has its own."""
    named: dict[str, ColumnConfig] = {}
    for name, words in _column_words().items():
        grouped = name in (*_COUNTS, *_SHORT_TIMES)
        usual = st.column_config.NumberColumn(format="localized") if grouped else st.column_config.Column()
        column = (columns or {}).get(name, usual).copy()
        column["label"], column["help"] = words, _in_file(name)
        named[name] = column
    said = [{name: in_words(name, value) for name, value in row.items()} for row in rows]
    st.dataframe(said, hide_index=True, height=height, column_config=named)


def _in_file(name: str) -> str:
    sentence = _("In the file: `{name}`, in seconds") if name in _SHORT_TIMES else _("In the file: `{name}`")
    return sentence.format(name=name)


def in_words(name: str, value: Any) -> Any:
    """What is drawn of a value of the column `name`."""
    if name in _SHORT_TIMES and value is not None:
        return float(f"{1e6 * value:.4g}")
    words = _VALUES.get(name, {}).get(value)
    return value if words is None else _(words)


def _column_words() -> dict[str, str]:
    return {
        "kind": _("block"),
        "flow": _("flow"),
        "block": _("block"),
        "layer": _("layer"),
        "operation": _("operation"),
        "in_shape": _("input"),
        "out_shape": _("output"),
        "params": _("parameters"),
        "macs": "MACs",
        "flops": "FLOPs",
        "weight_bytes": _("weights, bytes"),
        "input_bytes": _("inputs, bytes"),
        "activation_bytes": _("outputs, bytes"),
        "moved_bytes": _("moved, bytes"),
        "flops_per_byte": _("FLOPs per byte"),
        "subject": _("block"),
        "median_s": _("median, µs"),
        "p25_s": _("lower quartile, µs"),
        "p75_s": _("upper quartile, µs"),
        "first_call_s": _("first call, µs"),
        "device_s": _("the device's own work, µs"),
        "loop_s": _("a call, many in a row, µs"),
        "energy_j": _("energy, J"),
        "slowdown": _("slowdown of the machine, ×"),
        "device": _("device"),
        "in_channels": _("input channels"),
        "out_channels": _("output channels"),
        "kernel_size": _("kernel size"),
        "stride": _("stride"),
        "height": _("height"),
        "width": _("width"),
        "batch_size": _("pictures"),
        "dtype": "dtype",
        "memory_format": _("memory format"),
        "mode": _("mode"),
        "backward": _("with gradients"),
        "samples": _("samples"),
        "output_error": _("error of the output"),
        "output_wrong": _("output is wrong"),
        "limit": _("estimate bound by"),
        "estimate_us": _("estimate, µs"),
        "measured_us": _("measured, µs"),
        "below_estimate": _("below its estimate"),
        "order": _("order"),
        "intermediate": _("between"),
        "residual": _("residual connections"),
        "batch_norm": _("batch norm"),
        "negative_slope": _("negative slope"),
        "segment_depth": _("channels of a segment"),
        "seed": _("seed"),
        "state": _("state"),
        "epochs": _("epochs"),
        "time_left_s": _("time left"),
        "validation_accuracy": _("validation accuracy"),
        "test_accuracy": _("test accuracy"),
        "test_loss": _("test loss"),
        "train_accuracy": _("training accuracy"),
        "images_per_s": _("training pictures a second, last epoch"),
        "elapsed_s": _("time spent, evaluation too"),
    }
