"""The numbers in the answers: computed in closed form, or read from the stored results that the labs show.

No torch, and no scipy, whose import takes longer than all of this.
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from xception_lab.arch.breakdown import PAPER_SIZE, CostShare, NetworkBreakdown, cost_shares, paper_network
from xception_lab.arch.cost import Cost, block_cost, network_cost
from xception_lab.arch.orders import order_change
from xception_lab.arch.plan import Conv, Linear, Norm, Op, Pool, block_ops, network_stages
from xception_lab.arch.related_networks import related_networks
from xception_lab.common.citations import constant, paper_table
from xception_lab.common.files import asset_path
from xception_lab.common.units import MINUS, format_count, format_near, format_seconds, format_times
from xception_lab.features.readings import WIDTH, relu_range
from xception_lab.spec import SMALL_XCEPTION, BlockSpec, CompareSpec, Kind, XceptionSpec
from xception_lab.timing.clock_readings import clock_readings
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import Timing
from xception_lab.timing.results_file import shipped_timings
from xception_lab.timing.roofline import fewest_products

Values = dict[str, str]

PAPER = XceptionSpec()
SIZE = CompareSpec().size


@cache
def answer_values(name: str) -> Mapping[str, str]:
    """The values that the texts of a question name, by their names; none where they name none.

    Numbers are written as the pages write them, the same in both languages. Those named *verdict are words of
    experiments.effects.EffectVerdict.
    """
    return _VALUES[name]() if name in _VALUES else {}


# The block


def _block(kind: Kind, size: int = SIZE, **fields: Any) -> Cost:
    return block_cost(BlockSpec(kind, **fields), size, size)


def _fewer(size: int = SIZE, **fields: Any) -> tuple[float, float]:
    """How many times fewer MACs the separable block takes than the standard one, and how many times fewer bytes."""
    standard, separable = (_block(kind, size, **fields) for kind in ("standard", "separable"))
    return standard.macs / separable.macs, standard.moved_bytes / separable.moved_bytes


def _separable() -> Values:
    layers = {layer.op: layer for layer in _block("separable").layers}
    depthwise, pointwise = layers["depthwise"].macs, layers["pointwise"].macs
    return {
        "depthwise": format_count(depthwise),
        "pointwise": format_count(pointwise),
        "share": _percent(pointwise / (depthwise + pointwise)),
    }


def _depthwise_alone() -> Values:
    spec = BlockSpec("separable")
    cost = block_cost(spec, SIZE, SIZE)
    weights = {op.role: cost.layers[place].params for place, op in enumerate(block_ops(spec)) if isinstance(op, Conv)}
    return {
        "depthwise": f"{weights['depthwise']:,}",
        "pointwise": f"{weights['pointwise']:,}",
        "params": format_count(cost.params),
    }


def _shallow() -> Values:
    (slope,) = _primary("conjecture")
    relu = [["intermediate", "relu"]]
    by_depth = {
        effect["where"][0][1]: effect["points"]
        for effect in _stored("conjecture")["effects"]
        if effect["kind"] == "simple" and effect["change"] == relu
    }
    return {
        "params": f"{network_cost(SMALL_XCEPTION, SIZE, SIZE).params:,}",
        **_interval(slope),
        "verdict": slope["verdict"],
        "depths": f"{len(by_depth)}",
        "one": _points(by_depth[None]),
        "sixteen": _points(by_depth[16]),
    }


def _segments() -> Values:
    macs = {segments: _block("extreme", segments=segments).macs for segments in (1, 4, None)}
    return {"macs_1": format_count(macs[1]), "macs": format_count(macs[4]), "macs_all": format_count(macs[None])}


def _in_between() -> Values:
    macs = {segments: _block("extreme", segments=segments).macs for segments in (4, 16, 128)}
    return {f"macs_{segments}": format_count(count) for segments, count in macs.items()}


def _groups() -> Values:
    spec = BlockSpec("separable", in_channels=32, out_channels=64, depth_multiplier=2)
    depthwise = next(op for op in block_ops(spec) if isinstance(op, Conv))
    weights = block_cost(spec, SIZE, SIZE).layers[0].params
    return {
        "ins": f"{depthwise.in_channels // depthwise.groups}",
        "outs": f"{depthwise.out_channels // depthwise.groups}",
        "weights": f"{weights:,}",
        "dense": f"{weights * depthwise.groups:,}",
    }


def _depth_multiplier() -> Values:
    one, two = (_block("separable", depth_multiplier=multiplier) for multiplier in (1, 2))
    return {"params": format_count(two.params), "params_1": format_count(one.params)}


def _kernel_5() -> Values:
    depthwise = {kernel: _block("separable", kernel_size=kernel).layers[0].macs for kernel in (3, 5)}
    times = {kernel: _fewer(kernel_size=kernel)[0] for kernel in (3, 5)}
    return {
        "times_3": format_times(times[3]),
        "times_5": format_times(times[5]),
        "grows": format_times(depthwise[5] / depthwise[3]),
    }


def _spatially_separable() -> Values:
    channels, kernel = 128, 3
    spec: dict[str, Any] = {"in_channels": channels, "out_channels": channels, "batch_norm": "none"}
    standard, separable = (_block(kind, **spec).params for kind in ("standard", "separable"))
    return {
        "spatially_separable": f"{2 * kernel * channels**2:,}",
        "standard": f"{standard:,}",
        "depthwise_separable": f"{separable:,}",
        "depthwise_separable_short": format_count(separable),
    }


# Counting


def _nine_times() -> Values:
    fields = {"in_channels": 728, "out_channels": 728}
    kernel = BlockSpec("separable").kernel_size
    return {
        "times": format_times(_fewer(19, **fields)[0]),
        "limit": f"{kernel**2}",
        "times_64": format_times(_fewer(in_channels=64, out_channels=64)[0]),
    }


def _macs_flops() -> Values:
    cost = paper_network().cost
    return {"macs": f"{cost.macs:,}", "flops": f"{cost.flops:,}"}


def _counters_apart() -> Values:
    cost = paper_network().cost
    # a depthwise layer taken for a regular one
    ungrouped = sum(layer.macs * (layer.out_shape[1] if layer.op == "depthwise" else 1) for layer in cost.layers)
    channels = BlockSpec("separable").in_channels
    # FlopCounterMode's backward pass takes one of its two products for a regular convolution's
    printed, true = 2 + channels, 3
    return {
        "ungrouped": format_times(ungrouped / cost.macs),
        "channels": f"{channels}",
        "printed": f"{printed}",
        "true": f"{true}",
        "apart": f"{printed // true}",
    }


def _one_bias() -> Values:
    def torch_and_keras(ins: int, outs: int) -> tuple[int, int]:
        cost = _block("separable", in_channels=ins, out_channels=outs, kernel_size=5, bias=True, batch_norm="none")
        return cost.params, cost.params - ins

    torch, keras = torch_and_keras(10, 100)
    live_torch, live_keras = torch_and_keras(8, 96)
    return {
        "torch": f"{torch:,}",
        "keras": f"{keras:,}",
        "biases": f"{torch - keras}",
        "live_torch": f"{live_torch:,}",
        "live_keras": f"{live_keras:,}",
    }


def _depthwise_params() -> Values:
    network = paper_network()
    depthwise = _kinds(network)["depthwise"]
    pointwise = sum(_kinds(network)[kind].shares["params"] for kind in ("pointwise", "shortcut"))
    return {
        "layers": f"{sum(layer.kind == 'depthwise' for layer in network.layers)}",
        "params": f"{depthwise.totals['params']:,}",
        "share": _percent(depthwise.shares["params"]),
        "macs_share": _percent(depthwise.shares["macs"]),
        "pointwise_share": _percent(pointwise),
    }


def _more_bytes() -> Values:
    (macs, fewer_bytes), (_, late_bytes) = _fewer(147), _fewer(19, in_channels=728, out_channels=728)
    return {"macs": format_times(macs), "moved": format_times(1 / fewer_bytes), "late": format_times(late_bytes)}


def _layers_36() -> Values:
    kinds = [layer.kind for layer in paper_network().layers]
    separable, plain = kinds.count("depthwise"), kinds.count("standard")
    return {
        "separable": f"{separable}",
        "plain": f"{plain}",
        "layers": f"{separable + plain}",
        "shortcuts": f"{kinds.count('shortcut')}",
        "convolutions": f"{2 * separable + plain + kinds.count('shortcut')}",
    }


def _fan_out() -> Values:
    spec = BlockSpec("separable", in_channels=728, out_channels=728)
    depthwise = next(op for op in block_ops(spec) if isinstance(op, Conv))
    taps = depthwise.kernel_size**2
    # weight.size(0) times the kernel, as torch computes it; each input channel reaches out_channels / groups of them
    by_torch, real = depthwise.out_channels * taps, depthwise.out_channels // depthwise.groups * taps
    return {
        "by_torch": f"{by_torch:,}",
        "real": f"{real}",
        "smaller": format_times(math.sqrt(by_torch / real)),
    }


# Speed


def _medians_s(size: int = SIZE, **chosen: Any) -> tuple[float, float]:
    """The stored medians of the standard and the separable block of the page's default widths."""
    results = shipped_timings()
    standard, _extreme, separable = (results.timing(each) for each in three_blocks(CompareSpec(size=size), **chosen))
    assert standard, "timed by timing.jobs.full_job"
    assert separable, "timed by timing.jobs.full_job"
    return standard.median_s, separable.median_s


