"""Why the paper holds the order for unimportant: two stacked blocks, the boundary between blocks moved by one."""

from itertools import groupby
from typing import Any

import streamlit as st

from xception_lab.arch.stacking import StackedConv, stacked_convs, stacks_agree
from xception_lab.spec import ORDERS, Activation, Order
from xception_lab.ui.fields.compare import ORDER_LABELS
from xception_lab.ui.shell import components
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ACTIVATION_NAMES


def show_stack(order: Order, between: Activation, kernel_size: int) -> None:
    """Two blocks of either order above each other, the chosen one marked, and what agrees between them."""
    title = _("Two stacked blocks, the boundary moved by one")
    st.markdown(f"**{title}** · {_agreement(between)}")
    kernels = {"pointwise": "1×1", "depthwise": f"{kernel_size}×{kernel_size}"}
    stacks = [_stack(each, between, kernels, each == order) for each in ORDERS]
    summary = ". ".join(f"{stack['title']}: {_spoken(stack)}" for stack in stacks)
    components.stacked_blocks({"stacks": stacks, "summary": f"{summary}. {_agreement(between)}"}, "stack")
    st.markdown(paragraph("stacking"))


def _agreement(between: Activation) -> str:
    """Whether the two stacks are the same, in one computed sentence."""
    same_convs, same_activations = stacks_agree(between)
    if same_convs and same_activations:
        return _("The same convolutions with the same ReLUs in both orders; only the ends of the stack differ.")
    if same_convs:
        return _(
            "The same convolutions in both orders; the ReLU after a block moves with the boundary, to the other "
            "convolution."
        )
    return _("The two stacks differ.")


def _stack(order: Order, between: Activation, kernels: dict[str, str], current: bool) -> dict[str, Any]:
    convs = stacked_convs(order, between)
    names = {0: _("earlier"), 1: _("block 1"), 2: _("block 2"), 3: _("later")}
    blocks: list[dict[str, Any]] = []
    for block, group in groupby(enumerate(convs), lambda item: item[1].block):
        places = [place for place, _conv in group]
        own = block in (1, 2)
        blocks.append({"first": places[0], "last": places[-1], "text": names[block], "own": own})
    return {
        "title": _(ORDER_LABELS[order]),
        "current": current,
        "convs": [_conv(conv, kernels[conv.role]) for conv in convs],
        "blocks": blocks,
    }


def _conv(conv: StackedConv, kernel: str) -> dict[str, Any]:
    after = ACTIVATION_NAMES.get(conv.activation, "")
    return {"kind": conv.role, "text": kernel, "after": after, "own": conv.block in (1, 2)}


def _spoken(stack: dict[str, Any]) -> str:
    """A stack in words, for a screen reader: "block 1: 3×3, 1×1 ReLU; block 2: ..."."""
    parts: list[str] = []
    for block in stack["blocks"]:
        inside = stack["convs"][block["first"] : block["last"] + 1]
        parts.append(f"{block['text']}: " + ", ".join(f"{conv['text']} {conv['after']}".strip() for conv in inside))
    return "; ".join(parts)
