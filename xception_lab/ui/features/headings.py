"""What stands above a view of the Feature maps page: its title, and for the blocks a computed headline."""

from collections.abc import Sequence

from xception_lab.features.maps import BlockMaps
from xception_lab.features.recoverability import is_constant
from xception_lab.ui.features.blocks import TRAINED_FILTERS
from xception_lab.ui.features.information import nothing_to_recover_text, recovery_text
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name


def view_title(state: FeaturesState) -> str:
    """The question that the view answers."""
    if state.look == "blocks" and state.filters in TRAINED_FILTERS:
        return _("Blocks of trained networks, each on its own network's input")
    if state.look == "network" and state.network != "small":
        return _("Any layer of a network on this picture")
    return {
        "blocks": _("The same picture through three blocks: what does the ReLU between throw away?"),
        "kernels": _("The filters themselves: space and channels at once, or one after the other"),
        "network": _("Any layer of a trained network, with and without a ReLU between"),
        "depth": _("Along the depth: what is zero, what is dead, how many directions are left?"),
        "reach": _("What can one output position see?"),
        "information": _("How much of the picture can be read off what comes after?"),
    }[state.look]


def blocks_headline(blocks: Sequence[BlockMaps], state: FeaturesState) -> str:
    """The recovered share of each block's input, in one sentence; blocks of trained networks are not compared."""
    if all(is_constant(maps.values) for block in blocks if (maps := block.step("input"))):
        return nothing_to_recover_text()
    shares = {block.kind: recovery_text(block) for block in blocks}
    if len(shares) < 3 or state.filters in TRAINED_FILTERS:
        return _("How much of its input a linear reader gets back behind each block's convolutions: {found}.").format(
            found=", ".join(f"**{share}** {kind_name(kind)}" for kind, share in shares.items())
        )
    sentence = _(
        "Behind the convolutions a linear reader gets back **{standard}** of the input in the standard convolution, "
        "**{extreme}** in extreme Inception, **{separable}** in the depthwise separable one."
    )
    return sentence.format(**shares)


def trained_blocks_note(state: FeaturesState) -> str:
    """Why layers of trained networks are not compared; empty for other filters."""
    if state.filters not in TRAINED_FILTERS:
        return ""
    return _(
        "Each column is a layer of a trained network, the standard convolution in a stem and any other in a block 1, "
        "and sees what its own network hands it: the percentages are not one comparison."
    )
