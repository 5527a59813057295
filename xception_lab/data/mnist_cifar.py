"""The original files of MNIST, Fashion-MNIST and CIFAR-10, read as data.

CIFAR-10's batches are pickles. No pickle is ever loaded: the few instructions that such a batch consists of are
replayed on a list, names stay names, and nothing is imported or called.
"""

import math
import pickletools
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.messages import say

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_SHAPE = (3, 32, 32)
IDX_SIDES = (8, 64)  # pixels, least and most

Bytes = NDArray[np.uint8]


def read_idx(content: bytes, dimensions: int) -> Bytes:
    """An IDX file of bytes: images (N, H, W) for 3 dimensions, labels (N,) for 1.

    Raises ValueError, without the file's name, when header and content disagree. Source: LeCun, Cortes, Burges, MNIST.
    """
    start = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, 8, dimensions)) or len(content) < start:
        raise ValueError(say("must begin as an IDX file of bytes with {dimensions} dimensions", dimensions=dimensions))
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    if math.prod(shape) != len(content) - start:
        sentence = say(
            "must hold {promised:,} values as its header says, holds {count:,}",
            promised=math.prod(shape),
            count=len(content) - start,
        )
        raise ValueError(sentence)
    if not all(IDX_SIDES[0] <= side <= IDX_SIDES[1] for side in shape[1:]):
        least, most = IDX_SIDES
        sentence = say(
            "must hold pictures of {least} to {most} pixels a side, holds {shape}",
            least=least,
            most=most,
            shape=str(shape[1:]),
        )
        raise ValueError(sentence)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_cifar_binary(content: bytes) -> tuple[Bytes, Bytes]:
    """A batch of CIFAR-10's binary version: images (N, 32, 32, 3), labels (N,). Raises ValueError without the name."""
    record = 1 + math.prod(CIFAR_SHAPE)
    if not content or len(content) % record:
        raise ValueError(
            say("must hold records of {record} bytes, holds {count:,} bytes", record=record, count=len(content))
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    return _cifar(records[:, 1:], records[:, 0])


def read_cifar_pickle(content: bytes) -> tuple[Bytes, Bytes]:
    """A batch of CIFAR-10's Python version: images (N, 32, 32, 3), labels (N,). Raises ValueError without the name."""
    try:
        batch = cast(dict[object, object], _replay(content))
        values = _array(batch["data"])
        labels = np.array(batch["labels"], np.uint8)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(say("must be an original CIFAR-10 batch, holds something else")) from error
    return _cifar(values, labels)


def _cifar(values: Bytes, labels: Bytes) -> tuple[Bytes, Bytes]:
    if labels.shape != (len(values),) or not len(labels):
        raise ValueError(
            say("must hold one label a picture, holds {labels:,} for {count:,}", labels=labels.size, count=len(values))
        )
    if labels.max() >= len(CIFAR_CLASSES):
        last = len(CIFAR_CLASSES) - 1
        raise ValueError(
            say("must hold labels from 0 to {last}, holds {largest}", last=last, largest=int(labels.max()))
        )
    return values.reshape(-1, *CIFAR_SHAPE).transpose(0, 2, 3, 1), labels


@dataclass(slots=True)
class _Call:
    """What the pickle asks to be called: kept, never done."""

    name: object
    arguments: object
    state: object = None


class _Name(str):
    """What the pickle asks to be imported: kept, never done."""

    __slots__ = ()


class _Mark:
    """Where a list or tuple begins on the stack."""


_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset({"SHORT_BINSTRING", "BINSTRING", "BININT", "BININT1", "BININT2"})
_PUTS, _GETS = frozenset({"BINPUT", "LONG_BINPUT"}), frozenset({"BINGET", "LONG_BINGET"})
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _replay(content: bytes) -> object:
    """What the pickle describes. Any instruction that CIFAR-10's batches do not have is a ValueError."""
    stack: list[object] = []
    memo: dict[object, object] = {}
    for instruction, argument, _ in pickletools.genops(content):
        name = instruction.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _PUTS:
            memo[argument] = stack[-1]
        elif name in _GETS:
            stack.append(memo[argument])
        elif name in _TUPLES:
            stack.append(_take(stack, len(stack) - _TUPLES[name]))
        elif name not in ("PROTO", "STOP"):
            _build(name, argument, stack)
    return stack.pop()


def _build(name: str, argument: object, stack: list[object]) -> None:
    if name == "MARK":
        stack.append(_Mark())
    elif name == "EMPTY_DICT":
        stack.append({})
    elif name == "EMPTY_LIST":
        stack.append([])
    elif name == "TUPLE":
        stack.append(_take_to_mark(stack))
    elif name == "APPENDS":
        items = _take_to_mark(stack)
        cast(list[object], stack[-1]).extend(items)
    elif name == "SETITEMS":
        items = _take_to_mark(stack)
        cast(dict[object, object], stack[-1]).update(zip(items[::2], items[1::2], strict=True))
    elif name == "GLOBAL":
        stack.append(_Name(argument))
    elif name == "REDUCE":
        arguments = stack.pop()
        stack[-1] = _Call(stack[-1], arguments)
    elif name == "BUILD":
        state = stack.pop()
        cast(_Call, stack[-1]).state = state
    else:
        raise ValueError(f"instruction {name} is not in CIFAR-10's batches")


def _take(stack: list[object], start: int) -> tuple[object, ...]:
    if start < 0:
        raise IndexError("the stack has fewer values")
    items = tuple(stack[start:])
    del stack[start:]
    return items


def _take_to_mark(stack: list[object]) -> tuple[object, ...]:
    start = len(stack) - 1
    while start >= 0 and not isinstance(stack[start], _Mark):
        start -= 1
    return _take(stack, start)[1:]


def _array(value: object) -> Bytes:
    """The batch's numpy array, from what its pickle says of it: (N, 3072) bytes in rows."""
    described = cast(_Call, value)
    _, shape, dtype, by_columns, raw = cast(tuple[object, tuple[int, int], _Call, bool, str], described.state)
    if (
        described.name != "numpy.core.multiarray _reconstruct"
        or (dtype.name, cast(tuple[object, ...], dtype.arguments)[0]) != ("numpy dtype", "u1")
        or by_columns
        or shape[1:] != (math.prod(CIFAR_SHAPE),)
    ):
        raise ValueError("not an array of bytes")
    return np.frombuffer(raw.encode("latin-1"), np.uint8).reshape(shape)
