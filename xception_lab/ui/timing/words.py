"""The Time page's headline, and the words of its charts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xception_lab.arch.comparison import ratio
from xception_lab.common.units import format_bytes, format_count, format_number
from xception_lab.spec import BlockSpec
from xception_lab.timing.analysis import (
    LOOP_SPREAD,
    MOST_EXPLAINED,
    LayerLoss,
    MachineRoofline,
    RooflinePoint,
    SpeedVerdict,
    SweepLine,
    TimeShare,
    TimingBar,
    flops_ratio,
    overtakes_from,
    smallest_block,
    speed_verdict,
    sweep_lines,
)
from xception_lab.timing.jobs import sweep_settings
from xception_lab.timing.results import CACHE_MULTIPLE, MAX_BUSY_SHARE, Results, Timing
from xception_lab.timing.roofline import fewest_products
from xception_lab.timing.settings import MEMORY_FORMATS, Settings
from xception_lab.ui.compare.charts import cost_words
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.shell.language import escape_markdown
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name, ratio_text, seconds_text, times_text, translate_machine
from xception_lab.ui.timing.jobs import run_options, settings_group

LAYER_NAMES = {
    "conv": N_("convolution"),
    "pointwise": N_("pointwise step"),
    "depthwise": N_("depthwise step"),
    "spatial": N_("spatial step"),
    "bn": N_("batch norm"),
    "intermediate": N_("activation between"),
    "activation": N_("activation"),
}
PRECISION_NAMES = {"ieee": "IEEE float32", "tf32": "TF32"}
LIMIT_NAMES = {"memory": N_("bound by its data"), "compute": N_("bound by its products")}


def timing_words() -> Any:
    """Every text of the timing charts, in this session's language."""
    from xception_lab.figures.timing import TimingWords

    layers = {name: _(text) for name, text in LAYER_NAMES.items()}
    return TimingWords(
        {**cost_words("macs").kinds, **layers, "xception": "Xception"},
        {
            "median": _("median"),
            "measured": _("measured"),
            "estimate": _("roofline estimate"),
            "latency": _("latency"),
            **{limit: _(text) for limit, text in LIMIT_NAMES.items()},
            "data": _("data"),
            "products": _("products"),
            "estimate_memory": _("estimate bound by data"),
            "estimate_compute": _("estimate bound by products"),
            "cache_roof": _("roof of the fastest cache"),
            "memory_roof": _("roof of the memory"),
            "flops": "FLOPs",
            "time": _("time"),
            "share": _("part of the standard block's time or FLOPs"),
            "intensity": _("FLOPs a byte"),
            "seconds": "{:.3g} s",
            "crossing": _("they cross"),
            "at": _("near {:.0f}"),
            "at_several": _("near {:.0f} to {:.0f}"),
            "loop": _("calls in a row, launches included"),
            "direct": _(" ({} direct)"),
            "work": _("the work alone"),
            "wrong": _("WRONG OUTPUT"),
            "disturbed": _("disturbed"),
            "now": _("now"),
            "own": _("own time in a forward pass"),
            "predicted": _("predicted latency (textbook roofline)"),
        },
    )


def launches_text(group: Sequence[Settings], machines: Sequence[Results]) -> str:
    """What an accelerator's own time and calls in a row say of the separable block; empty where none has such times.

    group: the settings of the three blocks. machines: of these the first that has them. The first of all is the
    headline's, which has said already what the work alone takes there.
    """
    verdicts = ((speed_verdict(group, results), results) for results in machines)
    verdict, results = next(((one, own) for one, own in verdicts if one and one.launches), (None, None))
    if verdict is None or verdict.launches is None or results is None:
        return ""
    work = {
        "faster": _("the work alone is **{times} faster**"),
        "slower": _("the work alone is **{times} slower**"),
        "no difference seen": _("the work alone shows **no difference** to be seen"),
    }[verdict.outcome].format(times=times_text(verdict.times.times))
    launches = verdict.launches
    in_a_row = {
        "faster": _("called in a row, launches included, it is **{times} faster**"),
        "slower": _("called in a row, launches included, it is **{times} slower**"),
        # how far apart such times may be from run to run
        "no difference seen": _(
            "called in a row, launches included, standard and separable are **too close to tell** (less than "
            "{spread:.0%} apart)"
        ),
    }[launches.outcome].format(times=times_text(launches.times.times), spread=LOOP_SPREAD)
    sentence = _("**On a GPU** ({machine}): {work}; {in_a_row}.")
    if results is machines[0]:
        sentence = _("**On this GPU**, {in_a_row}.")
    return sentence.format(machine=escape_markdown(results.machine.device), work=work, in_a_row=in_a_row)


