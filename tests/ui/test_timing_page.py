"""The timing page without a browser: what is shown first, what is measured, what is brought, in both languages."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT
from streamlit.testing.v1 import AppTest

from xception_lab.figures.style import ERROR_COLOUR
from xception_lab.measurement.machine import cpu_name
from xception_lab.measurement.queue import JobStatus
from xception_lab.spec import KINDS, CompareSpec, XceptionSpec
from xception_lab.timing.analysis import LOOP_SPREAD, prediction_errors, roofline_points, smallest_block
from xception_lab.timing.jobs import TimingJob, nearest_timed, sweep_settings, three_blocks
from xception_lab.timing.published_devices import DEVICES, PRODUCTS
from xception_lab.timing.results import DeviceProperties, Machine, OutputCheck, Peaks, Results, Timing
from xception_lab.timing.results_file import results_to_json, shipped_timings, stored_devices
from xception_lab.ui.fields.timing import MEASURED_ON, TIMING_VIEW, TimingState, TimingView
from xception_lab.ui.shell.names import kind_name, seconds_text, times_text
from xception_lab.ui.timing import measurement
from xception_lab.ui.timing import results as results_module
from xception_lab.ui.timing.jobs import job_of

BLOCKS = three_blocks(CompareSpec())


def _results(name: str, *seconds: float, busy: float = 0.0, slowdown: float | None = None) -> Results:
    machine = Machine("cuda", name, 1, 1 << 30, None, "", "Linux", "3.11", "2.13", busy)
    timings = tuple(
        Timing(one, "cuda", (s,) * 9, layers=(("depthwise", 0.6), ("pointwise", 0.4)), slowdown=slowdown)
        for one, s in zip(BLOCKS, seconds, strict=True)
    )
    return Results(machine, (Peaks("float32", 1e13, ((1 << 28, 1e12),)),), timings)


class StubQueue:
    """A queue whose jobs stand as the test says."""

    def __init__(self, **status: Any) -> None:
        self.values = {"state": "running", **status}
        self.jobs: list[TimingJob] = []
        self.stopped = threading.Event()

    def submit(self, job: TimingJob, _owner: str = "") -> str:
        self.jobs.append(job)
        return "some-key"

    def status(self, key: str | None) -> JobStatus:
        if key != "some-key":
            raise KeyError(key)
        return JobStatus(key, self.jobs[-1] if self.jobs else TimingJob((BLOCKS,)), **self.values)

    def stop(self, _key: str) -> None:
        self.values["state"] = "cancelled"
        self.stopped.set()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StubQueue:
    queue = StubQueue()
    monkeypatch.setattr(measurement, "queue", lambda: queue)
    # the page imports the names it uses
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    return queue


def page(**parameters: str) -> AppTest:
    """The page as a first visit with these query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(parameters)
    app.switch_page("pages/timing.py").run()
    assert not app.exception, app.exception
    return app


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("view", TIMING_VIEW.texts)
def test_every_view_opens_in_both_languages(view: str, lang: str) -> None:
    app = page(timing_view=view, lang=lang)
    charts = {"latency": 3, "bring": 0}
    assert len(app.get("plotly_chart")) == charts.get(view, 1)


def _contrast(app: AppTest) -> list[dict[str, Any]]:
    """The bars of the time and of the FLOPs early and late in the network."""
    specs = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    return next(spec["data"] for spec in specs if any("early" in place for place in spec["data"][0].get("y", ())))


@pytest.mark.parametrize("has_accelerator", [False, True])
def test_the_stored_result_is_that_of_the_likest_machine_and_says_whose_it_is(
    monkeypatch: pytest.MonkeyPatch, has_accelerator: bool
) -> None:
    monkeypatch.setattr(results_module, "accelerator_likely", lambda: has_accelerator)
    app = page()
    captions = [caption.value for caption in app.caption]
    assert captions[0] == "float32 · contiguous · forward pass · eager"
    replaced = "Measure replaces it."
    if has_accelerator:
        stored = shipped_timings("nvidia-h100").machine.label
        assert f"**A stored result** of {stored}; this server has an accelerator too. {replaced}" in captions
        assert "**1.54× faster**" in app.markdown[0].value
        return
    stored = shipped_timings().machine.label
    whose = f"**A stored result** of {stored}; this server has a CPU too ({cpu_name()}), no GPU. {replaced}"
    assert whose in captions
    assert "8.4× fewer** FLOPs, **3.3× faster**." in app.markdown[0].value
    # where the time goes that FLOPs and bytes do not explain, early beside late
    cause = (
        "Timed alone, its depthwise step (**7%** of MACs, **30%** of the time) takes **98.4\u00a0µs** where FLOPs and "
        "bytes explain 7.15\u00a0µs; its pointwise step **200\u00a0µs**, explained 104\u00a0µs."
    )
    separable = shipped_timings().timing(BLOCKS[-1])
    assert separable
    assert round(dict(separable.layers)["depthwise"] / separable.median_s, 2) == 0.3
    assert cause in app.markdown[0].value
    times, flops = _contrast(app)
    late = times["y"].index("late: 728→728, 19×19")
    assert (times["text"][late], flops["text"][late]) == ("<b>13%</b> 7.7× faster", "<b>11%</b> 8.9× fewer")
    assert (times["name"], flops["name"]) == ("time", "FLOPs")


