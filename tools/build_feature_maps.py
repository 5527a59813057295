"""Compute assets/features, what the Feature maps page shows on its first paint.

python -m tools.build_feature_maps
"""

import platform

import torch

from xception_lab.features import bundled
from xception_lab.features.activations import hand_maps
from xception_lab.features.filters import HandFilters, make_kernel, make_mix
from xception_lab.features.recovery_curve import recovery_curve
from xception_lab.features.sample_pictures import sample_picture

if __name__ == "__main__":
    picture = sample_picture(bundled.PICTURE, bundled.SIDE)
    filters = HandFilters(make_kernel(bundled.KERNEL, bundled.KERNEL_SIZE), make_mix(bundled.MIX))
    machine = f"{platform.machine()} CPU, torch {torch.__version__}"
    (bundled.FOLDER / "default.npz").write_bytes(bundled.block_maps_to_npz(hand_maps(picture, filters, None)))
    curve = recovery_curve(picture, bundled.KERNEL_SIZE, "input")
    (bundled.FOLDER / "default.json").write_text(bundled.curve_to_json(curve, machine) + "\n", encoding="utf-8")
