"""How many training processes side by side give the most pictures a second on this machine's device?

Each process trains the app's small Xception, as a worker does. They are started together, and each is timed over the
same number of steps. Before that, alone on the device: which precision and memory layout is fastest and what held
kernels cost, whether two epochs of one spec have the same bits (within a process and between two), what torch warns of,
how much of the device's memory a process takes, and how near the estimate of a run comes to the run.
Prints three tables. About a minute on a GPU; a dry run on a CPU: --steps 3 --most 2.
Run: python -m benchmarks.packing [--steps 200] [--most 16] [--out packing.json]
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from queue import Empty
from statistics import fmean
from typing import Any

import torch

from xception_lab import TrainSpec
from xception_lab.data.catalogue import load_dataset
from xception_lab.training import loop
from xception_lab.training.checkpoint import Checkpoint
from xception_lab.training.state import (
    first_moments,
    has_bfloat16,
    make_train_state,
    prepare_process,
    reproducible,
    training_device,
)
from xception_lab.training.tensors import load_pictures

WARM_UP = 30
BARRIER_S = 60.0
LEAST_S, MOST_S = 0.5, 150.0  # between two looks whether a process has ended without an answer; for an answer
COUNTS = (1, 2, 4, 8, 16)
DROPOUT = 0.5
# name, bfloat16, channels_last, deterministic kernels; the first is what a run with default settings does
WAYS = (
    ("bfloat16, channels_last", True, True, True),
    ("bfloat16, channels_last, free kernels", True, True, False),
    ("bfloat16, contiguous", True, False, True),
    ("float32, channels_last", False, True, True),
    ("float32, channels_last, free kernels", False, True, False),
    ("float32, contiguous", False, False, True),
)


def wait(device: torch.device) -> None:
    """Wait until the device has done what is queued."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def make_steps(spec: TrainSpec, channels_last: bool = True) -> Callable[[int], None]:
    """What trains a new network for so many steps and waits for their end."""
    device = training_device()
    pictures = load_pictures(spec.dataset, spec.train_size, device)
    state = make_train_state(spec, pictures, None)
    if not channels_last:
        network = state.network.to(memory_format=torch.contiguous_format)
        state = replace(state, moments=first_moments(network))  # they lie in memory as the parameters do
    state.network.train()
    batches = pictures.batches(spec, 1)

    def steps(count: int) -> None:
        nonlocal batches
        for _ in range(count):
            batch = next(batches, None)
            if batch is None:
                batches = pictures.batches(spec, 1)
                batch = next(batches)
            normal = pictures.normalised(batch[0])
            loop._step(state, normal if channels_last else normal.contiguous(), batch[1], spec.learning_rate)
        wait(device)

    return steps


def packed(spec: TrainSpec, steps: int, barrier: Any, answers: Any) -> None:
    """One of several processes: puts (begin, end) of its steps, by the system's clock, or what went wrong."""
    prepare_process()
    try:
        with reproducible(training_device()):
            train = make_steps(spec)
            train(min(WARM_UP, steps))
            barrier.wait(BARRIER_S)
            begin = time.monotonic()
            train(steps)
            answers.put((begin, time.monotonic()))
    except Exception as error:
        barrier.abort()
        answers.put(f"{type(error).__name__}: {error}")


