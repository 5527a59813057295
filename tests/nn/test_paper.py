"""The paper's numbers, and those of the implementations that agree with it."""

from itertools import chain

import pytest
import torch
from torch import nn

from xception_lab import XceptionSpec, build_xception, network_cost
from xception_lab.arch.plan import Conv, Norm, Stage, network_stages

SPEC = XceptionSpec()
COST = network_cost(SPEC, 299, 299)
STAGES = list(network_stages(SPEC))


def _macs(*roles: str) -> int:
    return sum(layer.macs for layer in COST.layers if layer.op in roles)


def _operations(stage: Stage) -> chain[object]:
    return chain(stage.body, stage.shortcut or ())


def test_table_3_parameters() -> None:
    assert COST.params == 22_855_952


def test_macs_at_299() -> None:
    assert COST.macs == 8_357_403_496
    assert COST.flops == 16_714_806_992
    assert COST.macs - _macs("linear") == 8_355_355_496


def test_macs_by_part_at_299() -> None:
    assert _macs("standard") == 417_478_752
    assert _macs("depthwise") == 132_190_344
    assert _macs("pointwise", "shortcut") == 7_805_686_400
    assert _macs("shortcut") == 231_544_832
    assert _macs("spatial") == 0


def test_nearly_all_work_is_pointwise() -> None:
    assert _macs("depthwise") / COST.macs == pytest.approx(0.016, abs=0.0005)
    assert _macs("pointwise", "shortcut") / COST.macs == pytest.approx(0.934, abs=0.0005)


def test_36_convolutional_layers() -> None:
    # section 3: 34 separable and the stem's 2; the shortcuts' are not counted
    body = [op for stage in STAGES for op in stage.body if isinstance(op, Conv)]
    assert sum(op.role == "standard" for op in body) == 2
    assert sum(op.role == "depthwise" for op in body) == sum(op.role == "pointwise" for op in body) == 34
    assert len(SPEC.separable_channels) == 34
    assert len(body) == 2 + 2 * 34


def test_14_modules_12_of_them_with_a_shortcut() -> None:
    # section 3: "structured into 14 modules, all of which have linear residual connections around them, except
    # for the first and last"
    assert [stage.shortcut is not None for stage in STAGES] == [False, *[True] * 12, False]
    assert [stage.flow for stage in STAGES] == ["entry"] * 4 + ["middle"] * 8 + ["exit"] * 2
    shortcuts = [op for stage in STAGES for op in stage.shortcut or () if isinstance(op, Conv)]
    assert [(op.kernel_size, op.stride, op.out_channels) for op in shortcuts] == [
        (1, 2, channels) for channels in (128, 256, 728, 1024)
    ]


def test_40_batch_norms_and_no_bias_but_the_last() -> None:
    operations = [op for stage in STAGES for op in _operations(stage)]
    assert sum(isinstance(op, Norm) for op in operations) == 40
    assert not any(op.bias for op in operations if isinstance(op, Conv))


def test_the_picture_shrinks_as_in_figure_5() -> None:
    sizes = {layer.name: layer.out_shape[1:] for layer in COST.layers}
    assert sizes["conv1"] == (32, 149, 149)
    assert sizes["conv2"] == (64, 147, 147)
    assert [sizes[f"block{n}.add"] for n in (1, 2, 3)] == [(128, 74, 74), (256, 37, 37), (728, 19, 19)]
    assert {sizes[f"block{n}.add"] for n in range(4, 12)} == {(728, 19, 19)}
    assert sizes["block12.add"] == (1024, 10, 10)
    assert (sizes["act3"], sizes["act4"]) == ((1536, 10, 10), (2048, 10, 10))
    assert (sizes["global_pool"], sizes["fc"]) == ((2048, 1, 1), (1000, 1, 1))


def test_kerass_totals() -> None:
    # Keras counts the running mean and variance as parameters that are not trained
    with torch.device("meta"):
        network = build_xception(SPEC)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    frozen = sum(norm.running_mean.numel() + norm.running_var.numel() for norm in norms)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert len(norms) == 40
    assert (trained, frozen, trained + frozen) == (22_855_952, 54_528, 22_910_480)


@pytest.mark.parametrize("intermediate", ["none", "relu", "elu"])
@pytest.mark.parametrize("residual", [True, False])
def test_figures_9_and_10_vary_no_separable_weights(intermediate: str, residual: bool) -> None:
    # Figure 10's activations weigh nothing; Figure 9 takes away the four projections and their norms
    shortcuts = sum(ins * outs + 2 * outs for ins, outs in ((64, 128), (128, 256), (256, 728), (728, 1024)))
    cost = network_cost(XceptionSpec(intermediate=intermediate, residual=residual), 299, 299)
    assert cost.params == 22_855_952 - (0 if residual else shortcuts)
    assert cost.macs == 8_357_403_496 - (0 if residual else 231_544_832)
