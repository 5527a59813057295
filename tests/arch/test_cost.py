"""The closed form against authorities that know nothing of it: torch's flop counter, hooks, dispatched operations."""

from dataclasses import dataclass, fields
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import block_specs, examples, least_size, sizes, xception_specs
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from xception_lab import BlockSpec, Cost, LayerCost, XceptionSpec, block_cost, build_block, build_xception, network_cost
from xception_lab.spec import Bias

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
TOTALS = ("params", "macs", "weight_bytes", "activation_bytes", "moved_bytes")


def _bytes(*tensors: Tensor | None) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)


@dataclass(frozen=True)
class Moved:
    """One layer as its forward hook saw it."""

    name: str
    out_shape: tuple[int, ...]
    params: int
    weight_bytes: int
    activation_bytes: int
    moved_bytes: int


def _watch(module: nn.Module) -> list[Moved]:
    """Have every leaf module note what it reads and writes, in running order."""
    seen: list[Moved] = []

    def note(name: str, leaf: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        weights = list(leaf.parameters())
        total = _bytes(*inputs, *weights, output)
        params = sum(w.numel() for w in weights)
        seen.append(Moved(name, tuple(output.shape), params, _bytes(*weights), _bytes(output), total))

    for name, leaf in module.named_modules():
        if not list(leaf.children()):
            leaf.register_forward_hook(lambda leaf, inputs, output, name=name: note(name, leaf, inputs, output))
    return seen


class Dispatched(TorchDispatchMode):
    """Every tensor operation that stores a result, from the tensors themselves: no module, no plan.

    One row an operation: (output shape, MACs, weight bytes, written bytes, moved bytes).
    """

    PLUMBING = frozenset({"view", "t", "empty", "detach", "alias"})

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[tuple[int, ...], int, int, int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name not in self.PLUMBING:
            self.rows.append(self._row(name, args, result[0] if isinstance(result, tuple) else result))
        return result

    def _row(self, name: str, args: Any, out: Tensor) -> tuple[tuple[int, ...], int, int, int, int]:
        reads, weights, macs = [args[0]], [], 0
        match name:
            case "convolution":
                weights = args[1:3]
                macs = out.numel() * prod(args[1].shape[1:])
            case "native_batch_norm":
                weights = args[1:3]
            case "addmm":
                bias, x, matrix = args
                reads, weights, macs = [x], [bias, matrix], x.shape[0] * prod(matrix.shape)
            case "add_":
                reads = args[:2]
            case "max_pool2d_with_indices" | "relu" | "relu_" | "leaky_relu" | "leaky_relu_" | "elu" | "elu_" | "mean":
                pass
            case _:
                raise AssertionError(f"nobody accounts for {name}")
        shape = (*out.shape, 1, 1)[:4]
        return shape, macs, _bytes(*weights), _bytes(out), _bytes(*reads, *weights, out)


def _row(layer: LayerCost) -> tuple[tuple[int, ...], int, int, int, int]:
    return layer.out_shape, layer.macs, layer.weight_bytes, layer.activation_bytes, layer.moved_bytes


def _run(module: nn.Module, shape: tuple[int, ...], dtype: torch.dtype, *modes: Any) -> Tensor:
    """The module's output on device "meta", under the modes given."""
    x = torch.empty(shape, dtype=dtype, device="meta")
    with torch.no_grad():
        for mode in modes:
            mode.__enter__()
        try:
            return module(x)
        finally:
            for mode in reversed(modes):
                mode.__exit__(None, None, None)


def _meta(build: Any, spec: Any, dtype: torch.dtype = torch.float32) -> nn.Module:
    with torch.device("meta"):
        return build(spec).to(dtype).eval()


def _totals_add_up(cost: Cost) -> None:
    for name in TOTALS:
        assert getattr(cost, name) == sum(getattr(layer, name) for layer in cost.layers)
    assert cost.flops == 2 * cost.macs == sum(layer.flops for layer in cost.layers)
    assert cost.intensity == cost.flops / cost.moved_bytes
    assert all(layer.intensity == 2 * layer.macs / layer.moved_bytes for layer in cost.layers)


def _cost_or_none(make: Any, spec: Any, size: tuple[int, int, int], dtype: str = "float32") -> Cost | None:
    """The cost, or None where the kernel does not fit the picture; any other refusal is an error."""
    batch_size, height, width = size
    try:
        return make(spec, height, width, batch_size, dtype)
    except ValueError as refusal:
        assert str(refusal).startswith(("height=", "width="))  # noqa: PT017
        assert "kernel_size=" in str(refusal)  # noqa: PT017
        return None


@examples(300)
@given(spec=block_specs(), size=sizes(), dtype=st.sampled_from(list(DTYPES)))
def test_a_block_costs_what_torch_counts_in_every_dtype(
    spec: BlockSpec, size: tuple[int, int, int], dtype: str
) -> None:
    batch_size, height, width = size
    shape = (batch_size, spec.in_channels, height, width)
    cost = _cost_or_none(block_cost, spec, size, dtype)
    block = _meta(build_block, spec, DTYPES[dtype])
    flops = FlopCounterMode(display=False)
    seen = _watch(block)
    if cost is None:
        with pytest.raises(RuntimeError, match="size"):
            _run(block, shape, DTYPES[dtype])
        return
    y = _run(block, shape, DTYPES[dtype], flops)
    assert cost.out_shape == tuple(y.shape)
    assert cost.params == sum(p.numel() for p in block.parameters())
    assert 2 * cost.macs == flops.get_total_flops()
    assert [Moved(*(getattr(layer, field.name) for field in fields(Moved))) for layer in cost.layers] == seen
    _totals_add_up(cost)


@pytest.mark.parametrize(("bias", "params"), [(False, 1_250), (True, 1_360), ("last", 1_350)])
def test_a_bias_on_the_last_convolution_alone_gives_the_count_of_keras(bias: Bias, params: int) -> None:
    """Keras's SeparableConv2D(100, 5) on 10 channels prints 1,350 parameters: its depthwise step has no bias."""
    spec = BlockSpec("separable", 10, 100, kernel_size=5, bias=bias, batch_norm="none", activation="none")
    assert block_cost(spec, 8, 8).params == params
    assert sum(weights.numel() for weights in build_block(spec).parameters()) == params


@examples(120)
@given(spec=block_specs(), size=sizes())
def test_a_block_costs_what_is_dispatched(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    cost = _cost_or_none(block_cost, spec, size)
    assume(cost is not None)
    dispatched = Dispatched()
    _run(_meta(build_block, spec), (size[0], spec.in_channels, *size[1:]), torch.float32, dispatched)
    assert [_row(layer) for layer in cost.layers] == dispatched.rows


@examples(120)
@given(spec=block_specs(), size=sizes(1, 8))
def test_a_real_tensor_has_the_shape_and_fits_where_the_cost_says(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    cost = _cost_or_none(block_cost, spec, size)
    block, x = build_block(spec).eval(), torch.zeros(size[0], spec.in_channels, *size[1:])
    if cost is None:
        with pytest.raises(RuntimeError, match="size"):
            block(x)
    else:
        assert tuple(block(x).shape) == cost.out_shape


def _check_network(spec: XceptionSpec, size: tuple[int, int, int], dtype: str = "float32") -> None:
    shape = (size[0], spec.in_channels, *size[1:])
    cost = _cost_or_none(network_cost, spec, size, dtype)
    network = _meta(build_xception, spec, DTYPES[dtype])
    if cost is None:
        with pytest.raises(RuntimeError, match="size"):
            _run(network, shape, DTYPES[dtype])
        return
    dispatched, flops = Dispatched(), FlopCounterMode(display=False)
    logits = _run(network, shape, DTYPES[dtype], dispatched)
    # no module hooks under the dispatch mode above: the two authorities do not see each other
    seen = _watch(network)
    _run(network, shape, DTYPES[dtype], flops)
    assert cost.out_shape == (*logits.shape, 1, 1)
    assert cost.params == sum(p.numel() for p in network.parameters())
    assert 2 * cost.macs == flops.get_total_flops()
    assert [_row(layer) for layer in cost.layers] == dispatched.rows
    leaves = [layer for layer in seen if layer.name != "dropout"]
    assert [layer.name for layer in cost.layers if layer.op != "add"] == [leaf.name for leaf in leaves]
    assert [layer.params for layer in cost.layers if layer.op != "add"] == [leaf.params for leaf in leaves]
    assert sum(layer.op == "add" for layer in cost.layers) == (
        len(spec.entry_channels) + spec.middle_blocks + 1 if spec.residual else 0
    )
    _totals_add_up(cost)


@examples(40)
@given(spec=xception_specs(), size=sizes(1, 70), dtype=st.sampled_from(list(DTYPES)))
def test_a_network_costs_what_torch_counts_in_every_dtype(
    spec: XceptionSpec, size: tuple[int, int, int], dtype: str
) -> None:
    _check_network(spec, size, dtype)


@pytest.mark.parametrize("size", [(1, 299, 299), (2, 71, 96)])
def test_the_papers_network_costs_what_torch_counts(size: tuple[int, int, int]) -> None:
    _check_network(XceptionSpec(), size)


@examples(40)
@given(spec=xception_specs(), extra=st.integers(0, 3))
def test_the_stem_says_which_pictures_are_too_small(spec: XceptionSpec, extra: int) -> None:
    least = least_size(spec)
    assert network_cost(spec, least + extra, least)
    if least > 1:
        with pytest.raises(ValueError, match=r"^height=.*layer 'conv"):
            network_cost(spec, least - 1, least)
        with pytest.raises(ValueError, match=r"^width=.*layer 'conv"):
            network_cost(spec, least, least - 1)


def test_a_kernel_that_does_not_fit_is_named_with_its_reach() -> None:
    spec = BlockSpec("separable", kernel_size=3, dilation=3, padding=1)
    assert block_cost(spec, 5, 5).out_shape == (1, 128, 1, 1)
    with pytest.raises(ValueError, match=r"^height=4.*'depthwise'.*padding 1.*7 pixels.*kernel_size=3.*dilation=3"):
        block_cost(spec, 4, 5)
    with pytest.raises(ValueError, match=r"^width=4"):
        block_cost(spec, 5, 4)


@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, True, "7", None, float("nan"), [7]])
@pytest.mark.parametrize("field", ["height", "width", "batch_size"])
@pytest.mark.parametrize(("make", "spec"), [(block_cost, BlockSpec("extreme")), (network_cost, XceptionSpec())])
def test_an_invalid_size_is_refused_with_field_value_and_rule(make: Any, spec: Any, field: str, value: Any) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the whole message is checked
        make(spec, **{"height": 32, "width": 32, field: value})
    assert str(refusal.value) == f"{field}={value!r}: must be a whole number of at least 1"


@pytest.mark.parametrize("dtype", ["float", "int8", "", "FLOAT32", None, 4, torch.float32, ["float32"], {}])
@pytest.mark.parametrize(("make", "spec"), [(block_cost, BlockSpec("extreme")), (network_cost, XceptionSpec())])
def test_an_unknown_dtype_is_refused_with_field_value_and_rule(make: Any, spec: Any, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"^dtype=.*must be one of 'float64', 'float32', 'float16', 'bfloat16'"):
        make(spec, 32, 32, dtype=dtype)


def test_cost_is_by_hand_for_one_separable_block() -> None:
    cost = block_cost(BlockSpec("separable"), 56, 56)
    assert [layer.name for layer in cost.layers] == ["depthwise", "pointwise", "bn", "activation"]
    assert [layer.op for layer in cost.layers] == ["depthwise", "pointwise", "batch_norm", "relu"]
    pixels = 56 * 56
    assert cost.macs == pixels * (64 * 9 + 64 * 128)
    assert cost.params == 64 * 9 + 64 * 128 + 2 * 128
    assert cost.moved_bytes == 4 * (
        (64 * pixels + 64 * 9 + 64 * pixels)
        + (64 * pixels + 64 * 128 + 128 * pixels)
        + (128 * pixels + 2 * 128 + 128 * pixels)
        + (128 * pixels + 128 * pixels)
    )


@pytest.mark.parametrize(
    ("ins", "outs", "size", "bare", "full"),
    [
        (64, 128, 56, (2.70, 5.66, 4.05), (9.1, 18.5, 10.5)),
        (128, 128, 28, (1.39, 1.68, 1.68), (3.0, 4.9, 3.3)),
        (728, 728, 19, (21.2, 6.4, 6.4), (25.4, 14.8, 10.6)),
    ],
)
def test_the_bytes_are_those_written_down_for_three_places_in_a_network(
    ins: int, outs: int, size: int, bare: tuple[float, ...], full: tuple[float, ...]
) -> None:
    # facts/cost-and-timing.md: MB moved by the convolutions alone, then with batch norm and ReLU
    for kind, convolutions, everything in zip(("standard", "extreme", "separable"), bare, full, strict=True):
        two = {} if kind == "standard" else {"intermediate": "none"}
        only = block_cost(BlockSpec(kind, ins, outs, batch_norm="none", activation="none", **two), size, size)
        assert only.moved_bytes / 1e6 == pytest.approx(convolutions, rel=0.01)
        norms = "every" if kind == "extreme" else "last"
        cost = block_cost(BlockSpec(kind, ins, outs, batch_norm=norms), size, size)
        assert cost.moved_bytes / 1e6 == pytest.approx(everything, rel=0.01)