def test_the_view_of_the_whole_network_has_no_controls_of_a_block() -> None:
    app = page(timing_view="xception")
    assert not app.select_slider
    assert not app.get("menu_button")
    assert app.markdown[0].value.startswith("**The whole network**, one picture of 299×299: **")


H100 = shipped_timings("nvidia-h100")


def test_the_devices_of_the_control_are_those_that_are_stored() -> None:
    assert MEASURED_ON.texts == ("here", *stored_devices()[1:])
    assert all(shipped_timings(device).machine.kind == "cuda" for device in stored_devices()[1:])


@pytest.mark.parametrize("on", MEASURED_ON.texts)
def test_the_first_screen_holds_a_gpus_work_and_its_time_in_a_row_with_checked_outputs(on: str) -> None:
    app = page(measured_on=on)
    standard, _extreme, separable = map(H100.timing, BLOCKS)
    assert standard
    assert separable
    assert standard.device_s
    assert separable.device_s
    assert separable.loop_s
    assert standard.loop_s
    faster = f"the work alone {{}}**{standard.device_s / separable.device_s:.2f}× faster**"
    if on == "here":
        (said,) = [line.value for line in app.markdown if line.value.startswith("**On a GPU**")]
        assert H100.machine.device in said
        assert faster.format("is ") in said
    else:  # the headline has said it, and is not said again
        (said,) = [line.value for line in app.markdown if line.value.startswith("**On this GPU**")]
        assert H100.machine.device in app.markdown[0].value
        assert faster.format("") in app.markdown[0].value
        assert "faster" not in said
    # 1.24 times, where two measurements of calls in a row differ by as much
    assert 1.1 < separable.loop_s / standard.loop_s < 1 + LOOP_SPREAD
    taken = separable.loop_s / standard.loop_s
    assert "launches included, standard and separable are **too close to tell** (less than 25% apart)" in said
    shares = {bar["name"]: bar for bar in json.loads(app.get("plotly_chart")[-1].proto.spec)["data"]}
    assert "in a row" in shares["Depthwise separable"]["y"][-1]
    assert shares["Depthwise separable"]["x"][-1] == pytest.approx(taken)
    if on != "here":
        assert any("Outputs checked against float64" in caption.value for caption in app.caption)
        assert any(H100.machine.driver in caption.value for caption in app.caption)
        bars = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
        found = {bar["name"]: bar["x"] for bar in bars}
        assert found["Depthwise separable"] == [separable.device_s]
        assert found["calls in a row, launches included"][-1] == separable.loop_s


def test_what_stands_beside_a_chosen_block_says_in_what_it_is_another() -> None:
    app = page(measured_on="nvidia-h100", batch_size="8", kernel_size="3")
    times, _flops = _contrast(app)
    assert "chosen: 64→128, 56×56, batch 8" in times["y"]
    assert "early: 64→128, 147×147, batch 1" in times["y"]
    assert times["name"] == "the work alone"
    # 64 products for 36 values of a 3x3; batch norm and ReLU take as long either way
    app = page(measured_on="nvidia-h100")
    (said,) = [caption.value for caption in app.caption if "Winograd's way, 5× fewer" in caption.value]
    assert "estimate of the standard block, 2.95\u00a0µs," in said
    assert said.endswith("by the direct way it would be 8.13\u00a0µs.")
    assert not any("Winograd" in caption.value for caption in page().caption)


