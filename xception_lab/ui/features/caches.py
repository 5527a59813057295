"""How Streamlit's caches tell the arguments of this room's functions apart: by a key each, not by their content."""

from collections.abc import Callable
from typing import Any

from xception_lab.features.maps import BlockMaps
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.features.weights import WeightFile

# a class of a module that needs torch is named, so that it is not imported
HASH_FUNCS: dict[Any, Callable[[Any], object]] = {
    InputPicture: lambda picture: picture.key,
    WeightFile: lambda file: file.digest,
    BlockMaps: lambda block: block.serial,
    "xception_lab.features.image_models.ImageModel": lambda model: model.serial,
    "xception_lab.features.image_models.ModelMaps": lambda model_maps: model_maps.serial,
}
