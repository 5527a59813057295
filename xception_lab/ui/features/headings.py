"""What stands above a view of the Feature maps page: the question that it answers, and what cannot be compared."""

from xception_lab.ui.features.blocks import TRAINED_FILTERS
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.language import translate as _


def view_title(state: FeaturesState) -> str:
    """The question that the view answers."""
    if state.look == "blocks" and state.filters in TRAINED_FILTERS:
        return _("Blocks of trained networks, each on its own network's input")
    if state.look == "network" and state.network != "small":
        return _("Any layer of a network on this picture")
    if state.look == "blocks" and state.intermediate == "none":
        return _("The same picture through three blocks, with no activation between")
    if state.look == "blocks" and state.intermediate == "elu":
        return _(
            "The same picture through three blocks, with an ELU between: how much of it can still be read off each?"
        )
    return {
        "blocks": _("The same picture through three blocks: how much of it can still be read off each?"),
        "kernels": _("The filters themselves: space and channels at once, or one after the other"),
        "network": _("Any layer of a trained network, with and without a ReLU between"),
        "depth": _("Along the depth: what is zero, what is dead, how many directions are left?"),
        "reach": _("What can one output position see?"),
        "information": _("What does a ReLU between take, measured at the ReLU itself?"),
    }[state.look]


def trained_blocks_note() -> str:
    """Why layers of trained networks are not compared."""
    return _(
        "Each column is a layer of a trained network, the standard convolution in a stem and any other in a block 1, "
        "and sees what its own network hands it: the percentages are not one comparison."
    )
