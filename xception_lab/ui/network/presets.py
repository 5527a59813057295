"""Presets of the Network page: one button sets every control of the network."""

from xception_lab.ui.fields.field import N_, state_keys
from xception_lab.ui.fields.network import ArchitectureState
from xception_lab.ui.shell.controls import preset_button
from xception_lab.ui.shell.language import translate as _

# by name: the label, and the texts of the controls that are not at their defaults
NETWORK_PRESETS: dict[str, tuple[str, dict[str, str]]] = {
    "paper": (N_("The paper's network"), {}),
    "standard": (N_("Standard convolutions everywhere"), {"convolution": "standard"}),
    "inception": (
        N_("Inception-like: 4 segments, 1×1 first, ReLU between"),
        {"network_segments": "4", "network_order": "pointwise-first", "network_intermediate": "relu"},
    ),
    "plain": (N_("No residual connections"), {"residual": "false"}),
    "half": (N_("Half as wide"), {"width_percent": "50"}),
    "small": (N_("For 32×32 pictures"), {"input_size": "32", "small_stem": "true", "num_classes": "10"}),
}


def network_preset_buttons() -> None:
    """One button per preset."""
    for name, (label, texts) in NETWORK_PRESETS.items():
        preset_button(_(label), f"network_preset_{name}", texts, state_keys(ArchitectureState))
