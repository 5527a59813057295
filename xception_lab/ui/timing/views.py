"""The views of the Time page, one function each."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from xception_lab.figures.roofline import roofline_figure
from xception_lab.figures.timing import (
    bars_figure,
    contrast_figure,
    devices_figure,
    operations_figure,
    ratios_figure,
    sweep_times_figure,
)
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.analysis import (
    CPU_SPREAD,
    DEVICE_SPREAD,
    LOOP_SPREAD,
    Crossing,
    TimeShare,
    TimingBar,
    align_names,
    crossings,
    fold_operations,
    longest_operations,
    loop_shares,
    machine_roofline,
    prediction_errors,
    roofline_rows,
    separable_share,
    speed_verdict,
    sweep_lines,
    time_shares,
    timing_bar,
)
from xception_lab.timing.clock_readings import clock_readings
from xception_lab.timing.jobs import NEARNESS_FIELDS, nearest_timed, three_blocks
from xception_lab.timing.published_devices import (
    PRODUCTS,
    DevicePrediction,
    predict_devices,
    tensor_core_example,
)
from xception_lab.timing.results import Operation, Results, timing_row
from xception_lab.timing.results_file import shipped_timings
from xception_lab.timing.settings import Settings
from xception_lab.ui.compare.presets import preset_spec
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.fields.timing import MEASURED_ON, TIMED_ALONG, TimingState, TimingView
from xception_lab.ui.shell.address import keeps_control, set_controls
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import escape_markdown, paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name, seconds_text, translate_machine
from xception_lab.ui.shell.tables import in_words, show_rows
from xception_lab.ui.timing.jobs import network_settings, profiled_settings, run_options, settings_group, swept_groups
from xception_lab.ui.timing.results import (
    best_results,
    results_by_machine,
    results_uploader,
    shipped_source,
    stored_accelerators,
    uploaded_results,
)
from xception_lab.ui.timing.words import (
    LIMIT_NAMES,
    beaten_layers_texts,
    beaten_medians_text,
    contrast_labels,
    contrast_text,
    crossing_lesson,
    ends_text,
    fast_products_text,
    launch_cost_text,
    lessons_texts,
    outputs_text,
    peaks_text,
    precision_text,
    probes_text,
    start_cost_text,
    timing_headline,
    timing_words,
)

WRONG_CLOCK = """\
begin = time.perf_counter()
block(x)
print(time.perf_counter() - begin)"""
RIGHT_CLOCK = """\
torch.cuda.synchronize()
begin = time.perf_counter()
for _ in range(20):
    block(x)
torch.cuda.synchronize()
print((time.perf_counter() - begin) / 20)"""
NUM_COLOURS = 7  # of the theme's ten; the other three are the blocks'


def show_nearest(state: TimingState, results: Results) -> None:
    """Where these blocks were not timed: a button that sets the controls to the likest ones that were."""
    nearest = nearest_timed(state.spec, results, **run_options(state))
    if nearest is None:
        return
    texts = {key: str(getattr(nearest, key)) for key in NEARNESS_FIELDS}
    if not all(text in FIELDS[key].texts and keeps_control(key) for key, text in texts.items()):
        return
    what = f"{nearest.in_channels}→{nearest.out_channels}, {nearest.size}×{nearest.size}"
    # what is as usual there and here is not said
    if nearest.kernel_size != 3 or state.spec.kernel_size != 3:
        what += f", {nearest.kernel_size}×{nearest.kernel_size}"
    if nearest.stride > 1 or state.spec.stride > 1:
        what += f", stride {nearest.stride}"
    if nearest.batch_size > 1 or state.spec.batch_size > 1:
        what += ", " + _("batch {batch}").format(batch=nearest.batch_size)
    st.button(
        _("Show the nearest that was timed: {what}").format(what=what),
        key="nearest",
        icon=":material/near_me:",
        on_click=set_controls,
        args=(texts,),
    )


def _captioned_results(wanted: Sequence[Settings], state: TimingState) -> Results:
    """The results for these settings, below a caption with their source and their devices' precision."""
    results, source = best_results(wanted, state.measured_on)
    with st.container(horizontal=True, vertical_alignment="bottom", key="source"):
        control(MEASURED_ON)
        st.caption(source)
    for machine, machine_results in results_by_machine(results).items():
        if text := precision_text(machine, machine_results):
            st.caption(text)
    return results


