"""The training recipe that every run shares, apart from what a TrainSpec says. Free of torch."""

import math

from xception_lab.common.messages import say
from xception_lab.spec import TrainSpec

# Keras's default 0.99, which is 0.01 in torch, suits runs of many thousand steps: in short ones the running means lag
BATCH_NORM_MOMENTUM = 0.1
SHIFT = 1  # pixels that a training picture may move in each direction
WARM_UP = 0.1  # share of the steps over which the learning rate rises


def check_batch(spec: TrainSpec, available: int) -> None:
    """Raise ValueError where the data have so few training pictures that no batch is full. available: how many."""
    if available < spec.batch_size:
        sentence = say(
            "batch_size={batch_size}: must be at most the {available} training pictures that there are",
            batch_size=spec.batch_size,
            available=available,
        )
        raise ValueError(sentence)


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """The learning rate: a linear warm-up over the first tenth of the run, then half a cosine down to 0.

    step: from 0. steps: of the whole run.
    """
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return spec.learning_rate * (step + 1) / warm
    return spec.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))
