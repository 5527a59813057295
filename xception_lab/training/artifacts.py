"""What can be downloaded of a run: its weights, its predictions and the pictures it was trained on. Free of torch."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from xception_lab.common.messages import say
from xception_lab.data.dataset import ARRAYS, Dataset
from xception_lab.training.checkpoint_file import read_header
from xception_lab.training.records import train_spec_to_json, with_data_shape


def read_predictions(checkpoint: bytes) -> NDArray[np.int64]:
    """The predicted class of each test picture, (N,), from a checkpoint file. Raises as weights_file does."""
    return _tensors(checkpoint)["predictions"].astype(np.int64)


def weights_file(checkpoint: bytes) -> bytes:
    """The weights of a checkpoint file, as a safetensors file under the state_dict keys of build_xception's module.

    Its metadata have the run's spec as JSON under "spec", with the data's channels and classes: by that the picture lab
    knows which network it is. Raises ValueError when the checkpoint is not one of ours, or not as it was written.
    """
    prefix, tensors = "network.", _tensors(checkpoint)
    weights = {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}
    spec = read_header(checkpoint).spec
    if "conv1.weight" in weights and "fc.weight" in weights:
        spec = with_data_shape(spec, weights["conv1.weight"].shape[1], len(weights["fc.weight"]))
    return save(weights, {"spec": train_spec_to_json(spec)})


def data_file(dataset: Dataset) -> bytes:
    """The pictures and labels as an npz file: what the script of script.training_script reads."""
    buffer = BytesIO()
    np.savez_compressed(buffer, **{name: getattr(dataset, name) for name in ARRAYS}, classes=np.array(dataset.classes))
    return buffer.getvalue()


def _tensors(checkpoint: bytes) -> dict[str, NDArray[np.generic]]:
    read_header(checkpoint)
    try:
        tensors = load(checkpoint)
        tensors["predictions"]
    except Exception as error:  # safetensors raises its own bare Exception class, differing between versions
        raise ValueError(say("not a checkpoint: {error}", error=str(error))) from error
    return tensors
