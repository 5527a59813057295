"""The process that reads uploads: the same answers as in this one, and an end to what takes too long."""

from pathlib import Path

import numpy as np
import pytest
from uploaded_files import encoded, folders, picture, zipped

from xception_lab.common.messages import Message
from xception_lab.data import reading_process
from xception_lab.data.custom import load_custom, save_dataset
from xception_lab.data.images import read_square
from xception_lab.data.reading_process import ReadingError, read_square_apart, save_uploads_apart
from xception_lab.data.uploads import read_upload


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))


def test_a_picture_is_the_same_as_when_it_is_read_here() -> None:
    content = encoded(np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8))
    pixels = read_square_apart(content, 24)
    assert np.array_equal(pixels, read_square(content, 24))
    assert pixels.flags.writeable


def test_a_data_set_is_stored_under_the_name_that_it_has_here() -> None:
    content = zipped({**folders(12), "cat/bad.png": b"bad"})
    ((name, own_name),) = save_uploads_apart([("pets.zip", memoryview(content))]).items()
    assert own_name == "pets"
    assert name == save_dataset(read_upload("pets.zip", content))
    assert load_custom(name).notes[1:] == ("Left out, corrupt or unknown: 'cat/bad.png'",)


def test_a_refusal_comes_back_as_a_message_that_can_be_translated() -> None:
    with pytest.raises(ReadingError, match=r"'a\.zip': is a corrupt zip") as refusal:
        save_uploads_apart([("a.zip", b"PK\x03\x04")])
    assert isinstance(refusal.value.args[0], Message)
    with pytest.raises(ReadingError, match=r"^corrupt or unknown$"):
        read_square_apart(b"no picture", 24)


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "PICTURE_SECONDS", 0.001)
    said = r"^the picture: must be read within 0\.001 s of processor time, needs more$"
    with pytest.raises(ReadingError, match=said):
        read_square_apart(picture(), 24)
    monkeypatch.setattr(reading_process, "DATA_SECONDS", 0.001)
    with pytest.raises(ReadingError, match=r"^'a\.zip': must be read within 0\.00\d+ s of processor time"):
        save_uploads_apart([("a.zip", zipped(folders()))])


def test_what_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "DATA_MEMORY", 120 * 2**20)
    with pytest.raises(ReadingError, match="must be read within 120 MiB of memory, need more"):
        save_uploads_apart([("a.zip", bytes(100 * 2**20))])


def test_a_child_that_says_nothing_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "__name__", "xception_lab.common.units")  # it ends without a word
    with pytest.raises(ReadingError, match="reading it ended without an answer"):
        read_square_apart(picture(), 24)


def test_an_upload_that_would_wait_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_process, "LONGEST_WAIT", 0.01)
    slots = reading_process._PICTURE_SLOTS
    with slots, slots, pytest.raises(ReadingError, match="reading other uploads"):
        read_square_apart(picture(), 24)
    assert read_square_apart(picture(), 24).shape == (24, 24, 3)
