"""The recipe of the files beside it, run once with Keras 3.15 on torch, neither of which the project needs all of:

    KERAS_BACKEND=torch python make.py

Keras's own code of Xception with its widths made small, random weights, and the logits of one random picture.
"""

import inspect
import lzma
import re
from pathlib import Path

import numpy as np
from keras.src.applications import xception

WIDTHS = {"2048": "12", "1536": "10", "1024": "10", "728": "8", "256": "6", "128": "5"}


def narrow_source() -> str:
    """Keras's module with other widths."""
    source = inspect.getsource(xception)
    for width, narrow in WIDTHS.items():
        source = re.sub(rf"(?<=[\s(]){width}(?=,)", narrow, source)
    return source.replace("32, (3, 3)", "3, (3, 3)").replace("64, (3, 3)", "4, (3, 3)")


def main() -> None:
    """Write the three files and print the logits."""
    module: dict = {"__name__": "narrow"}
    exec(compile(narrow_source(), "narrow", "exec"), module)
    model = module["Xception"](weights=None, input_shape=(74, 74, 3), classes=7, classifier_activation=None)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.standard_normal(weight.shape).astype("float32")
        # scaled so that the answer depends on the picture, to its last pixel
        if weight.path.endswith("moving_variance"):
            values = 1 + 0.2 * np.abs(values)
        elif weight.path.endswith("gamma"):
            values = 1 + 0.2 * values
        elif weight.path.endswith("kernel"):
            values *= 0.35 if "depthwise" in weight.path else np.sqrt(1 / np.prod(weight.shape[:-1]))
        else:
            values *= 0.2
        weight.assign(values)
    for suffix in ("h5", "keras", "weights.h5"):
        path = Path(f"narrow.{suffix}")
        (model.save_weights if suffix == "weights.h5" else model.save)(path)
        Path(f"{path}.xz").write_bytes(lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
    picture = np.random.default_rng(1).standard_normal((1, 74, 74, 3)).astype("float32")
    print(model(picture).detach().cpu().numpy().tolist())


if __name__ == "__main__":
    main()
