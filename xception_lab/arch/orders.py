"""What changes with the order of a network's separable convolutions, beside the order itself."""

from dataclasses import dataclass, replace

from xception_lab.arch.cost import network_cost
from xception_lab.arch.plan import Conv, network_stages
from xception_lab.spec import ORDERS, Order, XceptionSpec

SPATIAL_ROLES = ("depthwise", "spatial")
_SIDE = 32  # pixels: parameters are the same at any


@dataclass(frozen=True, slots=True)
class WidthChange:
    """A separable convolution whose spatial half has another width in the other order.

    name: "block1.rep.0". depthwise_first, pointwise_first: the spatial half's channels in either order.
    """

    name: str
    depthwise_first: int
    pointwise_first: int


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What the step from depthwise first to 1x1 first changes in a network.

    convolutions: how many separable ones there are. widths: those of them whose spatial half changes its width.
    depthwise_first_params, pointwise_first_params: of the whole network.
    """

    convolutions: int
    widths: tuple[WidthChange, ...]
    depthwise_first_params: int
    pointwise_first_params: int


def order_change(network: XceptionSpec) -> OrderChange:
    """What changes with the order in this network, of which the spec's own order is not used.

    A spatial half has the channels that enter where it is first, and those that leave where it is second: so its width
    changes in every separable convolution that does not have as many out as in.
    """
    first, second = (_spatial_widths(network, order) for order in ORDERS)
    changes = tuple(WidthChange(name, width, second[name]) for name, width in first.items() if width != second[name])
    params = (network_cost(replace(network, order=order), _SIDE, _SIDE).params for order in ORDERS)
    return OrderChange(len(first), changes, *params)


def _spatial_widths(network: XceptionSpec, order: Order) -> dict[str, int]:
    return {
        op.name.rpartition(".")[0]: op.out_channels
        for stage in network_stages(replace(network, order=order))
        for op in stage.body
        if isinstance(op, Conv) and op.role in SPATIAL_ROLES
    }