def outputs_text(timings: Sequence[Timing]) -> str:
    """How far the outputs are from the processor's; empty where none was checked."""
    checks = [timing.output for timing in timings if timing.output]
    if not checks:
        return ""
    worst = max(checks, key=lambda check: (check.error is None, (check.error or 0.0) / check.tolerance))
    if worst.error is None:
        return _("**Wrong output**: it is not a number.")
    if worst.wrong:
        sentence = _("**Wrong output**: off by {error:.1g} of the reference, where rounding explains {tolerance:.1g}.")
    else:
        sentence = _("Outputs checked against float64: off by at most {error:.1g}, rounding explains {tolerance:.1g}.")
    return sentence.format(error=worst.error, tolerance=worst.tolerance)


def timing_headline(group: Sequence[Settings], results: Results, *, can_measure: bool) -> str:
    """The comparison's result in words: FLOPs against time of the separable block, and the layer that explains it.

    group: the settings of the three blocks. can_measure: whether it is of the machine that Measure measures.
    """
    verdict = speed_verdict(group, results)
    if verdict is None:
        sentence = _(
            "Depthwise separable against standard: **{flops}** FLOPs. Measure, and see what that is in seconds."
        )
        if not can_measure:
            sentence = _(
                "Depthwise separable against standard: **{flops}** FLOPs. These blocks were not timed on {machine}."
            )
        machine = escape_markdown(results.machine.device)
        return sentence.format(flops=ratio_text(flops_ratio(group)), machine=machine)
    if verdict.disturbed:
        # a number that is not to be trusted does not stand in the largest type of the page
        sentence = _(
            "Depthwise separable against standard: **{flops}** FLOPs. **The measured times are not to be trusted**: "
            "the machine was disturbed meanwhile. Measure again."
        )
        return sentence.format(flops=ratio_text(verdict.flops))
    return " ".join(filter(None, (_outcome(verdict), _reason(verdict))))


def network_headline(wanted: Sequence[Settings], results: Results) -> str:
    """What the whole network takes, as published and for fast inference. wanted: these two settings."""
    plain, folded = map(results.timing, wanted)
    if plain is None or folded is None:
        return _("**The whole network**, one picture of 299×299: Measure, and see what it takes.")
    if plain.disturbed or folded.disturbed or results.machine.busy_share > MAX_BUSY_SHARE:
        return _("**The measured times are not to be trusted**: the machine was disturbed meanwhile. Measure again.")
    times = {"plain": seconds_text(plain.work_s), "folded": seconds_text(folded.work_s)}
    if plain.loop_s is None or folded.loop_s is None:
        sentence = _(
            "**The whole network**, one picture of 299×299: **{plain}** with its layers as in the paper; **{folded}** "
            "with batch norms folded into the convolutions and channels last."
        )
        return sentence.format(**times)
    sentence = _(
        "**The whole network**, one picture of 299×299, the work alone: **{plain}** with its layers as in the paper; "
        "**{folded}** with batch norms folded into the convolutions and channels last. Called in a row, launches "
        "included: **{plain_row}** and **{folded_row}**."
    )
    text = sentence.format(**times, plain_row=seconds_text(plain.loop_s), folded_row=seconds_text(folded.loop_s))
    low, high = sorted((plain.loop_s, folded.loop_s))
    if high / low > 1 + LOOP_SPREAD:
        return text
    close = _("Times in a row change by up to {spread:.0%}: these two are too close to tell.")
    return f"{text} {close.format(spread=LOOP_SPREAD)}"