def test_the_whole_network_on_a_gpu_is_told_by_both_of_its_times() -> None:
    said = page(measured_on="nvidia-h100", timing_view="xception").markdown[0].value
    timings = [timing for timing in H100.timings if isinstance(timing.settings.subject, XceptionSpec)]
    plain, folded = [
        next(each for each in timings if (each.settings.mode, each.settings.memory_format) == wanted)
        for wanted in (("eager", "contiguous"), ("folded", "channels_last"))
    ]
    for timing in (plain, folded):
        assert timing.loop_s
        assert f"**{seconds_text(timing.work_s)}**" in said
        assert f"**{seconds_text(timing.loop_s)}**" in said
    assert ("too close to tell" in said) == (max(plain.loop_s, folded.loop_s) < 1.25 * min(plain.loop_s, folded.loop_s))


def test_what_a_gpu_teaches_is_computed_from_its_times() -> None:
    app = page(measured_on="nvidia-h100")
    (lessons,) = [line.value for line in app.markdown if line.value.startswith("- **Launches.**")]
    graph = H100.timing(replace(BLOCKS[2], mode="graph"))
    eager = H100.timing(BLOCKS[2])
    assert graph
    assert graph.loop_s
    assert eager
    assert eager.loop_s
    assert f"{seconds_text(graph.loop_s)} in a row instead of {seconds_text(eager.loop_s)}" in lessons
    assert graph.loop_s < eager.loop_s
    assert f"launching them one by one takes **{1 - graph.loop_s / eager.loop_s:.0%}** of a call" in lessons
    # by hand: the first batch from which on the separable block is always the faster by a quarter, called in a row
    ahead: list[int] = []
    for batch_size in (256, 128, 64, 32, 16, 8, 4, 2, 1):
        slow, fast = (H100.timing(three_blocks(CompareSpec(batch_size=batch_size))[number]) for number in (0, 2))
        assert slow
        assert fast
        if not (fast.loop_s or 0.0) * 1.25 < (slow.loop_s or 0.0):
            break
        ahead.append(batch_size)
    assert ahead
    assert f"from `batch_size` {ahead[-1]} on" in lessons
    assert "A wrong and a right clock" in [expander.label for expander in app.expander]
    # other settings have no such readings, and nothing is said of what was not measured
    other = page(measured_on="nvidia-h100", kernel_size="5")
    assert "A wrong and a right clock" not in [expander.label for expander in other.expander]
    assert any("**Predicted only**" in caption.value for caption in other.caption)


def test_a_wrong_output_is_shown_in_red_beside_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tuple(
        replace(timing, output=OutputCheck(0.7, 1e-5)) if timing.settings == BLOCKS[2] else timing
        for timing in H100.timings
    )
    wrong = replace(H100, timings=bad)
    monkeypatch.setattr(
        "xception_lab.ui.timing.results.shipped_timings",
        lambda device="cpu": wrong if device == "nvidia-h100" else shipped_timings(device),
    )
    app = page(measured_on="nvidia-h100")
    assert any("Wrong output" in error.value and "0.7" in error.value for error in app.error)
    assert f"color:{ERROR_COLOUR}" in app.get("plotly_chart")[0].proto.spec


def test_a_whole_network_has_no_blocks_colour() -> None:
    bars = json.loads(page(timing_view="xception").get("plotly_chart")[0].proto.spec)["data"]
    networks = [bar for bar in bars if bar["name"] == "median"]
    assert [bar["marker"]["color"] for bar in networks] == ["gray", "gray"]
    # so the legend says what is grey, once
    assert [bar["showlegend"] for bar in networks] == [True, False]
    assert any("<b>" in row and "Xception" in row for bar in networks for row in bar["y"])
    blocks = json.loads(page().get("plotly_chart")[0].proto.spec)["data"]
    assert all("marker" not in bar for bar in blocks[:3])


def test_measuring_shows_what_is_measured_here(stub: StubQueue) -> None:
    app = page(measured_on="nvidia-h100")
    app.button(key="measure").click().run()
    assert stub.jobs
    assert any("A stored result" in caption.value and "EPYC" in caption.value for caption in app.caption)


