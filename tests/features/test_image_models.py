"""The networks whose maps the page shows: inputs, memory and blocks against the files and plain numpy."""

import io
import struct
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from paths import ROOT
from torch import Tensor, nn
from weights import randomised

from xception_lab import TrainSpec, XceptionSpec, build_xception
from xception_lab.data.catalogue import load_dataset
from xception_lab.features.image_models import first_blocks, load_file, load_shipped, run_model, trained_maps
from xception_lab.features.layer_names import TRAINED_ON
from xception_lab.features.maps import downsample, encode_npz
from xception_lab.features.sample_pictures import resize, sample_picture
from xception_lab.features.weight_files import MAX_HEADER, MAX_TENSORS, read_weights
from xception_lab.nn.xception import SameMaxPool2d
from xception_lab.spec import SMALL_XCEPTION
from xception_lab.training.records import train_spec_to_json

torch.set_num_threads(1)
ASSETS = ROOT / "assets" / "weights"
PICTURE = sample_picture("coffee", 64)
TINY: dict[str, Tensor] = {"a": torch.arange(6.0).reshape(2, 3)}


def _torch(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def whole() -> bytes:
    """The paper's network as a file."""
    return safetensors.torch.save(build_xception(XceptionSpec()).state_dict())


@pytest.mark.parametrize(("keras", "eps"), [(True, 1e-3), (False, 1e-5)])
def test_a_file_of_the_papers_network_runs_as_in_keras_or_timm(whole: bytes, keras: bool, eps: float) -> None:
    model = load_file("x.safetensors", whole, keras)
    norms = {module.eps for module in model.network.modules() if isinstance(module, nn.BatchNorm2d)}
    assert norms == {eps}
    assert any(isinstance(module, SameMaxPool2d) for module in model.network.modules()) == keras
    expected = resize(PICTURE, 299).astype(np.float64).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(model.input(PICTURE)[0], expected, atol=1e-6)
    assert len(model.classes) == 1000


@pytest.mark.parametrize("dataset", TRAINED_ON)
def test_a_small_network_has_its_own_preprocessing(dataset: str) -> None:
    model = load_shipped(dataset, "none")
    data = load_dataset(dataset)
    pixels = resize(PICTURE, data.test_images.shape[1]).astype(np.float64)
    if data.test_images.ndim == 3 or data.test_images.shape[-1] == 1:
        pixels = pixels.mean(axis=2, keepdims=True)
    expected = (pixels - model.mean.numpy()) / model.std.numpy()
    np.testing.assert_allclose(model.input(PICTURE)[0], expected.transpose(2, 0, 1), atol=1e-4)


@pytest.mark.parametrize("field", ["in_channels", "num_classes"])
def test_a_run_with_other_channels_or_classes_than_its_data_is_refused(field: str) -> None:
    run = TrainSpec(SMALL_XCEPTION, "fashion-mnist")
    spec = replace(SMALL_XCEPTION, **{"in_channels": 1, "num_classes": 10, field: 4})
    state = randomised(build_xception(spec), 0).float().state_dict()
    content = safetensors.torch.save(state, {"spec": train_spec_to_json(run)})
    with pytest.raises(ValueError, match="channels and classes of fashion-mnist"):
        load_file("run.safetensors", content, keras=False)


def test_memory_is_checked_before_a_network_runs() -> None:
    # one without layers: whoever runs it fails otherwise
    huge = replace(load_shipped("emoji", "none"), side=8192, network=nn.Identity())
    with pytest.raises(ValueError, match="side=8192: needs"):
        run_model(huge, PICTURE)
    with pytest.raises(ValueError, match="side=8192: needs"):
        first_blocks(PICTURE, {"separable": huge})


def test_the_maps_of_a_network_are_read_only() -> None:
    found = run_model(load_shipped("emoji", "none"), PICTURE)
    assert not any(values.flags.writeable for values in found.maps.values())


def test_trained_blocks_have_the_weights_of_their_own_files() -> None:
    sources = {"standard": "none", "extreme": "extreme", "separable": "relu"}
    for block in trained_maps(PICTURE, "emoji", "relu"):
        kept = safetensors.torch.load_file(ASSETS / f"emoji-{sources[block.kind]}.safetensors")
        for name, weight in block.weights.items():
            (key,) = (key for key in kept if key.endswith(f"{name}.weight"))
            np.testing.assert_array_equal(weight, kept[key].float())
        assert block.weights


def test_arrays_come_back_from_their_file() -> None:
    values = {"0_standard/second/conv": np.arange(12, dtype=np.float32).reshape(3, 2, 2), "b": np.ones(3, np.float32)}
    with np.load(io.BytesIO(encode_npz(values)), allow_pickle=False) as kept:
        assert set(kept.files) == set(values)
        for name, array in values.items():
            np.testing.assert_array_equal(kept[name], array)


def test_maps_are_never_downsampled_below_the_size_they_are_drawn_at() -> None:
    for side in range(1, 40):
        for wanted in (4, 7, 16):
            small = downsample(np.zeros((2, side, side), np.float32), wanted)
            assert min(side, wanted) <= small.shape[1] <= max(2 * wanted, wanted)


# Files that say more than they hold


def test_a_tensor_that_repeats_one_number_is_refused() -> None:
    with pytest.raises(ValueError, match="as many numbers as its shape"):
        read_weights("x.pth", _torch({"a": torch.zeros(1).expand(1000, 1000)}))


def _repacked(content: bytes, method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", method) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return out.getvalue()


def test_packed_entries_and_false_sizes_are_refused_before_torch_reads_them() -> None:
    good = _torch(TINY)
    assert torch.equal(read_weights("x.pth", _repacked(good, zipfile.ZIP_STORED)).tensors["a"], TINY["a"])
    with pytest.raises(ValueError, match="packed entries"):
        read_weights("x.pth", _repacked(good, zipfile.ZIP_DEFLATED))
    place = good.index(b"PK\x01\x02") + 24  # the directory's size of the first entry, unpacked
    lying = good[:place] + struct.pack("<I", 10**6) + good[place + 4 :]
    with pytest.raises(ValueError, match="holds less"):
        read_weights("x.pth", lying)


def test_a_header_past_the_limit_is_not_parsed() -> None:
    long = safetensors.torch.save(TINY, {"note": "x" * (MAX_HEADER + 1)})
    with pytest.raises(ValueError, match="longer than the file or the limit"):
        read_weights("x.safetensors", long)
    short = safetensors.torch.save(TINY)
    with pytest.raises(ValueError, match="longer than the file or the limit"):
        read_weights("x.safetensors", short[:40])


def test_more_tensors_than_any_network_has_are_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_TENSORS:,} tensors"):
        read_weights("x", safetensors.torch.save({str(i): torch.zeros(1) for i in range(MAX_TENSORS + 1)}))