GPU, GPU_BATCH = "nvidia-h100", 32


def _gpu_timings(**chosen: Any) -> tuple[Timing, Timing]:
    """The stored times of the standard and the separable block on a GPU. chosen: fields of CompareSpec."""
    standard, _extreme, separable = map(shipped_timings(GPU).timing, three_blocks(CompareSpec(**chosen)))
    assert standard, "timed by timing.jobs.full_job"
    assert separable, "timed by timing.jobs.full_job"
    return standard, separable


def _machine() -> str:
    return shipped_timings().machine.label


def _seconds() -> Values:
    standard_s, separable_s = _medians_s()
    return {
        "flops": format_times(_fewer()[0]),
        "faster": format_times(standard_s / separable_s),
        "machine": _machine(),
    }


def _gpu() -> Values:
    layers = {layer.op: layer for layer in _block("separable").layers}
    standard, _norm, _activation = _block("standard").layers
    one, many = _gpu_timings(), _gpu_timings(batch_size=GPU_BATCH)
    again = clock_readings(GPU)
    # two measurements, since calls in a row are less steady than the work
    in_a_row = [
        (one[1].loop_s or 0.0) / (one[0].loop_s or 1.0),
        again["separable"].loop_s / again["standard"].loop_s,
    ]
    both_us = sum(int(constant(name).value) for name in ("a100_depthwise_us", "a100_pointwise_us"))
    return {
        "intensity": f"{layers['depthwise'].intensity:.1f}",
        "intensity_standard": f"{standard.intensity:.0f}",
        "both_us": f"{both_us}",
        "h100": shipped_timings(GPU).machine.device,
        "work": format_times(one[0].work_s / one[1].work_s),
        "in_a_row_low": f"{min(in_a_row):.0%}",
        "in_a_row_high": f"{max(in_a_row):.0%}",
        "batch": f"{GPU_BATCH}",
        "large": format_times(many[0].work_s / many[1].work_s),
    }


