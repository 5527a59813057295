"""PyTorch's files of tensors, in both forms it has saved them in, read by a small interpreter of their pickles.

A pickle is a program. torch.load with weights_only=True runs no foreign function, but it still runs the program: one of
350 bytes nests tuples so that hashing them takes for ever, another asks for 64 GB. So this module runs it itself: it
knows only what state_dicts are made of, counts every step, makes no object that is larger than its part of the file,
and takes nothing but texts and small whole numbers as keys. What it does not know is refused, or stands in the result
as an OpaqueValue that nobody can use.

The zip form has the pickle in data.pkl and each storage in an entry of its own, data/<key>. The form before 1.6 has
five pickles one behind the other (a magic number, a version, the machine, the values, the storages' keys) and then each
storage: its number of elements, 8 bytes, and these. Source: torch.save and torch.load in PyTorch's serialization.py.
"""

import io
import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xception_lab.common.messages import quote_name, say

MAX_STEPS = 200_000  # instructions of a pickle; a tensor takes 25
MAX_PICKLE = 16 << 20  # bytes
MAX_DIRECTORY = 2 << 20  # bytes of a zip's directory, about 100 per entry
MAX_MARKS = 1_000  # containers in one another
MAX_DIMENSIONS = 16
MAX_EMPTY = 2**31  # the product of an empty tensor's other sides
MAX_NAME = 200  # bytes of a function's or module's name
MAX_KEY = 2**31  # whole numbers as keys; larger ones can be chosen so that all have one hash

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
_STORAGE_MODULES = ("torch", "torch.storage", "torch.cuda")
_TENSOR_CALLS = ("torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3")
_PARAMETER_CALLS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
# what stands beside the tensors in training programs' files; nothing of it is made
_OPAQUE = (
    *("_codecs.encode", "collections.Counter", "torch.Size", "torch.device", "torch.serialization._get_layout"),
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bytearray", "complex", "set")),
)
_NOT_READ = say("must be a safetensors file or a PyTorch state_dict of tensors alone; anything else is not opened")


_ENDS_EARLY = say("must be a whole file, ends in the middle")


class RefusalError(Exception):
    """Why a weight file is refused; the message continues after the file's name."""


@dataclass(frozen=True, slots=True)
class OpaqueValue:
    """A value that was not made, of this type."""

    kind: str


def has_numbers(shape: Sequence[int], count: int) -> bool:
    """Whether a tensor of this shape has at most `count` numbers; beside a side of 0, no other may be huge."""
    return math.prod(max(1, side) for side in shape) <= (count if all(shape) else MAX_EMPTY)


def too_few_numbers(key: str, shape: Sequence[int]) -> str:
    """The reason for a tensor whose shape has more numbers than its part of the file."""
    text = str(tuple(shape[:MAX_DIMENSIONS]))
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return say("{key} must hold as many numbers as its shape {shape} says", key=quote_name(key), shape=short)


def kind_of(value: Any) -> str:
    """The type of a value of read_state_dict_file, in a word."""
    return value.kind if isinstance(value, OpaqueValue) else type(value).__name__.strip("_")


@dataclass(slots=True, eq=False)
class PickledStorage:
    """The numbers that tensors share. numel: how many. content: their bytes, once their place in the file is known."""

    dtype: torch.dtype
    numel: int
    content: memoryview | None = None
    _numbers: Tensor | None = None

    @property
    def num_bytes(self) -> int:
        """The bytes of all numbers, as the pickle says."""
        return self.numel * self.dtype.itemsize

    def numbers(self) -> Tensor:
        """The bytes as uint8 (num_bytes,), copied out of the file once, so that they are aligned."""
        if self._numbers is None:
            copied = bytearray(self.content or b"")
            self._numbers = torch.frombuffer(copied, dtype=torch.uint8) if copied else torch.empty(0, dtype=torch.uint8)
        return self._numbers


@dataclass(frozen=True, slots=True, eq=False)
class PickledTensor:
    """A tensor that is not made yet. offset and stride: in elements of its storage, of which it has `dtype`."""

    storage: PickledStorage
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self, key: str) -> Tensor:
        """The tensor. Raises RefusalError with its key when it would reach out of its storage."""
        most = self.storage.num_bytes // self.dtype.itemsize
        last = self.offset + sum((size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True))
        # with a stride of 0 few bytes look like a huge tensor, which has_numbers sees
        reaches_out = last >= most if all(self.size) else self.offset > most
        if reaches_out or not has_numbers(self.size, most):
            raise RefusalError(too_few_numbers(key, self.size))
        whole = self.storage.numbers()
        numbers = whole[: most * self.dtype.itemsize].view(self.dtype)
        return numbers.as_strided(self.size, self.stride, self.offset)


