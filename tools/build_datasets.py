"""The recipe of assets/data: the same bytes from the same packages.

    apt-get install dataset-fashion-mnist=0.0~git20200523.55506a9-1
    npm install --no-save emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0 @lobehub/fluent-emoji-3d@1.1.0
    python -m tools.build_datasets           # writes fashion-mnist.png, emoji.webp and emoji.json into assets/data
    python -m tools.build_datasets --check   # compares instead; a source that is not installed is named and skipped

Fashion-MNIST as PNG, 9.8 MB: lossless and read in a tenth of a second. xz is 5 % and lossless WebP 1 % smaller, but
each takes more than twice as long to read.
Emoji as lossless WebP of colours rounded to multiples of 4, 2.7 MB: no colour is off by more than 3 of 255. Unrounded
it is 3.9 MB. Quality 90 is 1.4 MB, but halves the resolution of the colours, and at 32 pixels that is off by 10 of 255
(root mean square).
"""

import argparse
import gzip
import hashlib
import io
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from xception_lab.common.files import asset_path

FOLDER = asset_path("data")
Pictures = NDArray[np.uint8]

PILLOW = "13.0.0"  # its libwebp and zlib decide about the bytes, not about the pictures
FASHION_SHA256 = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
PACKAGES = {
    "emoji-datasource-google": "16.0.0",
    "emoji-datasource-twitter": "16.0.0",
    "@lobehub/fluent-emoji-3d": "1.1.0",
}

SIDE = 32
BACKGROUND = (128, 128, 128)
COLUMNS = {"fashion-mnist": 100, "emoji": 63}
# class: Unicode subgroups. Flags, keycaps, clocks, families, hearts, skin tones and more are in none.
GROUPS: dict[str, tuple[str, ...]] = {
    "faces": (
        "face-affection",
        "face-concerned",
        "face-costume",
        "face-glasses",
        "face-hand",
        "face-hat",
        "face-negative",
        "face-neutral-skeptical",
        "face-sleepy",
        "face-smiling",
        "face-tongue",
        "face-unwell",
        "cat-face",
        "monkey-face",
    ),
    "people": (
        "person",
        "person-activity",
        "person-fantasy",
        "person-gesture",
        "person-resting",
        "person-role",
        "person-sport",
    ),
    "hands": (
        "body-parts",
        "hand-fingers-closed",
        "hand-fingers-open",
        "hand-fingers-partial",
        "hand-prop",
        "hand-single-finger",
        "hands",
    ),
    "animals": (
        "animal-amphibian",
        "animal-bird",
        "animal-bug",
        "animal-mammal",
        "animal-marine",
        "animal-reptile",
    ),
    "plants": ("food-fruit", "food-vegetable", "plant-flower", "plant-other"),
    "food": ("dishware", "drink", "food-asian", "food-prepared", "food-sweet"),
    "vehicles": ("transport-air", "transport-ground", "transport-water"),
    "places": (
        "hotel",
        "place-building",
        "place-geographic",
        "place-map",
        "place-other",
        "place-religious",
        "sky & weather",
    ),
    "objects": (
        "book-paper",
        "clothing",
        "computer",
        "household",
        "light & video",
        "lock",
        "mail",
        "medical",
        "money",
        "music",
        "musical-instrument",
        "office",
        "other-object",
        "phone",
        "science",
        "sound",
        "tool",
        "writing",
    ),
    "symbols": (
        "alphanum",
        "arrow",
        "av-symbol",
        "currency",
        "geometric",
        "math",
        "other-symbol",
        "punctuation",
        "religion",
        "transport-sign",
        "warning",
        "zodiac",
    ),
}
# in their subgroup, but no vehicles
UNSUITABLE = frozenset(
    {
        "anchor",
        "busstop",
        "construction",
        "fuelpump",
        "motorway",
        "octagonal_sign",
        "oil_drum",
        "railway_track",
        "rotating_light",
        "seat",
        "station",
        "traffic_light",
        "vertical_traffic_light",
        "wheel",
    }
)
# joiners, gender signs, and the man, woman or person who does it
SAME_PERSON = frozenset({"200d", "fe0f", "2640", "2642", "1f468", "1f469", "1f9d1"})


class MissingError(Exception):
    """A source is not installed."""


