"""Presets of the comparison: one choice in a menu sets every control of the three blocks."""

from xception_lab.spec import CompareSpec
from xception_lab.ui.fields.compare import BlocksState
from xception_lab.ui.fields.field import state_keys
from xception_lab.ui.fields.registry import fit_state
from xception_lab.ui.shell.controls import preset_menu
from xception_lab.ui.shell.language import translate as _

# by name: the texts of the controls that are not at their defaults, as in a link
PRESETS: dict[str, dict[str, str]] = {
    "default": {},
    "middle": {"in_channels": "728", "out_channels": "728", "size": "19"},
    "early": {"in_channels": "64", "out_channels": "128", "size": "147"},
    "mobile": {"in_channels": "256", "out_channels": "256", "size": "14"},
    "order": {"in_channels": "128", "out_channels": "256", "size": "74", "stride": "2"},
}


def preset_spec(name: str) -> CompareSpec:
    """The comparison that a preset asks for."""
    return fit_state(BlocksState, PRESETS[name]).spec


def examples_menu(
    names: tuple[str, ...] = ("middle", "early", "mobile", "order"), keys: tuple[str, ...] = state_keys(BlocksState)
) -> None:
    """A menu of presets; each sets every control in `keys`."""
    labels = {
        "middle": _("Middle flow, 728→728"),
        "early": _("Early layer, 64→128"),
        "mobile": _("MobileNet-like, 256→256"),
        "order": _("The order question, 128→256 / 2"),
    }
    preset_menu(_("Examples"), "examples", {labels[name]: PRESETS[name] for name in names}, keys)