def read_state_dict_file(content: bytes) -> Any:
    """The value that torch.save wrote: dictionaries and lists, with a PickledTensor for every tensor.

    Costs at most MAX_STEPS steps, whatever the content. Raises RefusalError for anything else than tensors, texts,
    numbers and what contains them, and for a file that lacks bytes it promises.
    """
    try:
        return _read_zip(content) if content.startswith(b"PK") else _read_legacy(content)
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:  # a program that is none
        raise RefusalError(_NOT_READ) from error


# The zip form


class _BoundedFile(io.BytesIO):
    """A zip file for zipfile, which reads its directory in one piece."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = max(0, len(self.getbuffer()) - self.tell())
        if size > MAX_DIRECTORY:
            raise RefusalError(say("must have a zip directory of at most {most:,} bytes, has more", most=MAX_DIRECTORY))
        return super().read(size)


def _read_zip(content: bytes) -> Any:
    entries = _zip_entries(content)
    main = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(main) != 1:
        raise RefusalError(_NOT_READ)
    root = main[0].removesuffix("data.pkl")
    if f"{root}byteorder" in entries and bytes(entries[f"{root}byteorder"][:7]) != b"little":
        raise RefusalError(say("must be saved in little-endian order, is not"))
    if len(entries[main[0]]) > MAX_PICKLE:
        raise _too_long()
    pickle = _Interpreter(bytes(entries[main[0]]))
    value = pickle.run()
    for key, storage in pickle.storages.items():
        data = entries.get(f"{root}data/{key}", memoryview(b""))
        _check_storage(key, storage, len(data))
        storage.content = data[: storage.num_bytes]
    return value


def _zip_entries(content: bytes) -> dict[str, memoryview]:
    """The entries by name. None is larger than the file, nor are all of them together: PyTorch packs nothing."""
    try:
        with zipfile.ZipFile(_BoundedFile(content)) as archive:
            infos = archive.infolist()
    except RefusalError:
        raise
    except Exception as error:  # zipfile raises many kinds on hostile bytes
        raise RefusalError(say("must be a whole file, its zip directory is damaged")) from error
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos):
        raise RefusalError(say("must store its tensors as PyTorch does, has packed entries"))
    if sum(info.file_size for info in infos) > len(content):
        raise RefusalError(say("must hold what its zip directory says, holds less"))
    view = memoryview(content)
    entries: dict[str, memoryview] = {}
    for info in infos:
        # the local header, which has a name and extra bytes of its own length before the data
        header = content[info.header_offset : info.header_offset + 30] if info.header_offset >= 0 else b""
        if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
            raise RefusalError(say("must be a whole file, its zip directory is damaged"))
        start = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:]))
        if start + info.file_size > len(content):
            raise RefusalError(say("must hold what its zip directory says, holds less"))
        entries[info.filename] = view[start : start + info.file_size]
    return entries


# The form before PyTorch 1.6


def _read_legacy(content: bytes) -> Any:
    view = memoryview(content)
    position = 0
    values: list[Any] = []
    storages: dict[str, PickledStorage] = {}
    steps = 0
    for _part in ("magic number", "version", "machine", "values", "storages' keys"):
        pickle = _Interpreter(content, position, steps)
        values.append(pickle.run())
        if values[0] != _MAGIC:
            raise RefusalError(_NOT_READ)
        position, steps = pickle.position, pickle.steps
        storages |= pickle.storages
    machine, value, keys = values[2:]
    if not isinstance(machine, dict) or not machine.get("little_endian", True):
        raise RefusalError(say("must be saved in little-endian order, is not"))
    if not isinstance(keys, list) or len({_key(key) for key in keys}) < len(keys):
        raise RefusalError(_NOT_READ)
    for key in keys:
        storage = storages[key]
        (numel,) = struct.unpack("<q", view[position : position + 8])
        position += 8
        _check_storage(key, storage, min(len(content) - position, max(0, numel) * storage.dtype.itemsize))
        storage.content = view[position : position + storage.num_bytes]
        position += max(0, numel) * storage.dtype.itemsize
    for key, storage in storages.items():
        if storage.content is None:
            _check_storage(key, storage, 0)
    return value


def _too_long() -> RefusalError:
    return RefusalError(say("must have a pickle of at most {most} MiB, has more", most=MAX_PICKLE >> 20))


def _check_storage(key: str, storage: PickledStorage, num_bytes: int) -> None:
    if storage.num_bytes > num_bytes:
        sentence = say(
            "must hold the {promised:,} bytes that it promises for the numbers {key}, holds {count:,}",
            promised=storage.num_bytes,
            key=quote_name(str(key)),
            count=num_bytes,
        )
        raise RefusalError(sentence)


def _key(value: Any) -> Any:
    """A key of a dictionary, which must be hashed in no time."""
    if isinstance(value, str) or (isinstance(value, int) and -MAX_KEY <= value < MAX_KEY):
        return value
    raise RefusalError(say("must have texts or small whole numbers as keys, has a {kind}", kind=type(value).__name__))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise RefusalError(_NOT_READ)
    return value


@dataclass(frozen=True, slots=True)
class _Name:
    """A function or class that the pickle names; it is never looked up."""

    module: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


class _Interpreter:
    """Runs one pickle of protocol 2, the one that torch.save writes.

    position: in the file, behind what was read. steps: how many instructions, with those of the pickles before.
    storages: those that it names, by key.
    """

    def __init__(self, content: bytes, position: int = 0, steps: int = 0) -> None:
        self._content = content
        self._end = min(len(content), position + MAX_PICKLE)
        self.position = position
        self.steps = steps
        self.storages: dict[str, PickledStorage] = {}
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below each mark
        self._memo: dict[int, Any] = {}

    def _read(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        if self.position > self._end:
            raise _too_long() if self._end < len(self._content) else RefusalError(_ENDS_EARLY)
        return self._content[start : self.position]

    def _line(self) -> str:
        end = self._content.index(b"\n", self.position, min(self._end, self.position + MAX_NAME))
        return self._read(end + 1 - self.position)[:-1].decode("ascii")

    def _number(self, size: int) -> int:
        return int.from_bytes(self._read(size), "little")

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._outer.pop()
        return items

    def run(self) -> Any:
        """The value that the pickle makes."""
        while True:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise RefusalError(say("must have a pickle of at most {most:,} steps, has more", most=MAX_STEPS))
            stack = self._stack
            match self._read(1)[0]:
                case 0x71:  # BINPUT
                    self._memo[self._number(1)] = stack[-1]
                case 0x72:  # LONG_BINPUT
                    self._memo[self._number(4)] = stack[-1]
                case 0x68:  # BINGET
                    stack.append(self._memo[self._number(1)])
                case 0x6A:  # LONG_BINGET
                    stack.append(self._memo[self._number(4)])
                case 0x28:  # MARK
                    if len(self._outer) == MAX_MARKS:
                        raise RefusalError(_NOT_READ)
                    self._outer.append(stack)
                    self._stack = []
                case 0x4B:  # BININT1
                    stack.append(self._number(1))
                case 0x4D:  # BININT2
                    stack.append(self._number(2))
                case 0x4A:  # BININT
                    stack.append(int.from_bytes(self._read(4), "little", signed=True))
                case 0x8A:  # LONG1
                    stack.append(int.from_bytes(self._read(self._number(1)), "little", signed=True))
                case 0x47:  # BINFLOAT
                    stack.append(struct.unpack(">d", self._read(8))[0])
                case 0x58:  # BINUNICODE
                    stack.append(self._read(self._number(4)).decode("utf-8", "surrogatepass"))
                case 0x55:  # SHORT_BINSTRING
                    stack.append(self._read(self._number(1)).decode("utf-8"))
                case 0x74:  # TUPLE
                    items = tuple(self._pop_mark())
                    self._stack.append(items)
                case 0x29:  # EMPTY_TUPLE
                    stack.append(())
                case 0x85 | 0x86 | 0x87 as code:  # TUPLE1 to TUPLE3
                    count = code - 0x84
                    items = tuple(stack[-count:])
                    if len(items) < count:
                        raise RefusalError(_NOT_READ)
                    stack[-count:] = [items]
                case 0x4E:  # NONE
                    stack.append(None)
                case 0x88:  # NEWTRUE
                    stack.append(True)
                case 0x89:  # NEWFALSE
                    stack.append(False)
                case 0x7D:  # EMPTY_DICT
                    stack.append({})
                case 0x5D:  # EMPTY_LIST
                    stack.append([])
                case 0x61:  # APPEND
                    item = stack.pop()
                    self._extend([item])
                case 0x65:  # APPENDS
                    self._extend(self._pop_mark())
                case 0x73:  # SETITEM
                    value = stack.pop()
                    key = stack.pop()
                    self._set_items([key, value])
                case 0x75:  # SETITEMS
                    self._set_items(self._pop_mark())
                case 0x63:  # GLOBAL
                    self.steps += 10  # it takes as long as ten others
                    stack.append(_Name(self._line(), self._line()))
                case 0x51:  # BINPERSID
                    stack.append(self._storage(stack.pop()))
                case 0x52 | 0x81:  # REDUCE, NEWOBJ
                    arguments = stack.pop()
                    stack.append(self._call(stack.pop(), arguments))
                case 0x62:  # BUILD: attributes, such as _metadata of a state_dict
                    stack.pop()
                    if not isinstance(stack[-1], dict | OpaqueValue | PickledTensor):
                        raise RefusalError(_NOT_READ)
                case 0x80:  # PROTO
                    self._read(1)
                case 0x2E:  # STOP
                    return stack.pop()
                case _:
                    raise RefusalError(_NOT_READ)

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise RefusalError(_NOT_READ)
        self._stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise RefusalError(_NOT_READ)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[_key(key)] = value

    def _storage(self, name: Any) -> PickledStorage:
        """("storage", type, key, device, numel), and in the older form a view of it: None, or (key, offset, numel)."""
        if not isinstance(name, tuple) or len(name) not in (5, 6) or name[0] != "storage":
            raise RefusalError(_NOT_READ)
        kind, key, numel = name[1], name[2], _whole(name[4])
        if not isinstance(kind, _Name) or kind.module not in _STORAGE_MODULES or kind.name not in _DTYPES:
            raise RefusalError(_NOT_READ)
        if not isinstance(key, str) or any(name[5:]):
            raise RefusalError(_NOT_READ)
        storage = self.storages.setdefault(key, PickledStorage(_DTYPES[kind.name], numel))
        if (storage.dtype, storage.numel) != (_DTYPES[kind.name], numel):
            raise RefusalError(_NOT_READ)
        return storage

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise RefusalError(_NOT_READ)
        path = function.path
        if path == "collections.OrderedDict":
            return self._ordered(arguments)
        if path in _TENSOR_CALLS:
            return _tensor(path, arguments)
        if path in _PARAMETER_CALLS and isinstance(arguments[0], PickledTensor):
            return arguments[0]
        if path == "torch._tensor._rebuild_from_type_v2" and isinstance(arguments[0], _Name):  # with attributes
            inner = arguments[0].path
            return _tensor(inner, arguments[2]) if inner in _TENSOR_CALLS else OpaqueValue("Tensor")
        # tensors of other kinds: sparse, quantised, nested
        if path in _OPAQUE or path.startswith("torch._utils._rebuild_"):
            return OpaqueValue(function.name)
        raise RefusalError(say("must hold tensors and plain values alone, asks for {name}", name=quote_name(path)))

    def _ordered(self, arguments: tuple[Any, ...]) -> dict[Any, Any]:
        """A dictionary; Python 2 wrote its pairs as the one argument."""
        pairs: Sequence[Any] = arguments[0] if arguments else ()
        self.steps += len(pairs)
        return {_key(key): value for key, value in pairs}


def _tensor(path: str, arguments: tuple[Any, ...]) -> PickledTensor:
    """(storage, offset, size, stride, requires_grad, hooks), v3 with the type, and last whether it is conjugated."""
    storage, offset, size, stride = arguments[:4]
    if not isinstance(storage, PickledStorage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise RefusalError(_NOT_READ)
    dtype = storage.dtype
    if any(arguments[7 if path.endswith("_v3") else 6 :]):
        raise RefusalError(_NOT_READ)
    if path.endswith("_v3"):
        named = arguments[6]
        found = getattr(torch, named.name, None) if isinstance(named, _Name) and named.module == "torch" else None
        if not isinstance(found, torch.dtype):
            raise RefusalError(_NOT_READ)
        dtype = found
    if len(size) != len(stride) or len(size) > MAX_DIMENSIONS:
        raise RefusalError(_NOT_READ)
    return PickledTensor(storage, dtype, _whole(offset), tuple(map(_whole, size)), tuple(map(_whole, stride)))
