"""The Questions page: every question in both languages, every link at a page that shows what was promised, the search.

What an answer says in numbers is computed anew here, from torch's own modules, its FLOP counter or the stored files.
"""

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from functools import cache
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import pytest
import torch
from hostile import HOSTILE_VALUES
from paths import ROOT
from scipy import stats
from streamlit.testing.v1 import AppTest
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from visits import opened, ran, signed

from xception_lab import XceptionSpec, build_xception
from xception_lab.common.citations import constant
from xception_lab.common.files import asset_path
from xception_lab.common.units import format_count, format_seconds, format_times
from xception_lab.questions.catalogue import GROUPS, NAMES, QUESTIONS, Question
from xception_lab.questions.search import fold, matches
from xception_lab.questions.values import answer_values
from xception_lab.ui.fields.registry import FIELDS, fit_texts
from xception_lab.ui.questions.texts import find_questions, live_texts, question_text
from xception_lab.ui.questions.views import COLUMNS
from xception_lab.ui.shell.language import LANGUAGES, WORD_JOINER

PAGE = "pages/questions.py"

by_name = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


def _sent_text(at: AppTest) -> str:
    """All that a page has sent to the browser, with components' and charts' JSON and tables unpacked."""
    parts: list[str] = []
    for node in at._tree:
        proto = getattr(node, "proto", None)
        if proto is None:
            continue
        parts.append(str(getattr(proto, "body", "")))
        for name in ("json", "spec", "code_text"):
            text = getattr(proto, name, "")
            if isinstance(text, str) and text.startswith(("{", "[")):
                content = json.loads(text)
                if isinstance(content, dict):
                    content.pop("ahead", None)  # what would be shown one step of a slider away
                parts.append(json.dumps(content, ensure_ascii=False))
            else:
                parts.append(str(text))
    parts += [frame.value.to_string() for frame in at.dataframe]
    return "\n".join(parts)


# The catalogue and its texts


def test_there_are_questions_enough_and_all_are_drawn() -> None:
    assert len(QUESTIONS) >= 30
    assert len(set(NAMES)) == len(NAMES)
    assert {question.group for question in QUESTIONS} == set(GROUPS)
    assert sorted(group for column in COLUMNS for group in column) == sorted(GROUPS)
    for language in LANGUAGES:
        files = {path.stem for path in asset_path("text", language, "questions").iterdir()}
        assert files == set(NAMES), language


@by_name
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_has_a_short_answer(question: Question, language: str) -> None:
    text = question_text(question.name, language)
    assert "?" in text.title
    assert "\n" not in text.title
    plain = re.sub(r"\]\([^)]*\)", "]", text.answer).replace("*", "")
    sentences = re.findall(r"[.?!](?=\s|$)", " ".join(plain.split()))
    # Korean splits what English joins with a semicolon
    assert 2 <= len(sentences) <= {"en": 6, "ko": 8}[language], plain
    assert "{" not in text.answer
    assert text.answer.startswith("**"), "the first sentence answers"
    assert "~" not in text.answer


@by_name
def test_every_value_of_a_question_is_used(question: Question) -> None:
    texts = [
        asset_path("text", language, "questions", f"{question.name}.md").read_text(encoding="utf-8")
        for language in LANGUAGES
    ]
    used = [set(re.findall(r"\{(\w+)\}", text)) for text in texts]
    assert used[0] == used[1]
    marks = set(re.findall(r"\{(\w+)\}", " ".join(question.shows)))
    assert set(answer_values(question.name)) - used[0] - marks == set()


# Every link


@by_name
def test_a_link_asks_for_what_its_page_can_show(question: Question) -> None:
    assert question.parameters.keys() <= FIELDS.keys()
    fit = fit_texts({key: field.default for key, field in FIELDS.items()} | question.parameters)
    assert {key: fit[key] for key in question.parameters} == question.parameters
    assert question.parameters, "without any the page would show what the session had there"