def _bars(wanted: Sequence[Settings], results: Results) -> list[TimingBar]:
    """Measured times and their estimates, of these results and of every uploaded machine's."""
    return [
        replace(timing_bar(settings, machine_results), machine=machine)
        for machine, machine_results in results_by_machine(results).items()
        for settings in wanted
    ]


def _show_bars(bars: Sequence[TimingBar], key: str) -> None:
    """Draw measured times beside their estimates, and say what was found when their outputs were checked."""
    if not any(bar.timing or bar.estimate_s for bar in bars):
        return
    named = [replace(bar, name=_bar_name(bar)) for bar in bars]
    words = timing_words()
    extra = {bar.name: bar.name for bar in named if bar.name not in words.names}
    words = replace(words, names={**words.names, **extra})
    show_chart(bars_figure(named, words), key, "; ".join(map(_bar_text, bars)))
    if checked := outputs_text([bar.timing for bar in bars if bar.timing]):
        if any(bar.is_wrong for bar in bars):
            st.error(checked, icon=":material/error:")
        else:
            st.caption(checked)
    if beaten := [words.names[bar.name] for bar in named if bar.beats_estimate]:
        st.caption(beaten_medians_text(beaten))


def _show_table(bars: Sequence[TimingBar]) -> None:
    """Everything that was measured of these bars, folded."""
    rows = [timing_row(bar.timing) for bar in bars if bar.timing]
    if not rows:
        return
    known = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    # first what tells the rows apart, then what the bars show
    known.sort(key=lambda name: (name not in ("subject", "mode", "memory_format"), name not in ("device_s", "loop_s")))
    with st.expander(_("Table"), icon=":material/table:"):
        show_rows([{name: row[name] for name in known} for row in rows])


def _bar_name(bar: TimingBar) -> str:
    """The name of a bar; the folded network's differs from that of the network as published."""
    if bar.name == "xception" and bar.settings.mode == "folded":
        return _("Xception, folded, channels_last")
    return bar.name


def _bar_text(bar: TimingBar) -> str:
    name = kind_name(bar.name) if bar.name != "xception" else _bar_name(bar)
    if bar.timing is None:
        return _("{name} on {machine}: not measured").format(name=name, machine=bar.machine)
    if bar.timing.loop_s is not None:
        sentence = _("{name} on {machine}: the work alone {work}, called in a row {loop}")
        work, loop = map(seconds_text, (bar.timing.work_s, bar.timing.loop_s))
        return sentence.format(name=name, machine=bar.machine, work=work, loop=loop)
    sentence = _("{name} on {machine}: median {median}, quartiles {low} to {high}")
    median, low, high = map(seconds_text, (bar.timing.median_s, bar.timing.p25_s, bar.timing.p75_s))
    return sentence.format(name=name, machine=bar.machine, median=median, low=low, high=high)


def show_latency(state: TimingState) -> None:
    """The three blocks: measured beside predicted."""
    group = settings_group(state)
    results = _captioned_results(group, state)
    bars = _bars(group, results)
    if contrast := _contrast(state, results):
        left, right = st.columns((3, 2), gap="medium")
        with right:
            words = timing_words()
            if _has_two_times(results):
                words = replace(words, notes={**words.notes, "time": words.notes["work"]})
            show_chart(contrast_figure(contrast, contrast_labels(contrast), words), "contrast", contrast_text(contrast))
    else:
        left = st.container()
    with left:
        _show_bars(bars, "latency")
        measured = paragraph("timing", 1 if _has_two_times(results) else 0) if any(map(results.timing, group)) else ""
        st.caption(f"{measured} {paragraph('timing', 2)}")
        if results.machine.kind != "cpu" and state.spec.kernel_size > 1:
            st.caption(fast_products_text(bars[0]))
    _show_table(bars)
    if shares_by_machine := _shares_by_machine(group, results):
        time = _("time")
        summary = "; ".join(
            f"{machine}: {kind_name(share.kind)} {share.flops:.0%} FLOPs, {share.time:.0%} {time}"
            for machine, shares in shares_by_machine.items()
            for share in shares
        )
        show_chart(ratios_figure(shares_by_machine, timing_words()), "ratios", summary)
    if state.measured_on != "here":
        _show_lessons(state, results)
    with _more(_("More about these times")):
        st.markdown(paragraph("timing", 3))
        for machine, machine_results in results_by_machine(results).items():
            if text := launch_cost_text(machine, machine_results):
                st.markdown(text)
        if text := start_cost_text(shipped_timings()):
            st.markdown(text)


