"""The training recipe that every run shares, apart from what a TrainSpec says. Free of torch."""

import math

from xception_lab.spec import TrainSpec

# Keras's 0.99, torch's 0.01, is for runs of many thousand steps: in short ones the running means lag behind
BATCH_NORM_MOMENTUM = 0.1
SHIFT = 1  # pixels that a training picture may move in each direction
WARM_UP = 0.1  # share of the steps over which the learning rate rises


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """A straight rise over the first tenth of the run, then half a cosine down to nothing."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return spec.learning_rate * (step + 1) / warm
    return spec.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))