def test_the_worth_of_an_estimate_is_shown_by_kind_of_layer() -> None:
    app = page(measured_on="nvidia-h100", timing_view="roofline")
    worth = prediction_errors(H100)
    table = app.dataframe[-1].value
    assert {error.op for error in worth} >= {"standard", "relu", "mean_pool"}
    named = {"batch_norm": "batch norm", "linear": "linear", "max_pool": "max pooling", "mean_pool": "average pooling"}
    named |= {"relu": "ReLU", "shortcut": "shortcut 1×1", "standard": "regular convolution"}
    assert list(table["kind of layer"]) == [named.get(error.op, error.op) for error in worth]
    assert list(table["measured / estimate, median"]) == [round(error.median, 2) for error in worth]


def test_the_first_paint_imports_no_torch() -> None:
    script = (
        "import sys; from streamlit.testing.v1 import AppTest; app = AppTest.from_file('app.py', default_timeout=60);"
        "app.switch_page('pages/timing.py').run(); assert not app.exception;"
        "print({'torch', 'scipy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[-2] == "set()"


def test_a_measurement_is_queued_shown_with_its_place_and_replaces_the_stored_result(stub: StubQueue) -> None:
    stub.values |= {"state": "queued", "place": 2}
    app = page()
    app.button(key="measure").click().run()
    assert stub.jobs[0].groups == (BLOCKS,)
    assert app.button(key="measure").disabled
    assert app.get("progress")[0].proto.text.startswith("Measurements before yours: 2.")
    stub.values = {"state": "running", "share": 0.4, "spent_s": 7.2}
    app.run()
    assert app.get("progress")[0].proto.text == "measuring, 7 s"
    assert app.get("progress")[0].proto.value == 40
    stub.values = {"state": "done", "results": _results("Fast GPU", 0.004, 0.003, 0.002)}
    app.run()
    assert not app.exception
    assert "Measured here" in app.caption[1].value
    assert "Fast GPU" in app.caption[1].value
    assert "**2.0× faster**" in app.markdown[0].value
    headline = app.markdown[0].value
    # of a block whose layers by themselves take longer than it no share is said
    assert "Timed alone, its depthwise step (**7%** of MACs) takes **600\u00a0ms** where" in headline
    assert not app.button(key="measure").disabled


def test_a_stop_keeps_what_there_is(stub: StubQueue) -> None:
    app = page()
    app.button(key="measure").click().run()
    stub.values["results"] = _results("Fast GPU", 0.004, 0.003, 0.002, busy=0.9)
    app.button(key="stop").click().run()
    assert stub.stopped.is_set()
    assert any("Stopped" in note.value for note in app.info)
    assert any("90%" in note.value for note in app.warning)


def test_a_disturbed_machine_is_told_with_how_much_slower_it_was(stub: StubQueue) -> None:
    app = page()
    app.button(key="measure").click().run()
    stub.values |= {"state": "done", "results": _results("Fast GPU", 0.004, 0.003, 0.002, slowdown=1.05)}
    app.run()
    assert not app.warning
    assert "not to be trusted" not in app.markdown[0].value
    assert "disturbed" not in app.get("plotly_chart")[0].proto.spec
    stub.values["state"] = "running"
    app = page()
    app.button(key="measure").click().run()
    stub.values |= {"state": "done", "results": _results("Fast GPU", 0.004, 0.003, 0.002, slowdown=1.53)}
    app.run()
    assert [note.value.split(",")[0] for note in app.warning] == [
        "Meanwhile this machine was 1.53× slower than at its best"
    ]
    assert "**The measured times are not to be trusted**" in app.markdown[0].value
    assert "faster" not in app.markdown[0].value
    rows = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["yaxis"]["categoryarray"]
    assert [row.endswith("</b>, disturbed") for row in rows] == [True] * 3  # the bars themselves say it


def test_disturbed_timings_of_another_machine_are_counted() -> None:
    app = page(timing_view="bring")
    slow = _results("Other GPU", 0.0004, 0.0003, 0.0005, slowdown=3.0)
    app.get("file_uploader")[0].upload("other.json", results_to_json(slow).encode()).run()
    assert app.warning[0].value.startswith("3 of its timings were taken while that machine was slowed")


@pytest.mark.parametrize(
    ("view", "groups", "profiled"),
    [
        ("latency", 1, 0),
        ("running", 6, 0),
        ("operations", 1, 3),
        ("xception", 1, 0),
    ],
)
def test_each_view_asks_for_what_it_shows(view: str, groups: int, profiled: int, stub: StubQueue) -> None:
    app = page(timing_view=view, batch_size="2")
    app.button(key="measure").click().run()
    (job,) = stub.jobs
    assert (len(job.groups), len(job.profiled)) == (groups, profiled)


def test_failures_and_lost_measurements_are_said(stub: StubQueue) -> None:
    app = page(measurement="gone' OR 1=1")
    assert any("no longer on this server" in note.value for note in app.info)
    stub.values = {"state": "failed", "reason": "batch_size=256: needs more"}
    assert page(measurement="some-key").error[0].value == r"batch\_size=256\: needs more"

    def full(*_: object) -> str:
        raise measurement.TooManyJobsError("at most 20 may wait")

    stub.submit = full  # type: ignore[method-assign]
    app = page()
    app.button(key="measure").click().run()
    assert app.error[0].value == "at most 20 may wait"


@pytest.mark.parametrize("what", [{"dtype": "tf32"}, {"mode": "graph"}])
def test_what_this_server_cannot_do_is_said_before(what: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "accelerator_likely", lambda: False)
    app = page(**what)
    assert app.button(key="measure").disabled
    assert any("needs an accelerator" in note.value for note in app.info)


def test_the_way_back_has_no_folding(stub: StubQueue) -> None:
    app = page(backward="true", mode="folded")
    assert "mode=folded" in app.info[0].value
    app.session_state["more"] = True  # opens the popover
    app.run()
    assert app.segmented_control(key="mode").options == ["eager", "compiled"]
    assert app.caption[0].value == "float32 · contiguous · forward + backward · eager"
    app.button(key="measure").click().run()
    assert all(settings.backward for settings in stub.jobs[0].groups[0])


def test_training_at_the_same_time_is_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    assert not any("Training runs" in note.value for note in page().warning)
    from xception_lab.experiments.spec import ExperimentSpec
    from xception_lab.experiments.store import Store

    store = Store()
    key = store.add(ExperimentSpec(), "me", 100)
    assert key
    store.move([store.experiment(key).runs[0].id], "running")
    assert not store.busy()  # nobody works on it
    store.claim(key, "keeper")
    assert store.busy()
    assert any("Training runs" in note.value for note in page().warning)


def test_results_of_another_machine_stand_beside_and_hostile_files_are_refused() -> None:
    app = page(timing_view="bring")
    good = results_to_json(_results("Other GPU", 0.0004, 0.0003, 0.0005)).encode()
    evil = b'{"format": "xception-lab-timings", "version": "<script>alert(1)</script>"}'
    app.get("file_uploader")[0].upload("other.json", good).upload("**evil**`.json", evil).run()
    assert not app.exception
    assert app.success[0].value == "**Other GPU, torch 2.13**: 3 timings, shown beside this server's."
    (refusal,) = app.error
    # shown as it is called, and as no markup
    assert refusal.value == r"\*\*evil\*\*\`.json was refused: machine is missing"
    assert any("Other GPU" in line.value and "slower" in line.value for line in app.markdown)
    app.segmented_control(key="timing_view").set_value("latency").run()
    assert not app.exception
    assert "Other GPU" in app.get("plotly_chart")[1].proto.spec + app.get("plotly_chart")[0].proto.spec
    app.segmented_control(key="timing_view").set_value("running").run()
    assert "Other GPU" in app.get("plotly_chart")[0].proto.spec


def test_a_copy_of_the_stored_file_stands_apart_in_every_chart() -> None:
    app = page(timing_view="bring")
    app.get("file_uploader")[0].upload("same.json", results_to_json(shipped_timings()).encode()).run()
    for view in ("latency", "roofline", "running", "operations"):
        app.segmented_control(key="timing_view").set_value(view).run()
        assert not app.exception
        drawn = [chart.proto.spec for chart in app.get("plotly_chart")]
        # operations have a chart a machine, under its name
        seen = "".join(drawn + [line.value for line in app.markdown])
        assert "(2)" in seen or r"\(2\)" in seen, view
    assert len(app.get("plotly_chart")) == 2


def test_a_layer_below_its_estimate_is_flagged_with_the_reason() -> None:
    state = {"out_channels": "128", "size": "147", "mode": "folded", "memory_format": "channels_last"}
    app = page(timing_view="roofline", **state)
    (flag,) = [caption.value for caption in app.caption if "Below the estimate" in caption.value]
    assert "standard convolution, convolution: 6.35\u00a0ms, estimated 6.40\u00a0ms" in flag.lower()
    assert "probes range from 467 GFLOP/s to 493 GFLOP/s" in flag
    table = app.dataframe[0].value
    assert list(table["below_estimate"]).count("yes") == 1
    assert set(table["kind"]) == {"Standard convolution", "Extreme Inception", "Depthwise separable"}
    assert set(table["limit"]) == {"data", "products"}
    app = page(timing_view="roofline")
    assert not any("Below the estimate" in caption.value for caption in app.caption)
    # the stored result is older than the size of the cache in it
    assert any("size of the last cache is not in this result" in line.value for line in app.markdown)


def test_a_median_below_its_estimate_is_flagged() -> None:
    app = page(timing_view="bring")
    quick = results_to_json(_results("Quick GPU", 1e-9, 0.0003, 0.0005)).encode()
    app.get("file_uploader")[0].upload("quick.json", quick).run()
    for view in ("latency", "running"):
        app.segmented_control(key="timing_view").set_value(view).run()
        assert not app.exception
        (flag,) = [caption.value for caption in app.caption if "Below the estimate" in caption.value]
        assert "tandard" in flag
        assert "cache" in flag


def test_how_torch_multiplies_by_default_is_said_of_a_device_with_tf32_alone() -> None:
    app = page(timing_view="bring")
    results = replace(
        _results("An A100", 0.0004, 0.0003, 0.0005), properties=DeviceProperties(40 << 20, "ieee", "tf32")
    )
    app.get("file_uploader")[0].upload("other.json", results_to_json(results).encode()).run()
    for view in ("latency", "roofline", "running"):
        app.segmented_control(key="timing_view").set_value(view).run()
        (said,) = [caption.value for caption in app.caption if "TF32" in caption.value]
        assert "An A100" in said
        assert "matrix products in IEEE float32, convolutions in TF32" in said
    app.segmented_control(key="timing_view").set_value("roofline").run()
    assert any("268 MB, 6.4× the last cache" in line.value for line in app.markdown)
    for view in ("latency", "roofline", "running"):
        words = page(timing_view=view)
        assert not any("TF32" in text.value for text in (*words.caption, *words.markdown))


def test_a_probe_that_does_not_reach_beyond_the_cache_is_said() -> None:
    app = page(timing_view="bring")
    results = replace(_results("A CPU", 0.0004, 0.0003, 0.0005), properties=DeviceProperties(300 << 20))
    app.get("file_uploader")[0].upload("other.json", results_to_json(results).encode()).run()
    app.segmented_control(key="timing_view").set_value("roofline").run()
    assert any("only 0.9× the last cache" in line.value for line in app.markdown)


def test_the_table_of_a_block_has_the_unit_of_its_bars() -> None:
    app = page()
    table = app.dataframe[0].value
    medians = {timing.settings: timing.median_s for timing in shipped_timings().timings}
    assert list(table["median_s"]) == pytest.approx([1e6 * medians[settings] for settings in BLOCKS], rel=1e-3)
    columns = json.loads(app.dataframe[0].proto.columns)
    assert (columns["median_s"]["label"], columns["median_s"]["help"]) == (
        "median, µs",
        "In the file: `median_s`, in seconds",
    )


@pytest.mark.parametrize("on", MEASURED_ON.texts)
def test_a_sweep_says_first_how_separable_stands_to_standard_at_its_ends(on: str) -> None:
    app = page(timing_view="running", measured_on=on)
    (said,) = [line.value for line in app.markdown if "**Depthwise separable against standard**: " in line.value]
    results = H100 if on != "here" else shipped_timings()
    for out_channels in (16, 512):
        standard, _extreme, separable = map(results.timing, three_blocks(CompareSpec(out_channels=out_channels)))
        assert standard
        assert separable
        assert times_text(standard.work_s / separable.work_s) in said
    assert "at `out_channels` = 16" in said
    # a GPU's calls in a row lie too close together for a crossing
    assert ("No two lines are seen to cross: that needs more than the 25%" in said) == (on != "here")


def test_a_stored_block_of_a_few_percent_has_no_difference_in_time() -> None:
    assert "**no difference in time** to be seen" in page(size="7").markdown[0].value


@pytest.mark.parametrize("on", MEASURED_ON.texts)
def test_a_mark_under_the_roofs_says_what_binds_it_and_leads_to_its_estimate(on: str) -> None:
    app = page(timing_view="roofline", measured_on=on)
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    results = H100 if on != "here" else shipped_timings()
    points = [point for point in roofline_points(BLOCKS, results) if point.estimate.flops]
    (gaps,) = [trace for trace in traces if trace["mode"] == "lines" and not trace["name"]]
    ends = list(zip(gaps["x"][::3], gaps["y"][::3], gaps["y"][1::3], strict=True))
    assert ends == [
        (
            pytest.approx(point.estimate.intensity),
            pytest.approx(point.flops_per_s),
            pytest.approx(point.estimated_flops_per_s),
        )
        for point in points
    ]
    for kind in KINDS:
        (marks,) = [trace for trace in traces if trace["name"] == kind_name(kind)]
        own = {point.estimate.intensity: point.estimate.limit for point in points if point.kind == kind}
        for intensity, symbol in zip(marks["x"], marks["marker"]["symbol"], strict=True):
            limit = min(own.items(), key=lambda one: abs(one[0] - intensity))[1]
            assert symbol.endswith("-open") == (limit == "memory")


def test_another_machines_peaks_are_not_taken_for_this_servers() -> None:
    captions = [caption.value for caption in page(in_channels="72").caption]
    assert any("Predicted only" in text and "Another machine's, and not this server's" in text for text in captions)


def test_a_prediction_for_a_device_that_was_measured_stands_beside_what_was() -> None:
    (said,) = [line.value for line in page(timing_view="devices").caption if "Measured, to compare" in line.value]
    separable = H100.timing(BLOCKS[-1])
    assert separable
    assert separable.device_s
    assert f"takes **{separable.device_s * 1e6:.1f}\u00a0µs**" in said
    assert "is predicted for H100 SXM" in said
    assert set(PRODUCTS.values()) <= {device.name for device in DEVICES}
    assert {H100.machine.name} <= set(PRODUCTS)
    # a block that was not timed there
    assert not any("to compare" in line.value for line in page(timing_view="devices", out_channels="1536").caption)


def test_published_devices_have_both_float32_predictions() -> None:
    app = page(timing_view="devices")
    table = app.dataframe[0].value
    assert {"A100 SXM 40 GB", "A100 SXM 40 GB, TF32", "T4"} <= set(table["device"])
    assert not any("T4, TF32" in name or "EPYC 9654 (96), TF32" in name for name in table["device"])
    assert "A100 SXM 40 GB, TF32" in app.get("plotly_chart")[0].proto.spec


def test_what_is_said_of_starting_a_layer_is_measured_or_marked() -> None:
    app = page()
    (said,) = [line.value for line in app.markdown if "Starting a layer costs time" in line.value]
    bar = smallest_block(shipped_timings())
    assert bar
    assert bar.timing
    assert bar.estimate_s
    assert bar.settings.height == 7
    assert f"takes {seconds_text(bar.timing.median_s)}" in said
    assert f"estimate is {seconds_text(bar.estimate_s)}" in said
    assert not any("at once, where" in line.value for line in app.markdown)


def test_compiling_without_a_compiler_is_refused_before_it_is_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "accelerator_likely", lambda: False)
    monkeypatch.setenv("CXX", "no-such-compiler")
    app = page(mode="compiled")
    assert app.button(key="measure").disabled
    assert any("needs a C++ compiler" in note.value for note in app.info)


