"""Build assets/weights: the small Xceptions that come with the lab, from checkpoints of its own training.

    R="python -m xception_lab train"; E="intermediate=relu order=pointwise-first"
    for data in fashion-mnist emoji; do
        $R --checkpoint runs/$data-none.ck dataset=$data intermediate=none
        $R --checkpoint runs/$data-relu.ck dataset=$data intermediate=relu
        $R --checkpoint runs/$data-extreme.ck dataset=$data $E
    done
    python -m tools.build_weights runs

Everything else is the default of TrainSpec: SMALL_XCEPTION, 4 epochs, batch 32, seed 0, one CPU thread.
"""

import json
import sys
from pathlib import Path

from safetensors.torch import save_file

from xception_lab.common.files import asset_path
from xception_lab.features.layer_names import SHIPPED_VARIANTS, TRAINED_ON
from xception_lab.training.checkpoint import checkpoint_from_bytes
from xception_lab.training.records import train_spec_to_json
from xception_lab.training.state import training_device
from xception_lab.training.tensors import load_pictures

FOLDER = asset_path("weights")


def main(runs: Path) -> None:
    """Write a safetensors file per run, with the spec, the test accuracy and the normalisation as its metadata."""
    for dataset in TRAINED_ON:
        for variant in SHIPPED_VARIANTS:
            checkpoint = checkpoint_from_bytes((runs / f"{dataset}-{variant}.ck").read_bytes())
            pictures = load_pictures(dataset, None, training_device())
            meta = {
                "spec": train_spec_to_json(checkpoint.spec),
                "test_accuracy": str(checkpoint.records[-1].test_accuracy),
                "mean": json.dumps(pictures.mean.tolist()),
                "std": json.dumps(pictures.std.tolist()),
            }
            network = {name: tensor.contiguous() for name, tensor in checkpoint.network.items()}
            save_file(network, FOLDER / f"{dataset}-{variant}.safetensors", meta)
            print(f"{dataset}-{variant}: test accuracy {checkpoint.records[-1].test_accuracy:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
