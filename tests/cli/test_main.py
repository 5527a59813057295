"""The terminal: the same figures as the engine's, JSON for scripts, and a sentence for what it cannot do."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import prompt_cluster
import pytest
import torch
from paths import ROOT
from tiny_data import PRELOAD, TINY, tiny_dataset

from xception_lab import BlockSpec, XceptionSpec, __version__, block_cost, network_cost
from xception_lab.cli import app
from xception_lab.cli.main import main
from xception_lab.experiments.cluster import Cluster
from xception_lab.experiments.repetition import effects_of_predictions, load_repetition
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.measurement import runner
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import Machine, Peaks, Results, Timing
from xception_lab.timing.results_file import results_from_json, results_to_json
from xception_lab.timing.settings import Dtype
from xception_lab.training import tensors

MACHINE = Machine("cpu", "A processor", 2, 1 << 30, None, "", "Linux", "3.11", "2.13")
NETWORK = (
    "stem_channels=(4,8)",
    "entry_channels=(8,)",
    "middle_channels=8",
    "exit_channels=(8,8,8)",
    "dataset=tiny",
    "epochs=2",
    "batch_size=8",
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(tensors, "load_dataset", tiny_dataset)
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    for name, value in PRELOAD.items():
        monkeypatch.setenv(name, value)
    prompt_cluster.use(monkeypatch)
    tensors.load_pictures.cache_clear()
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    tensors.load_pictures.cache_clear()


@pytest.fixture(scope="module")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PRELOAD.items():
            patch.setenv(name, value)
        prompt_cluster.use(patch)
        cluster = Cluster(2, tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture
def _workers_that_run(_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers for a sweep that would else start its own, which takes many seconds."""
    while not _cluster.address:
        assert _cluster.wait(1) < 120
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", _cluster.address)


def test_cost_is_the_engines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "network", "--json"]) == 0
    cost = network_cost(XceptionSpec(), 299, 299)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["params"], printed["macs"], printed["flops"]) == (cost.params, cost.macs, cost.flops)
    assert main(["cost", "block", "kind=extreme", "out_channels=96", "--size", "28", "--batch-size", "2"]) == 0
    block = block_cost(BlockSpec("extreme", out_channels=96), 28, 28, 2)
    assert f"{block.params:,} parameters, {block.macs:,} MACs = {block.flops:,} FLOPs" in capsys.readouterr().out


BLOCKS = [
    ("separable", {"in_channels": 64, "out_channels": 128}),
    ("separable", {"in_channels": 16, "depth_multiplier": 2, "padding": "valid", "batch_norm": "every", "bias": True}),
    ("extreme", {"out_channels": 96, "segments": 4, "intermediate": "elu"}),
    ("standard", {"kernel_size": 5, "padding": 0, "stride": 2}),
]


@pytest.mark.parametrize(("kind", "fields"), BLOCKS)
def test_fields_of_a_block_may_be_given_as_options(
    kind: str, fields: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assignments = [f"{name}={value}" for name, value in fields.items()]
    named = [text for name, value in fields.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    spellings = [
        ["block", f"kind={kind}", *assignments, "--size", "28", "--json"],
        [kind, *named, "--size", "28", "--json"],
        [kind, *assignments, "--json", "--size", "28"],
        ["block", "--json", "--kind", kind, *named, "--size", "28"],
    ]
    printed: list[str] = []
    for spelling in spellings:
        assert main(["cost", *spelling]) == 0
        printed.append(capsys.readouterr().out)
    assert len({*printed}) == 1
    cost = block_cost(BlockSpec(kind, **fields), 28, 28)  # pyright: ignore[reportArgumentType]
    assert json.loads(printed[0])["layers"] == json.loads(json.dumps([asdict(layer) for layer in cost.layers]))


def test_fields_of_the_network_may_be_given_as_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "network", "middle_blocks=4", "entry_channels=(8,728)", "segments=2", "--json"]) == 0
    assignments = capsys.readouterr().out
    named = ["--middle-blocks", "4", "--entry-channels", "(8,728)", "--segments", "2"]
    assert main(["cost", "network", *named, "--json"]) == 0
    assert capsys.readouterr().out == assignments