def test_settings_that_nobody_measured_are_asked_about_with_their_own_ratio_and_the_peaks_that_are_known() -> None:
    app = page(kernel_size="5", timing_view="running")
    assert "20.9× fewer** FLOPs. Measure" in app.markdown[0].value
    assert any("Not measured yet" in line.value for line in app.markdown)
    assert not any("cross" in line.value for line in app.markdown)
    app = page(dtype="bfloat16", kernel_size="5")
    assert any("Predicted only" in caption.value for caption in app.caption)
    assert len(app.get("plotly_chart")) == 1
    app = page(dtype="float16")
    assert any("nor the peaks" in caption.value for caption in app.caption)
    assert not app.get("plotly_chart")


def test_one_measurement_takes_no_stored_peaks_away(stub: StubQueue) -> None:
    app = page()
    app.button(key="measure").click().run()
    stub.values = {"state": "done", "results": _results("Fast GPU", 0.004, 0.003, 0.002)}
    app.run()
    app.session_state["more"] = True
    app.run()
    app.segmented_control(key="dtype").set_value("bfloat16").run()
    assert not app.exception
    assert any(shipped_timings().machine.label in caption.value for caption in app.caption)
    assert len(app.get("plotly_chart")) >= 1


def test_what_became_of_a_measurement_is_said_over_its_own_settings_alone(stub: StubQueue) -> None:
    app = page()
    app.button(key="measure").click().run()
    stub.values = {"state": "cancelled"}
    app.run()
    assert any("Stopped" in note.value for note in app.info)
    app.segmented_control(key="timing_view").set_value("running").run()
    assert not any("Stopped" in note.value for note in app.info)


