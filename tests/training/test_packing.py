"""What benchmarks/packing.py asks of the training loop, at the sizes that its defaults come to."""

import sys

import pytest
import torch

from benchmarks import packing
from xception_lab.data.catalogue import load_dataset
from xception_lab.spec import TrainSpec
from xception_lab.training.tensors import load_pictures


@pytest.mark.parametrize("steps", [3, 200, 10_000])
def test_a_short_run_asks_for_no_more_pictures_than_there_are(steps: int) -> None:
    spec = packing.short_run(TrainSpec(use_test=False), steps)
    assert spec.epochs == 1
    assert spec.train_size == min(steps * spec.batch_size, len(load_dataset(spec.dataset).train_labels))
    load_pictures(spec.dataset, spec.train_size, torch.device("cpu"))


def test_all_counts_are_tried_unless_fewer_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def pack(_spec: TrainSpec, _steps: int, count: int) -> dict[str, float]:
        tried.append(count)
        return {"processes": count, "pictures_per_s": 1.0, "each_per_s": 1.0}

    monkeypatch.setattr(packing, "pack", pack)
    monkeypatch.setattr(packing, "alone", lambda *_: {"ways": [], "warnings": []})
    monkeypatch.setattr(packing.os, "cpu_count", lambda: 64)
    for arguments, counts in ([], [1, 2, 4, 8, 16]), (["--most", "2"], [1, 2]):
        monkeypatch.setattr(sys, "argv", ["packing", *arguments])
        tried.clear()
        packing.main()
        assert tried == counts