def contrast_labels(shares: Mapping[str, TimeShare]) -> list[tuple[str, str]]:
    """Of each place of a network: how much faster the separable block is there, and of how many fewer FLOPs."""
    return [(change_text(share.time, 1.0), ratio_text(ratio(share.flops, 1.0))) for share in shares.values()]


def contrast_text(shares: Mapping[str, TimeShare]) -> str:
    """The same as one text."""
    parts = [
        f"{place}: {time}, FLOPs: {flops}" for place, (time, flops) in zip(shares, contrast_labels(shares), strict=True)
    ]
    return "; ".join(parts)


def _outcome(verdict: SpeedVerdict) -> str:
    if verdict.outcome == "no difference seen":
        sentence = _(
            "Depthwise separable against standard: **{flops}** FLOPs, and **no difference in time** to be seen."
        )
        return sentence.format(flops=ratio_text(verdict.flops))
    is_work_alone = verdict.launches is not None
    sentence = {
        ("faster", False): _("Depthwise separable against standard: **{flops}** FLOPs, **{times} faster**."),
        ("slower", False): _("Depthwise separable against standard: **{flops}** FLOPs, and yet **{times} slower**."),
        ("faster", True): _(
            "Depthwise separable against standard: **{flops}** FLOPs, the work alone **{times} faster**."
        ),
        ("slower", True): _(
            "Depthwise separable against standard: **{flops}** FLOPs, and yet the work alone **{times} slower**."
        ),
    }[verdict.outcome, is_work_alone]
    return sentence.format(flops=ratio_text(verdict.flops), times=times_text(verdict.times.times))


def _reason(verdict: SpeedVerdict) -> str:
    if verdict.slowest is None:
        return ""
    if losses := verdict.losses:
        return f"{'; '.join(_loss_text(loss, is_first=not place) for place, loss in enumerate(losses))}."
    if verdict.limit is None:
        return ""
    if verdict.excess and verdict.excess > MOST_EXPLAINED:
        sentence = _("Its {layer} takes **{share:.0%}** of its layers' time, {times} what its FLOPs and bytes explain.")
        layer = _(LAYER_NAMES[verdict.slowest])
        return sentence.format(layer=layer, share=verdict.share, times=times_text(verdict.excess))
    sentence = _("Its {layer} is {limit} and takes **{share:.0%}** of its layers' time.")
    return sentence.format(
        layer=_(LAYER_NAMES[verdict.slowest]), limit=_(LIMIT_NAMES[verdict.limit]), share=verdict.share
    )


def _loss_text(loss: LayerLoss, *, is_first: bool) -> str:
    """What is explained of one layer's time; of the first, which parts of MACs and time are its own."""
    sentence = _("its {layer} **{seconds}**, explained {bound}")
    if is_first:
        sentence = _(
            "Timed alone, its {layer} (**{macs:.0%}** of MACs) takes **{seconds}** where FLOPs and bytes explain "
            "{bound}"
        )
    if is_first and loss.time_share < 1:  # a layer by itself may take longer than its whole block
        sentence = _(
            "Timed alone, its {layer} (**{macs:.0%}** of MACs, **{share:.0%}** of the time) takes **{seconds}** where "
            "FLOPs and bytes explain {bound}"
        )
    return sentence.format(
        bound=seconds_text(loss.bound_s),
        seconds=seconds_text(loss.seconds),
        layer=_(LAYER_NAMES.get(loss.name, loss.name)),
        macs=loss.mac_share,
        share=loss.time_share,
    )


