"""One run: the same bits every time, after every kind of end, and nothing of it decided by the network's shape."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT
from strategies import examples
from tiny_data import TINY, environment, install, tiny_dataset

from xception_lab import TrainSpec, build_xception, train
from xception_lab.data.dataset import Dataset
from xception_lab.nn.init import initialise
from xception_lab.training import loop as training
from xception_lab.training import state, tensors
from xception_lab.training.artifacts import read_predictions, weights_file
from xception_lab.training.checkpoint import Checkpoint, checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.loop import TrainingError, estimate_run_s, next_epoch
from xception_lab.training.recipe import SHIFT, learning_rate
from xception_lab.training.records import EpochRecord, train_spec_from_json, train_spec_to_json, validation_area
from xception_lab.training.state import autocast
from xception_lab.training.tensors import load_pictures

DROPOUT = replace(TINY, xception=replace(TINY.xception, dropout=0.5), epochs=4)
CPU = torch.device("cpu")
pytestmark = pytest.mark.usefixtures("tiny")


def same_bits(first: Checkpoint, second: Checkpoint) -> bool:
    """Whether two checkpoints agree in every bit but the clock's."""
    ours = {**first.network, **first.adam, "predictions": first.predictions}
    theirs = {**second.network, **second.adam, "predictions": second.predictions}
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def _whole(spec: TrainSpec) -> Checkpoint:
    checkpoint = None
    for _ in range(spec.epochs):
        checkpoint = next_epoch(spec, checkpoint)
    assert checkpoint
    return checkpoint


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("epochs", 0, "epochs=0: must be a whole number of at least 1"),
        ("batch_size", 1, "batch_size=1: must be a whole number of at least 2"),
        ("batch_size", True, "batch_size=True: must be a whole number"),
        ("seed", -1, "seed=-1: must be a whole number of at least 0"),
        ("learning_rate", 0, "learning_rate=0: must be a positive number"),
        ("learning_rate", float("nan"), "learning_rate=nan: must be a positive number"),
        ("weight_decay", 1.0, "weight_decay=1.0: must be a number from 0 to less than 1"),
        ("train_size", 7, "train_size=7: must be a whole number of at least 8"),
        ("dataset", "", "dataset='': must be the name of a data set"),
        ("xception", None, "xception=None: must be an XceptionSpec"),
        ("autocast", 1, "autocast=1: must be "),
        ("use_test", None, "use_test=None: must be "),
    ],
)
def test_a_bad_field_is_named_with_its_value_and_rule(field: str, value: object, rule: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        replace(TINY, **{field: value})
    assert str(caught.value).startswith(rule)


@examples(30)
@given(st.integers(1, 9), st.integers(2, 64), st.floats(1e-6, 10), st.none() | st.integers(64, 999))
def test_a_spec_survives_json(epochs: int, batch_size: int, rate: float, train_size: int | None) -> None:
    spec = TrainSpec(epochs=epochs, batch_size=batch_size, learning_rate=rate, train_size=train_size)
    assert train_spec_from_json(train_spec_to_json(spec)) == spec


def test_a_spec_with_every_new_field_survives_json_and_one_without_has_the_text_of_version_0_1() -> None:
    network = replace(TINY.xception, batch_norm="every", intermediate="relu", negative_slope=0.2, segment_depth=4)
    spec = replace(TINY, xception=network, autocast=False, use_test=False)
    assert train_spec_from_json(train_spec_to_json(spec)) == spec
    stored = json.loads((ROOT / "tests/recorded/experiment.json").read_text(encoding="utf-8"))["experiment"]["base"]
    assert train_spec_to_json(train_spec_from_json(json.dumps(stored))) == json.dumps(stored, sort_keys=True)


@pytest.mark.parametrize("spec", [TINY, DROPOUT], ids=["plain", "dropout"])
def test_an_epoch_leaves_the_checkpoint_that_it_starts_from_as_it_was(spec: TrainSpec) -> None:
    first = next_epoch(spec, None)
    assert first
    before = checkpoint_from_bytes(checkpoint_to_bytes(first))
    second = next_epoch(spec, first)
    assert same_bits(first, before)
    again = next_epoch(spec, first)
    assert second
    assert again
    assert same_bits(second, again)
    assert {tensor.item() for name, tensor in second.adam.items() if name.startswith("step.")} == {
        2 * tensor.item() for name, tensor in first.adam.items() if name.startswith("step.")
    }


def test_the_same_spec_gives_the_same_bits_and_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = _whole(DROPOUT)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert same_bits(first, _whole(DROPOUT))
    assert not same_bits(first, _whole(replace(DROPOUT, seed=1)))


def test_it_learns_and_the_record_says_what_the_predictions_do() -> None:
    spec = replace(TINY, epochs=16, learning_rate=0.01)
    records = list(train(spec))
    assert [record.epoch for record in records] == list(range(1, 17))
    assert records[-1].test_accuracy > 0.9
    assert records[-1].train_loss < records[0].train_loss
    labels = torch.from_numpy(tiny_dataset("tiny").test_labels.copy())
    checkpoint = _whole(spec)
    assert records[-1].test_accuracy == (checkpoint.predictions == labels).double().mean().item()
    network = build_xception(spec.xception).eval()
    network.load_state_dict(checkpoint.network)
    pictures = load_pictures("tiny", None, CPU)
    with torch.inference_mode(), autocast(CPU):
        logits = network(pictures.normalised(pictures.test).contiguous()).float()
    assert torch.equal(logits.argmax(1), checkpoint.predictions)
    assert records[-1].test_loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=5e-3)


