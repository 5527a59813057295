"""From the controls' values to the spec of a comparison."""

from collections.abc import Mapping
from typing import cast

from xception_lab.spec import Activation, BatchNorm, CompareSpec
from xception_lab.ui.fields.compare import COMPARE_KEYS, ONE_A_CHANNEL, OWN_DEFAULT
from xception_lab.ui.fields.field import TRUE
from xception_lab.ui.fields.registry import fit_values, options_of, value_of


def compare_spec(values: Mapping[str, str]) -> CompareSpec:
    """The spec that these values ask for; a field without a value keeps its default."""
    fit = fit_values({key: value_of(values, key) for key in COMPARE_KEYS})
    padding = fit["padding"]
    return CompareSpec(
        in_channels=int(fit["in_channels"]),
        out_channels=int(fit["out_channels"]),
        kernel_size=int(fit["kernel_size"]),
        size=int(fit["size"]),
        segments=None if fit["segments"] == ONE_A_CHANNEL else int(fit["segments"]),
        stride=int(fit["stride"]),
        padding=padding if padding in ("same", "valid") else int(padding),
        dilation=int(fit["dilation"]),
        batch_size=int(fit["batch_size"]),
        depth_multiplier=int(fit["depth_multiplier"]),
        bias=fit["bias"] == TRUE,
        batch_norm=cast(BatchNorm, fit["batch_norm"]),
        intermediate=None if fit["intermediate"] == OWN_DEFAULT else cast(Activation, fit["intermediate"]),
    )


def specs_ahead(values: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, dict[str, CompareSpec]]:
    """The settings at `values` and one step to either side, by control and by the value it would have."""
    ahead: dict[str, dict[str, CompareSpec]] = {}
    for key in keys:
        options = options_of(key, values)
        at = options.index(values[key])
        near = options[max(at - 1, 0) : at + 2]
        ahead[key] = {option: compare_spec({**values, key: option}) for option in near}
    return ahead
