"""Compute what the Feature maps page shows before anything has run: python assets/features/build.py"""

import platform
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xception_lab import stored
from xception_lab.conjecture import recovery_curve
from xception_lab.features import hand_maps
from xception_lab.filters import HandFilters, kernel, mix
from xception_lab.samples import sample_picture

if __name__ == "__main__":
    picture = sample_picture(stored.PICTURE, stored.SIDE)
    filters = HandFilters(kernel(stored.KERNEL, stored.KERNEL_SIZE), mix(stored.MIX))
    machine = f"{platform.machine()} CPU, torch {torch.__version__}"
    (stored.FOLDER / "default.npz").write_bytes(stored.to_npz(hand_maps(picture, filters, None)))
    curve = recovery_curve(picture, stored.KERNEL_SIZE, "input")
    (stored.FOLDER / "default.json").write_text(stored.to_json(curve, machine) + "\n", encoding="utf-8")
