"""The user's own data: what is read, what is left out and told, and what is refused in one sentence."""

import gzip
import io
import pickle
import random
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from uploaded_files import RNG, encoded, folders, idx, mnist, picture, tarred, zipped

from xception_lab.data import archives, uploads
from xception_lab.data.dataset import ARRAYS, PARTS
from xception_lab.data.images import BadPictureError, read_picture, read_square
from xception_lab.data.uploads import read_upload, read_uploads
from xception_lab.data.zip_names import decode_names


def cifar_batch(count: int = 100) -> tuple[np.ndarray, list[int]]:
    return RNG.integers(0, 256, (count, 3072), np.uint8), [number % 10 for number in range(count)]


def cifar_records(count: int = 100) -> bytes:
    images, labels = cifar_batch(count)
    return np.concatenate([np.array(labels, np.uint8)[:, None], images], 1).tobytes()


def cifar_binary(batches: int = 5) -> dict[str, bytes]:
    names = [*(f"data_batch_{number + 1}" for number in range(batches)), "test_batch"]
    return {f"cifar-10-batches-bin/{name}.bin": cifar_records() for name in names}


def cifar_python() -> dict[str, bytes]:
    """The layout of cifar-10-python.tar.gz, whose batches are pickles."""
    images, labels = cifar_batch(10)
    batch = pickle.dumps({"batch_label": "training batch 1 of 5", "labels": labels, "data": images}, 2)
    names = ("data_batch_4", "readme.html", "test_batch", "data_batch_3", "batches.meta", "data_batch_2")
    return {f"cifar-10-batches-py/{name}": batch for name in names}


# ------------------------------------------------------------------------------------------------- what is read
def test_class_folders_are_split_a_fifth_of_each_class_and_a_tenth_of_the_rest() -> None:
    own = read_upload("pets.zip", zipped({**folders(50, ("cat",)), **folders(25, ("dog",))}))
    assert (own.name, own.classes, own.kind, own.notes[1:]) == ("pets", ("cat", "dog"), "own", ())
    assert np.bincount(own.test_labels).tolist() == [10, 5]
    assert np.bincount(own.validation_labels).tolist() == [4, 2]
    assert np.bincount(own.train_labels).tolist() == [36, 18]
    assert own.train_images.shape == (54, 32, 32, 3)
    for part in PARTS:
        images, labels = getattr(own, f"{part}_images"), getattr(own, f"{part}_labels")
        assert (images.dtype, labels.dtype, len(images)) == (np.uint8, np.int64, len(labels))


def test_the_split_is_the_same_whatever_the_order_in_the_archive() -> None:
    files = folders(12)
    shuffled = list(files.items())
    random.Random(0).shuffle(shuffled)
    first, second = read_upload("a.zip", zipped(files)), read_upload("a.zip", zipped(dict(shuffled)))
    for name in ARRAYS:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_an_upload_is_read_only_and_its_parts_share_no_picture() -> None:
    own = read_upload("a.zip", zipped(folders(15)))
    with pytest.raises(ValueError, match="read-only"):
        own.train_images[0] = 0
    every = [picture.tobytes() for part in PARTS for picture in getattr(own, f"{part}_images")]
    assert len(set(every)) == len(every) == 30


@pytest.mark.parametrize("root", ["", "pets/", "a/b/pets/"])
def test_train_and_test_folders_are_kept(root: str) -> None:
    files = {**folders(9, root=f"{root}Train/"), **folders(3, root=f"{root}test/")}
    own = read_upload("a.zip", zipped(files))
    assert own.classes == ("cat", "dog")
    # a tenth of nine is one
    assert [np.bincount(getattr(own, f"{part}_labels")).tolist() for part in PARTS] == [[8, 8], [1, 1], [3, 3]]


@pytest.mark.parametrize("folder", ["val", "validation", "Validation"])
def test_a_validation_folder_is_kept_and_nothing_else_is_drawn_for_it(folder: str) -> None:
    sizes = {"train": 20, folder: 4, "test": 6}
    own = read_upload("a.zip", zipped({k: v for n, c in sizes.items() for k, v in folders(c, root=f"{n}/").items()}))
    assert own.classes == ("cat", "dog")
    assert [np.bincount(getattr(own, f"{part}_labels")).tolist() for part in PARTS] == [[20] * 2, [4] * 2, [6] * 2]


def test_of_a_picture_in_several_parts_the_first_parts_is_kept() -> None:
    files = {**folders(10, root="train/"), **folders(5, root="val/"), **folders(5, root="test/")}
    files["val/cat/0.png"] = files["train/cat/0.png"]
    files["test/cat/1.png"] = files["val/cat/1.png"]
    own = read_upload("a.zip", zipped(files))
    assert [np.bincount(getattr(own, f"{part}_labels")).tolist() for part in PARTS] == [[10, 10], [4, 5], [4, 5]]
    assert own.notes[1:] == ("Left out, the same picture as another: 'val/cat/0.png', 'test/cat/1.png'",)


@pytest.mark.parametrize("root", ["pets/", "train/", "./a/./b/"])
def test_folders_that_all_pictures_share_are_no_classes(root: str) -> None:
    assert read_upload("a.zip", zipped(folders(root=root))).classes == ("cat", "dog")


# the names of real archives: ImageNet's, Kaggle's, AI Hub's; (training, validation, test), "" for none
SPLITS = [
    ("train", "val", ""),
    ("train", "validation", ""),
    ("train", "valid", "test"),
    ("Training", "", "Testing"),
    ("TRAIN", "", "TEST"),
    ("training_set", "", "test_set"),
    ("seg_train/seg_train", "", "seg_test/seg_test"),
    ("asl_train", "", "asl_test"),
    ("1.Training", "2.Validation", ""),
    ("학습", "검증", "테스트"),
    ("data/train/images", "data/val/images", "data/test/images"),
]


