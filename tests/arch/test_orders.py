"""What else changes with the order, against the modules of the built networks."""

from dataclasses import replace

import pytest
from torch import nn

from xception_lab import XceptionSpec, build_xception
from xception_lab.arch.orders import order_change
from xception_lab.spec import ORDERS, SMALL_XCEPTION


@pytest.mark.parametrize("network", [SMALL_XCEPTION, replace(SMALL_XCEPTION, segment_depth=4)])
def test_widths_and_parameters_are_those_of_the_modules(network: XceptionSpec) -> None:
    widths: list[dict[str, int]] = []
    params: list[int] = []
    for order in ORDERS:
        model = build_xception(replace(network, order=order))
        params.append(sum(parameter.numel() for parameter in model.parameters()))
        widths.append(
            {
                name.rpartition(".")[0]: module.out_channels
                for name, module in model.named_modules()
                if isinstance(module, nn.Conv2d) and module.groups > 1
            }
        )
    change = order_change(network)
    assert change.convolutions == len(widths[0]) == len(widths[1])
    assert {each.name: (each.depthwise_first, each.pointwise_first) for each in change.widths} == {
        name: (width, widths[1][name]) for name, width in widths[0].items() if width != widths[1][name]
    }
    assert [change.depthwise_first_params, change.pointwise_first_params] == params


def test_nothing_but_the_order_changes_where_every_convolution_keeps_its_channels() -> None:
    even = replace(
        SMALL_XCEPTION, stem_channels=(16, 16), entry_channels=(16, 16), middle_channels=16, exit_channels=(16, 16, 16)
    )
    change = order_change(even)
    assert change.widths == ()
    assert change.depthwise_first_params == change.pointwise_first_params
