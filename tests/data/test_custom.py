"""The user's own data: kept whole, found again, and refused with a sentence when it is not there or not whole."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import tiny_dataset

from xception_lab.common.home import StoreError
from xception_lab.data import custom as own_data
from xception_lab.data.catalogue import load_dataset
from xception_lab.data.custom import load_content, load_custom, save_dataset
from xception_lab.data.dataset import ARRAYS, Dataset


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))


def upload() -> Dataset:
    return replace(tiny_dataset("tiny"), name="내 그림", classes=("가", "나"), notes=("Left out, grey: a.png",))


def with_validation() -> Dataset:
    """An upload as it is read now; version 0.1 kept no validation part."""
    whole = upload()
    part = {"validation_images": whole.train_images[:9].copy(), "validation_labels": whole.train_labels[:9].copy()}
    return replace(whole, **part)


@pytest.mark.parametrize("make", [upload, with_validation])
def test_what_is_kept_comes_back_equal_under_a_name_of_its_content(make: Callable[[], Dataset]) -> None:
    before = make()
    name = save_dataset(before)
    after = load_dataset(name)
    for array in ARRAYS:
        assert np.array_equal(getattr(before, array), getattr(after, array))
        assert getattr(before, array).dtype == getattr(after, array).dtype
        assert not getattr(after, array).flags.writeable
    words = ("name", "classes", "source", "kind", "notes")
    assert [getattr(before, word) for word in words] == [getattr(after, word) for word in words]
    assert save_dataset(make()) == name
    assert save_dataset(replace(before, classes=("나", "가"))) != name


@pytest.mark.parametrize(
    "name",
    ["own-", "own-0123456789abcdeg", "own-../../../../etc/passwd", "own-0123456789abcdef\n", "own-0123456789ABCDEF"],
)
def test_a_name_that_is_none_reaches_no_file(name: str) -> None:
    with pytest.raises(ValueError, match=r"^dataset='own-.*: must be own- and 16 hexadecimal digits$"):
        load_dataset(name)


def test_what_is_not_here_is_asked_for_again() -> None:
    for read in (load_custom, load_content):
        with pytest.raises(ValueError, match=r"^dataset='own-0{16}': must be kept on this machine: upload it again$"):
            read("own-" + "0" * 16)


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    name = save_dataset(upload())
    path = tmp_path / "data" / f"{name}.safetensors"
    whole = path.read_bytes()
    for broken in (b"", whole[:50], whole[:-1], whole.replace(b"test_labels", b"best_labels")):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"must be a whole file.*upload it again"):
            load_custom(name)


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own_data, "write_atomically", full)
    with pytest.raises(StoreError, match="No space left on device"):
        save_dataset(upload())