@by_name
def test_a_link_leads_to_what_it_promises(question: Question) -> None:
    at = opened(f"pages/{question.page}.py", question.parameters)
    assert at.session_state["_repairs"] == ()
    text = _sent_text(at)
    for mark in live_texts(question):
        assert mark in text, mark
    state = at.session_state["_values"]
    assert {key: state[key] for key in question.parameters} == question.parameters


def test_a_promise_that_is_not_kept_is_found() -> None:
    text = _sent_text(opened("pages/compare.py"))
    assert "25.7 M" in text
    assert "1,072" not in text
    assert "# depthwise" not in text


# Every number, computed in another way


def _weights(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def _conv(ins: int, outs: int, kernel: int = 1, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(ins, outs, kernel, padding=kernel // 2, groups=groups, bias=bias, device="meta")


def _macs(side: int, *convs: nn.Conv2d) -> int:
    """The MACs of convolutions one after another, by torch's counter."""
    x = torch.empty(1, convs[0].in_channels, side, side, device="meta")
    with FlopCounterMode(display=False) as counter:
        nn.Sequential(*convs)(x)
    return counter.get_total_flops() // 2


def _separable(ins: int, outs: int, kernel: int = 3, multiplier: int = 1) -> tuple[nn.Conv2d, nn.Conv2d]:
    return _conv(ins, ins * multiplier, kernel, groups=ins), _conv(ins * multiplier, outs)


def _times_fewer(ins: int, outs: int, side: int, kernel: int = 3) -> float:
    return _macs(side, _conv(ins, outs, kernel)) / _macs(side, *_separable(ins, outs, kernel))


def _moved_bytes(side: int, *layers: nn.Module) -> int:
    """What layers read and write in float32, each its input, its weights and its output, the size staying the same."""
    channels = next(layer.in_channels for layer in layers if isinstance(layer, nn.Conv2d))
    total = 0
    for layer in layers:
        after = layer.out_channels if isinstance(layer, nn.Conv2d) else channels
        total += 4 * (side**2 * (channels + after) + _weights(layer))
        channels = after
    return total


@cache
def _xception() -> nn.Module:
    with torch.device("meta"):
        return build_xception(XceptionSpec()).eval()


def _run_xception(side: int = 299) -> tuple[int, dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]]:
    """FLOPs by torch's counter, and every leaf module with the shapes of its input and output."""
    network, shapes = _xception(), {}
    hooks = [
        module.register_forward_hook(
            lambda module, ins, out, name=name: shapes.update({name: (module, tuple(ins[0].shape), tuple(out.shape))})
        )
        for name, module in network.named_modules()
        if not list(module.children())
    ]
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, side, side, device="meta"))
    for hook in hooks:
        hook.remove()
    return counter.get_total_flops(), shapes


def test_values_of_the_block() -> None:
    depthwise, pointwise = _separable(64, 128)
    both = _macs(56, depthwise), _macs(56, depthwise, pointwise)
    assert answer_values("separable") == {
        "depthwise": format_count(both[0]),
        "pointwise": format_count(both[1] - both[0]),
        "share": f"{100 * (1 - both[0] / both[1]):.1f}%",
    }
    norm = nn.BatchNorm2d(128)
    assert answer_values("depthwise-alone") == {
        "depthwise": f"{_weights(depthwise):,}",
        "pointwise": f"{_weights(pointwise):,}",
        "params": f"{_weights(depthwise, pointwise, norm):,}",
    }
    twice = _separable(64, 128, multiplier=2)
    assert answer_values("depth-multiplier") == {
        "params": format_count(_weights(*twice, norm)),
        "params_1": f"{_weights(depthwise, pointwise, norm):,}",
    }
    macs = {
        segments: format_count(_macs(56, _conv(64, 128), _conv(128, 128, 3, groups=segments)))
        for segments in (1, 4, 16, 128)
    }
    assert answer_values("segments") == {"macs_1": macs[1], "macs": macs[4], "macs_all": macs[128]}
    assert answer_values("in-between") == {f"macs_{segments}": macs[segments] for segments in (4, 16, 128)}
    five, three = _separable(64, 128, 5), _separable(64, 128, 3)
    assert answer_values("kernel-5") == {
        "times_3": format_times(_times_fewer(64, 128, 56)),
        "times_5": format_times(_times_fewer(64, 128, 56, 5)),
        "grows": format_times(_macs(56, five[0]) / _macs(56, three[0])),
    }