def peaks_text(roofline: MachineRoofline) -> str:
    """The measured peaks of a machine, and from which intensity on its products bind."""
    peaks = roofline.peaks
    sentence = _("Measured peaks: {flops}FLOP/s, memory {memory}/s, fastest cache {cache}/s.")
    measured = sentence.format(
        flops=format_count(peaks.flops_per_s),
        memory=format_bytes(peaks.memory_bytes_per_s),
        cache=format_bytes(peaks.cache_bytes_per_s),
    )
    ridges = [peaks.flops_per_s / rate for rate in (peaks.cache_bytes_per_s, peaks.memory_bytes_per_s)]
    sentence = _("So products bind from {cache} FLOPs a byte on where data fit that cache, from {memory} on in memory.")
    return f"{measured} {sentence.format(cache=format_number(ridges[0]), memory=format_number(ridges[1]))}"


def probes_text(roofline: MachineRoofline) -> str:
    """How much the probes of a machine's peaks differ, and how far beyond its caches they reach."""
    peaks, (low, high) = roofline.peaks, roofline.peak_range
    sentences: list[str] = []
    if low < high:
        sentence = _("The probes of the FLOP/s range from {low}FLOP/s to {high}FLOP/s.")
        sentences.append(sentence.format(low=format_count(low), high=format_count(high)))
    multiple = roofline.cache_multiple
    if multiple is None:
        sentence = _(
            "The memory was probed with {size}; the size of the last cache is not in this result, so that part of this "
            "may be the cache's rate."
        )
    elif multiple < CACHE_MULTIPLE:
        sentence = _(
            "The memory was probed with {size}, only {times} the last cache: part of this may be the cache's rate."
        )
    else:
        sentence = _("The memory was probed with {size}, {times} the last cache.")
    # format_times is for what is above one
    times = "" if multiple is None else f"{multiple:.1f}×"
    sentences.append(sentence.format(size=format_bytes(peaks.rates[-1][0]), times=times))
    return " ".join(sentences)


def beaten_layers_texts(roofline: MachineRoofline) -> list[str]:
    """Which layers were faster than their estimate, and why that can be: a text per limit, none where none was."""
    low, high = roofline.peak_range
    measured = _("The peak is a measurement too, and a library may know a faster way than its probes do.")
    if low < high:
        measured = _(
            "The peak is a measurement too, whose probes range from {low}FLOP/s to {high}FLOP/s, and a library may "
            "know a faster way than they do."
        ).format(low=format_count(low), high=format_count(high))
    reasons = {
        "compute": measured,
        "memory": _("Data that the layer before left in a nearer cache need not come from where they are charged."),
    }
    texts: list[str] = []
    for limit, reason in reasons.items():
        beaten = [point for point in roofline.points if point.beats_estimate and point.estimate.limit == limit]
        if beaten:
            layers = "; ".join(map(_beaten_layer, beaten))
            texts.append(_("**Below the estimate**: {layers}. {reason}").format(layers=layers, reason=reason))
    return texts


def _beaten_layer(point: RooflinePoint) -> str:
    name = point.estimate.name
    return _("{block}, {layer}: {measured}, estimated {estimated}").format(
        block=kind_name(point.kind),
        layer=_(LAYER_NAMES[name]) if name in LAYER_NAMES else name,
        measured=seconds_text(point.measured_s or 0.0),
        estimated=seconds_text(point.estimate.seconds),
    )


def fast_products_text(standard: TimingBar) -> str:
    """What a GPU's estimate of a standard k x k block counts, and what it would be by the direct way.

    Empty where both are the same or no peaks are known.
    """
    subject = standard.settings.subject
    if not standard.estimate_s or not standard.direct_s or not isinstance(subject, BlockSpec):
        return ""
    kernel_size = subject.kernel_size
    sentence = _(
        "The estimate of the standard block, {fast}, counts the multiplications of Winograd's way, {times:.0f}× fewer, "
        "which the library may take; by the direct way it would be {direct}."
    )
    times = kernel_size**2 / fewest_products(kernel_size)
    return sentence.format(fast=seconds_text(standard.estimate_s), direct=seconds_text(standard.direct_s), times=times)


