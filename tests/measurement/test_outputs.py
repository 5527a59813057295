"""Every timing checks its output: a wrong one is flagged, and rounding alone never is."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from xception_lab import BlockSpec, XceptionSpec
from xception_lab.measurement import measure as engine
from xception_lab.measurement import outputs
from xception_lab.measurement.measure import build_model, measure, prepare
from xception_lab.measurement.outputs import check_output, relative_error, tolerance
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import Machine, OutputCheck, Results
from xception_lab.timing.results_file import results_from_json, results_to_json
from xception_lab.timing.settings import Settings

CPU = torch.device("cpu")
SMALL = CompareSpec(in_channels=8, out_channels=16, size=12, batch_size=3)
NETWORK = XceptionSpec(
    num_classes=5,
    stem_channels=(4, 8),
    entry_channels=(8, 8),
    middle_blocks=1,
    middle_channels=8,
    exit_channels=(8, 8, 8),
)
EVERY_WAY = [
    *three_blocks(SMALL),
    *three_blocks(SMALL, backward=True, memory_format="channels_last"),
    *three_blocks(SMALL, dtype="bfloat16"),
    *three_blocks(SMALL, dtype="float16", memory_format="channels_last"),
    *three_blocks(SMALL, mode="folded"),
    Settings(NETWORK, 40, 40),
    Settings(NETWORK, 40, 40, 2, "float16"),
    Settings(NETWORK, 40, 40, mode="folded", memory_format="channels_last"),
]


def name_of(settings: Settings) -> str:
    kind = getattr(settings.subject, "kind", "network")
    return f"{kind}-{settings.dtype}-{settings.mode}-{settings.backward}"


@pytest.mark.parametrize("settings", EVERY_WAY, ids=name_of)
def test_a_right_output_passes_whatever_the_way(settings: Settings) -> None:
    check = prepare(settings, CPU).output
    assert check
    assert check.error is not None
    assert 0 < check.error < check.tolerance / 1.5
    assert not check.wrong


@pytest.mark.parametrize("settings", EVERY_WAY, ids=name_of)
def test_a_convolution_that_is_wrong_for_the_last_picture_of_a_batch_is_flagged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As was reported of depthwise convolutions on MPS, pytorch issue 188335."""
    right = F.conv2d

    def wrong(pictures: Tensor, weight: Tensor, *others: Any) -> Tensor:
        result = right(pictures, weight, *others)
        if pictures.dtype == torch.float64 or weight.shape[1] > 1:  # the reference, and what is not depthwise
            return result
        return torch.cat((result[:-1], result[-1:].roll(1, dims=1)))

    monkeypatch.setattr(F, "conv2d", wrong)
    check = prepare(settings, CPU).output
    assert check
    is_depthwise = getattr(settings.subject, "kind", "network") != "standard"
    assert check.wrong == is_depthwise


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_output_that_is_no_number_is_wrong_and_is_kept_in_the_file(
    value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = engine._call

    def broken(*given: Any) -> tuple[Callable[[], Any], Tensor | None]:
        call, gradient = forward(*given)
        return lambda: call() * value, gradient

    monkeypatch.setattr(engine, "_call", broken)
    (timing,) = measure(three_blocks(SMALL)[2:], CPU, limit_s=0.02)
    assert timing.output == OutputCheck(None, tolerance(timing.settings))
    assert timing.output.wrong
    results = Results(Machine("cuda", "A GPU", 1, 1, None, "", "Linux", "3.11", "2.13"), timings=(timing,))
    assert results_from_json(results_to_json(results)) == results


def test_products_in_tf32_are_no_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that rounds to 10 bits although IEEE float32 was asked for."""
    right = F.conv2d

    def rounded(pictures: Tensor, weight: Tensor, *others: Any) -> Tensor:
        if pictures.dtype == torch.float64:
            return right(pictures, weight, *others)
        return right(_ten_bits(pictures), _ten_bits(weight), *others)

    monkeypatch.setattr(F, "conv2d", rounded)
    for settings in three_blocks(SMALL):
        check = prepare(settings, CPU).output
        assert check
        assert check.wrong
        assert check.error is not None
        assert check.error < tolerance(replace(settings, dtype="tf32"))  # as which it would be right


def _ten_bits(values: Tensor) -> Tensor:
    mantissa, exponent = torch.frexp(values)
    return torch.ldexp((mantissa * 2**11).round() / 2**11, exponent)


@given(st.sampled_from(KINDS), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_the_reference_is_torchs_own_module_in_float64(kind: str, ins: int, outs: int, batch: int, seed: int) -> None:
    torch.manual_seed(seed)
    settings = Settings(BlockSpec(kind, ins, outs), 7, 6, batch)  # type: ignore[arg-type]
    model, inputs = build_model(settings, CPU)
    double = nn.Module.double(build_model(settings, CPU)[0])
    double.load_state_dict(model.state_dict())
    expected = double(inputs.double()).detach()
    check = check_output(settings, model, inputs, lambda: model(inputs))
    assert check
    pictures = sorted({0, batch - 1})
    found = [model(inputs)[pictures]]
    assert check.error == pytest.approx(relative_error(found, [expected[pictures]]), rel=1e-6)


def test_the_error_is_that_of_all_tensors_together() -> None:
    expected = [torch.tensor([3.0, 4.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)]
    found = [torch.tensor([3.0, 4.0]), torch.tensor([0.0, 0.5])]
    assert relative_error(found, expected) == pytest.approx(0.1)
    assert relative_error([torch.tensor([math.nan]), found[1]], expected) is None


def test_what_would_take_too_long_is_not_checked_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "MOST_MACS", 10)
    assert prepare(three_blocks(SMALL)[0], CPU).output is None
    # a network's gradients magnify rounding, from batch norm to batch norm
    assert prepare(Settings(NETWORK, 40, 40, 2, backward=True), CPU).output is None