def _small_blocks() -> Values:
    standard_s, separable_s = _medians_s(7)
    _standard, gpu = _gpu_timings(size=7)
    return {
        "flops": format_times(_fewer(7)[0]),
        "standard": format_seconds(standard_s),
        "separable": format_seconds(separable_s),
        "machine": _machine(),
        "h100": shipped_timings(GPU).machine.device,
        "work": format_seconds(gpu.work_s),
        "in_a_row": format_seconds(gpu.loop_s or 0.0),
    }


def _winograd() -> Values:
    size = BlockSpec("standard").kernel_size
    times = _fewer(19, in_channels=728, out_channels=728)[0]
    fewest = size**2 / fewest_products(size)
    return {"fewest": f"{fewest:.1f}", "times": format_times(times), "left": format_times(times / fewest)}


def _channels_last() -> Values:
    first_s, last_s = (_medians_s(memory_format=name)[1] for name in ("contiguous", "channels_last"))
    return {"first": format_seconds(first_s), "last": format_seconds(last_s), "machine": _machine()}


def _training_speed() -> Values:
    forward, both = _medians_s(), _medians_s(backward=True)
    return {
        "flops": format_times(_fewer()[0]),
        "forward": format_times(forward[0] / forward[1]),
        "faster": format_times(both[0] / both[1]),
        "machine": _machine(),
    }