@pytest.mark.parametrize("names", SPLITS, ids=["-".join(names) for names in SPLITS])
@pytest.mark.parametrize("stray", ["", "cover.png", "data/cover.png"])
def test_a_split_folder_is_a_split(names: tuple[str, str, str], stray: str) -> None:
    counts = {"train": 20, "validation": 5, "test": 7}
    files = {stray: picture()} if stray else {}
    for (_, count), name in zip(counts.items(), names, strict=True):
        files |= folders(count, root=f"{name}/") if name else {}
    own = read_upload("a.zip", zipped(files))
    assert own.classes == ("cat", "dog")
    test = 7 if names[2] else 4  # a fifth of the training pictures
    train = 20 if names[2] else 16
    validation = 5 if names[1] else 2
    train -= 0 if names[1] else validation
    assert [np.bincount(getattr(own, f"{part}_labels")).tolist() for part in PARTS] == [
        [train] * 2,
        [validation] * 2,
        [test] * 2,
    ]
    assert f"Training: '{names[0].removeprefix('data/').split('/')[0]}'." in own.notes[0]
    assert own.notes[1:] == ((f"Left out, outside the class folders: '{stray}'",) if stray else ())


@pytest.mark.parametrize("flat", ["test/{}.png", "test/unknown/{}.png", "test/test/{}.png"])
def test_a_test_folder_without_labels_is_left_out_and_said(flat: str) -> None:
    own = read_upload("a.zip", zipped({**folders(20, root="train/"), **{flat.format(n): picture() for n in range(9)}}))
    assert (own.classes, len(own.test_labels)) == (("cat", "dog"), 8)
    assert own.notes[0] == (
        "Training: 'train'. Validation: drawn, a tenth of each class of the training pictures. "
        "Test: drawn, a fifth of each class."
    )
    assert own.notes[1].startswith(
        "Left out, in a folder without class folders, so without labels: " + repr(flat.format(0))
    )
    assert own.notes[1].endswith("and 6 more")


def test_folders_of_no_part_beside_a_split_are_left_out_and_said() -> None:
    files = {**folders(20, root="seg_train/"), **folders(5, root="seg_test/"), "seg_pred/seg_pred/0.png": picture()}
    own = read_upload("a.zip", zipped(files))
    assert own.notes[1:] == ("Left out, outside the class folders: 'seg_pred/seg_pred/0.png'",)


@pytest.mark.parametrize("classes", [("train", "test tube"), ("train", "bus"), ("training shoe", "val")])
def test_classes_whose_names_sound_like_parts_are_classes(classes: tuple[str, str]) -> None:
    assert read_upload("a.zip", zipped(folders(classes=classes))).classes == tuple(sorted(classes))


def test_folders_inside_a_class_folder_belong_to_the_class_and_that_is_said() -> None:
    files = {**folders(10), **folders(3, ("persian", "siamese"), "cat/")}
    own = read_upload("a.zip", zipped(files))
    assert own.classes == ("cat", "dog")
    assert sum(len(getattr(own, f"{part}_labels")) for part in PARTS) == 26
    assert own.notes[1:] == (
        "Folders inside a class folder belong to its class: 2 with 6 pictures, first 'cat/persian'",
    )


def test_a_training_folder_without_class_folders_is_refused() -> None:
    files = {f"{part}/{label}.{n}.png": picture() for part in ("train", "test") for label in "ab" for n in range(20)}
    with pytest.raises(ValueError, match=r"'a\.zip': 'train' must hold a folder for each class, holds pictures alone"):
        read_upload("a.zip", zipped(files))


def test_a_tar_of_class_folders_and_an_open_file_are_read_too() -> None:
    assert read_upload("a.tar.gz", tarred(folders())).classes == ("cat", "dog")
    assert read_upload("a.tar", io.BytesIO(tarred(folders(), "w"))).classes == ("cat", "dog")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_folder_names_survive_zips_without_the_utf8_flag(encoding: str) -> None:
    placeholder = "xxxxxxxxx"[: len("고양이".encode(encoding))]
    content = zipped(folders(classes=(placeholder, "dog"))).replace(placeholder.encode(), "고양이".encode(encoding))
    assert read_upload("a.zip", content).classes == ("dog", "고양이")


# as programs of each country's systems write them, without a word on the encoding
NAMES = {
    "cp949": [("고양이", "강아지"), ("뱀", "똠얌꿍"), ("정상", "불량"), ("벌레 먹은 잎", "dog"), ("쥐", "곰")],
    "cp932": [("猫", "犬"), ("りんご", "みかん"), ("ネコ", "dog"), ("良品", "不良品"), ("桜", "梅の花")],
    "gbk": [("猫", "狗"), ("苹果", "香蕉"), ("玫瑰", "向日葵"), ("正常", "缺陷"), ("猫的照片", "dog")],
    "cp850": [("Bär", "Hase"), ("Größe", "Füße"), ("maçã", "pão"), ("Blåbær", "Ørn"), ("éléphant", "forêt")],
    "cp437": [("Bär", "Käfer"), ("niño", "niña"), ("Éclair", "pêche"), ("Ångström", "dog"), ("Äpfel", "Vögel")],
    "utf-8": [("고양이", "강아지"), ("猫", "狗"), ("Bär", "Hase"), ("りんご", "みかん"), ("кот", "пёс")],
}


def zip_without_flag(files: dict[str, bytes], encoding: str) -> bytes:
    """A zip whose names are in this encoding: zipfile itself writes only ASCII without the flag for UTF-8."""
    placeholders = {name: f"{number:02d}".ljust(len(name.encode(encoding)), "_") for number, name in enumerate(files)}
    content = zipped({placeholder: files[name] for name, placeholder in placeholders.items()}, zipfile.ZIP_STORED)
    for name, placeholder in placeholders.items():
        content = content.replace(placeholder.encode(), name.encode(encoding))
    return content


@pytest.mark.parametrize(
    ("encoding", "classes"), [(encoding, classes) for encoding, cases in NAMES.items() for classes in cases]
)
def test_the_names_of_a_zip_are_read_in_the_encoding_that_fits_them_all(
    encoding: str, classes: tuple[str, str]
) -> None:
    files = {f"{label} (class)/{number}_0123456789abcdef.png": picture() for label in classes for number in range(10)}
    own = read_upload("a.zip", zip_without_flag(files, encoding))
    assert own.classes == tuple(sorted(f"{label} (class)" for label in classes))


