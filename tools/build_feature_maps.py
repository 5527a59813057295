"""Compute what the Feature maps page shows before anything has run: python -m tools.build_feature_maps"""

import platform

import torch

from xception_lab.features import bundled as stored
from xception_lab.features.activations import hand_maps
from xception_lab.features.filters import HandFilters, make_kernel, make_mix
from xception_lab.features.recovery_curve import recovery_curve
from xception_lab.features.sample_pictures import sample_picture

if __name__ == "__main__":
    picture = sample_picture(stored.PICTURE, stored.SIDE)
    filters = HandFilters(make_kernel(stored.KERNEL, stored.KERNEL_SIZE), make_mix(stored.MIX))
    machine = f"{platform.machine()} CPU, torch {torch.__version__}"
    (stored.FOLDER / "default.npz").write_bytes(stored.block_maps_to_npz(hand_maps(picture, filters, None)))
    curve = recovery_curve(picture, stored.KERNEL_SIZE, "input")
    (stored.FOLDER / "default.json").write_text(stored.curve_to_json(curve, machine) + "\n", encoding="utf-8")
