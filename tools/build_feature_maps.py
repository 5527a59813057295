"""Compute assets/features, what the Feature maps page shows at once: its first paint, and readings of all pictures.

python -m tools.build_feature_maps [--only trained]

The maps take a second, the readings about two minutes of one core. After tools/build_weights.py only the part
"trained" is to be computed again.
"""

import argparse
import json
import platform
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import torch

from xception_lab.features import bundled, readings
from xception_lab.features.activations import hand_maps
from xception_lab.features.block_readings import hand_readings, relu_readings, trained_readings
from xception_lab.features.filters import KERNELS, MIXES, HandFilters, make_kernel, make_mix
from xception_lab.features.layer_names import TRAINED_ON
from xception_lab.features.maps import Values
from xception_lab.features.readings import (
    BETWEENS,
    DRAWS,
    ORDERS,
    PLACES,
    TARGETS,
    WIDTH,
    WIDTHS,
    Target,
    sample_of,
)
from xception_lab.features.recoverability import is_constant
from xception_lab.features.sample_pictures import PICTURE_SIDE, SAMPLES, sample_picture


def compute_hand(kernel: str, mix: str, name: str) -> Values:
    """One of KERNELS and of MIXES on one of SAMPLES."""
    return hand_readings(sample_of(name), HandFilters(make_kernel(kernel, readings.KERNEL_SIZE), make_mix(mix)))


def compute_trained(dataset: str, name: str) -> Values:
    """The networks trained on one of TRAINED_ON, on one of SAMPLES."""
    return trained_readings(sample_picture(name, PICTURE_SIDE), dataset)


def compute_relu(target: Target, width: int, name: str) -> Values:
    """One of TARGETS, of WIDTHS and of SAMPLES."""
    picture = sample_of(name)
    if is_constant(picture.transpose(2, 0, 1)):
        return np.full((len(ORDERS), DRAWS, len(BETWEENS), len(PLACES)), np.nan, np.float32)
    whole = width == WIDTH
    return np.stack([relu_readings(picture, kind, width, target, whole=whole).values for kind in ORDERS])


def compute_all(compute: Callable[..., Values], axes: tuple[tuple[Any, ...], ...]) -> Values:
    """compute(*case) for each combination of the axes, as one array whose first dimensions they are."""
    values = np.stack([compute(*case) for case in product(*axes)])
    return values.reshape(*map(len, axes), *values.shape[1:])


def build_maps() -> None:
    """The maps of the default picture, and the machine that computed them."""
    filters = HandFilters(make_kernel(bundled.KERNEL, bundled.KERNEL_SIZE), make_mix(bundled.MIX))
    maps = hand_maps(sample_of(bundled.PICTURE), filters, None)
    (bundled.FOLDER / "default.npz").write_bytes(bundled.block_maps_to_npz(maps))
    machine = {"machine": f"{platform.machine()} CPU, torch {torch.__version__}"}
    (bundled.FOLDER / "default.json").write_text(json.dumps(machine, indent=1) + "\n", encoding="utf-8")


PARTS: dict[str, tuple[Callable[..., Values], tuple[tuple[Any, ...], ...]]] = {
    "hand": (compute_hand, (KERNELS, MIXES, SAMPLES)),
    "relu": (compute_relu, (TARGETS, WIDTHS, SAMPLES)),
    "trained": (compute_trained, (TRAINED_ON, SAMPLES)),
}


def build_readings(part: str) -> None:
    """One part of the readings; the others stay as they are."""
    kept: dict[str, Values] = {}
    if readings.FILE.exists():
        with np.load(readings.FILE, allow_pickle=False) as file:
            kept = dict(file)
    values = np.round(compute_all(*PARTS[part]), 4)
    np.savez_compressed(readings.FILE, allow_pickle=False, **kept | {part: values})


def main() -> None:
    """Build what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("maps", *PARTS), nargs="+", default=["maps", *PARTS])
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # these tensors are too small to share
    if "maps" in arguments.only:
        build_maps()
    for part in PARTS:
        if part in arguments.only:
            build_readings(part)


if __name__ == "__main__":
    main()
