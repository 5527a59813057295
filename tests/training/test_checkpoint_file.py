"""No damaged byte of a checkpoint is taken for a whole one; files without a checksum are checked as far as they go."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from damage import flip_bit, without_checksum
from paths import ROOT
from safetensors.torch import load, save
from tiny_data import TINY

from xception_lab import train
from xception_lab.training.artifacts import read_predictions, weights_file
from xception_lab.training.checkpoint import Checkpoint, checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.checkpoint_file import read_header
from xception_lab.training.records import EpochRecord

RECORDS = (EpochRecord(1, 0.5, 0.75, None, None, 0.001, 1234.5, 1.5),)
CHECKPOINT = Checkpoint(
    TINY,
    RECORDS,
    {"conv1.weight": torch.arange(60.0).reshape(3, 20), "bn1.num_batches_tracked": torch.tensor(8)},
    {"exp_avg.conv1.weight": torch.ones(3, 20), "step.conv1.weight": torch.tensor(8.0)},
    torch.arange(5),
)


def test_a_file_says_whose_it_is() -> None:
    header = read_header(checkpoint_to_bytes(CHECKPOINT))
    assert (header.spec, header.records, header.has_checksum) == (TINY, RECORDS, True)


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    content = checkpoint_to_bytes(CHECKPOINT)
    rng = random.Random(0)
    for place in range(len(content)):
        damaged = flip_bit(content, 8 * place + rng.randrange(8))
        with pytest.raises(ValueError, match="not a checkpoint"):
            read_header(damaged)
    for read in (checkpoint_from_bytes, read_predictions, weights_file):
        with pytest.raises(ValueError, match="its checksum is wrong"):
            read(flip_bit(content, 8 * len(content) - 3))


def test_a_file_that_is_cut_short_or_longer_is_noticed_with_and_without_a_checksum() -> None:
    content = checkpoint_to_bytes(CHECKPOINT)
    for whole in (content, without_checksum(content)):
        for damaged in (*(whole[:size] for size in range(0, len(whole), 7)), whole[:-1], whole + b"\0"):
            with pytest.raises(ValueError, match="not a checkpoint"):
                read_header(damaged)


def test_a_file_without_a_checksum_is_read_and_said_to_have_none() -> None:
    content = without_checksum(checkpoint_to_bytes(CHECKPOINT))
    assert read_header(content).has_checksum is False
    assert checkpoint_from_bytes(content).records == RECORDS
    recorded = (ROOT / "tests/recorded/store/checkpoints/6.safetensors").read_bytes()
    assert read_header(recorded).has_checksum is False


@pytest.mark.parametrize("meta", [{}, {"spec": "{}"}, {"spec": "{}", "records": "[]", "sha257": "0"}])
def test_other_metadata_are_not_taken_for_an_old_file(meta: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        read_header(save({"predictions": torch.zeros(3)}, meta))


def test_json_nested_too_deep_is_a_sentence() -> None:
    text = b'{"__metadata__":' + b"[" * 100_000
    with pytest.raises(ValueError, match="not a checkpoint"):
        read_header(len(text).to_bytes(8, "little") + text)


@pytest.mark.usefixtures("tiny")
def test_a_run_with_a_damaged_checkpoint_starts_anew_says_so_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    path, said = tmp_path / "run.safetensors", list[str]()
    whole = [replace(record, images_per_s=0, elapsed_s=0) for record in train(TINY, checkpoint_path=path)]
    first = load(path.read_bytes())
    damaged = flip_bit(path.read_bytes(), 8 * path.stat().st_size - 1)
    path.write_bytes(damaged)
    again = [
        replace(record, images_per_s=0, elapsed_s=0) for record in train(TINY, checkpoint_path=path, tell=said.append)
    ]
    assert again == whole
    assert all(torch.equal(tensor, first[name]) for name, tensor in load(path.read_bytes()).items())
    (aside,) = tmp_path.glob("run.set-aside-*.safetensors")
    assert aside.read_bytes() == damaged
    assert len(said) == 1
    assert "its checksum is wrong" in said[0]
    assert aside.name in said[0]


@pytest.mark.usefixtures("tiny")
def test_without_a_listener_a_damaged_checkpoint_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="the run starts from its beginning"):
        assert len(list(train(TINY, checkpoint_path=path))) == TINY.epochs
    assert read_header(path.read_bytes()).spec == TINY
