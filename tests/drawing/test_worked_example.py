"""The moving picture's stand-in against torch: its input is the data set's, its counts and sums are torch's."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from states import BLOCK_KEYS, compare_spec
from strategies import examples
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from xception_lab import build_block
from xception_lab.data.catalogue import load_dataset
from xception_lab.drawing.worked_example import (
    FACE,
    MOST_CHANNELS,
    MOST_PIXELS,
    WorkedBlock,
    WorkedLayer,
    stand_in,
    worked_example,
)
from xception_lab.spec import CompareSpec
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.shell.language import ASSETS

SPECS = (
    CompareSpec(),
    CompareSpec(kernel_size=5, stride=2, padding=2, segments=4),
    CompareSpec(in_channels=3, kernel_size=3, dilation=2, padding="valid", segments=1),
    CompareSpec(depth_multiplier=2, size=7, kernel_size=7),
    CompareSpec(kernel_size=1, stride=3),
)


# all that the page's controls can ask for
OPTIONS = {key: FIELDS[key].texts for key in BLOCK_KEYS} | {"segments": ("max", "1", "2", "3", "4", "8", "14")}
ASKED = st.fixed_dictionaries({key: st.sampled_from(options) for key, options in OPTIONS.items()}).map(compare_spec)


def _weights(layer: WorkedLayer) -> Tensor:
    conv = layer.conv
    shape = (conv.out_channels, conv.in_channels // conv.groups, conv.kernel_size, conv.kernel_size)
    return torch.tensor(layer.halves, dtype=torch.float64).view(shape) / 2


def _run(spec: CompareSpec, strip: WorkedBlock) -> Tensor:
    """The block's last sums, by torch."""
    small = worked_example(spec)
    values = torch.tensor(small.tensor, dtype=torch.float64).view(1, -1, small.spec.size, small.spec.size)
    for layer in strip.layers:
        conv = layer.conv
        values = F.conv2d(values, _weights(layer), None, conv.stride, conv.padding, conv.dilation, conv.groups)
        if layer is not strip.layers[-1] and strip.between == "relu":
            values = F.relu(values)
    return values


def test_the_face_is_the_data_sets() -> None:
    face = load_dataset("emoji").train_images[150].reshape(8, 4, 8, 4, 3).mean((1, 3))
    levels = np.round((face - 128) / 127 * 4).astype(int) + 4
    assert ["".join(map(str, levels[..., channel].ravel())) for channel in range(3)] == list(FACE)


@given(ASKED)
@examples(60)
def test_every_spec_has_a_small_stand_in(spec: CompareSpec) -> None:
    small = worked_example(spec)
    assert small.spec == stand_in(spec)
    assert (small.spec.size, small.spec.stride) == (min(spec.size, MOST_PIXELS), spec.stride)
    assert small.spec.intermediate == spec.intermediate
    assert len(small.tensor) == small.spec.in_channels * small.spec.size**2
    for strip in small.blocks:
        module = build_block(small.spec.block(strip.kind)).to("meta")
        with FlopCounterMode(display=False) as counter:
            out = module(torch.empty(1, small.spec.in_channels, small.spec.size, small.spec.size, device="meta"))
        assert 2 * strip.counts[-1] == counter.get_total_flops()
        assert len(strip.counts) == 1 + out.shape[2] * out.shape[3]
        assert all(more > less for less, more in pairwise(strip.counts))
        for layer in strip.layers:
            assert max(layer.conv.in_channels, layer.conv.out_channels) <= MOST_CHANNELS
            assert layer.side <= (MOST_PIXELS if layer is strip.layers[-1] else spec.size)
            assert len(layer.halves) == dict(module.named_children())[layer.conv.name].weight.numel()


@pytest.mark.parametrize("spec", SPECS)
def test_a_middle_pixel_is_counted_when_it_is_first_read(spec: CompareSpec) -> None:
    small = worked_example(spec)
    first, last = small.blocks[1].layers
    # a mark on one pixel of the middle shows up in the outputs that read it
    marks = torch.eye(first.side**2, dtype=torch.float64).view(-1, 1, first.side, first.side)
    conv = last.conv
    ones = torch.ones(1, 1, conv.kernel_size, conv.kernel_size, dtype=torch.float64)
    reads = F.conv2d(marks, ones, None, conv.stride, conv.padding, conv.dilation).flatten(1).T > 0
    for pixel in range(last.side**2 - 1):
        middle = int(reads[: pixel + 1].any(0).sum()) * len(first.halves)
        assert small.blocks[1].counts[pixel + 1] == middle + (pixel + 1) * len(last.halves)


@pytest.mark.parametrize("spec", SPECS)
def test_standard_and_separable_give_the_same_values(spec: CompareSpec) -> None:
    standard, _, separable = worked_example(spec).blocks
    values = _run(spec, standard)
    assert torch.equal(values, _run(spec, separable))
    assert values.abs().max() > 1


def test_segments_only_cut_links() -> None:
    whole = _weights(worked_example(CompareSpec(segments=1)).blocks[1].layers[1])
    for segments in (2, 4, None):
        cut = _weights(worked_example(CompareSpec(segments=segments)).blocks[1].layers[1])
        groups = segments or MOST_CHANNELS
        for channel in range(MOST_CHANNELS):
            start = channel * groups // MOST_CHANNELS * cut.shape[1]
            assert torch.equal(cut[channel], whole[channel, start : start + cut.shape[1]])


@pytest.mark.parametrize(("segments", "few"), [(None, None), (128, None), (1, 1), (2, 2), (3, 4), (4, 4), (64, 4)])
def test_segments_keep_their_place_on_the_spectrum(segments: int | None, few: int | None) -> None:
    channels = 96 if segments == 3 else 128
    assert stand_in(CompareSpec(out_channels=channels, segments=segments)).segments == few


def test_the_component_is_light() -> None:
    files = (ASSETS / "components" / "worked_example").iterdir()
    assert sum(file.stat().st_size for file in files) <= 60_000