# The network


def _kinds(network: NetworkBreakdown) -> dict[str, CostShare]:
    return {share.name: share for share in cost_shares(network, "kind")}


def _operations() -> list[Op]:
    return [op for stage in network_stages(PAPER) for op in (*stage.body, *(stage.shortcut or ()))]


def _same_padding() -> Values:
    sides = [layer.in_shape[-1] for layer in paper_network().layers if layer.cost.op == "max_pool"]
    return {
        "sides": ", ".join(map(str, sides)),
        "even": ", ".join(str(side) for side in sides if not side % 2),
    }


def _batch_norm_eps() -> Values:
    return {"eps": f"{PAPER.batch_norm_eps:g}"}


def _timm() -> Values:
    ops = _operations()
    norms = [op for op in ops if isinstance(op, Norm)]
    convs, linears = (sum(isinstance(op, kind) for op in ops) for kind in (Conv, Linear))
    # a batch norm has weight, bias, running mean, running variance and a counter; a linear layer weight and bias
    return {
        "keys": f"{convs + 5 * len(norms) + 2 * linears}",
        "pools": f"{sum(isinstance(op, Pool) and op.size is not None for op in ops)}",
    }


def _residual() -> Values:
    without = network_cost(XceptionSpec(residual=False), PAPER_SIZE, PAPER_SIZE)
    saved = paper_network().cost.params - without.params
    (left_out,) = _primary("figure-9")
    return {
        "saved": f"{saved:,}",
        "share": _percent(saved / paper_network().cost.params),
        **_interval(left_out),
        "verdict": left_out["verdict"],
    }


def _inception_v3() -> Values:
    xception, inception = (
        next(network for network in related_networks() if network.name == name) for name in ("Xception", "Inception V3")
    )
    return {
        "params": f"{xception.params:,}",
        "inception_params": f"{inception.params:,}",
        "macs": f"{xception.macs / 1e9:.2f} G",
        "inception_macs": f"{inception.macs / 1e9:.2f} G",
    }


# The evidence


def _better() -> Values:
    accuracies = {name: paper_table(1).row(name)[0] for name in ("Xception", "Inception V3")}
    maps = {name: paper_table(2).row(f"{name} - no FC layers")[0] for name in ("Xception", "Inception V3")}
    return {
        "xception": accuracies["Xception"],
        "inception": accuracies["Inception V3"],
        "xception_jft": maps["Xception"],
        "inception_jft": maps["Inception V3"],
    }


@cache
def _stored(name: str) -> dict[str, Any]:
    """A stored experiment; read as plain JSON, because its own reader needs scipy."""
    return json.loads(asset_path("results", f"{name}.json").read_text(encoding="utf-8"))


def _primary(name: str) -> list[dict[str, Any]]:
    return [effect for effect in _stored(name)["effects"] if effect["is_primary"]]


def _with_tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _points(value: float, margin: float = 0.0) -> str:
    """Points, with as many decimals as it takes to stand to 0 and the margin as they do."""
    return format_near(value, (0.0, -margin, margin)).replace("-", MINUS)


def _confidence(effect: Mapping[str, Any]) -> str:
    return f"{100 * effect['confidence']:.3g}%"


def _interval(effect: Mapping[str, Any], margin: float = 0.0) -> Values:
    """An effect's points and its interval, with how many seeds it rests on. margin: that it is compared with."""
    ends = {name: _points(effect[name], margin) for name in ("points", "low", "high")}
    return {**ends, "confidence": _confidence(effect), "seeds": f"{len(effect['differences'])}"}