def test_one_encoding_is_chosen_for_the_whole_archive() -> None:
    """ "öL" and "猫" are the same bytes; beside other Japanese names they are a cat."""
    decode = decode_names([name.encode("cp932") for name in ("猫/0.png", "りんご/0.png")])
    assert decode("猫".encode("cp932")) == "猫"
    assert "猫".encode("cp932").decode("cp850") == "öL"


def test_decomposed_folder_names_are_composed() -> None:
    assert read_upload("a.zip", zipped(folders(classes=("cafe\u0301", "dog")))).classes == ("café", "dog")


def test_backslashes_separate_folders() -> None:
    files = {name.replace("/", "\\"): data for name, data in folders().items()}
    assert read_upload("a.zip", zipped(files)).classes == ("cat", "dog")


def test_system_files_are_passed_over_without_a_word() -> None:
    extra = {"cat/.DS_Store": b"x", "__MACOSX/cat/._0.png": b"x", "cat/Thumbs.db": b"x", ".git/a.png": b"x"}
    assert read_upload("a.zip", zipped({**folders(), **extra})).notes[1:] == ()


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_cifar_binary_version(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    files = cifar_binary()
    own = read_upload("cifar-10-binary.tar.gz", pack(files))
    assert (own.name, own.classes[3], own.notes[1:]) == ("cifar-10-binary", "cat", ())
    assert [getattr(own, f"{part}_images").shape for part in PARTS] == [(n, 32, 32, 3) for n in (450, 50, 100)]
    first = np.frombuffer(files["cifar-10-batches-bin/test_batch.bin"], np.uint8)[: 1 + 3072]
    assert own.test_labels[0] == first[0]
    assert np.array_equal(own.test_images[0], first[1:].reshape(3, 32, 32).transpose(1, 2, 0))


def test_a_missing_cifar_batch_is_told() -> None:
    own = read_upload("c.tar.gz", tarred(cifar_binary(4)))
    assert own.notes[1:] == ("Left out, not there: 'data_batch_5'",)


def test_idx_files_one_by_one_or_in_a_zip() -> None:
    files = mnist()
    together, (apart,) = read_upload("mnist.zip", zipped(files)), read_uploads(list(files.items()))
    assert [len(getattr(together, f"{part}_labels")) for part in PARTS] == [90, 10, 50]
    assert together.train_images.shape[1:] == together.validation_images.shape[1:] == (28, 28, 1)
    assert together.classes == tuple("0123456789")
    assert np.array_equal(together.train_images, apart.train_images)
    plain = {name.removesuffix(".gz").replace("-idx", ".idx"): gzip.decompress(data) for name, data in files.items()}
    assert np.array_equal(read_uploads(list(plain.items()))[0].test_images, apart.test_images)


def test_fashion_mnist_is_told_from_mnist_by_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    files = mnist()
    labels = gzip.decompress(files["t10k-labels-idx1-ubyte.gz"])[8:]
    monkeypatch.setattr(uploads, "_FASHION_LABELS", uploads.hashlib.sha256(labels).hexdigest())
    assert read_upload("mnist.zip", zipped(files)).classes[-1] == "ankle boot"


def test_labels_that_begin_at_one_become_classes() -> None:
    files = mnist()
    for part, count in (("train", 100), ("t10k", 50)):
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx(np.arange(count) % 5 + 1))
    own = read_upload("letters.zip", zipped(files))
    assert own.classes == tuple("12345")
    assert own.train_labels.max() == 4


def test_several_sets_in_one_archive_are_never_mixed() -> None:
    first, second = mnist(), mnist(60, 40)
    files = {f"MNIST/raw/{name}": data for name, data in first.items()}
    files |= {f"FashionMNIST/raw/{name}": data for name, data in second.items()}
    fashion, digits = read_uploads([("both.zip", zipped(files))])
    assert (fashion.name, digits.name) == ("FashionMNIST/raw", "MNIST/raw")
    assert [len(fashion.test_labels), len(digits.test_labels)] == [40, 50]
    alone = read_upload("mnist.zip", zipped(first))
    assert np.array_equal(digits.test_images, alone.test_images)
    assert np.array_equal(digits.train_images, alone.train_images)


def test_sets_in_one_folder_are_told_by_the_words_before_train_and_test() -> None:
    files = {f"gzip/emnist-letters-{name.replace('t10k', 'test')}": data for name, data in mnist(60, 40).items()}
    files |= {f"gzip/emnist-digits-{name.replace('t10k', 'test')}": data for name, data in mnist().items()}
    digits, letters = read_uploads([("emnist.zip", zipped(files))])
    assert (digits.name, letters.name) == ("gzip/emnist-digits", "gzip/emnist-letters")
    assert [len(digits.test_labels), len(letters.test_labels)] == [50, 40]


def test_two_sets_of_cifar_are_two() -> None:
    one = {name.replace("batches", "a"): data for name, data in cifar_binary(1).items()}
    other = {name.replace("batches", "b"): data for name, data in cifar_binary(2).items()}
    sets = read_uploads([("c.zip", zipped({**one, **other}))])
    assert [len(own.train_labels) + len(own.validation_labels) for own in sets] == [100, 200]


def test_files_are_recognised_by_their_content_whatever_a_browser_adds_to_their_names() -> None:
    files = mnist()
    expected = read_upload("mnist.zip", zipped(files))
    renamed = {name.replace(".gz", " (1).gz"): data for name, data in files.items()}
    for sets in (read_uploads([("mnist.zip", zipped(renamed))]), read_uploads(list(renamed.items()))):
        assert [np.array_equal(sets[0].test_images, expected.test_images), len(sets)] == [True, 1]
    both = read_upload("mnist.zip", zipped({**files, **renamed}))
    assert both.notes[1].startswith("Left out, the same file as another: ")


def test_an_archive_with_a_folder_for_every_file_is_one_set() -> None:
    files = mnist()
    own = read_upload("archive.zip", zipped({f"{name[:-3]}/{name}": data for name, data in files.items()}))
    assert np.array_equal(own.test_images, read_upload("m.zip", zipped(files)).test_images)
    # as the best-known archive of MNIST has them: the files, and each of them again in a folder
    twice = {name.removesuffix(".gz"): gzip.decompress(data) for name, data in files.items()}
    twice |= {f"{name}/{name}": data for name, data in twice.items()}
    own = read_upload("archive.zip", zipped(twice))
    assert own.name == "archive"
    assert own.notes[1].startswith("Left out, beside the files of a whole set: 'train-images-idx3-ubyte/train")


