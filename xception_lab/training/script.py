"""A run as a script of plain PyTorch that trains the same network by the same recipe, without this package."""

from dataclasses import replace
from textwrap import fill

from xception_lab.arch.snippets import model_snippet
from xception_lab.data.dataset import Dataset
from xception_lab.spec import TrainSpec, XceptionSpec
from xception_lab.training.recipe import BATCH_NORM_MOMENTUM, SHIFT, WARM_UP

_SCRIPT = '''"""{title}

Run it beside its data: python train.py data.npz
With a run's weights it does not train but tests them: python train.py data.npz run.safetensors
Network, recipe and pictures are those of the experiment; the random numbers are torch's own, so the accuracy differs
from the experiment's as that of another seed does.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

EPOCHS, BATCH_SIZE = {epochs}, {batch_size}
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = {learning_rate}, {weight_decay}, {warm_up}
SHIFT = {shift}  # pixels that a training picture may move in each direction
torch.manual_seed({seed})
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

# ---- pictures: uint8 (N, H, W, C) ----

with np.load(sys.argv[1]) as data:
    train, train_labels, validation, validation_labels, test, test_labels = (
        torch.tensor(data[f"{{part}}_{{content}}"]).to(device)
        for part in ("train", "validation", "test")
        for content in ("images", "labels")
    )
{subset}mean = train.float().mean((0, 1, 2))
std = train.flatten(0, 2).float().std(0).clamp_min(1)


def normalised(pictures):
    """(N, H, W, C) uint8 -> (N, C, H, W) float32 in channels_last"""
    return ((pictures.float() - mean) / std).permute(0, 3, 1, 2)


def moved(pictures):
    """Each picture moved by up to SHIFT pixels; the border is repeated"""
    count, height, width = pictures.shape[:3]
    down, right = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), device=device)
    rows = (torch.arange(height, device=device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + right).clamp(0, width - 1)
    return pictures[torch.arange(count, device=device)[:, None, None], rows[:, :, None], columns[:, None, :]]


# ---- network ----
{model}

for module in model.modules():
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.BatchNorm2d):
        module.momentum = {momentum}
model = model.to(device, memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)

# ---- training ----

steps = EPOCHS * (len(train) // BATCH_SIZE)
warm = max(1, round(WARM_UP * steps))


def learning_rate(step):
    """A straight rise, then half a cosine down to nothing"""
    if step < warm:
        return LEARNING_RATE * (step + 1) / warm
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / (steps - warm + 1)))




def accuracy(pictures, labels):
    """The share of the pictures that get their class"""
    model.eval()
    with torch.inference_mode():
        right = sum(
            (model(normalised(batch)).argmax(1) == truth).sum().item()
            for batch, truth in zip(pictures.split(250), labels.split(250), strict=True)
        )
    return right / len(labels)


# a run's tensors by their names in its weights file, which are timm's, in the order of this network's
ORDER = """
{order}
"""


def load_weights(path):
    """A run's weights: a safetensors file has the length of its header, the header as JSON, and the tensors"""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        content = file.read()
    kinds = {{"F32": np.float32, "I64": np.int64}}
    header.pop("__metadata__", None)
    tensors = [
        torch.tensor(np.frombuffer(content[slice(*each["data_offsets"])], kinds[each["dtype"]]).reshape(each["shape"]))
        for each in map(header.__getitem__, ORDER.split())
    ]
    model.load_state_dict(dict(zip(model.state_dict(), tensors, strict=True)))


weights = sys.argv[2] if len(sys.argv) > 2 else ""
if weights:
    load_weights(weights)
step = 0
for epoch in range(1, 1 if weights else EPOCHS + 1):
    model.train()
    order = torch.randperm(len(train), device=device)
    for start in range(0, len(train) - BATCH_SIZE + 1, BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        optimizer.param_groups[0]["lr"] = learning_rate(step)
        optimizer.zero_grad()
        F.cross_entropy(model(normalised(moved(train[chosen]))), train_labels[chosen]).backward()
        optimizer.step()
        step += 1
    if len(validation):
        print(f"epoch {{epoch}}: validation accuracy {{accuracy(validation, validation_labels):.4f}}", flush=True)
# the test pictures judge the finished network, once
print(f"test accuracy {{accuracy(test, test_labels):.4f}}", flush=True)
'''

_SUBSET = """chosen = torch.randperm(len(train), device=device)[:{train_size}]
train, train_labels = train[chosen], train_labels[chosen]
"""


def training_script(spec: TrainSpec, dataset: Dataset) -> str:
    """A script that trains the run's network on the file of artifacts.data_file and prints its accuracies."""
    network = replace(spec.xception, in_channels=dataset.train_images.shape[3], num_classes=len(dataset.classes))
    relu = f"a leaky ReLU of slope {network.negative_slope}" if network.negative_slope else "a ReLU"
    between = {"none": "nothing", "relu": relu, "elu": "an ELU"}[network.intermediate]
    return _SCRIPT.format(
        title=f"A small Xception, {network.order}, {between} between the two convolutions, on {len(dataset.classes)} "
        "classes.",
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        weight_decay=spec.weight_decay,
        warm_up=WARM_UP,
        shift=SHIFT,
        seed=spec.seed,
        subset=_SUBSET.format(train_size=spec.train_size) if spec.train_size else "",
        model=model_snippet(network),
        momentum=BATCH_NORM_MOMENTUM,
        order=fill(" ".join(_tensor_names(network)), 100, break_long_words=False, break_on_hyphens=False),
    )


def _tensor_names(network: XceptionSpec) -> list[str]:
    """The names of the network's tensors, in the order of its modules."""
    import torch

    from xception_lab.nn.xception import build_xception

    with torch.device("meta"):
        return list(build_xception(network).state_dict())
