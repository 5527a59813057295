"""Two stacked blocks in either order: the same convolutions, cut into blocks at another place.

The paper argues that the order is unimportant "in particular because these operations are meant to be used in a stacked
setting" (section 1.2). Whichever convolution comes first, a stack is ... 1x1, kxk, 1x1, kxk, 1x1 ...; the order decides
where one block ends and the next begins, and with that where the activations between and after the blocks stand.
"""

from dataclasses import dataclass

from xception_lab.arch.plan import Act, Conv, Role, block_ops
from xception_lab.spec import ORDERS, Activation, BlockSpec, Order

STRIP = 5  # convolutions shown, from a 1x1 to a 1x1: enough for two blocks in either order


@dataclass(frozen=True, slots=True)
class StackedConv:
    """One convolution of the stack. block: 1 or 2 for the two blocks; 0 or 3 for the block before or after them.

    activation: what follows it, between the convolutions of its block or after the block.
    """

    role: Role
    block: int
    activation: Activation


def stacked_convs(order: Order, between: Activation) -> tuple[StackedConv, ...]:
    """Two blocks of that order and what stands beside them, cut out of a long stack so that both orders align.

    between: the activation between the convolutions of a block; a ReLU follows every block. Widths and strides are
    left out: where a block changes neither, its place in the stack is all that the order decides.
    """
    kind = "separable" if order == "depthwise-first" else "extreme"
    # blocks 0 to 3; the strip starts with a 1x1: the one of block 0, or the first of block 1
    stack = [
        StackedConv(op.role, block, _activation_after(ops, place))
        for block in range(4)
        for ops in [block_ops(BlockSpec(kind, batch_norm="none", intermediate=between))]
        for place, op in enumerate(ops)
        if isinstance(op, Conv)
    ]
    start = 1 if order == "depthwise-first" else 2
    return tuple(stack[start : start + STRIP])


def _activation_after(ops: tuple[object, ...], place: int) -> Activation:
    following = ops[place + 1] if place + 1 < len(ops) else None
    return following.function if isinstance(following, Act) else "none"


def stacks_agree(between: Activation) -> tuple[bool, bool]:
    """Whether both orders give the same convolutions, and whether the activations stand at the same places too."""
    first, second = (stacked_convs(order, between) for order in ORDERS)
    return (
        [conv.role for conv in first] == [conv.role for conv in second],
        [conv.activation for conv in first] == [conv.activation for conv in second],
    )