def test_values_of_groups_and_of_other_separable_convolutions() -> None:
    grouped = _conv(32, 64, 3, groups=32)
    assert tuple(grouped.weight.shape) == (64, 1, 3, 3), "as the text says"
    assert answer_values("groups") == {
        "ins": f"{32 // grouped.groups}",
        "outs": f"{64 // grouped.groups}",
        "weights": f"{_weights(grouped):,}",
        "dense": f"{_weights(_conv(32, 64, 3)):,}",
    }
    rows, columns = (nn.Conv2d(128, 128, kernel, bias=False, device="meta") for kernel in ((1, 3), (3, 1)))
    assert answer_values("spatially-separable") == {
        "spatially_separable": f"{_weights(rows, columns):,}",
        "standard": f"{_weights(_conv(128, 128, 3)):,}",
        "depthwise_separable": f"{_weights(*_separable(128, 128)):,}",
        "depthwise_separable_short": format_count(_weights(*_separable(128, 128))),
    }


def test_one_bias_is_between_the_two_counts_of_the_question() -> None:
    with torch.device("meta"):
        torch_count, live = (
            _weights(nn.Conv2d(ins, ins, 5, groups=ins), nn.Conv2d(ins, outs, 1)) for ins, outs in ((10, 100), (8, 96))
        )
    # Keras's SeparableConv2D: depthwise kernel, pointwise kernel, one bias
    keras_count, live_keras = (5 * 5 * ins + ins * outs + outs for ins, outs in ((10, 100), (8, 96)))
    values = answer_values("one-bias")
    assert values == {
        "torch": f"{torch_count:,}",
        "keras": f"{keras_count:,}",
        "biases": f"{torch_count - keras_count}",
        "live_torch": f"{live:,}",
        "live_keras": f"{live_keras:,}",
    }
    for language in LANGUAGES:
        title = question_text("one-bias", language).title
        assert values["torch"] in title
        assert values["keras"] in title