def test_qmnist_has_its_classes_in_the_first_of_eight_numbers() -> None:
    files = {f"qmnist-{name.replace('t10k', 'test')}": data for name, data in mnist().items()}
    for part, count in (("train", 100), ("test", 50)):
        del files[f"qmnist-{part}-labels-idx1-ubyte.gz"]
        labels = np.stack([np.arange(count) % 10, *[np.full(count, 77)] * 7], 1)
        head = bytes((0, 0, 12, 2)) + np.array(labels.shape, ">u4").tobytes()
        files[f"qmnist-{part}-labels-idx2-int.gz"] = gzip.compress(head + labels.astype(">i4").tobytes())
    own = read_upload("q.zip", zipped(files))
    assert own.classes == tuple("0123456789")
    assert own.test_labels.tolist() == (np.arange(50) % 10).tolist()


def test_test_pictures_that_are_also_trained_on_are_left_out_of_every_kind_of_set() -> None:
    files = mnist()
    train, test = (gzip.decompress(files[f"{part}-images-idx3-ubyte.gz"]) for part in ("train", "t10k"))
    shared = test[:16] + train[16 : 16 + 3 * 784] + test[16 + 3 * 784 :]
    own = read_upload("m.zip", zipped({**files, "t10k-images-idx3-ubyte.gz": gzip.compress(shared)}))
    assert len(own.test_labels) == 47
    assert own.notes[1:] == ("Left out of the test, the same as a training picture: 3 pictures",)
    batches = cifar_binary(5)
    first = batches["cifar-10-batches-bin/data_batch_2.bin"]
    batches["cifar-10-batches-bin/test_batch.bin"] = first[:3073] + batches["cifar-10-batches-bin/test_batch.bin"]
    assert read_upload("c.zip", zipped(batches)).notes[1:] == (
        "Left out of the test, the same as a training picture: 1 pictures",
    )


def test_pictures_beside_a_set_are_left_out_and_said() -> None:
    own = read_upload("m.zip", zipped({**mnist(), "preview.png": picture()}))
    assert own.notes[1:] == ("Left out, beside the files of a whole set: 'preview.png'",)


# ---------------------------------------------------------------------------------------------- pictures of any kind
RED = (200, 40, 40)
PNG_START = b"\x89PNG\r\n\x1a\n"


def plain(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (40, 30), colour)  # type: ignore[arg-type]


def palette() -> Image.Image:
    return plain("RGB", RED).convert("P", palette=Image.Palette.ADAPTIVE)


def frames() -> bytes:
    return encoded(plain("RGB", RED), "GIF", save_all=True, append_images=[plain("RGB", (0, 0, 255))])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(plain("L", 77)), (77, 77, 77)),
        (encoded(plain("1", 1)), (255, 255, 255)),
        (encoded(plain("LA", (77, 0))), (128, 128, 128)),
        (encoded(plain("RGBA", (*RED, 255))), RED),
        (encoded(plain("RGBA", (*RED, 0))), (128, 128, 128)),
        (encoded(plain("RGB", RED), transparency=RED), (128, 128, 128)),
        (encoded(palette()), RED),
        (encoded(plain("CMYK", (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (encoded(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95), (255, 0, 0)),
        (encoded(np.full((30, 40), 40_000, np.uint16)), (156, 156, 156)),
        (encoded(np.full((30, 40), 40_000, np.uint16), "TIFF"), (156, 156, 156)),
        (encoded(np.full((30, 40), 40_000, np.int32), "TIFF"), (156, 156, 156)),
        (frames(), RED),
        (encoded(plain("RGB", RED), "WEBP", lossless=True, save_all=True, append_images=[plain("RGB", 0)]), RED),
        (encoded(plain("RGB", RED), "BMP"), RED),
        (encoded(plain("RGB", RED), "PPM"), RED),
        (encoded(plain("RGB", RED), "JPEG", quality=95), RED),
        (encoded(Image.new("RGB", (3000, 2), RED)), RED),
        (encoded(Image.new("RGB", (1, 1), RED)), RED),
    ],
    ids=[
        *("grey", "bits", "grey-alpha", "opaque", "transparent", "transparent-colour", "palette", "cmyk", "cmyk-jpeg"),
        *("16-bit", "16-bit-tiff", "32-bit-tiff", "gif", "animated-webp", "bmp", "ppm", "jpeg", "long", "one-pixel"),
    ],
)
def test_a_picture_of_any_kind_becomes_32x32_rgb(content: bytes, expected: tuple[int, int, int]) -> None:
    small = read_picture(content)
    assert (small.shape, small.dtype) == ((32, 32, 3), np.uint8)
    assert np.abs(small.astype(int) - expected).max() <= 3


def grey_png(bits: int, values: list[int], transparent: int) -> bytes:
    """One row of grey pixels, the last value repeated, with the chunk tRNS. Source: PNG specification, 11.3.2.1."""
    row = "".join(format(value, f"0{bits}b") for value in values)
    row += "0" * (-len(row) % 8)
    head = struct.pack(">IIBBBBB", len(values), 1, bits, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" + int(row, 2).to_bytes(len(row) // 8, "big"))
    chunks = (b"IHDR", head), (b"tRNS", struct.pack(">H", transparent)), (b"IDAT", pixels), (b"IEND", b"")
    return PNG_START + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_grey_that_a_png_names_is_transparent_at_every_depth(bits: int) -> None:
    most = 2**bits - 1
    named = most - 1 if bits > 1 else 0
    clear = read_picture(grey_png(bits, [named] * 64, named))
    assert (clear == 128).all()
    opaque = read_picture(grey_png(bits, [most] * 64, named))
    assert (opaque == 255).all()  # the neighbouring grey, which has the same 8 first bits where there are 16


@pytest.mark.parametrize("named", [(0x1234, 0x5678, 0x9ABC), (0x1234, 0x5678, 0x9A00)])
def test_the_colour_that_a_png_of_16_bits_names_is_compared_in_all_bits(named: tuple[int, int, int]) -> None:
    pixel = (0x1234, 0x5678, 0x9ABC)
    body = zlib.compress((b"\0" + struct.pack(">HHH", *pixel) * 40) * 40)
    head = struct.pack(">IIBBBBB", 40, 40, 16, 2, 0, 0, 0)
    chunks = (b"IHDR", head), (b"tRNS", struct.pack(">HHH", *named)), (b"IDAT", body), (b"IEND", b"")
    content = PNG_START + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    expected = (128, 128, 128) if named == pixel else (0x12, 0x56, 0x9A)
    assert (read_picture(content) == expected).all()


def grey_tiff(bits: int, value: int, most: int = 0) -> bytes:
    """40x30 pixels of one grey. most: the tag MaxSampleValue. Source: TIFF 6.0."""
    whole = bits in (8, 16)
    row = (format(value, f"0{bits}b") if not whole else value.to_bytes(bits // 8, "little").hex()) * 40
    rows = (int(row, 2).to_bytes(len(row) // 8, "big") if not whole else bytes.fromhex(row)) * 30
    tags = [(256, 40), (257, 30), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1), (278, 30), (279, len(rows))]
    tags += [(281, most)] if most else []
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(rows)) + rows + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        grey_tiff(12, 2048),
        grey_tiff(16, 512, 1023),
        grey_tiff(16, 2048, 4095),
        grey_tiff(16, 32768),
        grey_tiff(8, 128),
        b"P5\n40 30\n1023\n" + struct.pack(">H", 512) * 1200,
        b"P5\n40 30\n4095\n" + struct.pack(">H", 2048) * 1200,
    ],
    ids=["tiff-12", "tiff-10-of-16", "tiff-12-of-16", "tiff-16", "tiff-8", "pgm-10", "pgm-12"],
)
def test_a_declared_depth_is_what_a_grey_is_scaled_by(content: bytes) -> None:
    assert np.abs(read_picture(content).astype(int) - 128).max() <= 1


def test_an_avif_is_read() -> None:
    assert np.abs(read_picture(encoded(plain("RGB", RED), "AVIF", quality=95)).astype(int) - RED).max() <= 4
    files = {name.replace(".png", ".avif"): data for name, data in folders(12).items()}
    assert read_upload("a.zip", zipped(files)).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "HEIC"),
        (encoded(plain("RGB", RED), "JPEG2000"), "JPEG 2000"),
        (encoded(plain("RGB", RED), "JPEG2000", no_jp2=True), "JPEG 2000"),
        (encoded(plain("RGB", RED), "TGA"), "TGA"),
        (encoded(plain("L", 7), "TGA")[:-26], "TGA"),
        (encoded(plain("RGB", RED), "ICO"), "ICO"),
    ],
    ids=["heic", "jp2", "j2k", "tga", "old-tga", "ico"],
)
def test_a_sound_picture_of_another_format_is_named_and_never_called_corrupt(content: bytes, name: str) -> None:
    with pytest.raises(BadPictureError) as refusal:
        read_picture(content)
    assert str(refusal.value) == OTHER.format(name)


