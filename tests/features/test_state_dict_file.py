"""The interpreter of PyTorch's pickles: it makes what torch.load makes, and refuses hostile programs."""

import io
from collections import OrderedDict
from typing import Any

import pickles
import pytest
import torch
from torch import Tensor, nn

from xception_lab.features import state_dict_file
from xception_lab.features.state_dict_file import OpaqueValue, PickledTensor, RefusalError, read_state_dict_file
from xception_lab.features.weight_files import DTYPES, read_weights

FOUR = bytes(range(16))


def saved(value: Any, legacy: bool) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def made(value: Any) -> Any:
    """The same with each tensor made."""
    if isinstance(value, dict):
        return {key: made(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(made(item) for item in value)
    return value.tensor("x") if isinstance(value, PickledTensor) else value


def same(ours: Any, torchs: Any) -> bool:
    if isinstance(torchs, Tensor):
        as_bytes = [t.detach().contiguous().flatten().view(torch.uint8) for t in (ours, torchs)]
        return (ours.dtype, ours.shape, ours.stride()) == (torchs.dtype, torchs.shape, torchs.stride()) and torch.equal(
            *as_bytes
        )
    if isinstance(torchs, dict):
        return ours.keys() == torchs.keys() and all(same(ours[key], torchs[key]) for key in torchs)
    if isinstance(torchs, list | tuple):
        return len(ours) == len(torchs) and all(map(same, ours, torchs))
    return ours == torchs


@pytest.mark.parametrize("legacy", [False, True])
def test_it_makes_what_torch_makes(legacy: bool) -> None:
    dice = torch.Generator().manual_seed(0)
    numbers = torch.randn(4, 6, generator=dice)
    value = {
        # torch reads no float8 of the older form
        **{str(d): (10 * numbers).abs().to(d) for d in DTYPES if not (legacy and "float8" in str(d))},
        "turned": numbers.t(),
        "part": numbers[1:3, ::2],
        "the same storage": numbers,
        "a number": torch.tensor(3.5),
        "nothing": torch.zeros(0, 5),
        "parameter": nn.Parameter(numbers.clone()),
        "metadata": nn.BatchNorm2d(3).state_dict(),
        "beside": {"epoch": 3, 7: [1.5, None, True, (2, -3, "é", 2**40)], "ordered": OrderedDict(a=1)},
        "rest": torch.optim.Adam([nn.Parameter(torch.ones(2))]).state_dict(),
    }
    content = saved(value, legacy)
    ours = made(read_state_dict_file(content))
    assert same(ours, torch.load(io.BytesIO(content), weights_only=True))
    # tensors that share their numbers in the file share them here
    assert ours["turned"].untyped_storage().data_ptr() == ours["the same storage"].untyped_storage().data_ptr()


def test_what_is_no_tensor_is_not_made() -> None:
    value = read_state_dict_file(saved({"set": {1, 2}, "bytes": b"abc", "grid": torch.eye(3).to_sparse()}, False))
    assert value["set"] == OpaqueValue("set")
    assert value["bytes"] == OpaqueValue("encode")
    assert value["grid"] == OpaqueValue("_rebuild_sparse_tensor")


def state(value: bytes) -> bytes:
    return pickles.dictionary({pickles.text("a"): value})


def huge(numel: int, size: tuple[int, ...], stride: tuple[int, ...] | None = None, legacy: bool = False) -> bytes:
    return state(pickles.tensor(pickles.storage("0", numel, legacy=legacy), size, stride))


FIGURES = "must hold as many numbers as its shape"
PROMISES = r"must hold the .* bytes that it promises for the numbers '0', holds"
KEYS = "must have texts or small whole numbers as keys, has a "
HOSTILE: dict[str, tuple[bytes, str]] = {
    "tuples as a key": (pickles.dictionary({pickles.nested(40): b"N"}), KEYS + "tuple"),
    "frozensets as a key": (
        pickles.dictionary({pickles.call("builtins", "frozenset", pickles.nested(40)): b"N"}),
        "asks for 'builtins.frozenset'",
    ),
    "lists as a key": (pickles.dictionary({pickles.EMPTY_LIST: b"N"}), KEYS + "list"),
    "a key with a hash of choice": (pickles.dictionary({pickles.whole(2**61 - 1): b"N"}), KEYS + "int"),
    "a pair of Python 2 with such a key": (
        pickles.call("collections", "OrderedDict", b"]" + pickles.nested(40) + b"N\x86a"),
        KEYS + "tuple",
    ),
    "a tensor of 2**30 by its size": (state(pickles.call("torch", "Tensor", pickles.whole(2**30))), "'torch.Tensor'"),
    "a storage of 4 GB": (huge(2**30, (2**30,)), PROMISES),
    "a storage of 2**62 numbers": (huge(2**62, (1,)), PROMISES),
    "a storage of a negative number": (huge(-1, (1,)), "anything else is not opened"),
    "a view out of its storage": (huge(4, (5,)), FIGURES),
    "a stride out of its storage": (huge(4, (2,), (4,)), FIGURES),
    "a stride of zero": (huge(4, (10**6, 10**6), (0, 0)), FIGURES),
    "a huge side behind an empty one": (huge(4, (0, 2**62, 2**62), (1, 1, 1)), FIGURES),
    "many sides": (huge(4, (1,) * 17), "anything else is not opened"),
    "a storage of no kind": (state(pickles.tensor(pickles.storage("0", 1, "QInt8Storage"), (1,))), "anything else"),
    "a function of ours": (state(pickles.call("builtins", "eval", pickles.text("1"))), "asks for 'builtins.eval'"),
    "a function of torch": (state(pickles.call("torch.hub", "load")), "asks for 'torch.hub.load'"),
    "a name without end": (b"c" + b"a" * 500, "anything else is not opened"),
    "many names": (pickles.name("collections", "OrderedDict") * 200_001, "of at most 200,000 steps"),
    "many dictionaries": (b"}" * 200_001, "of at most 200,000 steps"),
    "only marks": (pickles.MARK * 1_001, "anything else is not opened"),
    "text upon text": (pickles.text("a") * 200_001, "of at most 200,000 steps"),
    "nothing on the stack": (b"s", "anything else is not opened"),
    "no mark": (b"NNt", "anything else is not opened"),
    "memory of nothing": (pickles.get(9), "anything else is not opened"),
}


@pytest.mark.parametrize(("program", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_program_ends_in_a_sentence(program: bytes, reason: str) -> None:
    data = {"0": (4, FOUR)} if "promises" not in reason else {}
    for content in (
        pickles.zip_file(program, {key: numbers for key, (_, numbers) in data.items()}),
        pickles.legacy_file(
            program.replace(pickles.TUPLE + pickles.PERSID, b"N" + pickles.TUPLE + pickles.PERSID), data
        ),
    ):
        with pytest.raises(ValueError, match=reason):
            read_weights("x.pth", content)


def test_a_legacy_storage_is_no_longer_than_the_file() -> None:
    program = huge(2**33, (1,), legacy=True)
    with pytest.raises(ValueError, match=r"must hold the 34,359,738,368 bytes .* holds 16"):
        read_weights("x.pth", pickles.legacy_file(program, {"0": (2**33, FOUR)}))
    good = read_weights("x.pth", pickles.legacy_file(huge(4, (4,), legacy=True), {"0": (4, FOUR)}))
    assert good.tensors["a"].view(torch.uint8).tolist() == list(FOUR)


def test_a_bytearray_of_64_gb_is_not_made() -> None:
    program = state(pickles.call("builtins", "bytearray", pickles.whole(2**36)))
    for content in (pickles.zip_file(program), pickles.legacy_file(program)):
        assert read_state_dict_file(content) == {"a": OpaqueValue("bytearray")}
        with pytest.raises(ValueError, match="'a' is a bytearray"):
            read_weights("x.pth", content)


def test_a_zip_whose_directory_is_long_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickles.zip_file(huge(4, (4,)), {"0": FOUR})
    assert read_weights("x.pth", content).tensors["a"].shape == (4,)
    monkeypatch.setattr(state_dict_file, "MAX_DIRECTORY", 200)
    with pytest.raises(RefusalError, match="of at most 200 bytes"):
        read_state_dict_file(content)


def test_a_pickle_that_is_long_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_dict_file, "MAX_PICKLE", 1 << 20)
    with pytest.raises(RefusalError, match="a pickle of at most 1 MiB"):
        read_state_dict_file(pickles.zip_file(pickles.text("a" * (1 << 20))))


def test_entries_that_share_bytes_are_refused() -> None:
    """A directory in which every storage is the same part of the file promises more than there is."""
    content = bytearray(pickles.zip_file(pickles.EMPTY_DICT, {str(n): bytes(4000) for n in range(9)}))
    first = content.index(b"PK\x03\x04", 10)
    kept = bytes(content[: first + 4100])
    directory = bytes(content[content.index(b"PK\x01\x02") :])
    end = directory.index(b"PK\x05\x06")
    moved = bytearray(directory)
    moved[end + 16 : end + 20] = len(kept).to_bytes(4, "little")
    with pytest.raises(RefusalError, match=r"must hold what its zip directory says|directory is damaged"):
        read_state_dict_file(kept + bytes(moved))


def test_a_big_endian_file_is_refused() -> None:
    content = pickles.zip_file(huge(4, (4,)), {"0": FOUR}).replace(b"little", b"bigger")
    with pytest.raises(RefusalError, match="little-endian"):
        read_state_dict_file(content)