def test_values_of_counting() -> None:
    assert answer_values("nine-times") == {
        "times": format_times(_times_fewer(728, 728, 19)),
        "limit": "9",
        "times_64": format_times(_times_fewer(64, 64, 56)),
    }
    assert answer_values("nine-times")["times"] == "8.9×", "as the question says"
    flops, shapes = _run_xception()
    assert answer_values("macs-flops") == {"macs": f"{flops // 2:,}", "flops": f"{flops:,}"}
    dense = sum(
        module.out_channels * module.in_channels * module.kernel_size[0] ** 2 * after[2] * after[3]
        for module, _, after in shapes.values()
        if isinstance(module, nn.Conv2d)
    )
    linear = next(module for module, *_ in shapes.values() if isinstance(module, nn.Linear))
    conv = nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False)
    x = torch.zeros(1, 64, 8, 8, requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        y = conv(x)
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    printed = 1 + backward.get_total_flops() / forward.get_total_flops()
    assert answer_values("counters-apart") == {
        "ungrouped": format_times((dense + linear.weight.numel()) / (flops // 2)),
        "channels": "64",
        "printed": f"{printed:.0f}",
        "true": "3",
        "apart": f"{printed / 3:.0f}",
    }
    assert 10 < printed / 3 < 30, "about 20 times, as the question says"


def test_values_of_bytes_and_of_fans() -> None:
    def bytes_of(ins: int, outs: int, side: int) -> tuple[int, int]:
        after = (nn.BatchNorm2d(outs), nn.ReLU())
        return tuple(_moved_bytes(side, *convs, *after) for convs in ((_conv(ins, outs, 3),), _separable(ins, outs)))  # type: ignore[return-value]

    early, late = bytes_of(64, 128, 147), bytes_of(728, 728, 19)
    assert answer_values("more-bytes") == {
        "macs": format_times(_times_fewer(64, 128, 147)),
        "moved": format_times(early[1] / early[0]),
        "late": format_times(late[0] / late[1]),
    }
    conv = nn.Conv2d(728, 728, 3, groups=728, bias=False)
    fan_in, by_torch = nn.init._calculate_fan_in_and_fan_out(conv.weight)
    torch.manual_seed(0)
    drawn = [
        nn.init.kaiming_normal_(conv.weight.detach().clone(), mode=mode, nonlinearity="relu").std().item()
        for mode in ("fan_in", "fan_out")
    ]
    values = answer_values("fan-out")
    assert values == {
        "by_torch": f"{by_torch:,}",
        "real": f"{fan_in}",
        "smaller": format_times((by_torch / fan_in) ** 0.5),
    }
    assert drawn[0] / drawn[1] == pytest.approx(float(values["smaller"].rstrip("×")), rel=0.05)


def test_values_of_the_network() -> None:
    network, (_, shapes) = _xception(), _run_xception()
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    depthwise = [conv for conv in convs if conv.groups > 1]
    skips = [module for name, module in network.named_modules() if name.endswith(".skip")]
    params = _weights(network)
    depthwise_macs = sum(
        module.weight.numel() * after[2] * after[3]
        for module, _, after in shapes.values()
        if isinstance(module, nn.Conv2d) and module.groups > 1
    )
    ones = [conv for conv in convs if conv.kernel_size == (1, 1)]
    flops, _ = _run_xception()
    assert answer_values("depthwise-params") == {
        "layers": f"{len(depthwise)}",
        "params": f"{_weights(*depthwise):,}",
        "share": f"{100 * _weights(*depthwise) / params:.1f}%",
        "macs_share": f"{100 * depthwise_macs / (flops / 2):.1f}%",
        "pointwise_share": f"{100 * _weights(*ones) / params:.1f}%",
    }
    plain = [conv for conv in convs if conv.groups == 1 and conv.kernel_size != (1, 1)]
    assert answer_values("layers-36") == {
        "separable": f"{len(depthwise)}",
        "plain": f"{len(plain)}",
        "layers": "36",
        "shortcuts": f"{len(skips)}",
        "convolutions": f"{len(convs)}",
    }
    pools = [(name, before[-1]) for name, (module, before, _) in shapes.items() if "MaxPool" in type(module).__name__]
    sides = [side for _, side in pools]
    assert answer_values("same-padding") == {
        "sides": ", ".join(map(str, sides)),
        "even": ", ".join(str(side) for side in sides if side % 2 == 0),
    }
    assert answer_values("timm") == {"keys": f"{len(network.state_dict())}", "pools": f"{len(pools)}"}
    projections = [m for name, m in network.named_modules() if name.endswith((".skip", ".skipbn"))]
    residual = answer_values("residual")
    assert residual["saved"] == f"{_weights(*projections):,}"
    assert residual["share"] == f"{100 * _weights(*projections) / params:.1f}%"
    assert answer_values("inception-v3")["params"] == f"{params:,}"
    assert answer_values("inception-v3")["macs"] == f"{flops / 2e9:.2f} G"


def test_what_the_texts_say_of_batch_norms_is_so() -> None:
    norms = [module for module in _xception().modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(0.001, 0.01)}
    assert answer_values("batch-norm-eps") == {"eps": "0.001"}
    default = nn.BatchNorm2d(1)
    assert float(constant("torch_norm_eps").value) == default.eps
    assert float(constant("torch_norm_momentum").value) == default.momentum
    assert float(constant("keras_norm_eps").value) == XceptionSpec().batch_norm_eps
    assert 1 - float(constant("keras_norm_momentum").value) == pytest.approx(norms[0].momentum)


def test_what_the_texts_say_of_relus_in_place_is_so() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 4, 5, 5)
    body = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1))
    overwritten = x.clone()
    shortcut_reads = body(overwritten) + overwritten
    assert torch.equal(shortcut_reads, body[1](x.relu()) + x.relu()), "relu(x) is added in the place of x"
    kept: list[torch.Tensor] = []
    network = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True))
    network[0].register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    network(x)
    assert kept[0].min() == 0, "the hook's tensor was overwritten"
    # and in this app the first ReLU of a branch is not in place
    for name, module in _xception().named_modules():
        if name.endswith(".rep.0") and isinstance(module, nn.ReLU):
            assert not module.inplace, name