def test_bfloat16_is_for_the_arithmetic_and_what_is_kept_stays_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(TINY, epochs=6)
    runs: list[Checkpoint] = []
    for native in (True, False):
        monkeypatch.setattr(state, "has_bfloat16", lambda _, native=native: native)
        runs.append(_whole(spec))
    half, single = runs
    for name, tensor in (*half.network.items(), *half.adam.items()):
        assert tensor.dtype == (torch.int64 if name.endswith("num_batches_tracked") else torch.float32)
    assert not same_bits(half, single)
    losses = [[record.train_loss for record in run.records] for run in runs]
    assert losses[0] == pytest.approx(losses[1], abs=0.05)


def test_the_record_has_the_sums_of_the_steps_in_double_precision_and_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses, right = torch.zeros((), dtype=torch.float64), 0
    step = training._step

    def observed(state: Any, batch: torch.Tensor, labels: torch.Tensor, rate: float) -> Any:
        nonlocal right
        loss, logits = step(state, batch, labels, rate)
        losses.add_(loss.to(torch.float64))
        right += int((logits.argmax(1) == labels).sum())
        return loss, logits

    monkeypatch.setattr(training, "_step", observed)
    checkpoint = next_epoch(TINY, None)
    assert checkpoint
    record = checkpoint.records[0]
    assert (record.train_loss, record.train_accuracy) == (losses.item() / 8, right / 64)


def test_variants_of_a_seed_share_every_weight_whose_name_and_shape_agree() -> None:
    base = TINY.xception
    networks = [
        build_xception(replace(base, **change))
        for change in ({}, {"intermediate": "relu"}, {"order": "pointwise-first"}, {"residual": False}, {"segments": 2})
    ]
    for network in networks:
        initialise(network, 3)
    first = dict(networks[0].named_parameters())
    for network in networks[1:]:
        shared = [n for n, p in network.named_parameters() if n in first and p.shape == first[n].shape]
        assert len(shared) > 10
        assert all(torch.equal(dict(network.named_parameters())[name], first[name]) for name in shared)
    other = build_xception(base)
    initialise(other, 4)
    assert not torch.equal(other.get_parameter("conv1.weight"), first["conv1.weight"])


def test_variants_share_the_order_and_the_moves_and_no_two_epochs_do() -> None:
    pictures = load_pictures("tiny", None, CPU)
    relu = replace(TINY, xception=replace(TINY.xception, intermediate="relu"))
    batches = [
        torch.cat([batch for batch, _ in pictures.batches(spec, epoch)])
        for spec, epoch in ((TINY, 1), (relu, 1), (TINY, 2), (replace(TINY, seed=1), 1))
    ]
    assert torch.equal(batches[0], batches[1])
    assert not torch.equal(batches[0], batches[2])
    assert not torch.equal(batches[0], batches[3])