def test_a_tiff_of_a_depth_that_is_not_read_is_not_called_corrupt() -> None:
    with pytest.raises(BadPictureError, match=r"^a kind of TIFF that is not read here$"):
        read_picture(grey_tiff(10, 512))


# EXIF 2.32, tag 0x0112: where row 0 and column 0 of what is stored lie in the scene, and so what shows it upright
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,  # top, left
    2: lambda stored: stored[:, ::-1],  # top, right
    3: lambda stored: stored[::-1, ::-1],  # bottom, right
    4: lambda stored: stored[::-1],  # bottom, left
    5: lambda stored: stored.swapaxes(0, 1),  # left, top
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],  # right, top
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
    8: lambda stored: stored.swapaxes(0, 1)[::-1],  # left, bottom
}


def oriented(image: Image.Image, image_format: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, image_format, exif=exif)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("read", [read_picture, lambda content: read_square(content, 24)], ids=["squeezed", "square"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_picture_is_turned_upright_by_its_exif(
    image_format: str, read: Callable[[bytes], np.ndarray], orientation: int
) -> None:
    # 400 and 300 pixels are no whole number of the boxes that a picture is reduced over, which shows whether it is
    # turned before or after; Pillow itself turns a TIFF before, so that one has fewer pixels, and other rounding
    size, rounding = ((100, 76), 2) if image_format == "TIFF" else ((400, 300), 0)
    scene = Image.fromarray(np.random.default_rng(orientation).integers(0, 256, (*size, 3), np.uint8))
    stored = read(oriented(scene, image_format, 1))
    turned = read(oriented(scene, image_format, orientation))
    assert np.abs(turned.astype(int) - UPRIGHT[orientation](stored)).max() <= rounding


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    scene = Image.fromarray(RNG.integers(0, 256, (40, 30, 3), np.uint8))
    assert np.array_equal(read_picture(oriented(scene, "PNG", orientation)), read_picture(encoded(scene)))


def test_a_picture_with_broken_exif_is_turned_by_what_can_be_read_of_it() -> None:
    """The orientation stands before an entry that promises 4 GiB; written anew, this would fail."""
    scene = Image.fromarray(RNG.integers(0, 256, (40, 30, 3), np.uint8))
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHII", 0x010E, 2, 2**32 - 1, 38)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + b"".join(entries) + bytes(4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the broken entry
        turned = read_picture(encoded(scene, "PNG", exif=exif))
    assert np.array_equal(turned, UPRIGHT[6](read_picture(encoded(scene))))


def test_a_large_photo_is_unpacked_at_a_part_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone's 108 megapixels, seen on its side: no pixels of the whole are ever held."""
    sizes: list[tuple[int, int]] = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda image: (sizes.append(image.size), load(image))[1])
    content = oriented(Image.new("L", (12_000, 9_000), 200), "JPEG", 6)
    sizes.clear()
    assert np.abs(read_picture(content).astype(int) - 200).max() <= 2
    assert max(sizes) == (1500, 1125)


def png(width: int, height: int) -> bytes:
    """The header of a picture that is far larger than its file."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data))
    return b"\x89PNG\r\n\x1a\n" + chunks


OTHER = "a picture in the format {}, which is not read here; these are: PNG, JPEG, WEBP, AVIF, GIF, BMP, TIFF, PPM"
BAD_PICTURES = {
    "empty": (b"", "corrupt or unknown"),
    "text": (b"no picture at all", "corrupt or unknown"),
    "cut-png": (encoded(np.zeros((64, 64, 3), np.uint8))[:60], "corrupt or unknown"),
    "cut-jpeg": (encoded(RNG.integers(0, 256, (64, 64, 3), np.uint8), "JPEG")[:700], "corrupt or unknown"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a picture in the format SVG, which is not read here"),
    "postscript": (encoded(plain("RGB", RED), "EPS"), "a picture in the format EPS, which is not read here"),
    "bomb": (png(100_000, 100_000), "more than 25 million pixels"),
    "large": (encoded(Image.new("1", (6000, 6000))), "more than 25 million pixels"),
    "largest-header": (png(2**31 - 1, 2**31 - 1), "more than 25 million pixels"),
    "no-width": (png(0, 5), "corrupt or unknown"),
    "float": (encoded(np.full((30, 40), 0.5, np.float32), "TIFF"), "neither 8 nor 16 bits a pixel"),
    "negative": (encoded(np.full((30, 40), -5, np.int32), "TIFF"), "neither 8 nor 16 bits a pixel"),
}


@pytest.mark.parametrize(("content", "reason"), BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_a_bad_picture_says_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(BadPictureError, match=reason):
        read_picture(content)


def test_a_few_bad_pictures_are_left_out_and_told() -> None:
    bad = {f"cat/bad{name}.png": content for name, (content, _) in BAD_PICTURES.items()}
    own = read_upload("a.zip", zipped({**folders(12), **bad}))
    assert sum(len(getattr(own, f"{part}_labels")) for part in PARTS) == 24
    assert own.notes[1:] == (
        "Left out, corrupt or unknown: 'cat/badempty.png', 'cat/badtext.png', 'cat/badcut-png.png' and 2 more",
        f"Left out, {OTHER.format('SVG')}: 'cat/badsvg.png'",
        f"Left out, {OTHER.format('EPS')}: 'cat/badpostscript.png'",
        "Left out, more than 25 million pixels: 'cat/badbomb.png', 'cat/badlarge.png', 'cat/badlargest-header.png'",
        "Left out, neither 8 nor 16 bits a pixel: 'cat/badfloat.png', 'cat/badnegative.png'",
    )


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_links_other_files_nested_archives_repeats_and_strays_are_left_out_and_told() -> None:
    files = folders(12)
    files |= {"cat/copy.png": files["cat/3.png"], "dog/copy.png": files["cat/3.png"], "cover.png": picture()}
    files |= {"cat/inner.zip": zipped(folders()), "readme.txt": b"hello", "cat/photo.heic": b"x"}
    content = io.BytesIO(zipped(files))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(linked("cat/link.png"), "/etc/passwd")
    own = read_upload("a.zip", content.getvalue())
    assert sum(len(getattr(own, f"{part}_labels")) for part in PARTS) == 24
    assert own.notes[1:] == (
        "Left out, not a picture: 'cat/inner.zip', 'readme.txt'",
        f"Left out, {OTHER.format('HEIC')}: 'cat/photo.heic'",
        "Left out, a link: 'cat/link.png'",
        "Left out, the same picture as another: 'cat/copy.png', 'dog/copy.png'",
        "Left out, outside the class folders: 'cover.png'",
    )


def test_a_test_picture_that_is_also_trained_on_is_left_out() -> None:
    files = {**folders(9, root="train/"), **folders(3, root="test/")}
    files["test/cat/0.png"] = files["train/cat/0.png"]
    own = read_upload("a.zip", zipped(files))
    assert np.bincount(own.test_labels).tolist() == [2, 3]
    assert own.notes[1:] == ("Left out, the same picture as another: 'test/cat/0.png'",)


def test_a_tar_link_is_left_out() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in folders().items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            member = tarfile.TarInfo(f"cat/{kind.decode()}.png")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert read_upload("a.tar.gz", content.getvalue()).notes[1].startswith("Left out, a link: 'cat/2.png'")


def test_a_corrupt_file_in_a_zip_is_left_out() -> None:
    files = folders(11)
    content = bytearray(zipped(files, zipfile.ZIP_STORED))
    content[content.index(files["cat/5.png"]) + 50] ^= 0xFF  # the checksum no longer fits
    assert read_upload("a.zip", bytes(content)).notes[1:] == ("Left out, corrupt: 'cat/5.png'",)


# ------------------------------------------------------------------------------------------------ what is refused
def encrypted() -> bytes:
    content = bytearray(zipped(folders()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 1)
    return bytes(content)


def lying_bomb() -> bytes:
    """30 MiB of zeros that both headers call 100 bytes."""
    content = zipped({"cat/0.bmp": bytes(30 * 2**20), **folders()})
    return content.replace(struct.pack("<I", 30 * 2**20), struct.pack("<I", 100))


def one_kernel_many_names() -> bytes:
    """Every entry of the directory points to one and the same packed file."""
    files = folders(20)
    names = list(files)
    content = bytearray(zipped(files))
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 42 : at + 46] = bytes(4)
        at = content.find(b"PK\x01\x02", at + 1)
    assert len(names) == 40
    return bytes(content)


def idx_files(**changes: bytes) -> bytes:
    return zipped({**mnist(), **{name.replace("_", "-") + "-ubyte.gz": data for name, data in changes.items()}})


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was executed",)


NO_PICKLES = "is a pickle, which is not read: upload CIFAR-10's binary version, cifar-10-binary.tar.gz"

HOSTILE: dict[str, tuple[str, bytes | Callable[[], bytes], str]] = {
    "empty-file": ("a.zip", b"", r"'a.zip': must be a zip of class folders"),
    "text": ("notes.txt", b"hello", r"'notes.txt': must be a zip of class folders"),
    "one-picture": ("cat.png", picture(), r"'cat.png': must be a zip of class folders"),
    "rar": ("a.rar", b"Rar!\x1a\x07\x00" + bytes(100), "'a.rar': must be a zip"),
    "7z": ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "'a.7z': must be a zip"),
    "xz-tar": ("a.tar.xz", lambda: tarred(folders(), "w:xz"), "'a.tar.xz': must be a zip"),
    "empty-zip": ("a.zip", zipped({}), "'a.zip': must hold pictures in class folders, holds none$"),
    "empty-tar": ("a.tar.gz", lambda: tarred({}), "'a.tar.gz': must hold pictures in class folders, holds none"),
    "cut-zip": ("a.zip", lambda: zipped(folders())[:1000], "'a.zip': is a corrupt zip"),
    "zip-head-only": ("a.zip", b"PK\x03\x04", "'a.zip': is a corrupt zip"),
    "cut-tar": ("a.tar.gz", lambda: tarred(cifar_binary())[:50_000], "'a.tar.gz': is a corrupt or unknown archive"),
    "gzip-noise": ("a.tar.gz", b"\x1f\x8b" + bytes(50), "'a.tar.gz': is a corrupt or unknown archive"),
    "gzip-text": ("a.gz", gzip.compress(b"hello" * 999), "'a.gz': is a corrupt or unknown archive"),
    "traversal": (
        "a.zip",
        lambda: zipped({"../../cat/0.png": b"x"}),
        r"'a.zip': holds the path '../../cat/0.png', none",
    ),
    "inner-traversal": ("a.zip", lambda: zipped({"cat/../../0.png": b"x"}), "none may lead out of the archive"),
    "windows-traversal": ("a.zip", lambda: zipped({"..\\cat\\0.png": b"x"}), "none may lead out of the archive"),
    "tar-traversal": ("a.tar.gz", lambda: tarred({"../data_batch_1": b"x"}), "none may lead out of the archive"),
    "absolute": ("a.zip", lambda: zipped({"/etc/passwd": b"x"}), "absolute path '/etc/passwd', every path must be"),
    "tar-absolute": ("a.tar.gz", lambda: tarred({"/etc/data_batch_1": b"x"}), "every path must be relative"),
    "drive": ("a.zip", lambda: zipped({"C:\\cat\\0.png": b"x"}), "every path must be relative"),
    "network-path": ("a.zip", lambda: zipped({"\\\\server\\cat\\0.png": b"x"}), "every path must be relative"),
    "control-characters": ("a.zip", lambda: zipped({"cat\x1b[2J/0.png": b"x"}), "none may have control characters"),
    "encrypted": ("a.zip", encrypted, "'cat/0.png': is encrypted, must be open to read"),
    "lzma-zip": ("a.zip", lambda: zipped(folders(), zipfile.ZIP_LZMA), "is packed by method 14, must be stored or"),
    "bomb": ("a.zip", lambda: zipped({"cat/0.bmp": bytes(30 * 2**20)}), "'a.zip': must unpack to at most 100 times"),
    "bomb-of-many": (
        "a.zip",
        lambda: zipped({f"cat/{n}.bmp": bytes(2**20) for n in range(20)}),
        "'a.zip': must unpack to at most 100 times its size, holds more",
    ),
    "tar-bomb": ("a.tar.gz", lambda: tarred({"zeros": bytes(30 * 2**20)}), "must unpack to at most 100 times its size"),
    "gzip-bomb": (
        "train-images-idx3-ubyte.gz",
        lambda: gzip.compress(bytes(30 * 2**20)),
        "'train-images-idx3-ubyte.gz': must unpack to at most 100 times its size",
    ),
    "many-entries": ("a.zip", b"PK\x03\x04" + b"PK\x01\x02" * 100_001, "must hold at most 100,000 files, holds more"),
    "one-kernel-many-names": ("a.zip", one_kernel_many_names, "must hold|must have"),
    "no-pictures": ("a.zip", zipped({"cat/a.txt": b"x", "dog/b.txt": b"y"}), r"holds none \(Left out, not a picture: "),
    "nested-only": ("a.zip", lambda: zipped({"inner.zip": zipped(folders())}), r"holds none \(Left out, not a picture"),
    "all-corrupt": ("a.zip", zipped({"cat/0.png": b"x", "dog/0.png": b"y"}), r"holds none \(Left out, corrupt or unk"),
    "one-class": (
        "a.zip",
        lambda: zipped(folders(classes=("cat",))),
        "'a.zip': must hold 2 to 100 class folders, holds 1",
    ),
    "no-folders": ("a.zip", lambda: zipped({"a.png": picture(), "b.png": picture()}), "class folders, holds 0"),
    "many-classes": (
        "a.zip",
        lambda: zipped({f"{n}/0.png": picture() for n in range(101)}),
        "class folders, holds 101",
    ),
    "few-pictures": (
        "a.zip",
        lambda: zipped({**folders(), **folders(9, ("owl",))}),
        "class 'owl': must have at least 10 usable pictures, has 9",
    ),
    "few-left": (
        "a.zip",
        lambda: zipped({**folders(), "dog/0.png": b"corrupt"}),
        "class 'dog': must have at least 10 usable pictures, has 9",
    ),
    "repeats-only": (
        "a.zip",
        lambda: zipped({**folders(), **dict.fromkeys([f"owl/{n}.png" for n in range(20)], picture())}),
        "class 'owl': must have at least 10 usable pictures, has 1",
    ),
    "test-without-class": (
        "a.zip",
        lambda: zipped({**folders(10, root="train/"), **folders(10, ("cat",), "test/")}),
        "class 'dog': must have pictures in train and test, has none in test",
    ),
    "train-without-class": (
        "a.zip",
        lambda: zipped({**folders(10, ("cat",), "train/"), **folders(10, root="test/")}),
        "class 'dog': must have pictures in train and test, has none in train",
    ),
    "pickles": ("cifar-10-python.tar.gz", lambda: tarred(cifar_python()), f"py/data_batch_4': {NO_PICKLES}"),
    "pickles-in-a-zip": ("cifar-10-python.zip", lambda: zipped(cifar_python()), f"py/data_batch_4': {NO_PICKLES}"),
    "pickle-by-itself": ("data_batch_1", pickle.dumps(Evil(), 2), f"'data_batch_1': {NO_PICKLES}"),
    "pickle-that-calls": ("c.zip", lambda: zipped({"test_batch": pickle.dumps(Evil(), 2)}), NO_PICKLES),
    "pickle-among-folders": ("a.zip", lambda: zipped({**folders(), "data_batch_1": b"\x80\x02}."}), NO_PICKLES),
    "no-test-batch": ("c.tar.gz", lambda: tarred({"data_batch_1.bin": cifar_records()}), "must hold test_batch and"),
    "cifar-100": ("c.tar.gz", lambda: tarred({"cifar-100-python/train": bytes(99)}), "class folders, holds none"),
    "binary-length": ("c.tar.gz", lambda: tarred({"data_batch_1.bin": bytes(3072)}), "must hold records of 3073 bytes"),
    "binary-labels": (
        "c.tar.gz",
        lambda: tarred({"test_batch.bin": bytes([10] * 3073)}),
        "labels from 0 to 9, holds 10",
    ),
    "one-idx-file": (
        "t10k-labels-idx1-ubyte.gz",
        gzip.compress(idx(np.arange(10))),
        "t10k-labels: must be four files, train-images, train-labels, t10k-images missing",
    ),
    "idx-magic": (
        "m.zip",
        lambda: idx_files(train_images_idx3=gzip.compress(bytes(9999))),
        "must begin as an IDX file",
    ),
    "idx-cut": (
        "m.zip",
        lambda: idx_files(train_images_idx3=gzip.compress(idx(np.zeros((100, 28, 28)))[:-1])),
        "must hold 78,400 values as its header says, holds 78,399",
    ),
    "idx-huge-header": (
        "m.zip",
        lambda: idx_files(train_images_idx3=gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12)),
        "as its header says, holds 0",
    ),
    "idx-size": (
        "m.zip",
        lambda: idx_files(train_images_idx3=gzip.compress(idx(np.zeros((100, 4, 4))))),
        "8 to 64 pixels",
    ),
    "idx-sizes-differ": (
        "m.zip",
        lambda: idx_files(train_images_idx3=gzip.compress(idx(np.zeros((100, 32, 32))))),
        "t10k-images: must have the size of train-images",
    ),
    "idx-label-count": (
        "m.zip",
        lambda: idx_files(train_labels_idx1=gzip.compress(idx(np.arange(99)))),
        "train-labels: must hold a label a picture, holds 99 for 100",
    ),
    "idx-many-classes": (
        "m.zip",
        lambda: idx_files(train_labels_idx1=gzip.compress(idx(np.arange(100) + 100))),
        "must hold 2 to 100 classes, holds 110",
    ),
    "idx-not-gzip": (
        "m.zip",
        lambda: idx_files(train_images_idx3=b"\x1f\x8bnoise"),
        "is corrupt, must be a whole gzip file",
    ),
}


@pytest.mark.parametrize(("filename", "content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_upload_is_refused_in_one_sentence(
    filename: str, content: bytes | Callable[[], bytes], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        read_upload(filename, content if isinstance(content, bytes) else content())
    assert len(str(refusal.value)) < 300
    assert str(refusal.value).isprintable()


def test_a_header_that_lies_about_its_size_hides_no_bomb() -> None:
    own = read_upload("a.zip", lying_bomb())  # no more than the promised bytes come out, and they fit no checksum
    assert own.notes[1:] == ("Left out, corrupt: 'cat/0.bmp'",)


def test_there_are_enough_hostile_uploads() -> None:
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize(
    ("module", "limit", "value", "message"),
    [
        (uploads, "MAX_UPLOAD", 1000, "'a.zip': must have at most 0 MiB, has more"),
        (uploads, "MAX_PICTURES", 15, "'a.zip': must hold at most 15 pictures, holds more"),
        (archives, "MAX_UNPACKED", 1000, "'a.zip': must unpack to at most 0 MiB, holds more"),
        (archives, "MAX_ENTRIES", 15, "'a.zip': must hold at most 15 files, holds more"),
    ],
)
def test_every_limit_is_checked(
    module: object, limit: str, value: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(ValueError, match=message):
        read_upload("a.zip", zipped(folders()))
    with pytest.raises(ValueError, match=message):
        read_upload("a.zip", io.BytesIO(tarred(folders())))


def test_a_file_larger_than_the_limit_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRY", 5000)
    files = {**folders(), "cat/large.bmp": encoded(RNG.integers(0, 256, (64, 64, 3), np.uint8), "BMP")}
    for content in (zipped(files), tarred(files)):
        assert read_upload("a.zip", content).notes[1:] == ("Left out, larger than 64 MiB: 'cat/large.bmp'",)


def test_no_files_are_refused() -> None:
    with pytest.raises(ValueError, match="must hold at least one file"):
        read_uploads([])


def test_a_long_name_is_shortened() -> None:
    with pytest.raises(ValueError, match=r"^'x{28}…x{24}\.zip': must be a zip"):
        read_upload("x" * 5000 + ".zip", b"hello")


def refusal(read: Callable[..., object], *arguments: object) -> str:
    """The sentence of a ValueError, or none when it was read; anything else that is raised passes through."""
    try:
        read(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def mutated(content: bytes, dice: random.Random) -> bytes:
    """Some bytes changed, sometimes the end cut off."""
    changed = bytearray(content)
    for _ in range(dice.randint(1, 12)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed[: dice.randrange(len(changed))] if dice.random() < 0.2 else changed)


@pytest.mark.parametrize("kind", ["zip", "stored-zip", "tar", "cifar", "idx"])
def test_a_damaged_upload_is_read_or_refused_but_never_fails_otherwise(kind: str) -> None:
    content = {
        "zip": lambda: zipped(folders(11)),
        "stored-zip": lambda: zipped(folders(11), zipfile.ZIP_STORED),
        "tar": lambda: tarred(folders(11), "w"),
        "cifar": lambda: tarred(cifar_binary(1), "w"),
        "idx": lambda: zipped(mnist(), zipfile.ZIP_STORED),
    }[kind]()
    dice = random.Random(kind)
    for _ in range(120):
        assert refusal(read_upload, "a.zip", mutated(content, dice)).isprintable()