def _timings() -> list[dict[str, Any]]:
    return json.loads(asset_path("results", "timing-cpu.json").read_text(encoding="utf-8"))["timings"]


def _stored_s(kind: str, side: int = 56, memory_format: str = "contiguous", backward: bool = False) -> float:
    (timing,) = [
        timing
        for timing in _timings()
        if (s := timing["settings"])["subject"].get("kind") == kind
        and (s["subject"]["in_channels"], s["subject"]["out_channels"], s["height"]) == (64, 128, side)
        and (s["batch_size"], s["dtype"], s["mode"]) == (1, "float32", "eager")
        and (s["memory_format"], s["backward"]) == (memory_format, backward)
    ]
    return median(timing["times_s"])


def test_values_of_time_are_those_stored() -> None:
    def faster(**how: Any) -> str:
        return format_times(_stored_s("standard", **how) / _stored_s("separable", **how))

    flops = format_times(_times_fewer(64, 128, 56))
    assert answer_values("seconds").items() >= {"flops": flops, "faster": faster()}.items()
    assert (
        answer_values("training-speed").items()
        >= {"flops": flops, "forward": faster(), "faster": faster(backward=True)}.items()
    )
    assert (
        answer_values("small-blocks").items()
        >= {
            "flops": format_times(_times_fewer(64, 128, 7)),
            "standard": format_seconds(_stored_s("standard", 7)),
            "separable": format_seconds(_stored_s("separable", 7)),
        }.items()
    )
    assert (
        answer_values("channels-last").items()
        >= {
            "first": format_seconds(_stored_s("separable")),
            "last": format_seconds(_stored_s("separable", memory_format="channels_last")),
        }.items()
    )


def test_values_of_devices() -> None:
    values = answer_values("gpu")
    # what a 3x3 convolution of 64 channels at 56x56 reads and writes
    depthwise, standard = _conv(64, 64, 3, groups=64), _conv(64, 128, 3)
    assert values["intensity"] == f"{2 * _macs(56, depthwise) / _moved_bytes(56, depthwise):.1f}"
    assert values["intensity_standard"] == f"{2 * _macs(56, standard) / _moved_bytes(56, standard):.0f}"
    assert values["both_us"] == f"{272 + 387}"
    # F(6x6, 3x3): 64 products for 36 outputs, where the direct way takes 324
    assert answer_values("winograd") == {
        "fewest": f"{324 / 64:.1f}",
        "times": format_times(_times_fewer(728, 728, 19)),
        "left": format_times(_times_fewer(728, 728, 19) * 64 / 324),
    }


def _accuracies(name: str, **arm: str | int | None) -> list[float]:
    """Test accuracies in percent of the runs of one arm in a stored experiment, by seed."""
    runs = json.loads(asset_path("results", f"{name}.json").read_text(encoding="utf-8"))["runs"]
    chosen = [run for run in runs if all(run["spec"]["xception"].get(key) == value for key, value in arm.items())]
    chosen.sort(key=lambda run: run["spec"]["seed"])
    return [100 * run["records"][-1]["test_accuracy"] for run in chosen]


def _differences(name: str, baseline: Mapping[str, Any], change: Mapping[str, Any]) -> list[float]:
    pairs = zip(_accuracies(name, **change), _accuracies(name, **baseline), strict=True)
    return [after - before for after, before in pairs]


def _interval(differences: list[float], confidence: float) -> tuple[str, str]:
    error = stdev(differences) / len(differences) ** 0.5
    low, high = stats.t.interval(confidence, len(differences) - 1, fmean(differences), error)
    return signed(low), signed(high)


def _number(said: str) -> float:
    return float(said.replace("\N{MINUS SIGN}", "-"))


