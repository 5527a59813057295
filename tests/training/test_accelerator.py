"""Training on an accelerator: where its tensors are, when the host waits, and which settings hold meanwhile."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_data import TINY
from training.accelerator import DEVICE, accelerator

from xception_lab.spec import TrainSpec
from xception_lab.training import loop
from xception_lab.training.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.loop import ESTIMATE_STEPS, estimate_run_s, next_epoch
from xception_lab.training.state import reproducible, seed_dropout

SHORT = replace(TINY, train_size=16)  # two steps an epoch: on this device each takes long
DROPOUT = replace(SHORT, xception=replace(TINY.xception, dropout=0.5))
pytestmark = pytest.mark.usefixtures("tiny")


@pytest.mark.parametrize("has_float64", [True, False], ids=["cuda", "mps"])
@pytest.mark.parametrize("spec", [SHORT, DROPOUT], ids=["plain", "dropout"])
def test_a_run_stays_on_its_device_from_epoch_to_epoch(
    has_float64: bool, spec: TrainSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    with accelerator(monkeypatch, has_float64):
        first = next_epoch(spec, None)
        last = next_epoch(spec, first)
        assert last
        assert {tensor.device for tensor in (*last.network.values(), *last.adam.values())} == {DEVICE}
        assert last.predictions.device.type == "cpu"
        # what a worker sends back and gets for the next epoch
        sent = checkpoint_from_bytes(checkpoint_to_bytes(last))
        assert next_epoch(replace(spec, epochs=3), replace(sent, spec=replace(spec, epochs=3)))


def test_the_host_waits_for_the_device_a_few_times_an_epoch_however_many_steps_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "EVALUATION_BATCH", 10)
    waits = {}
    for size in (16, 64):
        with accelerator(monkeypatch) as device:
            assert next_epoch(replace(TINY, train_size=size), None)
            waits[size] = device.waits
    assert waits[16] == waits[64]
    # losses and how many are right, of the fit and of the test, and the predictions
    assert waits[64].total() == 5


def test_the_estimate_waits_for_the_device_before_and_after_each_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[Counter[str]] = []
    step = loop._step
    with accelerator(monkeypatch) as device:

        def observed(*arguments: Any) -> Any:
            steps.append(Counter(device.waits))
            return step(*arguments)

        monkeypatch.setattr(loop, "_step", observed)
        assert estimate_run_s(TINY) > 0
    # the first step is not counted, and nothing waits between the others
    assert steps[0] == Counter()
    assert steps[1:] == [Counter(synchronize=1)] * ESTIMATE_STEPS
    assert device.waits["synchronize"] == 6


def settings() -> dict[str, object]:
    """Every setting of the process that a run changes."""
    cudnn, backends = torch.backends.cudnn, torch.backends
    return {
        "cudnn": (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32),
        "precision": (cudnn.conv.fp32_precision, cudnn.rnn.fp32_precision, backends.cuda.matmul.fp32_precision),
        "deterministic": torch.get_deterministic_debug_mode(),
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
        "numbers": torch.get_rng_state().tolist(),
    }


@pytest.mark.parametrize("work", [lambda: next_epoch(TINY, None), lambda: estimate_run_s(TINY)], ids=["run", "guess"])
def test_within_a_run_kernels_are_deterministic_and_float32_is_ieee_and_afterwards_all_is_as_before(
    work: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, object]] = []
    step = loop._step

    def observed(*arguments: Any) -> Any:
        seen.append(settings())
        return step(*arguments)

    monkeypatch.setattr(loop, "_step", observed)
    before = settings()
    work()
    assert settings() == before
    for within in seen:
        assert within["cudnn"] == (True, False, True, False)
        assert within["precision"] == ("ieee", "ieee", "ieee")
        assert within["deterministic"] == 1
        assert within["fill"] is False


def test_settings_come_back_after_an_error_also_where_the_caller_had_chosen_them() -> None:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    chosen = cudnn.benchmark, matmul.fp32_precision
    cudnn.benchmark, matmul.fp32_precision = True, "tf32"
    torch.set_deterministic_debug_mode("error")
    try:
        before = settings()
        with pytest.raises(RuntimeError, match="in between"), reproducible(torch.device("cpu")):
            raise RuntimeError("in between")
        assert settings() == before
    finally:
        cudnn.benchmark, matmul.fp32_precision = chosen
        torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize(("given", "found"), [(None, ":4096:8"), (":16:8", ":16:8")])
def test_the_workspace_of_cublas_is_fixed_before_the_device_is_first_used(
    given: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if given:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", given)
    asked: list[str | None] = []
    monkeypatch.setattr(torch.cuda, "current_device", lambda: asked.append(os.environ.get("CUBLAS_WORKSPACE_CONFIG")))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda _: None)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda _state, _: None)
    with reproducible(torch.device("cuda")):
        pass
    assert asked == [found]
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


def test_dropout_draws_the_same_numbers_as_after_torch_manual_seed() -> None:
    with torch.random.fork_rng([]):
        torch.manual_seed(1 << 62)
        numbers = torch.rand(5)
        seed_dropout(torch.device("cpu"), 1 << 62)
        assert torch.equal(torch.rand(5), numbers)
