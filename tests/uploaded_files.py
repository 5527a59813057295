"""Files as a person uploads them: pictures in folders, packed."""

import gzip
import io
import tarfile
import zipfile
from typing import Any

import numpy as np

from xception_lab.data.images import Image

RNG = np.random.default_rng(0)


def encoded(image: Image.Image | np.ndarray, image_format: str = "PNG", **options: Any) -> bytes:
    content = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(content, image_format, **options)
    return content.getvalue()


def picture() -> bytes:
    """A small picture that no other equals."""
    return encoded(RNG.integers(0, 256, (8, 8, 3), np.uint8))


def folders(count: int = 10, classes: tuple[str, ...] = ("cat", "dog"), root: str = "") -> dict[str, bytes]:
    return {f"{root}{label}/{number}.png": picture() for label in classes for number in range(count)}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return content.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz", **fields: Any) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for field, value in fields.items():
                setattr(member, field, value)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def mnist(train: int = 100, test: int = 50) -> dict[str, bytes]:
    """The four files of random pictures in ten classes."""
    files: dict[str, bytes] = {}
    for part, count in (("train", train), ("t10k", test)):
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(RNG.integers(0, 256, (count, 28, 28))))
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(np.arange(count) % 10))
    return files