def start(target: Callable[..., None], arguments: list[tuple[Any, ...]], answers: Any) -> list[Any]:
    """Run a process for each of the arguments and return their answers; text is what went wrong."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=(*each, answers)) for each in arguments]
    for process in processes:
        process.start()
    found, end = list[Any](), time.monotonic() + MOST_S
    while len(found) < len(processes) and time.monotonic() < end:
        try:
            found.append(answers.get(timeout=LEAST_S))
        except Empty:
            failed = [process.exitcode for process in processes if process.exitcode]
            if failed:
                found.append(f"a process ended with status {failed[0]}")
                break
    else:
        if len(found) < len(processes):
            found.append(f"no answer within {MOST_S:.0f} s")
    for process in processes:
        if any(isinstance(each, str) for each in found):
            process.kill()
        process.join()
    return found


def pack(spec: TrainSpec, steps: int, count: int) -> dict[str, Any]:
    """So many processes side by side: pictures a second in all and of each."""
    context = multiprocessing.get_context("spawn")
    times = start(packed, [(spec, steps, context.Barrier(count))] * count, context.Queue())
    failures = [each for each in times if isinstance(each, str)]
    if failures:
        return {"processes": count, "error": failures[0][:500]}
    pictures = steps * spec.batch_size
    span_s = max(end for _, end in times) - min(begin for begin, _ in times)
    each = fmean(pictures / (end - begin) for begin, end in times)
    return {"processes": count, "pictures_per_s": count * pictures / span_s, "each_per_s": each}


def compare_ways(spec: TrainSpec, steps: int) -> list[dict[str, Any]]:
    """Pictures a second alone on the device, by precision, layout and choice of kernels."""
    device = training_device()
    rows: list[dict[str, Any]] = []
    for name, bfloat16, channels_last, is_held in WAYS:
        if bfloat16 and not has_bfloat16(device):
            continue
        try:
            with reproducible(device) if is_held else nullcontext():
                train = make_steps(replace(spec, autocast=bfloat16), channels_last)
                train(min(WARM_UP, steps))
                begin = time.perf_counter()
                train(steps)
                rate = steps * spec.batch_size / (time.perf_counter() - begin)
            rows.append({"way": name, "pictures_per_s": rate})
        except RuntimeError as error:
            rows.append({"way": name, "error": str(error)[:500]})
    return rows


def digest(checkpoint: Checkpoint) -> str:
    """A digest of all of a checkpoint's bits but the clock's."""
    bits = hashlib.sha256(repr([(each.train_loss, each.validation_loss) for each in checkpoint.records]).encode())
    for name, tensor in sorted({**checkpoint.network, **checkpoint.adam}.items()):
        bits.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return bits.hexdigest()


def specs_to_repeat(spec: TrainSpec) -> dict[str, TrainSpec]:
    """By name, the specs whose bits are compared."""
    dropping = replace(spec, xception=replace(spec.xception, dropout=DROPOUT))
    return {"default": spec, "float32": replace(spec, autocast=False), "dropout": dropping}


def short_run(spec: TrainSpec, steps: int) -> TrainSpec:
    """The spec with one epoch of so many steps, or of all the training pictures that there are."""
    available = len(load_dataset(spec.dataset).train_labels)
    return replace(spec, epochs=1, train_size=min(steps * spec.batch_size, available))


def look_alone(spec: TrainSpec, steps: int, is_first: bool, answers: Any) -> None:
    """One process alone on the device: puts the digests of two epochs a spec; the first process all the rest too."""
    prepare_process()
    device, found = training_device(), dict[str, Any]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, each in specs_to_repeat(short_run(spec, steps)).items():
            try:
                epochs = [loop.next_epoch(each, None) for _ in range(2)]
                found[f"bits {name}"] = [digest(epoch) for epoch in epochs if epoch]
                if is_first and name == "default" and epochs[1]:
                    found["epoch_s"] = epochs[1].records[-1].elapsed_s
                    found["estimate_s"] = loop.estimate_run_s(each)
            except RuntimeError as error:
                found[f"bits {name}"] = [f"{type(error).__name__}: {error}"[:500]]
        if is_first:
            if device.type == "cuda":
                free, total = torch.cuda.mem_get_info()
                found["memory_used"], found["memory_reserved"] = total - free, torch.cuda.max_memory_reserved()
            found["ways"] = compare_ways(spec, steps)
    found["warnings"] = sorted({str(each.message)[:300] for each in caught})
    answers.put(found)


def alone(spec: TrainSpec, steps: int, is_first: bool) -> dict[str, Any]:
    """What look_alone finds, in a process of its own."""
    (found,) = start(look_alone, [(spec, steps, is_first)], multiprocessing.get_context("spawn").Queue())
    return {"ways": [], "warnings": [found]} if isinstance(found, str) else found


def describe_device() -> str:
    """The training device, by name."""
    device = training_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{name}, torch {torch.__version__}, {os.cpu_count()} cores"


def print_table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """A table in Markdown."""
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def print_alone(first: dict[str, Any], second: dict[str, Any]) -> None:
    """The tables of what one process finds alone on the device."""
    print_table(
        ("way", "pictures/s"),
        [(row["way"], row.get("error") or f"{row['pictures_per_s']:,.0f}") for row in first["ways"]],
    )
    rows: list[tuple[object, ...]] = []
    for name in (name for name in first if name.startswith("bits ")):
        ours, theirs = first[name], second.get(name, [""])
        is_same, is_same_between = len(ours) == 2 and ours[0] == ours[1], len(ours) == 2 and ours[0] == theirs[0]
        rows.append((name.removeprefix("bits "), is_same, is_same_between, "" if len(ours) == 2 else ours[0]))
    print_table(("two epochs of", "same bits", "same in another process", "error"), rows)
    for warning in first["warnings"]:
        print(f"\nwarning: {warning}")
    if "epoch_s" in first:
        print(f"\nan epoch takes {first['epoch_s']:.2f} s, its estimate is {first.get('estimate_s', 0):.2f} s")
    if "memory_used" in first:
        used, reserved = first["memory_used"] / 2**20, first["memory_reserved"] / 2**20
        print(f"\ndevice memory in use {used:,.0f} MiB, of it {reserved:,.0f} MiB reserved for tensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--most", type=int, default=COUNTS[-1])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    spec, steps = TrainSpec(use_test=False), options.steps
    begin = time.perf_counter()
    results: dict[str, Any] = {"device": describe_device(), "steps": steps}
    print(results["device"], flush=True)

    def save() -> None:
        if options.out:
            options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")

    results["alone"] = [alone(spec, steps, is_first) for is_first in (True, False)]
    save()
    print_alone(*results["alone"])
    results["packing"] = []
    for count in COUNTS:
        if count <= min(options.most, os.cpu_count() or 1):
            results["packing"].append(pack(spec, steps, count))
            save()
    single = results["packing"][0].get("pictures_per_s", float("nan"))
    print_table(
        ("processes", "pictures/s in all", "of each", "times one process"),
        [
            (row["processes"], row["error"], "", "")
            if "error" in row
            else (
                row["processes"],
                f"{row['pictures_per_s']:,.0f}",
                f"{row['each_per_s']:,.0f}",
                f"{row['pictures_per_s'] / single:.2f}",
            )
            for row in results["packing"]
        ],
    )
    results["seconds"] = time.perf_counter() - begin
    save()
    print(f"\n{results['seconds']:.0f} s in all")


if __name__ == "__main__":
    main()
