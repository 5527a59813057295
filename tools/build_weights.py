"""Build assets/weights: the small Xceptions that come with the lab, from runs of its own experiments.

    python -m tools.build_atlas train RUNS figure-10 two-differences figure-10-emoji two-differences-emoji
    python -m tools.build_weights RUNS

They are the runs of the plans' first seed: the same recipe, the same bits.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save_file

from tools.build_atlas import load_checkpoint
from xception_lab.common.files import asset_path
from xception_lab.experiments.plan import FIRST_SEED, load_plan, plan_name
from xception_lab.experiments.spec import Setting
from xception_lab.features.layer_names import TRAINED_ON
from xception_lab.training.records import train_spec_to_json
from xception_lab.training.state import training_device
from xception_lab.training.tensors import load_pictures

FOLDER = asset_path("weights")
# by variant, the cell of the plan "two-differences"
CELLS: dict[str, Setting] = {
    "none": (("order", "depthwise-first"), ("intermediate", "none")),
    "relu": (("order", "depthwise-first"), ("intermediate", "relu")),
    "extreme": (("order", "pointwise-first"), ("intermediate", "relu")),
}


def main(runs: Path) -> None:
    """Write a safetensors file per run, with the spec, the test accuracy and the normalisation as its metadata."""
    for dataset in TRAINED_ON:
        plan = load_plan(plan_name("two-differences", dataset))
        pictures = load_pictures(dataset, None, training_device())
        for variant, setting in CELLS.items():
            checkpoint = load_checkpoint(runs, replace(plan.experiment.cell(setting), seed=FIRST_SEED))
            if checkpoint is None:
                sys.exit(f"{dataset}, {variant}: the run of seed {FIRST_SEED} is not in {runs}")
            accuracy = checkpoint.records[-1].test_accuracy
            meta = {
                "spec": train_spec_to_json(checkpoint.spec),
                "test_accuracy": str(accuracy),
                "mean": json.dumps(pictures.mean.tolist()),
                "std": json.dumps(pictures.std.tolist()),
            }
            network = {name: tensor.contiguous() for name, tensor in checkpoint.network.items()}
            save_file(network, FOLDER / f"{dataset}-{variant}.safetensors", meta)
            print(f"{dataset}-{variant}: test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
