"""A run between two epochs, as one safetensors file: no pickle, and readable wherever safetensors is.

Tensors are named "network.<key>" (state_dict keys), "adam.<moment>.<parameter>" and "predictions". How a damaged file
and that of another run are noticed is explained in checkpoint_file.py.
"""

import json
from dataclasses import dataclass

from safetensors.torch import load, save
from torch import Tensor

from xception_lab.common.messages import say
from xception_lab.spec import TrainSpec
from xception_lab.training.checkpoint_file import CHECKSUM, NO_CHECKSUM, fill_in_checksum, read_header
from xception_lab.training.records import EpochRecord, record_to_dict, train_spec_to_json


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after a whole epoch: all that the next epoch starts from, and all that this one gave.

    records: one per epoch. network: the state_dict. adam: AdamW's state, named "<moment>.<parameter>", the moments
    being step, exp_avg and exp_avg_sq. predictions: int64 (N,), the predicted class of each test picture; (0,) as long
    as the run has not been tested.
    """

    spec: TrainSpec
    records: tuple[EpochRecord, ...]
    network: dict[str, Tensor]
    adam: dict[str, Tensor]
    predictions: Tensor


def checkpoint_to_bytes(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as the contents of a safetensors file, with its checksum."""
    tensors = {f"network.{name}": tensor for name, tensor in checkpoint.network.items()}
    tensors |= {f"adam.{name}": tensor for name, tensor in checkpoint.adam.items()}
    tensors["predictions"] = checkpoint.predictions
    records = json.dumps([record_to_dict(record) for record in checkpoint.records])
    meta = {"spec": train_spec_to_json(checkpoint.spec), "records": records, CHECKSUM: NO_CHECKSUM}
    return fill_in_checksum(save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, meta))


def checkpoint_from_bytes(data: bytes) -> Checkpoint:
    """The inverse of checkpoint_to_bytes, for files of earlier versions too.

    Raises ValueError when the bytes are not a whole checkpoint of ours, or not those that were written.
    """
    header = read_header(data)
    try:
        tensors = load(data)
        predictions = tensors.pop("predictions")
    except Exception as error:  # safetensors raises its own bare Exception class, differing between versions
        raise ValueError(say("not a checkpoint: {error}", error=str(error))) from error
    return Checkpoint(header.spec, header.records, _under(tensors, "network."), _under(tensors, "adam."), predictions)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
