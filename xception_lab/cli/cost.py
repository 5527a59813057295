"""The terminal's `cost`: what a block or the network costs, in closed form.

A spec's fields are given as FIELD=VALUE or as options: these print the same.

    xception-lab cost block kind=separable in_channels=64 out_channels=128 --size 56
    xception-lab cost separable --in-channels 64 --out-channels 128 --size 56
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, fields

from xception_lab.arch.cost import Cost, block_cost, network_cost
from xception_lab.cli.fields import parse_fields, parse_value, with_fields
from xception_lab.spec import KINDS, BlockSpec, XceptionSpec

BLOCK_SIZE, NETWORK_SIZE = 56, 299

_BLOCK_FIELDS, _NETWORK_FIELDS = (tuple(field.name for field in fields(spec)) for spec in (BlockSpec, XceptionSpec))


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `cost`."""
    parser.add_argument(
        "what",
        metavar="WHAT",
        choices=("block", *KINDS, "network"),
        help=f"block, a kind of block ({', '.join(KINDS)}) or network",
    )
    parser.add_argument(
        "--size", type=int, help=f"height and width of the input (a block's {BLOCK_SIZE}, the network's {NETWORK_SIZE})"
    )
    parser.add_argument("--batch-size", type=int, default=1, metavar="N")
    parser.add_argument("field", nargs="*", metavar="FIELD=VALUE", help="fields of BlockSpec or XceptionSpec")
    # argparse's own usage would list every field
    parser.usage = "%(prog)s [-h] [--json] [--size SIZE] [--batch-size N] WHAT [FIELD=VALUE ...] [--FIELD VALUE ...]"
    groups = {
        "fields of a block": _BLOCK_FIELDS,
        "fields of the network, beside those of the same name above": [
            name for name in _NETWORK_FIELDS if name not in _BLOCK_FIELDS
        ],
    }
    for title, names in groups.items():
        group = parser.add_argument_group(title)
        for name in names:
            group.add_argument(_flag(name), type=parse_value, metavar="VALUE", default=argparse.SUPPRESS)


def run_cost(options: argparse.Namespace) -> int:
    """Run `cost`."""
    values = parse_fields(options.field)
    for name in dict.fromkeys(_BLOCK_FIELDS + _NETWORK_FIELDS):
        if hasattr(options, name):
            if name in values:
                raise ValueError(f"{name}: must be given once, is given as {name}= and as {_flag(name)}")
            values[name] = getattr(options, name)
    if options.what == "network":
        network = with_fields(XceptionSpec(), values)
        side = NETWORK_SIZE if options.size is None else options.size
        cost = network_cost(network, side, side, options.batch_size)
    else:
        if options.what in KINDS and values.setdefault("kind", options.what) != options.what:
            raise ValueError(f"kind={values['kind']!r}: must be left out where the block is named {options.what!r}")
        block = with_fields(BlockSpec("separable"), values)
        side = BLOCK_SIZE if options.size is None else options.size
        cost = block_cost(block, side, side, options.batch_size)
    if options.json:
        print(json.dumps({**asdict(cost), "flops": cost.flops, "intensity": cost.intensity}))
    else:
        print("\n".join(_lines(cost)))
    return 0


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _lines(cost: Cost) -> Iterator[str]:
    yield f"{'layer':24} {'operation':12} {'output':>18} {'parameters':>12} {'MACs':>15}"
    for layer in cost.layers:
        shape = "x".join(map(str, layer.out_shape))
        yield f"{layer.name:24} {layer.op:12} {shape:>18} {layer.params:12,} {layer.macs:15,}"
    yield f"{cost.params:,} parameters, {cost.macs:,} MACs = {cost.flops:,} FLOPs"
    yield f"{cost.moved_bytes:,} bytes moved, {cost.intensity:.2f} FLOPs a byte"