# ------------------------------------------------------------------------------------------------ Fashion-MNIST
def read_idx(path: Path) -> Pictures:
    """A gzipped IDX file of bytes, in its own shape. Source: LeCun, Cortes, Burges, the MNIST database."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def first_of_each(images: Pictures, labels: Pictures, per_class: int, taken: set[bytes]) -> Pictures:
    """The first per_class pictures of each class in file order, classes in order; none in `taken`, which grows."""
    chosen: list[int] = []
    for label in np.unique(labels):
        fresh: list[int] = []
        for index in np.flatnonzero(labels == label):
            digest = hashlib.sha256(images[index].tobytes()).digest()
            if len(fresh) < per_class and digest not in taken:
                taken.add(digest)
                fresh.append(int(index))
        chosen += fresh
    return images[chosen]


def build_fashion(source: Path) -> dict[str, bytes]:
    """fashion-mnist.png: 1,000 training, 1,000 validation and 500 test pictures per class, 100 per row.

    The test part is the second half of the package's test pictures: an earlier edition tested on the first half, and
    chose its recipe by it.
    """
    if not source.is_dir():
        raise MissingError(f"Fashion-MNIST is not in {source}")
    for name, digest in FASHION_SHA256.items():
        if hashlib.sha256((source / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{name}: is not the file of the pinned package")
    taken: set[bytes] = set()
    # in the order in which the earlier edition took them, so that its training pictures stay what they were
    train, _earlier_test, validation, test = (
        first_of_each(
            read_idx(source / f"{part}-images-idx3-ubyte.gz"),
            read_idx(source / f"{part}-labels-idx1-ubyte.gz"),
            per_class,
            taken,
        )
        for part, per_class in (("train", 1000), ("t10k", 500), ("train", 1000), ("t10k", 500))
    )
    sheet = tile(np.concatenate([train, validation, test])[..., None], COLUMNS["fashion-mnist"], (0,))
    return {"fashion-mnist.png": encode(sheet, "PNG", optimize=True)}


# -------------------------------------------------------------------------------------------------------- emoji
def person(unified: str) -> str:
    """An emoji's motif without its gender: one key for a cook, a woman cook and a man cook."""
    return "-".join(part for part in unified.split("-") if part not in SAME_PERSON)


def choose(listing: Iterable[Mapping[str, object]], fluent: frozenset[str]) -> dict[str, list[str]]:
    """The emoji of each class that all three styles draw, in Unicode's order, by code points ("1f468-200d-1f373")."""
    chosen: dict[str, list[str]] = {group: [] for group in GROUPS}
    groups = {subgroup: group for group, subgroups in GROUPS.items() for subgroup in subgroups}
    for emoji in sorted(listing, key=lambda emoji: emoji["sort_order"]):  # type: ignore[arg-type,return-value]
        unified = str(emoji["unified"]).lower()
        group = groups.get(str(emoji["subcategory"]))
        drawn = emoji["has_img_google"] and emoji["has_img_twitter"] and unified in fluent
        if group and drawn and emoji["short_name"] not in UNSUITABLE:
            chosen[group].append(unified)
    return chosen