def test_values_of_the_evidence_are_those_of_the_stored_runs() -> None:
    none, relu, elu = ({"intermediate": between} for between in ("none", "relu", "elu"))
    harm, mild = _differences("figure-10", none, relu), _differences("figure-10", none, elu)
    low, high = _interval(harm, 0.975)
    values = answer_values("figure-10")
    assert (values["relu"], values["elu"]) == (signed(fmean(harm)), signed(fmean(mild)))
    assert (values["relu_low"], values["relu_high"], values["seeds"]) == (low, high, f"{len(harm)}")
    assert (values["relu_verdict"], values["elu_verdict"]) == ("harmful", "equivalent")
    assert _number(high) < 0, "harmful"
    inside = _interval(mild, 0.9)
    assert max(abs(_number(end)) for end in inside) < float(values["margin"]), "equivalent"
    three = stats.t.ppf(0.975, 2) * stdev(harm) / 3**0.5
    assert answer_values("seeds") == {
        "seeds": f"{len(harm)}",
        "points": signed(fmean(harm)),
        "low": low,
        "high": high,
        "confidence": "97.5%",
        "spread": f"{stdev(harm):.2f}",
        "least": signed(min(harm)),
        "most": signed(max(harm)),
        "three": f"{three:.2f}",
    }
    depths = (None, 2, 4, 8, 16)
    by_depth = [_differences("conjecture", *({"segment_depth": d, **arm} for arm in (none, relu))) for d in depths]
    slopes = [float(np.polyfit(range(5), effects, 1)[0]) for effects in zip(*by_depth, strict=True)]
    ends = _interval(slopes, 0.95)
    shallow = answer_values("shallow")
    assert (shallow["points"], shallow["low"], shallow["high"]) == (signed(fmean(slopes)), *ends)
    assert (shallow["one"], shallow["sixteen"]) == tuple(signed(fmean(by_depth[at])) for at in (0, -1))
    assert (shallow["verdict"], shallow["seeds"], shallow["depths"]) == ("not decided", "8", "5")
    assert max(map(fmean, by_depth)) < 0, "helps at none"
    assert _number(ends[0]) < 0 < _number(ends[1]), "not decided"
    order = _differences("two-differences", none | {"order": "depthwise-first"}, none | {"order": "pointwise-first"})
    ends = _interval(order, 0.9)
    assert (
        answer_values("order-tested").items()
        >= {
            "points": signed(fmean(order)),
            "low": ends[0],
            "high": ends[1],
            "confidence": "90%",
            "seeds": f"{len(order)}",
            "margin": "0.5",
        }.items()
    )
    low, high = map(_number, ends)
    assert not -0.5 < low < high < 0.5
    emoji = _differences(
        "two-differences-emoji", none | {"order": "depthwise-first"}, none | {"order": "pointwise-first"}
    )
    tested = answer_values("order-tested")
    assert (tested["emoji_points"], tested["emoji_low"]) == (signed(fmean(emoji)), _interval(emoji, 0.9)[0])
    assert _number(tested["emoji_low"]) > 0.5, "outside"
    for prefix, name in (("emoji", "figure-10-emoji"), ("narrow", "figure-10-narrow")):
        for key, arm in (("relu", relu), ("elu", elu)):
            assert values[f"{prefix}_{key}"] == signed(fmean(_differences(name, none, arm)))
    assert (values["emoji_relu_verdict"], values["emoji_elu_verdict"]) == ("not decided", "harmful"), "the other way"
    residuals = _differences("figure-9", {"residual": True}, {"residual": False})
    left_out = answer_values("residual")
    assert (left_out["points"], left_out["low"], left_out["high"]) == (
        signed(fmean(residuals)),
        *_interval(residuals, 0.95),
    )


def test_what_the_relu_takes_is_read_from_the_stored_readings() -> None:
    with np.load(asset_path("features", "readings.npz")) as file:
        readings = file["relu"][
            0, 1
        ]  # of the picture itself, at six channels: pictures, orders, draws, betweens, places
    losses = np.median(readings[..., 1, 0] - readings[..., 1, 1], axis=-1)
    losses = losses[np.isfinite(losses).all(axis=1)]
    extreme, separable = losses.max(axis=0)
    assert answer_values("relu-harm") == {
        "width": "6",
        "pictures": f"{len(losses)}",
        "extreme": f"{extreme:.1%}",
        "separable": f"{separable:.1%}",
    }


