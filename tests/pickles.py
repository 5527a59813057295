"""Pickles written by hand, one instruction after the other, as no pickler would write them."""

import io
import struct
import zipfile
from collections.abc import Mapping

PROTO, STOP, MARK, TUPLE, EMPTY_DICT, SETITEM, REDUCE, PERSID = b"\x80\x02", b".", b"(", b"t", b"}", b"s", b"R", b"Q"
TUPLE1, TUPLE2, EMPTY_TUPLE, EMPTY_LIST, FALSE = b"\x85", b"\x86", b")", b"]", b"\x89"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def whole(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def name(module: str, function: str) -> bytes:
    return f"c{module}\n{function}\n".encode()


def put(place: int) -> bytes:
    return b"r" + struct.pack("<I", place)


def get(place: int) -> bytes:
    return b"j" + struct.pack("<I", place)


def dictionary(items: Mapping[bytes, bytes]) -> bytes:
    """Keys and values are instructions."""
    return EMPTY_DICT + b"".join(key + value + SETITEM for key, value in items.items())


def call(module: str, function: str, *arguments: bytes) -> bytes:
    return name(module, function) + MARK + b"".join(arguments) + TUPLE + REDUCE


def storage(key: str, numel: int, kind: str = "FloatStorage", legacy: bool = False) -> bytes:
    view = b"N" if legacy else b""
    return MARK + text("storage") + name("torch", kind) + text(key) + text("cpu") + whole(numel) + view + TUPLE + PERSID


def tensor(held: bytes, size: tuple[int, ...], stride: tuple[int, ...] | None = None, offset: int = 0) -> bytes:
    sizes, strides = (
        MARK + b"".join(map(whole, sides)) + TUPLE for sides in (size, (1,) * len(size) if stride is None else stride)
    )
    hooks = call("collections", "OrderedDict")
    return call("torch._utils", "_rebuild_tensor_v2", held, whole(offset), sizes, strides, FALSE, hooks)


def nested(depth: int, innermost: bytes = b"K\x01", wrap: bytes = TUPLE2) -> bytes:
    """A value in pairs of itself, `depth` deep: hashing or printing it takes 2**depth steps."""
    return innermost + b"".join(put(n) + get(n) + wrap for n in range(depth))


def zip_file(pickle: bytes, data: Mapping[str, bytes] | None = None) -> bytes:
    """A file as torch.save writes it. pickle: instructions of its value. data: of the storages, by key."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", PROTO + pickle + STOP)
        archive.writestr("archive/byteorder", b"little")
        for key, content in (data or {}).items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", b"3\n")
    return file.getvalue()


def legacy_file(pickle: bytes, data: Mapping[str, tuple[int, bytes]] | None = None) -> bytes:
    """The same before PyTorch 1.6. data: of the storages, by key: (number of elements, bytes)."""
    data = data or {}
    machine = dictionary({text("little_endian"): b"\x88"})
    keys = EMPTY_LIST + MARK + b"".join(map(text, data)) + b"e"
    parts = (whole(LEGACY_MAGIC), whole(1001), machine, pickle, keys)
    head = b"".join(PROTO + part + STOP for part in parts)
    return head + b"".join(struct.pack("<q", numel) + content for numel, content in data.values())