def split(chosen: Mapping[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """A fifth of each class's motifs is for the test, an eighth for validation; variants of one person stay together.

    Which motifs, SHA-256 says.
    """
    parts: dict[str, dict[str, list[str]]] = {}
    for group, emoji in chosen.items():
        people = sorted({person(unified) for unified in emoji}, key=lambda key: hashlib.sha256(key.encode()).digest())
        first, second = round(len(people) / 5), round(len(people) / 5) + round(len(people) / 8)
        members = {"train": set(people[second:]), "validation": set(people[first:second]), "test": set(people[:first])}
        parts[group] = {
            part: [unified for unified in emoji if person(unified) in motifs] for part, motifs in members.items()
        }
    return parts


def shrink(image: Image.Image) -> Pictures:
    """A drawing on mid grey, (32, 32, 3), averaged over boxes, colours rounded to multiples of 4."""
    drawing = image.convert("RGBA")
    ground = Image.new("RGBA", drawing.size, (*BACKGROUND, 255))
    ground.alpha_composite(drawing)
    small = np.asarray(ground.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))
    return np.minimum((small.astype(np.int16) + 2) // 4 * 4, 252).astype(np.uint8)


def without_repeats(chosen: Mapping[str, list[str]], drawings: Mapping[str, Pictures]) -> dict[str, list[str]]:
    """Without the emoji that look exactly like an earlier one in any style, such as the cat and the smiling cat."""
    drawn: set[bytes] = set()
    fresh: dict[str, list[str]] = {group: [] for group in chosen}
    for group, emoji in chosen.items():
        for unified in emoji:
            faces = {picture.tobytes() for picture in drawings[unified]}
            if drawn.isdisjoint(faces):
                fresh[group].append(unified)
            drawn |= faces
    return fresh


def build_emoji(modules: Path) -> dict[str, bytes]:
    """emoji.webp: three drawings per emoji; training, validation, test, classes in order; emoji.json says which."""
    for package, version in PACKAGES.items():
        about = modules / package / "package.json"
        if not about.is_file():
            raise MissingError(f"{package} is not in {modules}")
        installed = json.loads(about.read_text(encoding="utf-8"))["version"]
        if installed != version:
            raise ValueError(f"{package} {installed}: must be {version}")
    noto, twemoji, fluent = (
        modules / "emoji-datasource-google" / "img" / "google" / "64",
        modules / "emoji-datasource-twitter" / "img" / "twitter" / "64",
        modules / "@lobehub" / "fluent-emoji-3d" / "assets",
    )
    listing = json.loads((modules / "emoji-datasource-google" / "emoji.json").read_text(encoding="utf-8"))
    chosen = choose(listing, frozenset(path.stem for path in fluent.glob("*.webp")))
    drawings: dict[str, Pictures] = {}
    for unified in (unified for emoji in chosen.values() for unified in emoji):
        files = (noto / f"{unified}.png", twemoji / f"{unified}.png", fluent / f"{unified}.webp")
        drawings[unified] = np.stack([shrink(Image.open(file)) for file in files])
    return pack_emoji(split(without_repeats(chosen, drawings)), drawings)


def pack_emoji(parts: Mapping[str, Mapping[str, list[str]]], drawings: Mapping[str, Pictures]) -> dict[str, bytes]:
    """The two files of build_emoji from what was chosen and drawn; drawings: (3, 32, 32, 3) each."""
    order = [unified for part in ("train", "validation", "test") for group in parts.values() for unified in group[part]]
    sheet = tile(np.concatenate([drawings[unified] for unified in order]), COLUMNS["emoji"], BACKGROUND)
    lines = ",\n".join(
        f"{json.dumps(group)}: {{\n" + ",\n".join(f' "{name}": {json.dumps(part[name])}' for name in part) + "}"
        for group, part in parts.items()
    )
    return {
        "emoji.webp": encode(sheet, "WEBP", lossless=True),
        "emoji.json": f"{{{lines}}}\n".encode(),
    }


# --------------------------------------------------------------------------------------------------------- both
def tile(pictures: Pictures, columns: int, background: tuple[int, ...]) -> Pictures:
    """(N, side, side, C) as one sheet (rows * side, columns * side, C), row by row, the last row filled up."""
    count, side, _, channels = pictures.shape
    rows = -(-count // columns)
    grid = np.empty((rows * columns, side, side, channels), np.uint8)
    grid[:count], grid[count:] = pictures, background
    grid = grid.reshape(rows, columns, side, side, channels).swapaxes(1, 2)
    return grid.reshape(rows * side, columns * side, channels)


def encode(sheet: Pictures, image_format: str, **options: object) -> bytes:
    """A sheet (H, W, 1 or 3) as the bytes of a picture file."""
    content = io.BytesIO()
    Image.fromarray(sheet.squeeze()).save(content, image_format, **options)
    return content.getvalue()


def main() -> int:
    """Builds or checks every asset; 1 when a file differs."""
    parser = argparse.ArgumentParser(description="Builds the data sets of assets/data, or checks them byte for byte.")
    parser.add_argument("--check", action="store_true", help="compare with assets/data instead of writing them")
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), help="IDX files")
    parser.add_argument("--npm", type=Path, default=Path("node_modules"), help="node_modules with the emoji packages")
    arguments = parser.parse_args()
    if PIL.__version__ != PILLOW:
        sys.exit(f"Pillow {PIL.__version__}: the recipe needs {PILLOW}")
    differing = 0
    for build, source in ((build_fashion, arguments.fashion), (build_emoji, arguments.npm)):
        try:
            files = build(source)
        except MissingError as missing:
            if not arguments.check:
                sys.exit(str(missing))
            print(f"not checked: {missing}")
            continue
        for name, content in files.items():
            if not arguments.check:
                (FOLDER / name).write_bytes(content)
            same = (FOLDER / name).read_bytes() == content
            differing += not same
            state = "differs" if not same else "identical" if arguments.check else "written"
            print(f"{name}: {len(content):,} bytes, {state}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