def _has_two_times(results: Results) -> bool:
    """Whether they are of a GPU: its own work, and calls in a row."""
    return any(timing.loop_s is not None for timing in results.timings)


def _more(label: str) -> DeltaGenerator:
    return st.expander(label, icon=":material/info:")


def _contrast(state: TimingState, results: Results) -> dict[str, TimeShare]:
    """The separable block against the standard one as chosen, early and late in the network, on one machine.

    By the place's name; only what was measured there.
    """
    specs = {_("chosen"): state.spec}
    specs |= {_("early"): preset_spec("early"), _("late"): preset_spec("middle")}
    shares: dict[str, TimeShare] = {}
    sizes: set[tuple[int, ...]] = set()
    for name, spec in specs.items():
        size = (spec.in_channels, spec.out_channels, spec.size, spec.kernel_size, spec.batch_size)
        share = separable_share(three_blocks(spec, **run_options(state)), results)
        if share and size not in sizes:
            sizes.add(size)
            # those that stand beside a chosen block of another kernel or batch say theirs too
            more = "" if state.spec.kernel_size == 3 else f", {spec.kernel_size}×{spec.kernel_size}"
            if state.spec.batch_size > 1:
                more += ", " + _("batch {batch}").format(batch=spec.batch_size)
            shares[f"{name}: {spec.in_channels}→{spec.out_channels}, {spec.size}×{spec.size}{more}"] = share
    return shares


def _shares_by_machine(group: Sequence[Settings], results: Results) -> dict[str, Sequence[TimeShare]]:
    """Time shares of every machine that is shown, and of the stored GPU, which has two: its work, and calls in a row.

    A machine that has not measured all three blocks has no shares.
    """
    machines = results_by_machine(results)
    machines |= {one.machine.device: one for one in stored_accelerators() if one.machine.device not in machines}
    shares: dict[str, Sequence[TimeShare]] = {}
    for machine, machine_results in machines.items():
        verdict = speed_verdict(group, machine_results)
        if verdict and verdict.disturbed:
            machine = _("{machine}, disturbed").format(machine=machine)
        if in_a_row := loop_shares(group, machine_results):
            shares[_("{machine}, the work").format(machine=machine)] = time_shares(group, machine_results)
            name = _("{machine}, in a row (may be {spread:.0%} off)").format(machine=machine, spread=LOOP_SPREAD)
            shares[name] = in_a_row
        elif own := time_shares(group, machine_results):
            shares[machine] = own
    return shares


def _show_lessons(state: TimingState, results: Results) -> None:
    """What the GPU's times teach, and the wrong and the right way to time it with what each printed there."""
    if lessons := lessons_texts(state, results):
        st.markdown("\n".join(f"- {text}" for text in lessons))
    readings = clock_readings(state.measured_on)
    if not readings or settings_group(state) != three_blocks(CompareSpec()):
        return
    with st.expander(_("A wrong and a right clock"), icon=":material/timer:"):
        left, right = st.columns(2, gap="medium")
        reading = readings["separable"]
        with left:
            st.markdown(_("**Wrong**: the clock stops when the work is queued"))
            st.code(WRONG_CLOCK, language="python")
            st.markdown(_("printed {seconds}").format(seconds=seconds_text(reading.not_waited_s)))
        with right:
            st.markdown(_("**Right**: the device is waited for, after many calls"))
            st.code(RIGHT_CLOCK, language="python")
            st.markdown(_("printed {seconds}").format(seconds=seconds_text(reading.loop_s)))
        sentence = _(
            "Measured on {machine} with the separable block, apart from the times above. Here the two are close, "
            "because launching takes longer than the work, which took {work} then; with larger pictures the wrong "
            "clock goes on saying what launching takes."
        )
        st.markdown(sentence.format(machine=results.machine.device, work=seconds_text(reading.device_s)))


