"""What other counters print, and that the page's explanation of the difference is the whole difference."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import assume, given
from strategies import block_specs, examples, sizes

from xception_lab import BlockSpec, XceptionSpec, block_cost, build_block, network_cost
from xception_lab.common.citations import constant
from xception_lab.nn import other_counters
from xception_lab.nn.other_counters import NETWORK_COUNTERS, count_own_xception, run_counters


def _excess(spec: BlockSpec, height: int, width: int, batch: int) -> int:
    """What torchinfo adds: one for each batch-norm parameter and picture, a bias at every pixel and picture."""
    from torch import nn

    layers = {layer.name: layer for layer in block_cost(spec, height, width, batch).layers}
    more = 0
    for name, module in build_block(spec).named_children():
        _, _, out_height, out_width = layers[name].out_shape
        if isinstance(module, nn.BatchNorm2d):
            more += batch * sum(weight.numel() for weight in module.parameters())
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            more += batch * module.bias.numel() * out_height * out_width
    return more


@examples(60)
@given(spec=block_specs(), size=sizes())
def test_the_counters_differ_by_what_the_page_says(spec: BlockSpec, size: tuple[int, int, int]) -> None:
    batch, height, width = size
    try:
        macs = block_cost(spec, height, width, batch).macs
    except ValueError:
        assume(False)
        return
    ours, flop_counter, torchinfo = run_counters(spec, height, width, batch)
    assert (ours.figure, ours.quantity, ours.excess) == (macs, "MACs", 0)
    assert (flop_counter.figure, flop_counter.quantity, flop_counter.excess) == (2 * macs, "FLOPs", 0)
    assert torchinfo.quantity == "MACs"
    assert torchinfo.excess == torchinfo.figure - macs == _excess(spec, height, width, batch)


@pytest.mark.parametrize("kind", ["standard", "extreme", "separable"])
def test_a_known_block(kind: str) -> None:
    # 64 -> 128 channels, 3x3, 56x56: K*K*C_in*C_out*H*W, then the two factorised ones, by hand
    area = 56 * 56
    macs = {
        "standard": 9 * 64 * 128 * area,
        "extreme": 64 * 128 * area + 9 * 128 * area,
        "separable": 9 * 64 * area + 64 * 128 * area,
    }[kind]
    found = run_counters(BlockSpec(kind), 56, 56)  # type: ignore[arg-type]
    assert [c.counter for c in found] == ["xception_lab", "torch FlopCounterMode", "torchinfo"]
    assert [c.figure for c in found] == [macs, 2 * macs, macs + 2 * 128]


def test_eight_people_counting_at_once_get_the_same() -> None:
    specs = [BlockSpec(kind, bias=True, batch_norm="every") for kind in ("standard", "extreme", "separable")] * 40  # type: ignore[arg-type]
    alone = [run_counters(spec, 14, 14, 2) for spec in specs[:3]] * 40
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda spec: run_counters(spec, 14, 14, 2), specs))
    assert together == alone


def test_the_apps_xception_is_counted_as_the_page_says() -> None:
    figures = count_own_xception()
    assert {"flop_counter", "torchinfo"} <= figures.keys(), "these come with the app"
    stored = {counter.key: constant(f"own_{counter.key}").value for counter in NETWORK_COUNTERS}
    assert {key: stored[key] for key in figures} == figures
    assert stored["flop_counter"] == 2 * network_cost(XceptionSpec(), 299, 299).macs
    assert count_own_xception() == figures, "once for everybody"


def test_a_count_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_counters, "_own_figures", {})
    start = other_counters.start_child
    monkeypatch.setattr(other_counters, "start_child", lambda _module: start("xception_lab.no_such_module"))
    with pytest.raises(RuntimeError, match="status 1"):
        count_own_xception()
