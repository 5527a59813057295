"""The reader of tar archives: what Python's tarfile writes in each format comes back, and no header is believed."""

import gzip
import io
import random
import tarfile
from collections.abc import Callable

import pytest
from uploaded_files import folders

from xception_lab.data.tar_stream import MAX_EXTENDED, TarError, TarHeaderError, TarStream
from xception_lab.data.uploads import read_upload

CONTENTS = {
    "a.txt": b"abc",
    "empty": b"",
    "folder/한국어.png": bytes(512),
    f"{'long/' * 40}name.png": bytes(513),
    "x" * 150: b"1" * 1025,
}


def archive(tar_format: int, contents: dict[str, bytes] = CONTENTS) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tar_format) as tar:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "y" * 150 if tar_format != tarfile.USTAR_FORMAT else "y"
        tar.addfile(link)
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1.5 if tar_format == tarfile.PAX_FORMAT else 1  # type: ignore[assignment]
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def read(content: bytes, most: int = 10**6) -> dict[str, bytes]:
    stream = TarStream(io.BytesIO(content), most)
    return {m.name: stream.read(m) for m in stream.members() if m.is_file}


def header(name: bytes = b"a", size: bytes = b"00000000000\0", kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)], block[124:136], block[156:157], block[257:265] = name, size, kind, b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def extended(content: bytes, kind: bytes = b"x") -> bytes:
    return header(b"pax", b"%011o\0" % len(content), kind) + content + bytes(-len(content) % 512)


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_comes_back(tar_format: int) -> None:
    longest = 99 if tar_format == tarfile.USTAR_FORMAT else 300
    contents = {name: data for name, data in CONTENTS.items() if len(name) <= longest}
    content = archive(tar_format, contents)
    assert read(content) == contents
    stream = TarStream(io.BytesIO(content), 10**6)  # passing over contents finds the same members
    assert [(m.name, m.is_file, m.is_folder) for m in stream.members()][:2] == [
        ("folder/", False, True),
        ("link", False, False),
    ]
    assert [m.name for m in TarStream(io.BytesIO(content), 10**6).members()][2:] == list(contents)


def test_a_name_in_two_parts_and_a_big_endian_size() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("folder/" * 20 + "a.png"))
    assert list(read(file.getvalue())) == ["folder/" * 20 + "a.png"]
    assert read(header(size=b"\x80" + (3).to_bytes(11, "big")) + b"abc" + bytes(509)) == {"a": b"abc"}


@pytest.mark.parametrize("size", [2**60, 10**30])
def test_a_size_that_no_file_has_is_named(size: int) -> None:
    record = b"size=%d\n" % size
    content = extended(b"%d %s" % (len(record) + 3, record)) + header(b"cat/0.png")
    with pytest.raises(TarHeaderError):
        read(content)
    with pytest.raises(ValueError, match=rf"'a\.tar': the header of 'cat/0\.png' says {size:,} bytes, must say"):
        read_upload("a.tar", content)
    binary = header(b"cat/0.png", b"\x80" + (2**60).to_bytes(11, "big"))
    with pytest.raises(ValueError, match=f"says {2**60:,} bytes, must say at most"):
        read_upload("a.tar.gz", gzip.compress(binary))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "digits that tarfile searches in the square of their number": lambda: extended(b"1" * 2 * 10**6) + header(),
    "an extended header without end": lambda: header(kind=b"x", size=b"77777777777\0"),
    "a long name without end": lambda: header(kind=b"L", size=b"77777777777\0"),
    "a negative size": lambda: header(size=b"\xff" * 12),
    "a record of no length": lambda: extended(b"0 path=a\n") + header(),
    "a record that reaches out": lambda: extended(b"99 path=a\n") + header(),
    "a record without a value": lambda: extended(b"7 path\n") + header(),
    "many records": lambda: extended(b"6 a=b\n" * 2_000) + header(),
    "a size that is no number": lambda: extended(b"12 size=abc\n") + header(),
    "a size of many digits": lambda: extended(b"61 size=" + b"9" * 52 + b"\n") + header(),
    "a wrong sum": lambda: header().replace(b"a", b"b", 1),
    "half a header": lambda: header()[:300],
    "half a file": lambda: header(size=b"00000001000\0") + bytes(100),
    "noise": lambda: random.Random(0).randbytes(2048),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_broken_archive_is_an_error_at_once(make: Callable[[], bytes]) -> None:
    with pytest.raises(TarError):
        list(TarStream(io.BytesIO(make()), 10**6).members())


def test_a_header_that_is_too_long_names_its_file() -> None:
    with pytest.raises(TarHeaderError) as error:
        list(TarStream(io.BytesIO(extended(bytes(MAX_EXTENDED + 1))), 10**6).members())
    assert (error.value.name, error.value.value, error.value.most) == ("pax", MAX_EXTENDED + 1, MAX_EXTENDED)


def test_it_reads_what_tarfile_wrote_of_class_folders() -> None:
    pictures = folders()
    assert read(archive(tarfile.PAX_FORMAT, pictures)) == pictures