def test_a_run_prints_an_epoch_a_line_and_goes_on_from_its_checkpoint(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["train", *NETWORK, "intermediate=relu", "--checkpoint", str(tmp_path / "run")]
    assert main([*arguments, "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["epoch"] for record in records] == [1, 2]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(f"epoch 2: loss {records[1]['train_loss']:.4f}, ")


@pytest.mark.usefixtures("_workers_that_run")
def test_a_sweep_ends_with_the_table_that_report_prints_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--seeds", "2", *NETWORK]) == 0
    swept = capsys.readouterr()
    assert "8/8 runs" in swept.err
    assert "order=pointwise-first, intermediate=relu" in swept.out
    assert "order=depthwise-first -> pointwise-first" in swept.out
    assert "interaction of order=pointwise-first, intermediate=relu" in swept.out
    assert main(["report"]) == 0
    assert capsys.readouterr().out == swept.out
    assert main(["report", "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    assert (stored["state"], stored["effects"]["seeds"], len(stored["runs"])) == ("done", [0, 1], 8)
    assert main(["sweep", "--resume", stored["id"], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert _timeless(again) == _timeless(stored)


def _timeless(progress: dict[str, object]) -> dict[str, object]:
    """Without what depends on when it was asked."""
    return {name: value for name, value in progress.items() if name != "time_left_s"}


def test_a_grid_of_ones_own_on_workers_of_its_own_and_a_run_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sweep", "--preset", "own", "--seeds", "1", "--workers", "1", *NETWORK]
    assert main([*arguments, "--vary", "learning_rate=0.003,1e30"]) == 1
    assert "failed, epoch 1: the loss is not a number" in capsys.readouterr().out


def test_a_plans_report_names_the_other_devices_and_prints_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--plan", "figure-10"]) == 0
    first = capsys.readouterr().out
    assert "made by" not in first
    for device, verdicts in (("nvidia-h100", 2), ("xeon", 0)):
        assert f"--device {device}" in first
        repetition = load_repetition("figure-10", device)
        effects = effects_of_predictions(repetition.experiment, repetition.predictions)
        assert main(["report", "--plan", "figure-10", "--device", device]) == 0
        printed = capsys.readouterr().out
        assert repetition.machine in printed
        assert "no new data" in printed
        for effect in effects.primary:
            (line,) = [line for line in printed.splitlines() if f" {effect.points:+.2f} " in line]
            assert line.endswith(effect.verdict or ")")
        assert ("No verdict before the 8 seeds that are missing" in printed) == (verdicts == 0)
        assert main(["report", "--plan", "figure-10", "--device", device, "--json"]) == 0
        values = json.loads(capsys.readouterr().out)
        assert values["machine"] == repetition.machine
        assert sum(effect["verdict"] is not None for effect in values["effects"]["effects"]) == verdicts
        assert ("runs" in values) == bool(verdicts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "--device", "xeon"], "--device xeon: must come with --plan"),
        (["report", "--plan", "figure-10", "--device", "abacus"], "device='abacus': must be one of 'nvidia-h100', "),
        (["cost", "block", "stride=0"], "stride=0: must be a whole number of at least 1"),
        (["cost", "block", "stride"], "'stride': must be FIELD=VALUE"),
        (["cost", "network", "colour=3"], "colour: must be one of in_channels, "),
        (["cost", "separable", "--middle-blocks", "4"], "middle_blocks: must be one of kind, "),
        (["cost", "separable", "stride=1", "--stride", "2"], "stride: must be given once, is given as stride= and as "),
        (
            ["cost", "extreme", "kind=separable"],
            "kind='separable': must be left out where the block is named 'extreme'",
        ),
        (["cost", "separable", "--size", "0"], "height=0: must be a whole number of at least 1"),
        (["train", "dataset=nothing"], "dataset='nothing': must be"),
        (["sweep", "--preset", "own"], "grid=(): belongs to preset='own'"),
        (["sweep", "--seeds", "0"], "seeds=0: must be a whole number from 1 to 100"),
        (["sweep", "--first-seed", "-1"], "first_seed=-1: must be a whole number of at least 0"),
        (["sweep", "--plan", "nothing"], "plan='nothing': must be one of "),
        (["sweep", "--plan", "figure-10", "epochs=2"], "--plan figure-10: a plan is fixed, give neither fields nor "),
        (["sweep", "--plan", "figure-10", "--vary", "epochs=1,2"], "--plan figure-10: a plan is fixed, give neither "),
        (["sweep", "--plan", "figure-10", "--preset", "dose"], "--plan figure-10: a plan is fixed, give neither "),
        (["report"], "no experiment in "),
        (["report", "nothing"], "no experiment 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {said}")
    assert not printed.out


def _printed_at_exit(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("/somewhere/bin/xception-lab", "xception-lab"),
        ("/somewhere/xception_lab/__main__.py", "python -m xception_lab"),
    ],
)
def test_help_names_the_program_and_every_command(
    path: str, program: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [path])
    printed = _printed_at_exit(["--help"], capsys)
    assert printed.startswith(f"usage: {program} [-h]")
    commands = ("cost", "time", "train", "sweep", "report", "list", "show", "delete")
    assert all(name in printed for name in (*commands, "--version"))
    assert _printed_at_exit(["cost", "--help"], capsys).startswith(f"usage: {program} cost [-h]")


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed_at_exit(["--version"], capsys) == f"xception-lab {__version__}\n"


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_ends_a_command_with_one_sentence_that_says_what_stays(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "results.json"
    shown = Results(MACHINE, timings=(Timing(three_blocks(CompareSpec())[0], "cpu", (0.001,)),))

    def cut(_job: object, report: Callable[[float, Results], None], _before: object) -> None:
        report(0.4, shown)
        raise KeyboardInterrupt

    monkeypatch.setattr("xception_lab.measurement.runner.run_job", cut)
    assert main(["time", "--all", "--device", "cpu", "--out", str(out)]) == 130
    said = f"stopped; what was measured until now is in {out}.part, and the same command goes on from there"
    assert capsys.readouterr().err.splitlines()[-1] == said
    assert results_from_json((tmp_path / "results.json.part").read_bytes()) == shown
    assert not out.exists()
    monkeypatch.setattr("xception_lab.training.loop.next_epoch", _interrupted)
    assert main(["train", *NETWORK, "--checkpoint", str(tmp_path / "run")]) == 130
    assert "goes on after the last whole epoch" in capsys.readouterr().err
    monkeypatch.setattr("xception_lab.cli.sweep._follow", _interrupted)
    monkeypatch.setattr("xception_lab.experiments.scheduler.Scheduler._enqueue", lambda *_: None)
    assert main(["sweep", *NETWORK, "--seeds", "1"]) == 130
    (experiment,) = Store().experiments()
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("stopped; what is done stays: go on with sweep --resume ")
    assert said.split()[-1] == experiment
    assert experiment.isalnum()  # an id that begins with a hyphen would be an option


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    command = f"{sys.executable} -m xception_lab cost network --json | true"
    run = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["time", "--limit-s", "0"], "limit_s=0: must be above 0"),
        (["time", "--limit-s", "nan"], "limit_s=nan: must be above 0"),
        (["time", "--precision", "1"], "precision=1: must be between 0 and 1"),
        (["train", "--checkpoint", "/nowhere/at/all"], "checkpoint='/nowhere/at/all': its folder must exist"),
    ],
)
def test_what_could_not_end_well_is_refused_before_it_begins(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("_workers_that_run")
def test_experiments_are_listed_shown_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("no experiment in ")
    assert main(["sweep", "--preset", "figure-9", "--seeds", "1", *NETWORK]) == 0
    capsys.readouterr()
    (key,) = Store().experiments()
    assert main(["list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["dataset"], listed["preset"], listed["state"]) == (key, "tiny", "figure-9", "done")
    assert (listed["states"], listed["runs"], listed["share"], listed["trained_now"]) == ({"done": 2}, 2, 1.0, False)
    files = [Store().checkpoint_path(run.id) for run in Store().experiment(key).runs]
    assert listed["disk_bytes"] == sum(file.stat().st_size for file in files) > 0
    assert main(["list"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith(key)
    assert all(word in line for word in (" done ", " 2/2 ", " MB ", "tiny, figure-9"))

    assert main(["show", key]) == 0
    shown = capsys.readouterr().out
    assert all(line in shown for line in ("dataset = tiny", "  middle_channels = 8", "residual=False, seed 0"))
    assert main(["show", key, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [len(run["records"]) for run in values["runs"]] == [2, 2]
    assert values["spec"]["preset"] == "figure-9"
    assert "owner" not in values

    assert main(["delete", key, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": key, "freed_bytes": listed["disk_bytes"]}
    assert Store().experiments() == ()
    assert not any(file.exists() for file in files)
    assert main(["show", key]) == 2
    assert capsys.readouterr().err == f"error: no experiment '{key}'\n"


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 1), ("", 1)])
def test_delete_asks_before_it_deletes(
    answer: str, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Store().add(ExperimentSpec("figure-9", 1, TINY), "terminal", 10)
    assert key
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    assert main(["delete", key]) == status
    assert "0 of 2 runs done? [y/N]" in capsys.readouterr().err
    assert bool(Store().experiments()) == bool(status)


def test_what_is_being_trained_is_not_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    key = Store().add(ExperimentSpec("figure-9", 1, TINY), "terminal", 10)
    assert key
    assert Store().claim(key, "another process")
    assert main(["delete", key, "--yes"]) == 1
    assert capsys.readouterr().err == "error: another process is at work on it: stop it first\n"
    assert Store().experiments() == (key,)


def test_help_lists_the_fields_with_their_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("train", "sweep"):
        printed = _printed_at_exit([command, "--help"], capsys)
        assert all(line in printed for line in ("  epochs=4\n", "  learning_rate=0.012\n", "  stem_channels=(8,16)\n"))
    assert "  depth_multiplier=1\n" in _printed_at_exit(["cost", "--help"], capsys)
    assert "64 when left out" in _printed_at_exit(["time", "--help"], capsys)


def test_a_measurement_that_was_cut_goes_on_from_its_part(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = tmp_path / "results.json"
    part, job = tmp_path / "results.json.part", tmp_path / "results.json.part.job"
    command = ["time", "--device", "cpu", "--size", "7", "--limit-s", "0.2", "--out", str(out)]
    probes: list[str] = []

    def cut_at_the_second_probe(_device: object, dtype: Dtype, *_: object, **__: object) -> Peaks:
        probes.append(dtype)
        if len(probes) == 2:
            raise KeyboardInterrupt
        return Peaks(dtype, len(probes) * 1e11, ((100 << 20, 1e10),))

    monkeypatch.setattr(runner, "measure_peaks", cut_at_the_second_probe)
    assert main(command) == 130
    before = results_from_json(part.read_bytes())
    assert (len(before.timings), len(before.peaks), job.exists()) == (3, 1, True)

    # other settings: what there is is set aside, and said
    capsys.readouterr()
    assert main([*command, "--batch-size", "2"]) == 0
    said = capsys.readouterr().err
    assert "is set aside as results.json.set-aside-" in said
    assert "everything is measured: it was measured with other settings" in said
    assert {timing.settings.batch_size for timing in results_from_json(out.read_bytes()).timings} == {2}
    assert not part.exists()
    assert not job.exists()

    probes.clear()
    out.unlink()
    assert main(command) == 130
    before = results_from_json(part.read_bytes())
    capsys.readouterr()
    assert main(command) == 0
    assert f"going on from {part}, which has 3 of 3 timings" in capsys.readouterr().err
    after = results_from_json(out.read_bytes())
    assert after.timings == before.timings  # none was measured again
    assert len(after.peaks) == 2
    assert not part.exists()

    # of another machine
    probes.clear()
    assert main(command) == 130
    foreign = replace(before, machine=MACHINE)
    part.write_text(results_to_json(foreign), encoding="utf-8")
    capsys.readouterr()
    assert main(command) == 0
    assert "it is of another machine, A processor, 2 threads, torch 2.13" in capsys.readouterr().err


def test_the_start_line_says_where_the_server_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_addresses", lambda: ("192.0.2.7",))
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    everywhere = app.start_line(["--server.port", "8600"])
    assert "all addresses of this machine, port 8600; from other machines: http://192.0.2.7:8600." in everywhere
    assert "xception-lab run --server.address 127.0.0.1" in everywhere
    alone = "Xception Lab listens on 127.0.0.1, port 8501: for this machine alone."
    assert app.start_line(["--server.address", "127.0.0.1"]) == alone
    assert app.start_line(["--server.address=127.0.0.1"]) == alone
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "127.0.0.1")
    assert app.start_line([]) == alone
    assert app.start_line(["--server.address=192.0.2.7"]) == "Xception Lab listens on 192.0.2.7, port 8501."
    assert app.start_line(["--server.address=0.0.0.0"]).startswith("Xception Lab listens on all addresses")


def test_the_start_line_names_the_next_port_where_the_usual_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMLIT_SERVER_PORT", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken: int = other.getsockname()[1]
        monkeypatch.setattr(app, "DEFAULT_PORT", taken)
        line = app.start_line(["--server.address=127.0.0.1"])
    named = int(line.partition("port ")[2].partition(":")[0])
    assert taken < named < taken + app.PORTS_TRIED