def test_every_picture_comes_once_an_epoch_and_moves_at_most_so_far() -> None:
    pictures = load_pictures("tiny", None, CPU)
    spec = replace(TINY, batch_size=64)
    (batch, labels), *rest = list(pictures.batches(spec, 1))
    assert not rest
    assert sorted(labels.tolist()) == sorted(pictures.train_labels.tolist())
    around = range(-SHIFT, SHIFT + 1)
    inner = slice(SHIFT, -SHIFT)
    # away from the border, each picture equals one training picture at one of the moves
    for picture in batch[:8, inner, inner]:
        found = [
            (pictures.train[:, 1 + down : 7 + down, 1 + right : 7 + right] == picture).flatten(1).all(1).any()
            for down in around
            for right in around
        ]
        assert sum(found) == 1


def test_train_size_takes_the_same_pictures_for_every_seed() -> None:
    part = load_pictures("tiny", 16, CPU)
    whole = load_pictures("tiny", None, CPU)
    assert torch.equal(part.train, whole.train[:16])
    with pytest.raises(ValueError, match="train_size=65: must be at most the 64 training pictures of 'tiny'"):
        list(train(replace(TINY, train_size=65)))


def test_the_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing() -> None:
    rates = [learning_rate(TINY, step, 100) for step in range(100)]
    assert max(rates) == TINY.learning_rate == rates[9]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01 * TINY.learning_rate


def test_a_checkpoint_survives_its_file_and_hands_out_weights_that_load() -> None:
    checkpoint = _whole(TINY)
    data = checkpoint_to_bytes(checkpoint)
    again = checkpoint_from_bytes(data)
    assert same_bits(again, checkpoint)
    assert again.records == checkpoint.records
    assert again.spec == TINY
    from safetensors.torch import load

    build_xception(TINY.xception).load_state_dict(load(weights_file(data)))
    assert read_predictions(data).tolist() == checkpoint.predictions.tolist()
    for broken in (b"", data[:-1], b"\0" * 100):
        for read in (checkpoint_from_bytes, weights_file, read_predictions):
            with pytest.raises(ValueError, match="not a checkpoint"):
                read(broken)


def test_a_run_goes_on_where_its_checkpoint_ends_and_yields_the_earlier_records_first(tmp_path: Path) -> None:
    path = tmp_path / "run"
    iterator = train(DROPOUT, checkpoint_path=path)
    early = [next(iterator), next(iterator)]
    iterator.close()
    records = list(train(DROPOUT, checkpoint_path=path))
    assert records[:2] == early
    assert records[-1].elapsed_s > records[1].elapsed_s
    assert same_bits(checkpoint_from_bytes(path.read_bytes()), _whole(DROPOUT))
    assert list(train(DROPOUT, checkpoint_path=path)) == records
    with pytest.raises(ValueError, match="holds another run"):
        next(train(replace(DROPOUT, seed=9), checkpoint_path=path))


CHILD = """
import sys, tiny_data, torch
from dataclasses import replace
tiny_data.install()
torch.set_num_threads(1)
from xception_lab import train
spec = replace(tiny_data.TINY, xception=replace(tiny_data.TINY.xception, dropout=0.5), epochs=400)
for record in train(spec, checkpoint_path=sys.argv[1]):
    print(record.epoch, flush=True)
"""


def test_a_step_is_that_of_torchs_own_adamw_bit_for_bit() -> None:
    run = state.make_train_state(TINY, load_pictures("tiny", None, torch.device("cpu")), None)
    network = build_xception(replace(TINY.xception, in_channels=1, num_classes=2)).to(memory_format=torch.channels_last)
    network.load_state_dict(run.network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=TINY.weight_decay, fused=True)
    for rate in (0.01, 0.003, 0.02):
        for parameter, twin in zip(run.network.parameters(), network.parameters(), strict=True):
            parameter.grad = torch.randn_like(parameter)
            twin.grad = parameter.grad.clone(memory_format=torch.preserve_format)
        run.step(rate)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
    assert all(map(torch.equal, run.network.parameters(), network.parameters()))


def test_a_process_that_trains_does_not_import_what_compiles(tmp_path: Path) -> None:
    code = "import sys, tiny_data, xception_lab; tiny_data.install(); next(xception_lab.train(tiny_data.TINY)); "
    code += "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(tmp_path))
    assert told.stdout == "True False\n", told.stderr


