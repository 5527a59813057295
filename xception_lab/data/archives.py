"""Uploaded archives, unpacked in memory: nothing is written to disk.

Every limit counts the bytes that were unpacked so far. What headers say of sizes is never relied on: a zip bomb's lie.
"""

import gzip
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from xception_lab.common.messages import message_of, quote_name, say
from xception_lab.data.tar_stream import TarHeaderError, TarMember, TarStream
from xception_lab.data.zip_names import decode_names

MIB = 2**20
MAX_UPLOAD = 256 * MIB  # CIFAR-10's archive has 162 MiB
MAX_UNPACKED = 512 * MIB
MAX_ENTRY = 64 * MIB  # MNIST's training pictures have 45 MiB, a batch of CIFAR-10 30
MAX_RATIO = 100  # unpacked to packed bytes; flat pictures and sorted labels reach 50
MIN_RATIO_LIMIT = 16 * MIB  # the ratio counts above this
MAX_ENTRIES = 100_000

_TOO_LARGE = say("larger than {most} MiB", most=MAX_ENTRY // MIB)
_DIRECTORY_ENTRY = b"PK\x01\x02"
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1


class RefusedError(ValueError):
    """An upload of which nothing is used; the message names file, value and rule."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive.

    path: with forward slashes. content: empty where it was not wanted. problem: why there is no content, "" for none.
    """

    path: str
    content: bytes = b""
    problem: str = ""


class _BadEntryError(Exception):
    """One file of an archive that cannot be read; the message says what it is ("corrupt")."""


class UnpackMeter:
    """Counts the bytes that an upload of `packed` bytes unpacks to."""

    def __init__(self, filename: str, packed: int) -> None:
        self._name = quote_name(filename)
        self.ratio_limit = max(MIN_RATIO_LIMIT, MAX_RATIO * packed)
        self.count = 0

    def add(self, count: int) -> None:
        """Raises RefusedError past MAX_UNPACKED or MAX_RATIO."""
        self.count += count
        if self.count > MAX_UNPACKED:
            most = MAX_UNPACKED // MIB
            raise RefusedError(say("{name}: must unpack to at most {most} MiB, holds more", name=self._name, most=most))
        if self.count > self.ratio_limit:
            sentence = say(
                "{name}: must unpack to at most {most} times its size, holds more", name=self._name, most=MAX_RATIO
            )
            raise RefusedError(sentence)


class _MeteredStream(io.RawIOBase):
    """A stream whose bytes are counted as they are read."""

    def __init__(self, stream: io.BufferedIOBase, meter: UnpackMeter) -> None:
        super().__init__()
        self._stream = stream
        self._meter = meter

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._meter.add(len(content))
        return content


def is_archive(content: bytes) -> bool:
    """Whether the bytes begin as a zip, a gzip or a tar file."""
    return is_zip(content) or content[:2] == b"\x1f\x8b" or content[257:262] == b"ustar"


def is_zip(content: bytes) -> bool:
    """Whether the bytes begin as a zip file; an empty one has only its end."""
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def read_entries(filename: str, content: bytes, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    """The files of a zip, tar or tar.gz, in its order; with content only the paths of which `wanted` is True.

    Folders and system files (.DS_Store, __MACOSX) are skipped; a link or a corrupt file is an Entry with a problem.
    Raises RefusedError for a path that leaves the archive, encryption, a broken archive, or a limit passed.
    """
    reader = _zip_entries if is_zip(content) else _tar_entries
    for entry in reader(filename, content, wanted):
        if not _is_system_file(entry.path):
            yield entry


def gunzip(filename: str, content: bytes) -> bytes:
    """A gzipped file's content. Raises RefusedError when it is broken or passes a limit."""
    try:
        return _read(gzip.GzipFile(fileobj=io.BytesIO(content)), UnpackMeter(filename, len(content)))
    except _BadEntryError as error:
        sentence = say(
            "{name}: is {problem}, must be a whole gzip file of at most {most} MiB",
            name=quote_name(filename),
            problem=message_of(error),
            most=MAX_ENTRY // MIB,
        )
        raise RefusedError(sentence) from error


def _read(stream: IO[bytes] | io.BufferedIOBase, meter: UnpackMeter) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        while part := stream.read(MIB):
            meter.add(len(part))
            size += len(part)
            if size > MAX_ENTRY:
                raise _BadEntryError(_TOO_LARGE)
            parts.append(part)
    except (RefusedError, _BadEntryError):
        raise
    except Exception as error:  # zlib, zipfile and gzip raise many kinds on hostile bytes
        raise _BadEntryError(say("corrupt")) from error
    return b"".join(parts)


def _zip_entries(filename: str, content: bytes, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    # counted in the bytes: zipfile would first build an object for each
    if content.count(_DIRECTORY_ENTRY) > MAX_ENTRIES:
        raise _too_many(filename)
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        if sum(info.compress_size for info in archive.infolist()) > len(content):
            sentence = say(
                "{name}: must hold every file once, has some that share their bytes", name=quote_name(filename)
            )
            raise RefusedError(sentence)
        infos = [info for info in archive.infolist() if not info.is_dir()]
        files = [(info, _safe_path(filename, name)) for info, name in zip(infos, _zip_names(infos), strict=True)]
    except RefusedError:
        raise
    except Exception as error:  # zipfile raises another kind for each field of a hostile directory
        raise RefusedError(say("{name}: is a corrupt zip, must be a whole one", name=quote_name(filename))) from error
    meter = UnpackMeter(filename, len(content))
    for info, path in files:
        yield _zip_entry(archive, info, path, meter) if wanted(path) else Entry(path)


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, meter: UnpackMeter) -> Entry:
    if stat.S_ISLNK(info.external_attr >> 16):
        return Entry(path, problem=say("a link"))
    if info.flag_bits & _ENCRYPTED:
        raise RefusedError(say("{name}: is encrypted, must be open to read", name=quote_name(path)))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        sentence = say(
            "{name}: is packed by method {method}, must be stored or deflated",
            name=quote_name(path),
            method=info.compress_type,
        )
        raise RefusedError(sentence)
    try:
        with archive.open(info) as stream:
            return Entry(path, _read(stream, meter))
    except RefusedError:
        raise
    except _BadEntryError as error:
        return Entry(path, problem=message_of(error))
    except Exception:  # and for each field of a header that contradicts the directory
        return Entry(path, problem=say("corrupt"))


def _too_many(filename: str) -> RefusedError:
    return RefusedError(
        say("{name}: must hold at most {most:,} files, holds more", name=quote_name(filename), most=MAX_ENTRIES)
    )


def _tar_entries(filename: str, content: bytes, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    packed = io.BytesIO(content)
    stream = gzip.GzipFile(fileobj=packed) if content[:2] == b"\x1f\x8b" else packed
    metered = _MeteredStream(stream, UnpackMeter(filename, len(content)))  # every byte is read, and counted, once
    archive = TarStream(cast(BinaryIO, metered), MAX_UNPACKED)
    count = 0
    try:
        for member in archive.members():
            count += 1
            if count > MAX_ENTRIES:
                raise _too_many(filename)
            if not member.is_folder:
                yield _tar_entry(archive, member, _safe_path(filename, member.name), wanted)
    except RefusedError:
        raise
    except TarHeaderError as error:
        sentence = say(
            "{name}: the header of {path} says {count:,} bytes, must say at most {most:,}",
            name=quote_name(filename),
            path=quote_name(error.name),
            count=error.value,
            most=error.most,
        )
        raise RefusedError(sentence) from error
    except Exception as error:  # gzip and zlib raise many kinds on hostile bytes
        raise RefusedError(
            say("{name}: is a corrupt or unknown archive, must be a zip or a tar.gz", name=quote_name(filename))
        ) from error


def _tar_entry(archive: TarStream, member: TarMember, path: str, wanted: Callable[[str], bool]) -> Entry:
    if not member.is_file:
        return Entry(path, problem=say("a link"))
    if not wanted(path):
        return Entry(path)
    if member.size > MAX_ENTRY:
        return Entry(path, problem=_TOO_LARGE)
    return Entry(path, archive.read(member))


def _zip_names(infos: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The entries' names; zipfile reads those that are not said to be UTF-8 as cp437, which keeps their bytes."""
    foreign = [not info.flag_bits & _UTF8_NAME and not info.orig_filename.isascii() for info in infos]
    raw = [info.orig_filename.encode("cp437") if other else b"" for info, other in zip(infos, foreign, strict=True)]
    decode = decode_names(name for name in raw if name)
    return [decode(name) if name else info.orig_filename for info, name in zip(infos, raw, strict=True)]


def _safe_path(filename: str, name: str) -> str:
    """The path with forward slashes and composed characters.

    Raises RefusedError when it leads out of the archive or holds control characters.
    """
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    archive, quoted = quote_name(filename), quote_name(name)
    if path.startswith("/") or re.match("[A-Za-z]:", path):
        raise RefusedError(
            say("{name}: holds the absolute path {path}, every path must be relative", name=archive, path=quoted)
        )
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise RefusedError(
            say("{name}: holds the path {path}, none may lead out of the archive", name=archive, path=quoted)
        )
    plain = path.isascii() and path.isprintable()  # most are, and an archive has many
    if not plain and any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise RefusedError(
            say("{name}: holds the path {path}, none may have control characters", name=archive, path=quoted)
        )
    return "/".join(parts)


def _is_system_file(path: str) -> bool:
    parts = path.split("/")
    return "__MACOSX" in parts or parts[-1] in ("Thumbs.db", "desktop.ini") or any(p.startswith(".") for p in parts)
