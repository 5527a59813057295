"""The Feature maps page's titles and notes, which depend on what is shown."""

from collections.abc import Mapping

from xception_lab.ui.language import text as _

OF_NETWORKS = ("trained", "run")  # filters that are layers of trained networks


def question(values: Mapping[str, str]) -> str:
    """What a view answers."""
    if values["look"] == "blocks" and values["filters"] in OF_NETWORKS:
        return _("Blocks of trained networks, each on its own network's input")
    if values["look"] == "network" and values["network"] != "small":
        return _("Any layer of a network on this picture")
    return {
        "blocks": _("The same picture through three blocks: what does the ReLU between throw away?"),
        "kernels": _("The filters themselves: space and channels at once, or one after the other"),
        "network": _("Any layer of a trained network, with and without a ReLU between"),
        "depth": _("Along the depth: what is zero, what is dead, how many directions are left?"),
        "reach": _("What can one output position see?"),
        "information": _("How much of the picture can be read off what comes after?"),
    }[values["look"]]


def networks_note(values: Mapping[str, str]) -> str:
    """What the columns are where they are layers of trained networks; nothing elsewhere."""
    if values["filters"] not in OF_NETWORKS:
        return ""
    return _(
        "Each column is a layer of a trained network, the standard convolution in a stem and any other in a block 1, "
        "and sees what its own network hands it: the percentages are not one comparison."
    )