def test_killed_in_the_middle_and_resumed_it_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    path = tmp_path / "run"
    spec = replace(DROPOUT, epochs=400)
    for least in (1, 3):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, env=environment(tmp_path)
        ) as child:
            assert child.stdout
            while int(child.stdout.readline()) < least:
                pass
            child.send_signal(signal.SIGKILL)
    done = len(checkpoint_from_bytes(path.read_bytes()).records)
    assert 3 <= done < 400
    iterator = train(spec, checkpoint_path=path)
    resumed = [next(iterator) for _ in range(done + 2)]
    whole = [record for record, _ in zip(train(spec), range(done + 2), strict=False)]
    clock = {"images_per_s": 0.0, "elapsed_s": 0.0}
    assert [replace(record, **clock) for record in resumed] == [replace(record, **clock) for record in whole]
    straight = None
    for _ in range(done + 2):
        straight = next_epoch(spec, straight)
    assert straight
    assert same_bits(checkpoint_from_bytes(path.read_bytes()), straight)


def test_a_failing_disk_leaves_the_last_checkpoint_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    iterator = train(TINY, checkpoint_path=path)
    next(iterator)
    before = path.read_bytes()

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        next(iterator)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]


def with_validation(name: str) -> Dataset:
    """The tiny data with their last 24 training pictures as the validation part."""
    whole = tiny_dataset(name)
    return replace(
        whole,
        train_images=whole.train_images[:40],
        train_labels=whole.train_labels[:40],
        validation_images=whole.train_images[40:],
        validation_labels=whole.train_labels[40:],
    )


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Training on data with a validation part; the numbers of pictures that were evaluated, one per evaluation."""
    sizes: list[int] = []
    evaluate = training._evaluate

    def counted(state: Any, pictures: Any, part: torch.Tensor, *rest: Any) -> Any:
        sizes.append(len(part))
        return evaluate(state, pictures, part, *rest)

    monkeypatch.setattr(tensors, "load_dataset", with_validation)
    monkeypatch.setattr(training, "_evaluate", counted)
    load_pictures.cache_clear()
    return sizes


def test_validation_comes_after_every_epoch_and_the_test_once_at_the_end(evaluated: list[int]) -> None:
    spec = replace(TINY, epochs=3)
    checkpoints: list[Checkpoint] = []
    for _ in range(3):
        checkpoint = next_epoch(spec, checkpoints[-1] if checkpoints else None)
        assert checkpoint
        checkpoints.append(checkpoint)
    assert evaluated == [24, 24, 24, 40]
    *early, last = checkpoints[-1].records
    assert [(record.test_loss, record.test_accuracy) for record in early] == [(None, None)] * 2
    assert last.test_accuracy is not None
    assert last.test_loss is not None
    for record in (*early, last):
        assert record.validation_accuracy is not None
        assert record.accuracy == record.validation_accuracy
    assert [len(checkpoint.predictions) for checkpoint in checkpoints] == [0, 0, 40]
    # what the record says of each part is what the stored network does on that part
    network = build_xception(spec.xception).eval()
    network.load_state_dict(checkpoints[-1].network)
    data, pictures = with_validation("tiny"), load_pictures("tiny", None, CPU)
    for part, accuracy in (("validation", last.validation_accuracy), ("test", last.test_accuracy)):
        images, labels = torch.tensor(getattr(data, f"{part}_images")), getattr(data, f"{part}_labels")
        with torch.inference_mode(), autocast(CPU):
            predicted = network(pictures.normalised(images).contiguous()).argmax(1)
        assert accuracy == (predicted.numpy() == labels).mean(), part
    for checkpoint in checkpoints:
        again = checkpoint_from_bytes(checkpoint_to_bytes(checkpoint))
        assert again.records == checkpoint.records
        assert same_bits(again, checkpoint)


def test_a_run_that_may_not_use_the_test_never_looks_at_it(
    evaluated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(TINY, use_test=False)
    checkpoint = _whole(spec)
    assert evaluated == [24, 24]
    assert [(record.test_loss, record.test_accuracy) for record in checkpoint.records] == [(None, None)] * 2
    assert len(checkpoint.predictions) == 0
    # it learns as the run that is tested does, bit for bit
    tested = _whole(TINY)
    assert all(torch.equal(tested.network[name], tensor) for name, tensor in checkpoint.network.items())
    # without a validation part there is nothing to judge it by, and the test is still not touched
    monkeypatch.setattr(tensors, "load_dataset", tiny_dataset)
    load_pictures.cache_clear()
    evaluated.clear()
    records = _whole(spec).records
    assert evaluated == []
    assert {record.accuracy for record in records} == {None}


def test_data_without_a_validation_part_are_tested_after_every_epoch() -> None:
    records = list(train(TINY))
    assert [record.validation_accuracy for record in records] == [None, None]
    assert all(record.test_accuracy is not None and record.accuracy == record.test_accuracy for record in records)
    assert validation_area(records) is None


def test_the_area_is_the_mean_of_the_validation_accuracies_and_none_where_one_is_missing() -> None:
    blank = EpochRecord(1, 0.5, 0.5, None, None, 0.01, 1.0, 1.0)
    records = [replace(blank, epoch=n, validation_accuracy=accuracy) for n, accuracy in ((1, 0.25), (2, 0.75))]
    assert validation_area(records) == 0.5
    assert validation_area([*records, blank]) is None
    assert validation_area([]) is None


def test_without_autocast_it_computes_in_float32_wherever_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Checkpoint] = []
    for native in (True, False):
        monkeypatch.setattr(state, "has_bfloat16", lambda _, native=native: native)
        runs.append(_whole(replace(TINY, autocast=False)))
    assert same_bits(*runs)


def test_a_leaky_relu_of_slope_one_trains_as_nothing_in_between_does() -> None:
    nothing = _whole(TINY)
    identity = _whole(replace(TINY, xception=replace(TINY.xception, intermediate="relu", negative_slope=1.0)))
    assert same_bits(nothing, identity)
    leaky = _whole(replace(TINY, xception=replace(TINY.xception, intermediate="relu", negative_slope=0.5)))
    assert not same_bits(nothing, leaky)


def test_it_stops_between_two_batches_and_keeps_the_last_whole_epoch(tmp_path: Path) -> None:
    asked = 0

    def after_one_epoch_and_three_batches() -> bool:
        nonlocal asked
        asked += 1
        return asked > 9 + 3  # 8 training batches and one of evaluation an epoch

    path = tmp_path / "run"
    assert len(list(train(TINY, checkpoint_path=path, should_stop=after_one_epoch_and_three_batches))) == 1
    assert asked == 13
    assert len(checkpoint_from_bytes(path.read_bytes()).records) == 1
    assert next_epoch(TINY, None, lambda: True) is None


def test_a_loss_that_is_not_a_number_ends_the_run_with_its_reason() -> None:
    with pytest.raises(TrainingError, match=r"epoch 1: the loss is not a number, learning_rate=1e\+30 may be too high"):
        list(train(replace(TINY, learning_rate=1e30)))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
    ],
)
def test_running_out_of_memory_ends_the_run_with_its_reason(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise error

    monkeypatch.setattr(training, "_step", exhausted)
    with pytest.raises(TrainingError, match="out of memory: a smaller batch_size than 8"):
        list(train(TINY))


def test_another_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(training, "_step", broken)
    with pytest.raises(RuntimeError, match="something else"):
        list(train(TINY))


def test_the_estimate_is_of_the_runs_order() -> None:
    install()
    spec = replace(TINY, dataset="long", train_size=2000, epochs=1)
    record = list(train(spec))[-1]
    assert record.elapsed_s / 10 < training.estimate_run_s(spec) < record.elapsed_s * 10


def test_the_estimate_counts_neither_what_others_do_nor_more_than_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = training.estimate_run_s(TINY)
    seen: list[int] = []
    step = training._step

    def disturbed(*arguments: Any) -> Any:
        seen.append(torch.get_num_threads())
        time.sleep(0.05)
        return step(*arguments)

    monkeypatch.setattr(training, "_step", disturbed)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert training.estimate_run_s(TINY) < quiet + TINY.epochs * 8 * 0.04
        assert (set(seen), torch.get_num_threads()) == ({1}, 2)
    finally:
        torch.set_num_threads(threads)


def test_fewer_pictures_than_a_batch_are_refused_in_a_sentence() -> None:
    spec = replace(TINY, batch_size=65)  # there are 64
    for work in (lambda: next_epoch(spec, None), lambda: estimate_run_s(spec)):
        with pytest.raises(ValueError, match="batch_size=65: must be at most the 64 training pictures"):
            work()
