"""A data set as tensors on the training device, and the batches of an epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from xception_lab.common.messages import say
from xception_lab.data.catalogue import load_dataset
from xception_lab.nn.init import make_generator
from xception_lab.spec import TrainSpec
from xception_lab.training.recipe import SHIFT


@dataclass(frozen=True, slots=True)
class PictureTensors:
    """A data set on the device.

    train, validation, test: uint8 (N, H, W, C). train_labels, validation_labels, test_labels: int64 (N,). mean, std:
    float32 (C,), of the training pictures. classes: how many there are.
    """

    train: Tensor
    train_labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    test: Tensor
    test_labels: Tensor
    mean: Tensor
    std: Tensor
    classes: int

    def normalised(self, batch: Tensor) -> Tensor:
        """uint8 (N, H, W, C) -> float32 (N, C, H, W), normalised per channel and in channels_last memory format."""
        return batch.float().sub_(self.mean).div_(self.std).permute(0, 3, 1, 2)

    def batches(self, spec: TrainSpec, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(pictures, labels) in this epoch's order, each picture shifted; an incomplete last batch is left out."""
        draw = make_generator("order", spec.seed, epoch)
        count, height, width = self.train.shape[:3]
        device = self.train.device
        order = torch.randperm(count, generator=draw).to(device)
        shifts = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), generator=draw).to(device)
        rows, columns = torch.arange(height, device=device), torch.arange(width, device=device)
        for start in range(0, count - spec.batch_size + 1, spec.batch_size):
            chosen = order[start : start + spec.batch_size]
            down, right = shifts[:, chosen]
            # where a picture is shifted away from its border, the border is repeated
            row, column = (rows + down).clamp_(0, height - 1), (columns + right).clamp_(0, width - 1)
            yield self.train[chosen[:, None, None], row[:, :, None], column[:, None, :]], self.train_labels[chosen]


@lru_cache(maxsize=2)
def load_pictures(dataset: str, train_size: int | None, device: torch.device) -> PictureTensors:
    """A data set on the device.

    train_size: so many of the training pictures, the same for every seed; None for all. Raises ValueError when there
    are fewer, or no data set of this name.
    """
    data = load_dataset(dataset)
    available = len(data.train_labels)
    if train_size is not None and train_size > available:
        sentence = say(
            "train_size={size}: must be at most the {available} training pictures of {dataset}",
            size=train_size,
            available=available,
            dataset=repr(dataset),
        )
        raise ValueError(sentence)
    chosen = torch.randperm(available, generator=make_generator("train_size"))[:train_size]
    train = torch.tensor(data.train_images)[chosen]
    values = train.flatten(0, 2).double()
    return PictureTensors(
        train.to(device),
        torch.tensor(data.train_labels)[chosen].to(device),
        torch.tensor(data.validation_images).to(device),
        torch.tensor(data.validation_labels).to(device),
        torch.tensor(data.test_images).to(device),
        torch.tensor(data.test_labels).to(device),
        values.mean(0).float().to(device),
        # a constant channel would divide by zero
        values.std(0).float().clamp_min(1).to(device),
        len(data.classes),
    )
