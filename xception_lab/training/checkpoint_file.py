"""A checkpoint's file as bytes: whose run it is, and whether every byte is as it was written. Free of torch.

The metadata of the safetensors file hold the run's spec, its records and, under "sha256", the checksum of the whole
file, in which the checksum's own place holds 64 zeros. So a byte that changes anywhere is noticed, in a tensor, in a
record and in a tensor's name alike.

Files of earlier versions have no checksum. Of these it is known whether they are whole and whose run they are, but not
whether a tensor's bits are right. They are told by their metadata, which have spec and records alone: a changed byte in
the name of the checksum's entry does not make a file look old.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from xception_lab.common.messages import say
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord, record_from_dict, train_spec_from_json

CHECKSUM = "sha256"
NO_CHECKSUM = "0" * 64
_OLD_ENTRIES = {"spec", "records"}


@dataclass(frozen=True, slots=True)
class CheckpointHeader:
    """What a checkpoint's file says of its run. has_checksum: whether all its bytes were compared with a checksum."""

    spec: TrainSpec
    records: tuple[EpochRecord, ...]
    has_checksum: bool


def fill_in_checksum(content: bytes) -> bytes:
    """The file with its checksum in the place of NO_CHECKSUM."""
    return content.replace(NO_CHECKSUM.encode(), hashlib.sha256(content).hexdigest().encode(), 1)


def read_header(content: bytes) -> CheckpointHeader:
    """Check a checkpoint's file, and read what it says of its run.

    Raises ValueError when the bytes are not a whole checkpoint of ours, or not those that were written.
    """
    try:
        size = int.from_bytes(content[:8], "little")
        text = content[8 : 8 + size]
        header: dict[str, Any] = json.loads(text)
        meta: dict[str, str] = header.pop("__metadata__")
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        if set(meta) == {*_OLD_ENTRIES, CHECKSUM}:
            place = 8 + text.index(meta[CHECKSUM].encode())
            blank = content[:place] + NO_CHECKSUM.encode() + content[place + len(NO_CHECKSUM) :]
            if hashlib.sha256(blank).hexdigest() != meta[CHECKSUM]:
                raise ValueError(say("its checksum is wrong: it is not as it was written"))
        elif set(meta) != _OLD_ENTRIES:
            raise ValueError(say("its metadata must be spec, records and sha256, are {names}", names=", ".join(meta)))
        if len(content) != 8 + size + end:
            right, found = 8 + size + end, len(content)
            raise ValueError(say("it must have {right:,} bytes, has {found:,}", right=right, found=found))
        records = tuple(record_from_dict(values) for values in json.loads(meta["records"]))
        return CheckpointHeader(train_spec_from_json(meta["spec"]), records, CHECKSUM in meta)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(say("not a checkpoint: {error}", error=_reason(error))) from error


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) else f"{type(error).__name__}: {error}"
