"""A tar archive read once from front to end, every header within bounds.

Python's tarfile believes what headers say: it walks over 2**60 bytes that are not there, and searches an extended
header for a time that grows with the square of its length. This reader knows what data sets are packed with: the
headers of ustar, GNU's long names and big numbers, and pax's path and size. Sources: POSIX.1-2008, pax; GNU tar's
manual.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 512
CHUNK = 2**20
MAX_EXTENDED = 2**20  # bytes of an extended header; macOS writes files' attributes into them
MAX_RECORDS = 1_000  # of one extended header

_FILES, _FOLDER, _GNU_NAME, _GNU_LINK, _PAX, _PAX_GLOBAL = (b"0", b"\0", b"7"), b"5", b"L", b"K", b"x", b"g"


class TarError(Exception):
    """The bytes are no tar archive, or no whole one."""


class TarHeaderError(TarError):
    """A header breaks a bound. name: of the file, or of what is before it. value: what it says. most: the bound."""

    def __init__(self, name: str, value: int, most: int) -> None:
        super().__init__()
        self.name, self.value, self.most = name, value, most


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file or folder. size: its bytes in the archive. is_file: whether it is a plain file, no link or device."""

    name: str
    size: int
    is_file: bool
    is_folder: bool


class TarStream:
    """The members of a tar archive; the content of one is read before the next is asked for, or passed over."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        """most: bytes, the largest size that a header may say of a file."""
        self._file = file
        self._most = most
        self._left = 0  # of the member's content and the zeros behind it

    def members(self) -> Iterator[TarMember]:
        """Raises TarError."""
        extended: dict[str, bytes] = {}
        general: dict[str, bytes] = {}
        while True:
            self._pass_over()
            header = self._file.read(BLOCK)
            if not header.strip(b"\0"):  # two blocks of zeros end it, or the end of the file
                return
            if len(header) < BLOCK or not _sum_is_right(header):
                raise TarError
            kind, size = header[156:157], _number(header[124:136])
            if kind in (_GNU_NAME, _GNU_LINK, _PAX, _PAX_GLOBAL):
                if not 0 <= size <= MAX_EXTENDED:
                    raise TarHeaderError(_name(header), size, MAX_EXTENDED)
                content = self._take(size)
                if kind == _GNU_NAME:
                    extended["path"] = content.split(b"\0")[0]
                elif kind != _GNU_LINK:
                    (extended if kind == _PAX else general).update(_pax_records(content))
                continue
            fields = {**general, **extended}
            extended = {}
            name = fields["path"].decode("utf-8", "surrogateescape") if "path" in fields else _name(header)
            if "size" in fields:
                size = _decimal(fields["size"])
            is_folder = kind == _FOLDER or (kind in _FILES and name.endswith("/"))
            size = size if kind in _FILES or kind not in b"123456" else 0  # links and devices have no content
            if not 0 <= size <= self._most:
                raise TarHeaderError(name, size, self._most)
            is_sparse = any(key.startswith("GNU.sparse.") for key in fields)
            self._left = size + -size % BLOCK
            yield TarMember(name, size, kind in _FILES and not is_folder and not is_sparse, is_folder)

    def read(self, member: TarMember) -> bytes:
        """The content of the member that members() gave last, once. Raises TarError when the archive ends before."""
        self._left -= member.size
        return self._take(member.size, padded=False)

    def _take(self, size: int, padded: bool = True) -> bytes:
        parts: list[bytes] = []
        left = size
        while left:
            part = self._file.read(min(CHUNK, left))
            if not part:
                raise TarError
            parts.append(part)
            left -= len(part)
        if padded:
            self._left = -size % BLOCK
        return b"".join(parts)

    def _pass_over(self) -> None:
        while self._left:
            part = self._file.read(min(CHUNK, self._left))
            if not part:
                raise TarError
            self._left -= len(part)


def _sum_is_right(header: bytes) -> bool:
    """The sum of all bytes, with spaces in its own place; some old programs took the bytes as signed."""
    rest = header[:148] + b" " * 8 + header[156:]
    stored = _number(header[148:156])
    return stored in (sum(rest), sum(rest) - 256 * sum(byte > 127 for byte in rest))


def _number(field: bytes) -> int:
    """Octal digits, or behind a first byte of 128 or 255 a big-endian number. Raises TarError."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    digits = field.split(b"\0")[0].strip()
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise TarError
    return int(digits, 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 40:
        raise TarError
    return int(digits)


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    # GNU's own format has times in the place of the prefix
    whole = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    return whole.decode("utf-8", "surrogateescape")


def _pax_records(content: bytes) -> dict[str, bytes]:
    """Records "length key=value\\n" as {key: value}. Raises TarError."""
    records: dict[str, bytes] = {}
    position = 0
    for count in range(MAX_RECORDS + 1):
        if position >= len(content) or content[position] == 0:
            return records
        if count == MAX_RECORDS:
            break
        space = content.find(b" ", position, position + 10)
        length = _decimal(content[position:space]) if space > 0 else 0
        record = content[space + 1 : position + length]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or position + length > len(content):
            raise TarError
        records[key.decode("utf-8", "replace")] = value[:-1]
        position += length
    raise TarError
