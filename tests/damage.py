"""Damaged files, made from whole ones: what a failing disk, a wrong copy or an earlier version leaves."""

import json

from xception_lab.training.checkpoint_file import CHECKSUM


def flip_bit(content: bytes, bit: int) -> bytes:
    """The content with one bit flipped. bit: its number, 8 a byte."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def without_checksum(checkpoint: bytes) -> bytes:
    """The same checkpoint as version 0.1 wrote it."""
    size = int.from_bytes(checkpoint[:8], "little")
    header = json.loads(checkpoint[8 : 8 + size])
    del header["__metadata__"][CHECKSUM]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + checkpoint[8 + size :]