def beaten_medians_text(names: Sequence[str]) -> str:
    """Which medians are shorter than their estimate, and why that can be."""
    reason = _("Data that stay in a cache from layer to layer, and layers that the library fuses, are not in it.")
    return _("**Below the estimate**: {layers}. {reason}").format(layers="; ".join(names), reason=reason)


def precision_text(machine: str, results: Results) -> str:
    """How torch multiplies float32 numbers on a machine's device by default; empty where the device has no TF32."""
    properties = results.properties
    if properties is None or properties.matmul_precision is None or properties.conv_precision is None:
        return ""
    sentence = _(
        "`float32` is timed in IEEE float32 here and `tf32` in TF32; a run of your own on {machine} follows torch's "
        "defaults: matrix products in {matmul}, convolutions in {conv}."
    )
    return sentence.format(
        machine=escape_markdown(machine),
        matmul=PRECISION_NAMES[properties.matmul_precision],
        conv=PRECISION_NAMES[properties.conv_precision],
    )


def start_cost_text(results: Results) -> str:
    """What starting a layer costs on a processor. Empty without such a timing."""
    bar = smallest_block(results)
    if bar is None or bar.timing is None or bar.estimate_s is None:
        return ""
    sentence = _(
        "**Starting a layer costs time**, on a CPU too: on {machine} a separable block of {in_channels}→{out_channels} "
        "channels, {kernel_size}×{kernel_size}, on an input of {size}×{size} takes {median}, where the estimate is "
        "{estimate} (measured, a stored result)."
    )
    subject = bar.settings.subject
    assert isinstance(subject, BlockSpec)
    return sentence.format(
        machine=translate_machine(bar.machine),
        in_channels=subject.in_channels,
        out_channels=subject.out_channels,
        kernel_size=subject.kernel_size,
        size=bar.settings.height,
        median=seconds_text(bar.timing.median_s),
        estimate=seconds_text(bar.estimate_s),
    )


def launch_cost_text(machine: str, results: Results) -> str:
    """What a launch takes at least on a machine's accelerator; empty where that was not measured."""
    properties = results.properties
    if properties is None or properties.launch_s is None:
        return ""
    sentence = _(
        "**A launch** on {machine}: a call of one of torch's operations that has next to nothing to do takes {launch}, "
        "in a row of such calls. What the call of a layer takes beyond that was not measured apart."
    )
    return sentence.format(machine=escape_markdown(machine), launch=seconds_text(properties.launch_s))


def lessons_texts(state: TimingState, results: Results) -> list[str]:
    """What an accelerator's times say about launches, batches, widths, graphs and memory formats; each computed."""
    return list(
        filter(
            None,
            (
                _launch_lesson(state, results),
                crossing_lesson(state, results),
                _graph_lesson(state, results),
                _format_lesson(state, results),
            ),
        )
    )


def _separable_timing(state: TimingState, results: Results, **chosen: Any) -> Timing | None:
    return results.timing(replace(settings_group(state)[-1], **chosen))


def _launch_lesson(state: TimingState, results: Results) -> str:
    timing = _separable_timing(state, results)
    if timing is None or timing.loop_s is None or timing.loop_s <= timing.work_s:
        return ""
    sentence = _(
        "**Launches.** Called in a row, the separable block takes {loop}, the GPU's own work {work}: between its "
        "{count} layers the GPU waits for their launches."
    )
    return sentence.format(
        loop=seconds_text(timing.loop_s),
        work=seconds_text(timing.work_s),
        count=len(timing.settings.cost().layers),
    )