def _figure_10() -> Values:
    relu, elu = _primary("figure-10")
    return {
        "relu": _points(relu["points"]),
        "relu_low": _points(relu["low"]),
        "relu_high": _points(relu["high"]),
        "relu_confidence": _confidence(relu),
        "relu_verdict": relu["verdict"],
        "elu": _points(elu["points"]),
        "elu_verdict": elu["verdict"],
        **_elsewhere("figure-10-emoji", "emoji"),
        **_elsewhere("figure-10-narrow", "narrow"),
        "seeds": f"{len(relu['differences'])}",
        "margin": f"{_stored('figure-10')['plan']['margin']:g}",
    }


def _elsewhere(name: str, prefix: str) -> Values:
    """Figure 10's two comparisons in another stored result: points and verdicts."""
    effects = dict(zip(("relu", "elu"), _primary(name), strict=True))
    return {
        f"{prefix}_{key}{end}": value
        for key, effect in effects.items()
        for end, value in (("", _points(effect["points"])), ("_verdict", effect["verdict"]))
    }


def _order_tested() -> Values:
    _relu, order = _primary("two-differences")
    _relu, emoji = _primary("two-differences-emoji")
    plan = _stored("two-differences")["plan"]
    network = plan["experiment"]["base"]["xception"]
    change = order_change(XceptionSpec(**{name: _with_tuples(value) for name, value in network.items()}))
    return {
        **_interval(order, plan["margin"]),
        **{f"emoji_{name}": value for name, value in _interval(emoji, plan["margin"]).items() if name != "seeds"},
        "margin": f"{plan['margin']:g}",
        "changed": f"{len(change.widths)}",
        "convolutions": f"{change.convolutions}",
    }


def _seeds() -> Values:
    relu = _primary("figure-10")[0]
    spread, differences = relu["spread"], relu["differences"]
    # Student's t of three seeds: with two degrees of freedom its quantile has a closed form
    share = 0.975
    quantile = (2 * share - 1) * math.sqrt(2 / (4 * share * (1 - share)))
    return {
        **_interval(relu),
        "spread": f"{spread:.2f}",
        "least": _points(min(differences)),
        "most": _points(max(differences)),
        "three": f"{quantile * spread / math.sqrt(3):.2f}",
    }


def _other_machine() -> Values:
    stored = _stored("two-differences")
    return {"machine": stored["machine"], "spread": f"{_primary('two-differences')[0]['spread']:.2f}"}


def _relu_harm() -> Values:
    readings = relu_range(WIDTH, "input")
    ends = {kind: readings.loss_ends(kind) for kind in ("extreme", "separable")}
    return {
        "width": f"{WIDTH}",
        "pictures": f"{len(readings.losses)}",
        **{kind: f"{high:.1%}" for kind, (_low, high) in ends.items()},
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


_VALUES: dict[str, Callable[[], Values]] = {
    "separable": _separable,
    "depthwise-alone": _depthwise_alone,
    "shallow": _shallow,
    "segments": _segments,
    "in-between": _in_between,
    "groups": _groups,
    "depth-multiplier": _depth_multiplier,
    "kernel-5": _kernel_5,
    "spatially-separable": _spatially_separable,
    "nine-times": _nine_times,
    "macs-flops": _macs_flops,
    "counters-apart": _counters_apart,
    "one-bias": _one_bias,
    "depthwise-params": _depthwise_params,
    "more-bytes": _more_bytes,
    "layers-36": _layers_36,
    "fan-out": _fan_out,
    "seconds": _seconds,
    "gpu": _gpu,
    "small-blocks": _small_blocks,
    "winograd": _winograd,
    "channels-last": _channels_last,
    "training-speed": _training_speed,
    "same-padding": _same_padding,
    "batch-norm-eps": _batch_norm_eps,
    "timm": _timm,
    "residual": _residual,
    "inception-v3": _inception_v3,
    "better": _better,
    "figure-10": _figure_10,
    "order-tested": _order_tested,
    "relu-harm": _relu_harm,
    "seeds": _seeds,
    "other-machine": _other_machine,
}