def test_values_from_the_paper() -> None:
    assert answer_values("better") == {
        "xception": "0.790",
        "inception": "0.782",
        "xception_jft": "6.70",
        "inception_jft": "6.36",
    }
    assert answer_values("inception-v3")["inception_params"] == "23,626,728"
    assert answer_values("shallow")["params"] == "82,802"


# The page


def _titles(at: AppTest) -> list[str]:
    return [expander.label for expander in at.expander]


def _links(at: AppTest) -> list[tuple[str, str]]:
    """(page, query) of every link in an answer."""
    return [(link.proto.page, link.proto.query_string) for link in at.get("page_link") if link.proto.query_string]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_lists_every_question_once_and_answers_none_unasked(language: str) -> None:
    at = opened(PAGE, {"lang": language})
    assert sorted(_titles(at)) == sorted(question_text(name, language).title for name in NAMES)
    headings = [markdown.value for markdown in at.markdown if markdown.value.startswith("## ")]
    assert len(headings) == len(GROUPS)
    assert _links(at) == []
    assert str(len(QUESTIONS)) in at.markdown[0].value
    assert not at.info


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_opened_question_has_its_answer_and_its_link(language: str) -> None:
    at = opened(PAGE, {"lang": language})
    at.session_state["open_groups"] = True
    ran(at)
    text = question_text("groups", language)
    assert text.answer in [markdown.value for markdown in at.markdown]
    (link,) = _links(at)
    assert link[0] == "compare"
    assert dict(pair.split("=") for pair in link[1].split("&")) == next(
        question.parameters for question in QUESTIONS if question.name == "groups"
    )
    assert any("groups" in caption.value for caption in at.caption)


@pytest.mark.parametrize("name", [NAMES[0], "channels-last", NAMES[-1]])
def test_a_link_to_a_question_opens_with_it_first(name: str) -> None:
    at = opened(PAGE, {"question": name})
    assert _titles(at)[0] == question_text(name, "en").title
    assert len(_titles(at)) == len(QUESTIONS)
    assert question_text(name, "en").answer in [markdown.value for markdown in at.markdown]
    assert at.session_state["_values"]["question"] == name
    assert not at.info
    # what is opened next leaves it where it is, even if no run of the page has come to its end
    at.session_state["_values"]["question"] = "gpu"
    at.session_state["_drawn"] = frozenset()
    assert _titles(ran(at))[0] == question_text(name, "en").title


@pytest.mark.parametrize("name", ["nothing", "GROUPS ", "<script>alert(1)</script>", "groups`", "9" * 400, ""])
def test_an_unknown_question_is_repaired(name: str) -> None:
    at = opened(PAGE, {"question": name})
    used = "groups" if name.strip().lower() == "groups" else "all"
    assert at.session_state["_values"]["question"] == used
    (note,) = at.info
    assert f"`{used}`" in note.value
    assert note.value.count("`") == 4


def _found(query: str, language: str = "en") -> list[str]:
    """The titles that the page shows for a search in its address."""
    return _titles(opened(PAGE, {"q": query, "lang": language}))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("GROUPS inputs", "groups"),
        ("1x1 first", "order"),
        ("1×1 FIRST", "order"),
        ("1,350", "one-bias"),
        ("winograd", "winograd"),
        ("그룹마다", "groups"),
        (unicodedata.normalize("NFD", "세그먼트란"), "segments"),
        ("제자리 지름길", "in-place"),
        ("ＭＯＭＥＮＴＵＭ", "batch-norm-eps"),
    ],
)
def test_a_search_finds_words_of_both_languages(query: str, name: str) -> None:
    for language in LANGUAGES:
        assert question_text(name, language).title in _found(query, language)


def test_every_word_has_to_be_there() -> None:
    both = {question.name for question in find_questions("groups keras")}
    groups, keras = ({question.name for question in find_questions(word)} for word in ("groups", "keras"))
    assert both == groups & keras
    assert both < groups
    assert {question.name for question in find_questions(" ")} == set(NAMES)
    assert not matches("groups nothing-of-this", fold("`groups` counts"))
    assert matches("GROUPS", fold("**groups**"))
    assert not matches("github", fold("[issue](https://github.com)")), "an address is no text"


