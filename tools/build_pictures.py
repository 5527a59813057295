"""Build assets/pictures: the sample photographs and the names of ImageNet's classes from packages of pinned versions.

Run where scikit-image 0.26.0 and timm 1.0.31 are installed (neither is needed otherwise):
    python -m tools.build_pictures
assets/pictures/LICENSES.md names the authors.
"""

from importlib.resources import files

from PIL import Image

from xception_lab.common.files import asset_path

FOLDER = asset_path("pictures")
SIDE = 320
# a square of each photograph: left, top, side
SQUARES = {"chelsea": (95, 0, 300), "coffee": (100, 0, 400), "astronaut": (80, 0, 320)}


def photographs() -> None:
    """Cut each to a square and reduce it to at most SIDE pixels."""
    for name, (left, top, side) in SQUARES.items():
        with Image.open(str(files("skimage.data") / f"{name}.png")) as image:
            square = image.convert("RGB").crop((left, top, left + side, top + side))
        square.resize((min(side, SIDE), min(side, SIDE)), Image.Resampling.LANCZOS).save(
            FOLDER / f"{name}.webp", quality=88, method=6
        )


def class_names() -> None:
    """Write one line per class of ImageNet-1k, in the order of its synsets: WordNet's words for the class."""
    info = files("timm.data") / "_info"
    lemmas = dict(line.split("\t") for line in (info / "imagenet_synset_to_lemma.txt").read_text().splitlines())
    synsets = (info / "imagenet_synsets.txt").read_text().split()
    (FOLDER / "imagenet_classes.txt").write_text("".join(f"{lemmas[synset]}\n" for synset in synsets), encoding="utf-8")


if __name__ == "__main__":
    photographs()
    class_names()