def test_a_part_of_a_sweep_is_shown_and_counted(stub: StubQueue) -> None:
    sweep = [one for group in sweep_settings(CompareSpec(), "out_channels").values() for one in group]
    machine = _results("Fast GPU", 1.0, 1.0, 1.0).machine
    part = Results(machine, (), tuple(Timing(one, "cuda", (0.001,)) for one in sweep[:6]))
    app = page(timing_view="running")
    app.button(key="measure").click().run()
    stub.values = {"state": "cancelled", "results": part}
    app.run()
    assert any("Fast GPU, torch 2.13. 6 of 18 settings" in caption.value for caption in app.caption)


@pytest.mark.parametrize(("view", "wanted"), [("latency", 3), ("running", 18), ("xception", 2), ("operations", 3)])
def test_what_is_taken_home_is_what_the_view_shows(view: TimingView, wanted: int) -> None:
    assert len(job_of(TimingState(timing_view=view)).settings) == wanted


def test_another_device_is_neither_measured_nor_warned_of_by_this_one(stub: StubQueue) -> None:
    app = page()
    app.button(key="measure").click().run()
    stub.values |= {"state": "done", "results": _results("Fast GPU", 0.004, 0.003, 0.002, slowdown=1.53)}
    app.run()
    assert app.warning
    app.button_group(key="measured_on").set_value("nvidia-h100").run()
    assert not app.exception
    assert not app.warning
    elsewhere = page(in_channels="96", kernel_size="5", measured_on="nvidia-h100").markdown[0].value
    assert elsewhere.endswith("These blocks were not timed on NVIDIA H100 80GB HBM3.")
    assert "Measure, and see" in page(in_channels="96", kernel_size="5").markdown[0].value