def test_the_number_of_hits_is_said_and_one_hit_is_open() -> None:
    at = opened(PAGE, {"q": "groups"})
    hits = len(find_questions("groups"))
    assert 1 < hits == len(at.expander)
    assert any(f"**{hits}** of {len(QUESTIONS)}" in markdown.value for markdown in at.markdown)
    assert _links(at) == []
    one = opened(PAGE, {"q": "1,350"})
    assert len(one.expander) == 1
    assert len(_links(one)) == 1
    none = opened(PAGE, {"q": "no such words"})
    assert not none.expander
    assert any("no such words" in markdown.value for markdown in none.markdown)


def test_typing_searches_and_the_address_gets_the_words() -> None:
    at = opened(PAGE)
    at.text_input(key="q").input("winograd").run()
    assert not at.exception
    assert len(at.expander) == len(find_questions("winograd"))
    (page,) = [element for element in at.get("bidi_component") if element.key == "page"]
    assert json.loads(page.proto.json)["values"] == {"q": "winograd"}
    at.text_input(key="q").input("").run()
    assert len(at.expander) == len(QUESTIONS)


MARKUP = (
    "(", "[a-", ".*", "\\", "a|b", "^$", "(?P<x>", "**bold**", "[link](https://x.org)", "$x$", ":material/home:",
    "<b>groups</b>", "www.x.org", "{count}", "{0.__class__}", "%s",
)  # fmt: skip


def _clean(query: str) -> str:
    return "".join(filter(str.isprintable, query))[:80]


def _check_search(at: AppTest, query: str) -> None:
    """The page has searched for these words, and says them as they are, with every mark escaped."""
    if not query.strip():
        assert len(at.expander) == len(QUESTIONS)
        return
    said = next(markdown.value for markdown in at.markdown if "“" in markdown.value)
    quoted = said.partition("“")[2].rpartition("”")[0]
    assert re.sub(r"\\([\\`*_{}\[\]()<>#!$:~|&])", r"\1", quoted).replace(WORD_JOINER, "") == query.strip()
    assert not re.search(r"(?<!\\)[`*_\[\]<>$|]", quoted.replace("\\\\", ""))
    assert len(at.expander) == len(find_questions(query))


def _is_unicode(text: str) -> bool:
    return text == text.encode("utf-8", "ignore").decode()


def test_a_hostile_search_is_harmless_and_shown_as_text() -> None:
    at = opened(PAGE)
    # what a text field sends is Unicode, without unpaired surrogates
    for query in (*filter(_is_unicode, HOSTILE_VALUES), *MARKUP):
        at.text_input(key="q").set_value(_clean(query))
        _check_search(ran(at), _clean(query))
        assert not at.info


@pytest.mark.parametrize(
    "query",
    ["groups `x` " * 40, "🙂" * 90, "9" * 5000, "gro\0ups", "a\r\nSet-Cookie: a=b", "\x7f", "`" * 81, "<b>" * 40],
    ids=ascii,
)
def test_a_hostile_search_in_a_link_is_repaired(query: str) -> None:
    at = opened(PAGE, {"q": query})
    assert at.text_input(key="q").value == _clean(query)
    _check_search(at, _clean(query))
    (note,) = at.info
    # the two code spans are not left early, whatever stands in them; an empty one is none
    assert note.value.count("`") == 4


def test_a_long_search_without_fault_needs_no_repair() -> None:
    at = opened(PAGE, {"q": "relu (" * 13})
    assert not at.info
    _check_search(at, "relu (" * 13)


def test_the_first_sight_imports_no_torch_and_no_scipy() -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).switch_page('pages/questions.py')\n"
        "at.query_params['q'] = 'relu'\n"
        "at.run()\n"
        "assert not at.exception and at.expander\n"
        "print(sorted({'torch', 'scipy', 'distributed'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    assert run.stdout == "[]\n"
