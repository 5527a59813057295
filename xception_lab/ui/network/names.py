"""Names of a network's flows, blocks, kinds of layers and quantities, in this session's language."""

from xception_lab.arch.breakdown import ChangeMeasure
from xception_lab.arch.plan import Flow
from xception_lab.drawing.network_cards import Card
from xception_lab.spec import XceptionSpec
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.network import LAYER_KIND_NAMES
from xception_lab.ui.shell.language import translate as _

FLOW_NAMES: dict[Flow, str] = {
    "entry": N_("Entry flow"),
    "middle": N_("Middle flow"),
    "exit": N_("Exit flow"),
}
QUANTITY_NAMES: dict[ChangeMeasure, str] = {
    "params": N_("Parameters"),
    "macs": "MACs",
    "weight_bytes": N_("Weight bytes"),
    "activation_bytes": N_("Activation bytes"),
    "moved_bytes": N_("Bytes moved"),
}


def layer_kind_name(kind: str, spec: XceptionSpec) -> str:
    """A kind of layer of a network: a spatial convolution on one segment is a regular one."""
    if kind == "spatial" and spec.segments == 1:
        return _("3×3 on one segment, a regular one")
    return _(LAYER_KIND_NAMES[kind])


def card_title(card: Card) -> str:
    """The title of a card: "Stem", "Block 2", "Blocks 4–11" or "Head"."""
    if card.key == "stem":
        return _("Stem")
    if card.key == "head":
        return _("Head")
    if card.times > 1:
        return _("Blocks {first}–{last}").format(first=card.number, last=card.number + card.times - 1)
    return _("Block {number}").format(number=card.number)


def amount_names() -> dict[str, str]:
    """The names of quantities, kinds and flows in this session's language."""
    return {name: _(text) for name, text in (*QUANTITY_NAMES.items(), *LAYER_KIND_NAMES.items(), *FLOW_NAMES.items())}