def test_what_was_not_timed_has_its_estimate_alone_and_no_claim_of_a_stored_result() -> None:
    strange = {"in_channels": "256", "out_channels": "512", "stride": "2"}
    for on in MEASURED_ON.texts:
        app = page(timing_view="roofline", measured_on=on, **strange)
        assert "stored result" not in app.caption[1].value
        assert set(app.dataframe[0].value["below_estimate"]) == {None}
        traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
        blocks = {kind_name(kind) for kind in KINDS}
        assert not any(trace["x"] for trace in traces if trace["name"] in blocks)
        (estimates,) = [trace for trace in traces if trace["name"] == "roofline estimate"]
        assert "convolution" in estimates["text"]
    app = page(timing_view="operations", **strange)
    assert any("No profile of this is stored" in note.value for note in app.info)
    assert not any("stored result" in caption.value for caption in app.caption)


def test_a_block_that_was_not_timed_leads_to_the_nearest_that_was() -> None:
    app = page(measured_on="nvidia-h100", in_channels="256", out_channels="512", size="56", stride="2")
    assert "were not timed on NVIDIA H100" in app.markdown[0].value
    button = app.button(key="nearest")
    # by hand: two octaves of channels in and one of stride away; 256→256 at 14 is a step further
    assert button.label == "Show the nearest that was timed: 64→512, 56×56, stride 1"
    button.click().run()
    assert not app.exception
    assert "the work alone" in app.markdown[0].value
    shown = (app.select_slider(key=key).value for key in ("in_channels", "out_channels", "size"))
    assert tuple(shown) == ("64", "512", "56")
    assert "nearest" not in [button.key for button in app.button]


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        (CompareSpec(size=50), CompareSpec()),
        (
            CompareSpec(in_channels=728, out_channels=700, size=19),
            CompareSpec(in_channels=728, out_channels=728, size=19),
        ),
        (CompareSpec(batch_size=20), CompareSpec(batch_size=16)),
        (CompareSpec(), None),  # was timed itself
    ],
)
def test_the_nearest_block_is_near_in_every_field(wanted: CompareSpec, nearest: CompareSpec | None) -> None:
    assert nearest_timed(wanted, H100) == nearest
    assert nearest_timed(wanted, H100, dtype="bfloat16", mode="compiled") is None  # nothing was timed so