def show_xception(state: TimingState) -> None:
    """The whole network, as published and for fast inference."""
    wanted = network_settings(state)
    results = _captioned_results(wanted, state)
    bars = _bars(wanted, results)
    _show_bars(bars, "xception")
    _show_table(bars)
    reading = paragraph("timing_network", 0)
    if _has_two_times(results):
        reading += f" {paragraph('timing_network', 1)}"
    st.markdown(reading)


def show_roofline(state: TimingState) -> None:
    """Every layer under the roofs of each machine."""
    group = settings_group(state)
    results = _captioned_results(group, state)
    rooflines = [
        roofline
        for machine, machine_results in results_by_machine(results).items()
        if (roofline := machine_roofline(machine, group, machine_results))
    ]
    if not rooflines:
        st.info(_("The peaks of this dtype are not measured here yet: Measure does it."))
        return
    several = len(rooflines) > 1
    for roofline in rooflines:
        text = peaks_text(roofline)
        st.markdown(f"**{escape_markdown(roofline.machine)}** — {text}" if several else text)
    rows_by_machine = {roofline.machine: roofline_rows(roofline.points) for roofline in rooflines}
    first_rows = rows_by_machine[rooflines[0].machine]
    summary = "; ".join(
        f"{kind_name(str(row['kind']))} {row['layer']}: {_(LIMIT_NAMES[str(row['limit'])])}" for row in first_rows
    )
    show_chart(roofline_figure(rooflines, timing_words()), "roofline", summary)
    all_rows = [{_("device"): machine, **row} for machine, rows in rows_by_machine.items() for row in rows]
    show_rows(all_rows if several else first_rows)
    if any(machine_results.machine.kind != "cpu" for machine_results in results_by_machine(results).values()):
        st.caption(_("On a GPU what is measured is a layer's own work, with no launch in it."))
    for roofline in rooflines:
        for text in beaten_layers_texts(roofline):
            st.caption(f"{escape_markdown(roofline.machine)}: {text}" if several else text)
    for machine, machine_results in results_by_machine(results).items():
        _show_prediction_errors(machine, machine_results)
    reading = paragraph("roofline", 0)
    if results.machine.kind != "cpu":
        reading += f" {paragraph('roofline', 1)}"
    st.markdown(reading)
    with _more(_("More about the estimate")):
        st.markdown(paragraph("roofline", 2))
        for roofline in rooflines:
            text = probes_text(roofline)
            st.markdown(f"**{escape_markdown(roofline.machine)}** — {text}" if several else text)


def _show_prediction_errors(machine: str, results: Results) -> None:
    """What a prediction is worth on a machine: measured/estimate by kind of layer."""
    errors = prediction_errors(results)
    if not errors:
        return
    with st.expander(_("What an estimate is worth on {machine}").format(machine=machine), icon=":material/straighten:"):
        st.dataframe(
            [
                {
                    _("kind of layer"): in_words("operation", error.op),
                    _("layers"): error.count,
                    _("measured / estimate, median"): round(error.median, 2),
                    _("measured / estimate, worst"): round(error.worst, 2),
                }
                for error in errors
            ],
            hide_index=True,
        )
        st.markdown(
            _(
                "All forward passes that are timed layer by layer. The smaller a layer, the more of its time is what "
                "no estimate of FLOPs and bytes holds."
            )
        )


def _crossings_text(points: Sequence[Crossing], field: str, spread: float) -> str:
    """spread: as in crossings."""
    places: dict[tuple[str, str], list[str]] = {}
    for point in points:
        places.setdefault((kind_name(point.first), kind_name(point.second)), []).append(f"{point.at:.0f}")
    sentence = _("{first} and {second} cross near {field} = {at}")
    texts = [
        sentence.format(first=first, second=second, field=field, at=", ".join(dict.fromkeys(at)))
        for (first, second), at in places.items()
    ]
    if texts:
        return f"{'; '.join(texts)}."
    sentence = _("No two lines are seen to cross: that needs more than the {spread:.0%} that such times may change.")
    return sentence.format(spread=spread)


