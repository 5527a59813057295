"""The engine from a terminal: costs, timings, one run, experiments. Fields of a spec are FIELD=VALUE."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import xception_lab
from xception_lab.cli import cost, time
from xception_lab.cli.fields import describe_fields, describe_run, parse_run
from xception_lab.experiments.spec import PRESETS
from xception_lab.spec import BlockSpec, XceptionSpec
from xception_lab.training.records import EpochRecord

# cli.app answers these
APP_HELP = "Without a command, or with run and options of Streamlit such as --server.port=8600, the app is opened."

Command = Callable[[argparse.Namespace], int]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 when the work failed, 2 when it could not be understood.

    arguments: without the program's name; None for those of this process.
    """
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        status = command(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(f"\nstopped{_what_stays(options)}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # whoever reads, such as head, has had enough; what is left must not fail when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyError as error:
        print(f"error: no experiment {error}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _what_stays(options: argparse.Namespace) -> str:
    """What an interrupted command leaves, and how to go on with it."""
    if out := getattr(options, "out", None):
        return f"; what was measured until now is in {out}{time.PART}, and the same command goes on from there"
    if checkpoint := getattr(options, "checkpoint", None):
        return f"; the same command goes on after the last whole epoch, from {checkpoint}"
    return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(_program(), description=__doc__, epilog=APP_HELP)
    parser.add_argument("--version", action="version", version=f"xception-lab {xception_lab.__version__}")
    names = "cost | time | train | sweep | report | list | show | delete"
    commands = parser.add_subparsers(required=True, metavar=names)

    def command(name: str, run: Command, summary: str, fields: str = "") -> argparse.ArgumentParser:
        # as it stands: argparse would set the list of fields as one paragraph
        form = argparse.RawDescriptionHelpFormatter
        sub = commands.add_parser(name, help=summary, description=summary, epilog=fields, formatter_class=form)
        sub.set_defaults(command=run)
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else, on standard output")
        return sub

    closed_form = "what a block or the network costs, in closed form"
    cost.add_options(command("cost", cost.run_cost, closed_form, _cost_fields()))
    time.add_options(command("time", time.run_time, "latency of the three blocks and the network on this machine"))

    train = command("train", _train, "one run, a line an epoch", describe_run())
    train.add_argument("--checkpoint", help="file to go on from and to keep up to date")
    train.add_argument("field", nargs="*", help="FIELD=VALUE of TrainSpec and of its network")

    sweep = command("sweep", _sweep, "an experiment, ending with its effects", describe_run())
    sweep.add_argument("--plan", metavar="NAME", help="run a plan of assets/plans again, as it was fixed")
    sweep.add_argument("--preset", choices=tuple(PRESETS), help="two-differences when left out")
    sweep.add_argument("--seeds", type=int, help="how many (3, or as many as the plan has)")
    sweep.add_argument("--first-seed", type=int, metavar="N", help="the first one (0, or the plan's)")
    sweep.add_argument("--vary", action="append", default=[], metavar="FIELD=A,B", help="a grid field of --preset own")
    sweep.add_argument("--scheduler", help="address of a dask scheduler; without it, processes on this machine")
    sweep.add_argument("--workers", type=int, help="processes on this machine (one a core, or a few a GPU)")
    sweep.add_argument("--resume", metavar="ID", help="go on with a stored experiment instead of starting one")
    sweep.add_argument("field", nargs="*", help="FIELD=VALUE of the base run and its network")

    report = command("report", _report, "a stored experiment's effects")
    report.add_argument("id", nargs="?", help="the newest one when left out")
    report.add_argument("--plan", metavar="NAME", help="the stored result of a plan of assets/plans instead")
    report.add_argument("--device", metavar="NAME", help="what this other device made of the plan")

    command("list", _list, "the stored experiments, the newest first")
    show = command("show", _show, "a stored experiment: its spec, its runs, reasons and notes")
    show.add_argument("id", help="as list prints it")
    delete = command("delete", _delete, "delete a stored experiment with its checkpoints")
    delete.add_argument("id", help="as list prints it")
    delete.add_argument("--yes", action="store_true", help="without asking")
    return parser


def _cost_fields() -> str:
    block = describe_fields(BlockSpec("separable"))
    return f"defaults of a block:\n{block}\n\ndefaults of the network:\n{describe_fields(XceptionSpec())}"


def _program() -> str:
    """What starts this program: the console command, or Python with the package's name."""
    return "python -m xception_lab" if Path(sys.argv[0]).name == "__main__.py" else "xception-lab"


def _train(options: argparse.Namespace) -> int:
    from xception_lab.training.loop import train
    from xception_lab.training.state import prepare_process

    prepare_process()  # the same bits as a sweep's worker
    if options.checkpoint and not Path(options.checkpoint).absolute().parent.is_dir():
        raise ValueError(f"checkpoint={options.checkpoint!r}: its folder must exist")
    for record in train(parse_run(options.field), checkpoint_path=options.checkpoint, tell=_note):
        if options.json:
            print(json.dumps(asdict(record)), flush=True)
        else:
            print(
                f"epoch {record.epoch}: loss {record.train_loss:.4f}, {_accuracies(record)}"
                f"{record.images_per_s:,.0f} pictures/s, {record.elapsed_s:.0f} s",
                flush=True,
            )
    return 0


def _note(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr, flush=True)


def _accuracies(record: EpochRecord) -> str:
    parts = (("validation", record.validation_accuracy), ("test", record.test_accuracy))
    return "".join(f"{part} accuracy {accuracy:.4f}, " for part, accuracy in parts if accuracy is not None)


# dask takes most of a second to import, so these are imported when they are called


def _sweep(options: argparse.Namespace) -> int:
    from xception_lab.cli.sweep import run_sweep

    return run_sweep(options)


def _report(options: argparse.Namespace) -> int:
    from xception_lab.cli.sweep import run_report

    return run_report(options)


def _list(options: argparse.Namespace) -> int:
    from xception_lab.cli.experiments import run_list

    return run_list(options)


def _show(options: argparse.Namespace) -> int:
    from xception_lab.cli.experiments import run_show

    return run_show(options)


def _delete(options: argparse.Namespace) -> int:
    from xception_lab.cli.experiments import run_delete

    return run_delete(options)
