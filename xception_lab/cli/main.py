"""The engine from a terminal: python -m xception_lab cost | time | train | sweep | report. Fields are FIELD=VALUE."""

import argparse
import ast
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from xception_lab.arch.cost import Cost, block_cost, network_cost
from xception_lab.cli.time import add_options, measure_and_show
from xception_lab.experiments.spec import NETWORK_FIELDS, PRESETS, ExperimentSpec
from xception_lab.spec import BlockSpec, TrainSpec, XceptionSpec

# cli.app answers these
APP_HELP = "Without a command, or with run and options of Streamlit such as --server.port=8600, the app is opened."


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, 1 when the work failed, 2 when it could not be understood."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except KeyError as error:
        print(f"error: no experiment {error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("xception_lab", description=__doc__, epilog=APP_HELP)
    commands = parser.add_subparsers(required=True, metavar="cost | time | train | sweep | report")

    def command(name: str, function: Any, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(command=function)
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else, on standard output")
        return sub

    cost = command("cost", _cost, "what a block or the network costs, in closed form")
    cost.add_argument("what", choices=("block", "network"))
    cost.add_argument("--size", type=int, default=None, help="height and width of the picture (56, network 299)")
    cost.add_argument("--batch-size", type=int, default=1)
    cost.add_argument("field", nargs="*", help="FIELD=VALUE of BlockSpec or XceptionSpec; a block needs kind=")

    add_options(command("time", measure_and_show, "latency of the three blocks and the network on this machine"))

    train = command("train", _train, "one run, a line an epoch")
    train.add_argument("--checkpoint", help="file to go on from and to keep up to date")
    train.add_argument("field", nargs="*", help="FIELD=VALUE of TrainSpec and of its network")

    sweep = command("sweep", _sweep, "an experiment, ending with its effects")
    sweep.add_argument("--preset", choices=tuple(PRESETS), default="two-differences")
    sweep.add_argument("--seeds", type=int, default=3)
    sweep.add_argument("--vary", action="append", default=[], metavar="FIELD=A,B", help="a grid field of --preset own")
    sweep.add_argument("--scheduler", help="address of a dask scheduler; without it, processes on this machine")
    sweep.add_argument("--workers", type=int, help="processes on this machine (one a core)")
    sweep.add_argument("--resume", metavar="ID", help="go on with a stored experiment instead of starting one")
    sweep.add_argument("field", nargs="*", help="FIELD=VALUE of the base run and its network")

    report = command("report", _report, "a stored experiment's effects")
    report.add_argument("id", nargs="?", help="the newest one when left out")
    return parser


def _cost(options: argparse.Namespace) -> int:
    values = dict(map(_assignment, options.field))
    if options.what == "block":
        block: BlockSpec = _made(BlockSpec, {"kind": "separable", **values})
        side = options.size or 56
        cost = block_cost(block, side, side, options.batch_size)
    else:
        network: XceptionSpec = _made(XceptionSpec, values)
        side = options.size or 299
        cost = network_cost(network, side, side, options.batch_size)
    if options.json:
        print(json.dumps({**asdict(cost), "flops": cost.flops, "intensity": cost.intensity}))
    else:
        print("\n".join(_cost_lines(cost)))
    return 0


def _cost_lines(cost: Cost) -> Iterator[str]:
    yield f"{'layer':24} {'operation':12} {'output':>18} {'parameters':>12} {'MACs':>15}"
    for layer in cost.layers:
        shape = "x".join(map(str, layer.out_shape))
        yield f"{layer.name:24} {layer.op:12} {shape:>18} {layer.params:12,} {layer.macs:15,}"
    yield f"{cost.params:,} parameters, {cost.macs:,} MACs = {cost.flops:,} FLOPs"
    yield f"{cost.moved_bytes:,} bytes moved, {cost.intensity:.2f} FLOPs a byte"


def _train(options: argparse.Namespace) -> int:
    from xception_lab.training.loop import train
    from xception_lab.training.state import prepare_process

    prepare_process()  # the same bits as a sweep's worker
    for record in train(_run(options.field), checkpoint_path=options.checkpoint):
        if options.json:
            print(json.dumps(asdict(record)), flush=True)
        else:
            print(
                f"epoch {record.epoch}: loss {record.train_loss:.4f}, test accuracy {record.test_accuracy:.4f}, "
                f"{record.images_per_s:,.0f} pictures/s, {record.elapsed_s:.0f} s",
                flush=True,
            )
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from xception_lab.cli.sweep import follow, show
    from xception_lab.experiments.scheduler import Scheduler
    from xception_lab.experiments.store import Store

    scheduler = Scheduler(Store(), options.scheduler, options.workers)
    try:
        if options.resume:
            key = options.resume
            scheduler.resume(key)
        else:
            grid = tuple((name, values) for name, values in map(_levels, options.vary))
            spec = ExperimentSpec(options.preset, options.seeds, _run(options.field), grid)
            key = scheduler.submit(spec, "terminal")
        progress = follow(scheduler, key, quiet=options.json)
    except KeyboardInterrupt:
        print("stopped; what is done stays: go on with sweep --resume ID", file=sys.stderr)
        return 130
    finally:
        scheduler.close()
    show(progress, as_json=options.json)
    return 0 if progress.state == "done" else 1


def _report(options: argparse.Namespace) -> int:
    from xception_lab.cli.sweep import show
    from xception_lab.experiments.progress import IDLE_QUEUE, make_progress
    from xception_lab.experiments.store import Store

    store = Store()
    key = options.id or next(iter(store.experiments()), None)
    if key is None:
        raise ValueError(f"no experiment in {store.folder}")
    show(make_progress(store.experiment(key), IDLE_QUEUE), as_json=options.json)
    return 0


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r}: must be FIELD=VALUE")
    return name, _value(value)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _levels(text: str) -> tuple[str, tuple[Any, ...]]:
    name, _, values = text.partition("=")
    return name, tuple(map(_value, values.split(",")))


def _made(kind: Any, values: dict[str, Any], base: Any = None) -> Any:
    names = [field.name for field in fields(kind)]
    unknown = next((name for name in values if name not in names), None)
    if unknown:
        raise ValueError(f"{unknown}: must be one of {', '.join(names)}")
    return replace(base, **values) if base else kind(**values)


def _run(texts: Iterable[str]) -> TrainSpec:
    values = dict(map(_assignment, texts))
    network = {name: values.pop(name) for name in list(values) if name in NETWORK_FIELDS}
    base = TrainSpec()
    return _made(TrainSpec, {**values, "xception": replace(base.xception, **network)}, base)


if __name__ == "__main__":
    sys.exit(main())
