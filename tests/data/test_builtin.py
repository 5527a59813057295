"""The embedded data sets: what they hold, that nothing of the test is trained on, and the recipe that made them."""

import gzip
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from paths import ROOT
from PIL import Image

from xception_lab.data.builtin import ASSETS, DATASETS, cut_sheet, load_builtin
from xception_lab.data.catalogue import chance_accuracy, load_dataset
from xception_lab.data.dataset import PARTS, Dataset
from xception_lab.data.textures import DIRECTIONS, OPPOSED, draw_textures


def _recipe() -> ModuleType:
    specification = importlib.util.spec_from_file_location("build", ROOT / "tools" / "build_datasets.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


build = _recipe()


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def parts_of(dataset: Dataset, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels of one part of a data set."""
    return getattr(dataset, f"{part}_images"), getattr(dataset, f"{part}_labels")


# ---------------------------------------------------------------------------------------------------- every data set
@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_holds_what_it_says(name: str) -> None:
    dataset = load_dataset(name)
    assert dataset.name == name
    for part in PARTS:
        images, labels = parts_of(dataset, part)
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        assert (images.ndim, images.shape[0], images.shape[3] in (1, 3)) == (4, len(labels), True)
        assert images.flags.c_contiguous
        assert set(labels) == set(range(len(dataset.classes)))
    assert len(set(dataset.classes)) == len(dataset.classes)
    assert dataset.source
    assert "\n" not in dataset.source
    assert dataset.notes == ()


@pytest.mark.parametrize(
    ("name", "counts", "picture", "classes", "kind"),
    [
        ("fashion-mnist", (10_000, 10_000, 5_000), (28, 28, 1), 10, "evidence"),
        ("emoji", (2766, 519, 831), (32, 32, 3), 10, "evidence"),
        ("emoji-style", (1844, 173, 277), (32, 32, 3), 10, "evidence"),
        ("textures", (5400, 1800, 1800), (32, 32, 3), 9, "demonstration"),
    ],
)
def test_sizes_and_kinds(
    name: str, counts: tuple[int, int, int], picture: tuple[int, ...], classes: int, kind: str
) -> None:
    dataset = load_dataset(name)
    assert [parts_of(dataset, part)[0].shape for part in PARTS] == [(count, *picture) for count in counts]
    assert (len(dataset.classes), dataset.kind) == (classes, kind)


@pytest.mark.parametrize(("name", "per_class"), [("fashion-mnist", (1000, 1000, 500)), ("textures", (600, 200, 200))])
def test_every_class_has_the_same_number(name: str, per_class: tuple[int, int, int]) -> None:
    dataset = load_dataset(name)
    assert [set(np.bincount(parts_of(dataset, part)[1])) for part in PARTS] == [{count} for count in per_class]


@pytest.mark.parametrize("name", DATASETS)
def test_no_picture_is_in_two_parts_or_twice_in_one(name: str) -> None:
    dataset = load_dataset(name)
    every = [picture.tobytes() for part in PARTS for picture in parts_of(dataset, part)[0]]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("name", DATASETS)
def test_the_arrays_are_read_only(name: str) -> None:
    dataset = load_dataset(name)
    for array in (array for part in PARTS for array in parts_of(dataset, part)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("name", "digests"),
    [
        # version 0.1 had the same training pictures of Fashion-MNIST, test pictures of the emoji, and textures
        ("fashion-mnist", ("c0c6726b84344f71", "c3c83735ddb933e2", "05ba98e6f68eff32")),
        ("emoji", ("700d288ba295515b", "4cda5df1741cf215", "714de8f9fff1bdc5")),
        ("emoji-style", ("74f5de5a2386e08f", "76551e7c02d514d5", "d6de86ac33d47a72")),
        ("textures", ("767247d1a1c03441", "22ebbc615eff2755", "f303cb3c5d2341c2")),
    ],
)
def test_the_pictures_are_the_same_everywhere(name: str, digests: tuple[str, str, str]) -> None:
    dataset = load_dataset(name)
    assert tuple(digest(parts_of(dataset, part)[0]) for part in PARTS) == digests


def test_a_data_set_is_loaded_once() -> None:
    assert load_dataset("emoji") is load_dataset("emoji")


@pytest.mark.parametrize("name", ["cifar-10", "", "Emoji", None, 3, ["emoji"]])
def test_an_unknown_name_is_refused(name: object) -> None:
    with pytest.raises(
        ValueError, match=r"^dataset=.*: must be one of 'fashion-mnist', 'emoji', 'emoji-style', 'textures'$"
    ):
        load_dataset(name)  # type: ignore[arg-type]


def test_data_needs_neither_torch_nor_streamlit() -> None:
    check = (
        "import sys, xception_lab.data.catalogue, xception_lab.data.uploads;"
        " print({'torch', 'streamlit'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout == "set()\n"


def test_the_assets_are_small_and_their_authors_named() -> None:
    assert sum(path.stat().st_size for path in ASSETS.iterdir() if path.is_file()) < 13 * 10**6
    licences = (ASSETS / "LICENSES.md").read_text(encoding="utf-8")
    versions = [*build.PACKAGES.values(), "0.0~git20200523.55506a9-1"]
    for named in (*build.PACKAGES, *versions, "Zalando SE", "Google", "Twitter, Inc", "Microsoft", "CC BY 4.0"):
        assert named in licences
    # what was changed is part of what the licences ask for
    counts = [np.bincount(parts_of(load_dataset("fashion-mnist"), part)[1])[0] for part in PARTS]
    assert "{:,} training, {:,} validation and {:,} test pictures of each class".format(*counts) in licences
    assert "Apache License" in (ASSETS / "LICENSE-Apache-2.0.txt").read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------- emoji
def _emoji() -> dict[str, dict[str, list[str]]]:
    return json.loads((ASSETS / "emoji.json").read_text(encoding="utf-8"))


def test_no_emoji_is_in_two_parts_nor_any_of_its_variants() -> None:
    groups = _emoji()
    train, validation, test = (
        {build.person(emoji) for group in groups.values() for emoji in group[part]} for part in PARTS
    )
    assert not train & test
    assert not train & validation
    assert not validation & test
    every = [emoji for group in groups.values() for part in group.values() for emoji in part]
    assert len(every) == len(set(every))


def test_every_emoji_has_three_drawings_of_one_label() -> None:
    dataset, groups = load_dataset("emoji"), _emoji()
    for part in PARTS:
        labels = parts_of(dataset, part)[1]
        assert np.bincount(labels).tolist() == [3 * len(group[part]) for group in groups.values()]
        assert (labels.reshape(-1, 3) == labels[::3, None]).all()


def test_the_harder_split_tests_on_the_style_that_was_not_trained_on() -> None:
    whole, harder = load_dataset("emoji"), load_dataset("emoji-style")
    assert [p.tobytes() for p in harder.test_images] == [p.tobytes() for p in whole.test_images[2::3]]
    assert [p.tobytes() for p in harder.validation_images] == [p.tobytes() for p in whole.validation_images[2::3]]
    trained = {picture.tobytes() for picture in harder.train_images}
    assert not trained & {picture.tobytes() for picture in whole.train_images[2::3]}
    assert harder.test_labels.tolist() == whole.test_labels[2::3].tolist()


def test_about_a_fifth_of_every_class_is_for_the_test_and_an_eighth_for_validation() -> None:
    for group in _emoji().values():
        whole = sum(map(len, group.values()))
        assert 0.15 < len(group["test"]) / whole < 0.25
        assert 0.1 < len(group["validation"]) / whole < 0.15


def test_flags_keycaps_and_skin_tones_are_left_out() -> None:
    parts = {
        code for group in _emoji().values() for part in group.values() for emoji in part for code in emoji.split("-")
    }
    assert not parts & {
        "20e3",
        "1f3f4",
        *(f"{code:x}" for code in (*range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400))),
    }


# ---------------------------------------------------------------------------------------------------------- textures
def test_the_same_seed_draws_the_same_textures() -> None:
    first, second, other = draw_textures(3, seed=5), draw_textures(3, seed=5), draw_textures(3, seed=6)
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[0], other[0])
    assert first[1].tolist() == np.repeat(range(9), 3).tolist()


def colour_statistics(images: np.ndarray) -> np.ndarray:
    """Each channel's mean, standard deviation and 16-bin histogram, (N, 18 * C)."""
    count, height, width, channels = images.shape
    histograms = (images // 16).astype(np.int32) + 16 * np.arange(count * channels).reshape(count, 1, 1, channels)
    counts = np.bincount(histograms.ravel(), minlength=16 * count * channels).reshape(count, 16 * channels)
    return np.concatenate([images.mean((1, 2)), images.std((1, 2), dtype=np.float32), counts / (height * width)], 1)


def linear_accuracy(features: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """Test accuracy of a ridge regression on one-hot labels."""
    mean, deviation = features.mean(0), features.std(0) + 1e-9
    design, unseen = (np.c_[(part - mean) / deviation, np.ones(len(part))] for part in (features, test))
    gram = design.T @ design + len(design) * 1e-3 * np.eye(design.shape[1])
    weights = np.linalg.solve(gram, design.T @ np.eye(labels.max() + 1)[labels])
    return float(((unseen @ weights).argmax(1) == truth).mean())


@pytest.mark.parametrize("squared", [False, True])
def test_colour_statistics_alone_tell_textures_apart_no_better_than_chance(squared: bool) -> None:
    textures = load_dataset("textures")
    train, test = colour_statistics(textures.train_images), colour_statistics(textures.test_images)
    if squared:  # and the product of any two of the means and deviations
        mean, deviation = train[:, :6].mean(0), train[:, :6].std(0)
        pairs = np.triu_indices(6)
        train, test = (
            np.stack([part[:, a] * part[:, b] for a, b in zip(*pairs, strict=True)], 1)
            for part in ((train[:, :6] - mean) / deviation, (test[:, :6] - mean) / deviation)
        )
    accuracy = linear_accuracy(train, textures.train_labels, test, textures.test_labels)
    assert abs(accuracy - 1 / 9) < 0.025  # chance, and three times its error over 1,800 pictures


def test_the_sign_between_channels_tells_textures_apart() -> None:
    textures = load_dataset("textures")

    def products(images: np.ndarray) -> np.ndarray:
        centred = images.astype(np.float32) - 128
        return np.stack([(centred[..., a] * centred[..., b]).mean((1, 2)) for a, b in ((0, 1), (0, 2), (1, 2))], 1)

    opposed = textures.train_labels // len(DIRECTIONS), textures.test_labels // len(DIRECTIONS)
    features = products(textures.train_images), products(textures.test_images)
    assert linear_accuracy(features[0], opposed[0], features[1], opposed[1]) > 0.5  # chance is 1 in 3
    assert len(textures.classes) == len(OPPOSED) * len(DIRECTIONS)


def test_emoji_and_fashion_are_more_than_their_colours() -> None:
    for name, least, most in (("emoji", 0.3, 0.65), ("fashion-mnist", 0.2, 0.65)):
        dataset = load_dataset(name)
        train, test = slice(None, None, 3), slice(None, None, 2)
        accuracy = linear_accuracy(
            colour_statistics(dataset.train_images[train]),
            dataset.train_labels[train],
            colour_statistics(dataset.test_images[test]),
            dataset.test_labels[test],
        )
        assert least < accuracy < most


# -------------------------------------------------------------------------------------------------------- the recipe
def test_a_sheet_cut_up_is_what_it_was_made_of() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8)
    sheet = build.tile(pictures, 3, (9, 9, 9))
    assert sheet.shape == (12, 12, 3)
    assert np.array_equal(cut_sheet(sheet, 4)[:7], pictures)
    assert (cut_sheet(sheet, 4)[7:] == 9).all()
    encoded = build.encode(sheet, "WEBP", lossless=True)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encoded))), sheet)


