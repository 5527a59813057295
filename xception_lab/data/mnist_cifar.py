"""The files of MNIST and of others in its form (IDX) and of CIFAR-10 (binary version): bytes to arrays.

CIFAR-10 also exists as pickles, its "Python version". These are not read: a pickle is a program.
"""

import math

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.messages import say

CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_SHAPE = (3, 32, 32)
IDX_SIDES = (8, 64)  # pixels, least and most

_LABEL_STARTS = (b"\0\0\x08\x01", b"\0\0\x0c\x01", b"\0\0\x0c\x02")

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


def idx_content(content: bytes) -> str:
    """ "images" or "labels", which an IDX file begins as; "" for any other file.

    Labels are bytes, or whole numbers of 32 bits, in QMNIST with seven others of the same picture behind each.
    """
    return {b"\0\0\x08\x03": "images", **dict.fromkeys(_LABEL_STARTS, "labels")}.get(content[:4], "")


def read_idx_labels(content: bytes) -> NDArray[np.int64]:
    """An IDX file of labels, (N,). Raises ValueError, without the file's name, when header and content disagree."""
    if content[:4] not in _LABEL_STARTS[1:]:
        return read_idx(content, 1).astype(np.int64)
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = tuple(int(size) for size in np.frombuffer(content[4:start].ljust(4 * dimensions, b"\0"), ">u4"))
    if 4 * math.prod(shape) != len(content) - start or not shape[-1]:
        sentence = say(
            "must hold {promised:,} values as its header says, holds {count:,}",
            promised=math.prod(shape),
            count=max(0, len(content) - start) // 4,
        )
        raise ValueError(sentence)
    labels = np.frombuffer(content, ">i4", offset=start).reshape(shape)
    return (labels if dimensions == 1 else labels[:, 0]).astype(np.int64)


def read_cifar_binary(content: bytes) -> tuple[Bytes, Bytes]:
    """A batch of CIFAR-10's binary version: images (N, 32, 32, 3), labels (N,). Raises ValueError without the name."""
    record = 1 + math.prod(CIFAR_SHAPE)
    if not content or len(content) % record:
        raise ValueError(
            say("must hold records of {record} bytes, holds {count:,} bytes", record=record, count=len(content))
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    images, labels = records[:, 1:], records[:, 0]
    if labels.max() >= len(CIFAR_CLASSES):
        last = len(CIFAR_CLASSES) - 1
        raise ValueError(
            say("must hold labels from 0 to {last}, holds {largest}", last=last, largest=int(labels.max()))
        )
    return images.reshape(-1, *CIFAR_SHAPE).transpose(0, 2, 3, 1), labels