def show_sweep(state: TimingState) -> None:
    """Latency while one field varies, and where the lines of the blocks cross."""
    control(TIMED_ALONG)
    groups = swept_groups(state)
    wanted = [settings for group in groups.values() for settings in group]
    results = _captioned_results(wanted, state)
    lines = {
        machine: sweep_lines(groups, machine_results)
        for machine, machine_results in results_by_machine(results).items()
    }
    own_lines = next(iter(lines.values()))
    in_a_row = sweep_lines(groups, results, in_a_row=True)
    has_launches = any(not math.isnan(seconds) for line in in_a_row for seconds in line.medians_s)
    if has_launches:
        lines = {f"{machine}, {_('the work alone')}": own for machine, own in lines.items()}
        lines[_("calls in a row, launches included")] = in_a_row
    own_spread = DEVICE_SPREAD if has_launches else CPU_SPREAD
    points = list(crossings(tuple(groups), own_lines, own_spread))
    points_in_a_row = crossings(tuple(groups), in_a_row, LOOP_SPREAD) if has_launches else ()
    current = getattr(state.spec, state.timed_along)
    ringed = [*points, *points_in_a_row]
    figure = sweep_times_figure(tuple(groups), lines, ringed, state.timed_along, current, timing_words())
    measured = min(sum(not math.isnan(seconds) for seconds in line.medians_s) for line in own_lines)
    if measured > 1:
        ends = ends_text(tuple(groups), own_lines, state.timed_along, own_spread)
        summary = f"{ends} {_crossings_text(points, state.timed_along, own_spread)}".strip()
        if has_launches:
            rows = _crossings_text(points_in_a_row, state.timed_along, LOOP_SPREAD)
            summary = _("**The work alone.** {work} **Called in a row.** {rows}").format(work=summary, rows=rows)
    elif any(map(results.timing, wanted)):
        summary = _("Not measured at two places yet: the lines are estimates.")
    else:
        summary = _("Not measured yet: the lines are estimates.")
    show_chart(figure, "running", summary)
    if text := crossing_lesson(state, results):
        st.markdown(text)
    st.markdown(summary)
    beaten = [
        f"{kind_name(line.kind)} ({state.timed_along} = {list(groups)[position]})"
        for machine_lines in lines.values()
        for line in machine_lines
        for position in line.beaten
    ]
    if beaten:
        st.caption(beaten_medians_text(beaten))


def show_operations(state: TimingState) -> None:
    """The operations inside torch that take the time, on each machine."""
    wanted = profiled_settings(state)
    results, source = best_results(wanted, state.measured_on)
    if not results.operations_of(wanted[0]) and state.measured_on == "here":
        results, source = shipped_timings(), shipped_source()
    profiles_by_machine = {
        machine: dict(zip(KINDS, map(machine_results.operations_of, wanted), strict=True))
        for machine, machine_results in results_by_machine(results).items()
    }
    profiles_by_machine = {
        machine: profiles for machine, profiles in profiles_by_machine.items() if any(profiles.values())
    }
    with st.container(horizontal=True, vertical_alignment="bottom", key="source"):
        control(MEASURED_ON)
        if profiles_by_machine:
            st.caption(source)
    if not profiles_by_machine:
        st.info(_("No profile of this is stored: Measure, with this view open, makes one with torch.profiler."))
        return
    if len(profiles_by_machine) > 1:
        st.caption(_("Every machine on a scale of its own; a colour means the same where the name is the same."))
    names = {
        machine: longest_operations(profiles.values(), NUM_COLOURS) for machine, profiles in profiles_by_machine.items()
    }
    first_names = next(iter(names.values()))
    for number, (machine, profiles) in enumerate(profiles_by_machine.items()):
        st.markdown(f"**{escape_markdown(machine)}**")
        _show_profiles(profiles, names[machine], align_names(first_names, names[machine]), f"operations_{number}")
    st.markdown(paragraph("operations"))