def test_the_first_of_each_class_skips_repeats() -> None:
    images = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    images[2] = images[0]
    labels = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0], np.uint8)
    taken: set[bytes] = set()
    assert build.first_of_each(images, labels, 2, taken)[:, 0, 0].tolist() == [1, 3, 0, 4]
    assert build.first_of_each(images, labels, 1, taken)[:, 0, 0].tolist() == [5, 6]


def fake_fashion(folder: Path) -> dict[str, str]:
    """The four IDX files with 2,010 and 1,010 tiny pictures a class; their SHA-256."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 20_100), ("t10k", 10_100)):
        images = rng.integers(0, 256, (count, 3, 3), np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">i4").tobytes()
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_fashion_recipe_gives_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = fake_fashion(tmp_path)
    with pytest.raises(ValueError, match="is not the file of the pinned package"):
        build.build_fashion(tmp_path)
    monkeypatch.setattr(build, "FASHION_SHA256", digests)
    first, second = build.build_fashion(tmp_path), build.build_fashion(tmp_path)
    assert first == second
    sheet = np.asarray(Image.open(io.BytesIO(first["fashion-mnist.png"])))
    pictures = cut_sheet(sheet[..., None], 3)[..., 0]
    assert len(pictures) == 25_000
    # label n is every tenth picture from the n-th; 9 random bytes are hardly ever twice the same
    train, test = (build.read_idx(tmp_path / f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k"))
    for label in range(10):
        of_class = slice(1000 * label, 1000 * (label + 1))
        assert np.array_equal(pictures[of_class], train[label::10][:1000])
        assert np.array_equal(pictures[10_000:20_000][of_class], train[label::10][1000:2000])
        # version 0.1 tested on the first 500 of each class, and its recipe was chosen by them
        assert np.array_equal(pictures[20_000:][500 * label : 500 * (label + 1)], test[label::10][500:1000])


def test_the_shipped_test_pictures_are_none_that_the_earlier_edition_tested_on() -> None:
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    images, labels = (build.read_idx(folder / f"t10k-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    earlier = {picture.tobytes() for label in range(10) for picture in images[labels == label][:500]}
    every = {picture.tobytes() for picture in images}
    shipped = {picture.tobytes() for picture in load_dataset("fashion-mnist").test_images}
    assert shipped <= every
    assert not shipped & earlier


def fake_modules(folder: Path) -> None:
    """Three packages with twelve emoji, of which one lacks a drawing, one is a flag and two look alike."""
    rng = np.random.default_rng(0)
    folders = {
        "emoji-datasource-google": "img/google/64",
        "emoji-datasource-twitter": "img/twitter/64",
        "@lobehub/fluent-emoji-3d": "assets",
    }
    listing = [
        {
            "unified": f"1F60{number:X}",
            "short_name": f"face-{number}",
            "subcategory": "country-flag" if number == 11 else "cat-face" if number % 2 else "animal-bird",
            "sort_order": 20 - number,
            "has_img_google": True,
            "has_img_twitter": number != 10,
        }
        for number in range(12)
    ]
    for package, pictures in folders.items():
        (folder / package / pictures).mkdir(parents=True)
        about = {"version": build.PACKAGES[package]}
        (folder / package / "package.json").write_text(json.dumps(about), encoding="utf-8")
        (folder / package / "emoji.json").write_text(json.dumps(listing), encoding="utf-8")
        for number in range(12):
            if number != 3:
                drawing = Image.fromarray(
                    np.kron(rng.integers(0, 256, (4, 4, 4), np.uint8), np.ones((16, 16, 1), np.uint8))
                )
            drawing.save(folder / package / pictures / f"1f60{number:x}.{'webp' if '@' in package else 'png'}")  # type: ignore


def test_the_emoji_recipe_gives_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_modules(tmp_path)
    monkeypatch.setitem(build.COLUMNS, "emoji", 9)
    first, second = build.build_emoji(tmp_path), build.build_emoji(tmp_path)
    assert first == second
    groups = json.loads(first["emoji.json"])
    every = sorted(emoji for group in groups.values() for part in group.values() for emoji in part)
    assert every == [f"1f60{number}" for number in (0, 1, 3, 4, 5, 6, 7, 8, 9)]  # 2 looks like 3, which comes first
    assert [len(groups[group][part]) for group in ("faces", "animals") for part in PARTS] == [3, 1, 1, 3, 0, 1]
    pictures = cut_sheet(np.asarray(Image.open(io.BytesIO(first["emoji.webp"]))), 32)
    noto = Image.open(tmp_path / f"emoji-datasource-google/img/google/64/{groups['faces']['train'][0]}.png")
    assert np.array_equal(pictures[0], build.shrink(noto))


def test_another_version_of_a_package_is_refused(tmp_path: Path) -> None:
    fake_modules(tmp_path)
    (tmp_path / "emoji-datasource-twitter" / "package.json").write_text('{"version": "15.0.0"}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"emoji-datasource-twitter 15\.0\.0: must be 16\.0\.0"):
        build.build_emoji(tmp_path)


def test_a_drawing_is_laid_on_grey_and_rounded() -> None:
    assert (build.shrink(Image.new("RGBA", (64, 64), (255, 0, 0, 0))) == 128).all()
    assert build.shrink(Image.new("RGBA", (64, 64), (255, 1, 2, 255)))[0, 0].tolist() == [252, 0, 4]


@pytest.mark.parametrize(("stored", "code", "told"), [(b"same", 0, "identical"), (b"other", 1, "differs")])
def test_check_compares_byte_for_byte(
    stored: bytes,
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def missing(_: Path) -> dict[str, bytes]:
        raise build.MissingError("no emoji here")

    (tmp_path / "a.png").write_bytes(stored)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "PILLOW", build.PIL.__version__)
    monkeypatch.setattr(build, "build_fashion", lambda _: {"a.png": b"same"})
    monkeypatch.setattr(build, "build_emoji", missing)
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    assert build.main() == code
    assert capsys.readouterr().out == f"a.png: 4 bytes, {told}\nnot checked: no emoji here\n"
    assert (tmp_path / "a.png").read_bytes() == stored


def test_a_dataset_freezes_the_arrays_it_is_given() -> None:
    arrays = [
        np.zeros((2, 8, 8, 1), np.uint8),
        np.zeros(2, np.int64),
        np.zeros((1, 8, 8, 1), np.uint8),
        np.zeros(1, np.int64),
    ]
    dataset = Dataset("mine", *arrays, classes=("a", "b"), source="mine", kind="own")
    assert not dataset.train_images.flags.writeable
    assert not dataset.validation_images.flags.writeable
    assert (len(dataset.validation_images), len(dataset.validation_labels)) == (0, 0)


@pytest.mark.parametrize("name", DATASETS)
def test_chance_is_the_share_of_the_most_frequent_class(name: str) -> None:
    labels = load_builtin(name).test_labels
    assert chance_accuracy(name) == pytest.approx(max(np.bincount(labels)) / len(labels))
