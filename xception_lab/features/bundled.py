"""Maps of the default picture with the default filters, computed beforehand: read from assets/features without torch.

tools/build_feature_maps.py makes the files; features/readings.py reads the readings beside them.
"""

import io
import json
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from xception_lab.common.files import asset_path
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Values, encode_npz
from xception_lab.spec import KINDS, Kind

FOLDER = asset_path("features")
PICTURE, KERNEL, MIX, KERNEL_SIZE = "chelsea", "sharpen", "colours", 3


@dataclass(frozen=True, slots=True, eq=False)
class BundledMaps:
    """The three blocks on the default picture, and the machine that computed them."""

    blocks: tuple[BlockMaps, ...]
    machine: str


def block_maps_to_npz(blocks: tuple[BlockMaps, ...]) -> bytes:
    """Every map and weight of the blocks as one npz file, named "kind/step/layer" and "kind/weight/layer"."""
    arrays: dict[str, Values] = {}
    for block in blocks:
        arrays |= {f"{block.kind}/{maps.step}/{maps.layer}": maps.values for maps in block.steps}
        arrays |= {f"{block.kind}/weight/{layer}": weight for layer, weight in block.weights.items()}
    return encode_npz(arrays)


def block_maps_from_npz(content: bytes) -> tuple[BlockMaps, ...]:
    """The inverse of block_maps_to_npz."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays: dict[str, Values] = dict(file)
    return tuple(_block(kind, arrays) for kind in KINDS)


def _block(kind: Kind, arrays: dict[str, Values]) -> BlockMaps:
    steps: list[LayerMaps] = []
    weights: dict[str, Values] = {}
    for name, values in arrays.items():
        of_kind, part, layer = name.split("/")
        if of_kind == kind and part == "weight":
            weights[layer] = values
        elif of_kind == kind:
            steps.append(LayerMaps(cast(BlockStep, part), layer, values))
    return BlockMaps(kind, tuple(steps), weights)


@cache
def load_bundled() -> BundledMaps:
    """The shipped maps."""
    machine: str = json.loads((FOLDER / "default.json").read_text(encoding="utf-8"))["machine"]
    return BundledMaps(block_maps_from_npz((FOLDER / "default.npz").read_bytes()), machine)