def _show_profiles(
    profiles: Mapping[Any, Sequence[Operation]], names: Sequence[str], colour_order: Sequence[str], key: str
) -> None:
    """Draw a machine's profiles. names: of its longest operations; the others are one bar. colour_order: names too."""
    folded = {kind: fold_operations(profile, names) for kind, profile in profiles.items()}
    summary = "; ".join(
        f"{kind_name(kind)}: "
        + ", ".join(f"{operation.name} {seconds_text(operation.seconds)}" for operation in profile)
        for kind, profile in folded.items()
    )
    show_chart(operations_figure(folded, colour_order, timing_words()), key, summary)


def show_devices(state: TimingState) -> None:
    """The latency that the roofline predicts from published peaks, for devices that this server does not have."""
    predictions = predict_devices(settings_group(state))
    st.caption(
        _(
            "**Predictions**, nothing measured: peaks published, or computed from what was; every layer through "
            "memory, every product done."
        )
    )
    for text in _measured_there(state, predictions):
        st.caption(text)
    summary = "; ".join(
        f"{prediction.name} {seconds_text(prediction.seconds['separable'])}"
        for prediction in predictions
        if prediction.seconds
    )
    show_chart(
        devices_figure(predictions, timing_words()),
        "devices",
        _("Predicted latency: {devices}").format(devices=summary),
    )
    rows = [
        {
            _("device"): prediction.name,
            **{kind_name(kind): f"{seconds * 1e6:,.1f} µs" for kind, seconds in (prediction.seconds or {}).items()},
            _("source of its peaks"): prediction.source,
        }
        for prediction in predictions
    ]
    # the sources are long: all of one is in sight
    widths = {kind_name(kind): st.column_config.Column(width=145) for kind in KINDS}
    widths[_("source of its peaks")] = st.column_config.Column(width=600)
    st.dataframe(rows, hide_index=True, height="content", column_config=widths)
    float32, tf32, times = tensor_core_example()
    st.markdown(paragraph("devices", 0))
    with _more(_("More about these predictions")):
        st.markdown(paragraph("devices", 1, float32=f"{float32:g}", tf32=f"{tf32:g}", tf32_times=f"{times:g}"))


def _measured_there(state: TimingState, predictions: Sequence[DevicePrediction]) -> list[str]:
    """What the stored results of these devices say of the separable block, beside the predictions for them."""
    texts: list[str] = []
    predicted = {prediction.name: prediction.seconds for prediction in predictions}
    sentence = _(
        "**Measured, to compare**: on {machine} the work alone of the separable block takes **{work}**, where "
        "**{seconds}** is predicted for {name}."
    )
    for results in stored_accelerators():
        name = PRODUCTS.get(results.machine.name, "")
        timing, seconds = results.timing(settings_group(state)[-1]), predicted.get(name)
        if timing and seconds:
            texts.append(
                sentence.format(
                    machine=escape_markdown(results.machine.device),
                    work=seconds_text(timing.work_s),
                    seconds=seconds_text(seconds["separable"]),
                    name=name,
                )
            )
    return texts


def show_other_machines(state: TimingState) -> None:
    """How to measure on another machine, and the upload of its results."""
    st.markdown(paragraph("bring"))
    st.code("python -m xception_lab time --all --out results.json", language="bash")
    results_uploader()
    group = settings_group(state)
    if uploaded_results():
        for results in uploaded_results():
            machine = escape_markdown(translate_machine(results.machine.label))
            st.markdown(f"**{machine}** — {timing_headline(group, results, can_measure=False)}")
        bars = _bars(group, _captioned_results(group, state))
        _show_bars(bars, "brought")
        _show_table(bars)


SHOW: dict[TimingView, Callable[[TimingState], None]] = {
    "latency": show_latency,
    "roofline": show_roofline,
    "running": show_sweep,
    "operations": show_operations,
    "devices": show_devices,
    "xception": show_xception,
    "bring": show_other_machines,
}
