"""The snippets run as they stand and compute what the modules compute."""

import contextlib
import io
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import block_specs, examples, least_size, sizes, xception_specs
from torch import nn

from xception_lab import BlockSpec, XceptionSpec, block_cost, build_block, build_xception, network_cost
from xception_lab.arch.snippets import block_snippet, network_snippet


def _run(code: str) -> tuple[dict[str, Any], list[str]]:
    """(names the snippet leaves, lines it prints), from a namespace that knows nothing of us."""
    assert "xception_lab" not in code
    assert all(line == line.rstrip() for line in code.splitlines())
    names: dict[str, Any] = {"__name__": "snippet"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "snippet", "exec"), names)
    return names, printed.getvalue().splitlines()


def _copy_weights(ours: nn.Module, theirs: nn.Module) -> None:
    """Ours into theirs, in order, with batch norms no longer at their starting point."""
    for name, tensor in ours.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else torch.randn_like(tensor) / 4)
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    for source, target in pairs:
        assert source.shape == target.shape
        target.copy_(source)


@examples(150)
@given(spec=block_specs(), size=sizes(1, 9))
def test_a_block_snippet_computes_what_the_block_computes(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    batch_size, height, width = size
    try:
        cost = block_cost(spec, height, width, batch_size)
    except ValueError:
        assume(False)
    names, printed = _run(block_snippet(spec, height, width, batch_size))
    assert tuple(names["y"].shape) == cost.out_shape
    assert printed == [str(cost.out_shape), f"{cost.params:,} parameters"]
    ours, theirs, x = build_block(spec).eval(), names["block"].eval(), names["x"]
    assert x.shape == (batch_size, spec.in_channels, height, width)
    _copy_weights(ours, theirs)
    assert [type(layer) for layer in ours] == [type(layer) for layer in theirs]
    torch.testing.assert_close(theirs(x), ours(x), rtol=1e-6, atol=1e-6)


def _check_network(spec: XceptionSpec, height: int, width: int) -> None:
    names, printed = _run(network_snippet(spec, height, width))
    params = network_cost(spec, height, width).params
    assert tuple(names["y"].shape) == (1, spec.num_classes)
    assert printed == [str((1, spec.num_classes)), f"{params:,} parameters"]
    ours, theirs, x = build_xception(spec).eval(), names["model"], names["x"]
    assert not theirs.training
    _copy_weights(ours, theirs)
    # in double precision: the two sum up in other orders
    ours, theirs, x = ours.double(), theirs.double(), x.double()
    with torch.inference_mode():
        torch.testing.assert_close(theirs(x), ours(x), rtol=1e-6, atol=1e-6)
    settings = [
        [(m.eps, m.momentum) for m in network.modules() if isinstance(m, nn.BatchNorm2d)] for network in (ours, theirs)
    ]
    assert settings[0] == settings[1]
    assert [m.p for m in theirs.modules() if isinstance(m, nn.Dropout)] == [spec.dropout]


@examples(30)
@given(spec=xception_specs(), sides=st.tuples(st.integers(7, 40), st.integers(7, 40)))
def test_a_network_snippet_computes_what_the_network_computes(spec: XceptionSpec, sides: tuple[int, int]) -> None:
    assert min(sides) >= least_size(spec)
    _check_network(spec, *sides)


def test_the_papers_snippet_computes_what_the_papers_network_computes() -> None:
    _check_network(XceptionSpec(), 71, 71)


@pytest.mark.parametrize("segments", [1, 2, 4, None])
def test_a_snippet_says_which_block_of_the_paper_it_is(segments: int | None) -> None:
    code = block_snippet(BlockSpec("extreme", 4, 4, segments=segments), 8, 8)
    assert ("one spatial convolution a channel" if segments is None else f"{segments} segments") in code
    assert "# depthwise" in code if segments in (4, None) else "# spatial" in code


def test_a_one_pixel_output_needs_no_batch_statistics() -> None:
    # torch's batch norm refuses one value a channel in training
    names, _ = _run(block_snippet(BlockSpec("separable", padding="valid"), 3, 3))
    assert names["y"].shape == (1, 128, 1, 1)