def crossing_lesson(state: TimingState, results: Results) -> str:
    """From which batch and which width on the separable block overtakes the standard one, called in a row."""
    parts: list[str] = []
    for field in ("batch_size", "out_channels"):
        groups = sweep_settings(state.spec, field, results.machine.kind, **run_options(state))
        lines = sweep_lines(groups, results, in_a_row=True)
        known = [value for value, seconds in zip(groups, lines[0].medians_s, strict=True) if not math.isnan(seconds)]
        if len(known) < 3:
            continue
        overtaking = overtakes_from(tuple(groups), lines[0], lines[-1])
        if overtaking is None:
            sentence = _("over {field} up to {most} nowhere")
            parts.append(sentence.format(field=f"`{field}`", most=known[-1]))
        else:
            sentence = _("from {field} {value} on")
            parts.append(sentence.format(field=f"`{field}`", value=overtaking))
    if not parts:
        return ""
    sentence = _(
        "**Where separable stays ahead of standard**, called in a row and by more than the {spread:.0%} that such "
        "times may change: {parts}."
    )
    return sentence.format(spread=LOOP_SPREAD, parts="; ".join(parts))


def ends_text(values: Sequence[int], lines: Sequence[SweepLine], field: str, spread: float) -> str:
    """How the separable block compares with the standard one at the first and the last measured value of a field.

    spread: by how much two measurements differ, as a fraction: less is no difference.
    """
    both = zip(values, lines[0].medians_s, lines[-1].medians_s, strict=True)
    known = [(value, standard, own) for value, standard, own in both if not math.isnan(standard + own)]
    if len(known) < 2:
        return ""
    (low, *first), (high, *last) = known[0], known[-1]
    words = [
        _("no difference") if max(pair) <= min(pair) * (1 + spread) else change_text(pair[1], pair[0])
        for pair in (first, last)
    ]
    sentence = _("**Depthwise separable against standard**: {first} at {field} = {low}, {last} at {high}.")
    return sentence.format(first=words[0], field=f"`{field}`", low=low, last=words[1], high=high)


def _graph_lesson(state: TimingState, results: Results) -> str:
    eager, graph = (_separable_timing(state, results, mode=mode, backward=False) for mode in ("eager", "graph"))
    if eager is None or graph is None or not eager.loop_s or not graph.loop_s:
        return ""
    sentence = _("**A CUDA graph** launches all kernels at once: {graph} in a row instead of {eager}, {change}.")
    if graph.loop_s < eager.loop_s:
        sentence = _(
            "**A CUDA graph** launches all kernels at once: {graph} in a row instead of {eager}, {change}. So "
            "launching them one by one takes **{share:.0%}** of a call."
        )
    if graph.loop_s < eager.work_s < eager.loop_s:
        sentence = _(
            "**A CUDA graph** launches all kernels at once: {graph} in a row instead of {eager}, {change}. So "
            "launching them one by one takes **{share:.0%}** of a call. That the graph takes less than the work "
            "alone, {work}, is because that is timed with a flushed cache."
        )
    return sentence.format(
        graph=seconds_text(graph.loop_s),
        eager=seconds_text(eager.loop_s),
        change=change_text(graph.loop_s, eager.loop_s),
        share=1 - graph.loop_s / eager.loop_s,
        work=seconds_text(eager.work_s),
    )


def _format_lesson(state: TimingState, results: Results) -> str:
    parts: list[str] = []
    for settings in settings_group(state):
        plain, last = (results.timing(replace(settings, memory_format=name)) for name in MEMORY_FORMATS)
        if plain is None or last is None:
            return ""
        name = kind_name(getattr(settings.subject, "kind", ""))
        parts.append(f"{name} {change_text(last.work_s, plain.work_s)}")
    return _("**channels_last** against contiguous, the work alone: {parts}.").format(parts="; ".join(parts))


def change_text(new_s: float, old_s: float) -> str:
    """How a time compares with another: "1.8× faster"."""
    if new_s <= old_s:
        return _("{times} faster").format(times=times_text(old_s / new_s))
    return _("{times} slower").format(times=times_text(new_s / old_s))
