"""Is the timing lab right, and is Xception fast? Six questions, one table each, on the accelerator or the processor.

correctness: outputs of random blocks, in every dtype and format, against the processor's float64 (none is wrong).
agreement: our medians against torch.utils.benchmark.Timer.blocked_autorange, same calls, alternating (within 5 %); on a
CUDA device against triton's do_bench as well, which flushes the cache as we do, and the Timer does not.
repeatability: the page's default measured twice, in several pairs (within 10 % on an idle machine: a run that the
lab itself marks as disturbed is printed and repeated), and how long it takes.
xception: ours against timm's legacy_xception, same weights and pictures, alternating: forward at most 1.0, with the
inference option at most 0.8, outputs equal to 1e-4. Peer, for this alone: pip install --no-deps timm==1.0.19
huggingface_hub safetensors pyyaml torchvision, in an environment that has torch.
roofline: the estimate against the measured median on random configurations; seldom above it, and then by little.
clocks: what a wrong and a right way of timing print for the page's default.

Run: python -m benchmarks.timing [correctness agreement repeatability xception roofline clocks] [--device cpu]
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.benchmark import Timer

from xception_lab import XceptionSpec, build_xception, for_inference
from xception_lab.measurement.device import free_bytes, make_clock, select_device, synchronize
from xception_lab.measurement.machine import busy_share, describe_machine, device_properties
from xception_lab.measurement.measure import PRECISION, measure, prepare
from xception_lab.measurement.peaks import measure_peaks, working_sets
from xception_lab.measurement.sampling import matmul_precision, sample_interleaved
from xception_lab.measurement.throttling import SpeedMonitor, save_best_s
from xception_lab.measurement.worker import MeasuringProcess
from xception_lab.nn.allocator import keep_freed_memory
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.analysis import fast_algorithms
from xception_lab.timing.jobs import TimingJob, three_blocks
from xception_lab.timing.results import MAX_SLOWDOWN, Peaks, Results, Timing, merge_results
from xception_lab.timing.roofline import estimates, total_s
from xception_lab.timing.settings import MEMORY_FORMATS, Dtype, Settings

PLACES = ((64, 128, 56), (728, 728, 19), (256, 256, 14), (32, 64, 112))


Answer = dict[str, Any]  # what is kept in the file; "fine" says whether what is promised holds


def correctness(options: argparse.Namespace) -> Answer:
    """Random blocks in every dtype of the device."""
    chance, device = random.Random(options.seed), options.device
    dtypes: tuple[Dtype, ...] = ("float32", "bfloat16", "float16", *(("tf32",) if device.type == "cuda" else ()))
    worst: dict[str, float] = {}
    count, wrong = 0, list[str]()
    while count < options.configurations:
        settings = replace(_random(chance), dtype=dtypes[count % len(dtypes)])
        case, count = prepare(settings, device), count + 1
        if case.output is None:
            continue
        if case.output.wrong:
            wrong.append(f"{settings}: {case.output}")
            print(f"wrong: {wrong[-1]}")
        key = f"{settings.dtype}, {'gradients' if settings.backward else 'forward'}"
        worst[key] = max(worst.get(key, 0.0), (case.output.error or 0.0) / case.output.tolerance)
    for key, ratio in sorted(worst.items()):
        print(f"{key:22} largest error {ratio:8.4f} of what is allowed")
    print(f"{count} configurations, {len(wrong)} wrong (none is expected)")
    return {"fine": not wrong, "configurations": count, "wrong": wrong, "largest_of_allowed": worst}


def agreement(options: argparse.Namespace) -> Answer:
    """At least 12 configurations: four places of the network, three blocks."""
    print(f"{'configuration':34} {'ours ms':>9} {'Timer ms':>9} {'ratio':>6} {'do_bench ms':>11} {'ratio':>6}")
    rows: list[dict[str, Any]] = []
    for ins, outs, size in PLACES:
        for settings in three_blocks(CompareSpec(in_channels=ins, out_channels=outs, size=size)):
            ours, theirs, ratio, benched, benched_ratio = _alternating(settings, options.device, options.rounds)
            name = f"{settings.subject.kind} {ins}->{outs} @{size}"  # type: ignore[union-attr]
            rows.append({"name": name, "ours_s": ours, "timer_s": theirs, "do_bench_s": benched})
            rows[-1] |= {"timer_ratio": ratio, "do_bench_ratio": benched_ratio}
            bench = f"{benched * 1e3:11.3f} {benched_ratio:6.3f}" if benched and benched_ratio else ""
            print(f"{name:34} {ours * 1e3:9.3f} {theirs * 1e3:9.3f} {ratio:6.3f} {bench}")
    # the Timer finds a GPU's cache as the last call left it: there, do_bench is the authority
    authority = "do_bench_ratio" if rows[0]["do_bench_ratio"] else "timer_ratio"
    worst = max(abs(row[authority] - 1) for row in rows)
    print(f"largest difference {worst:.1%} by {authority} (at most 5 %)")
    return {"fine": worst <= 0.05, "authority": authority, "largest": worst, "rows": rows}


def _alternating(
    settings: Settings, device: torch.device, rounds: int
) -> tuple[float, float, float, float | None, float | None]:
    """Median over rounds of ours, the Timer's and do_bench's medians, and of the ratios to ours within a round.

    Many short rounds: a machine that changes its speed between two of them must not look like a difference.
    """
    case, clock = prepare(settings, device), make_clock(device)
    timer = Timer("call()", globals={"call": case.call}, num_threads=torch.get_num_threads())
    ours, theirs, benched = list[float](), list[float](), list[float]()
    with matmul_precision(settings.dtype):
        for _ in range(rounds):
            case.times.clear()
            case.sampled_s = 0.0
            sample_interleaved((case,), clock, PRECISION, 0.2)
            ours.append(median(case.times))
            theirs.append(timer.blocked_autorange(min_run_time=0.05 if device.type == "cuda" else 0.2).median)
            if device.type == "cuda":
                from triton.testing import do_bench  # type: ignore[import-not-found]

                benched.append(do_bench(case.call, warmup=10, rep=50, return_mode="median") / 1000)
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    if not benched:
        return median(ours), median(theirs), ratio, None, None
    benched_ratio = median(one / other for one, other in zip(ours, benched, strict=True))
    return median(ours), median(theirs), ratio, median(benched), benched_ratio


def repeatability(options: argparse.Namespace) -> Answer:
    """The page's own default, twice, each as the page runs it; a run that is marked as disturbed is repeated."""
    group = three_blocks(CompareSpec())
    _learn_best_speed(options.device, options.learn_s)
    changes: list[float] = []
    for _ in range(options.pairs):
        first, second = (_calm_run(group) for _ in range(2))
        ratios = [two.median_s / one.median_s for one, two in zip(first, second, strict=True)]
        changes.append(max(abs(ratio - 1) for ratio in ratios))
        names = [f"{kind} {ratio:.3f}" for kind, ratio in zip(KINDS, ratios, strict=True)]
        print(f"second against first: {', '.join(names)}; largest difference {changes[-1]:.1%}")
    print(f"{len(changes)} pairs: largest difference {max(changes):.1%}, median {median(changes):.1%} (at most 10 %)")
    return {"fine": max(changes) <= 0.10, "changes": changes}


def _learn_best_speed(device: torch.device, seconds: float) -> None:
    """Watch the machine for a while: on one that was never measured, a slow start would pass for its best."""
    monitor, ends, slowdowns = SpeedMonitor(device, make_clock(device)), time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < ends:
        slowdowns.append(monitor.slowdown())
        time.sleep(0.02)
    save_best_s(describe_machine(device.type), monitor.best_s)
    slow = sum(one > MAX_SLOWDOWN for one in slowdowns) / len(slowdowns)
    print(f"watched for {seconds:.0f} s: the fixed work takes {monitor.best_s * 1e3:.3f} ms at best; slower {slow:.0%}")


def _calm_run(group: tuple[Settings, ...], most: int = 12) -> list[Timing]:
    for _ in range(most):
        begin = time.perf_counter()
        timings = list(filter(None, map(_run_as_the_page(TimingJob((group,))).timing, group)))
        spent = time.perf_counter() - begin
        medians = " / ".join(f"{timing.median_s * 1e3:.3f}" for timing in timings)
        calm = not any(timing.disturbed for timing in timings)
        note = "" if calm else ", marked as disturbed: repeated"
        print(f"  {medians} ms in {spent:.1f} s (under 15), machine {timings[0].slowdown:.2f} x its best{note}")
        if calm:
            return timings
    raise SystemExit(f"the machine was disturbed {most} times in a row: repeatability cannot be measured now")


def _run_as_the_page(job: TimingJob) -> Results:
    """In a process of its own: what a process has freed before changes what its next block takes."""
    results: Results | None = None
    for message in MeasuringProcess(job).messages():
        if message.error:
            raise RuntimeError(message.error)
        results = merge_results(results, message.results)
    assert results
    return results


def xception(options: argparse.Namespace) -> Answer:
    """Forward of some pictures, three ways, interleaved."""
    with matmul_precision("float32"):
        return _xception(options)


def _xception(options: argparse.Namespace) -> Answer:
    import timm

    device = options.device
    peer = timm.create_model("legacy_xception", pretrained=False).eval()
    ours = build_xception(XceptionSpec()).eval()
    ours.load_state_dict(peer.state_dict())
    fast = for_inference(ours).to(device)
    peer, ours = peer.to(device), ours.to(device)
    rows: list[dict[str, float]] = []
    fine = True
    print(f"{'batch':>5} {'timm ms':>9} {'ours ms':>9} {'ratio':>6} {'folded, channels_last ms':>25} {'ratio':>6}")
    for batch in options.batches:
        pictures = torch.randn(batch, 3, 299, 299, device=device)
        last = pictures.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            expected, same, folded = peer(pictures), ours(pictures), fast(last)
            assert torch.allclose(same, expected, atol=1e-4)
            assert torch.allclose(folded, expected, atol=1e-4)
            calls = (lambda x=pictures: peer(x), lambda x=pictures: ours(x), lambda x=last: fast(x))
            spent = _in_turn(calls, options.rounds, device)
        times = list(map(median, spent))
        # within a round: what disturbs the machine for longer meets all three
        plain, quick = (median(a / b for a, b in zip(one, spent[0], strict=True)) for one in spent[1:])
        fine = fine and plain <= 1.0 and quick <= 0.8
        rows.append({"batch_size": batch, "timm_s": times[0], "ratio": plain, "folded_ratio": quick})
        print(f"{batch:5} {times[0] * 1e3:9.1f} {times[1] * 1e3:9.1f} {plain:6.3f} {times[2] * 1e3:25.1f} {quick:6.3f}")
    print("forward at most 1.0, with the inference option at most 0.8; outputs equal to 1e-4")
    return {"fine": fine, "rows": rows}


def _in_turn(calls: tuple[Callable[[], Any], ...], rounds: int, device: torch.device) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, spent in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            synchronize(device)
            if number:  # the first is warm-up
                spent.append(time.perf_counter() - begin)
    return times


def roofline(options: argparse.Namespace) -> Answer:
    """Random blocks; the peaks probed again every 20, the best of all probes counts."""
    chance, device = random.Random(options.seed), options.device
    clock, machine = make_clock(device), describe_machine(device.type)
    sizes = working_sets(device_properties(device.type).last_cache_bytes, free_bytes(device))
    probes: list[Peaks] = [measure_peaks(device, "float32", clock, working_sets=sizes)]
    timings = []
    for number in range(options.configurations):
        settings = _random(chance)
        timings += measure((settings,), device, clock, limit_s=0.5, energy=False)
        if number % 20 == 19:
            probes.append(measure_peaks(device, "float32", clock, working_sets=sizes))
    results = Results(machine, tuple(probes))
    peaks = results.peak("float32")
    assert peaks
    print(f"peaks: {peaks.flops_per_s / 1e9:.0f} GFLOP/s, {[f'{r / 1e9:.0f}' for _, r in peaks.rates]} GB/s")
    above, shares = 0, []
    for timing in timings:
        estimated_s = total_s(estimates(timing.settings, peaks, fast_algorithms(results)))
        shares.append(estimated_s / timing.median_s)
        if estimated_s > timing.median_s + (timing.interval_s[1] - timing.median_s):
            above += 1
            print(
                f"above: {timing.settings} estimated {estimated_s * 1e6:.0f} us, median {timing.median_s * 1e6:.1f} us"
            )
    print(f"{len(timings)} configurations: {above} estimates above the median and its uncertainty (none is expected)")
    print(f"estimate as a part of the median: median {median(shares):.2f}, largest {max(shares):.2f}")
    return {"fine": above == 0, "configurations": len(timings), "above": above, "largest": max(shares)}


def clocks(options: argparse.Namespace) -> Answer:
    """Without waiting for the device, with waiting around every call, and ours: milliseconds of each block."""
    device, answer = options.device, dict[str, Any](fine=True)
    print(f"{'block':12} {'not waited for':>14} {'waited for':>11} {'in a row':>9} {'ours':>9} {'device alone':>13} ms")
    for settings in three_blocks(CompareSpec()):
        case = prepare(settings, device)
        (timing,) = measure((settings,), device, limit_s=0.5, energy=False)
        spent: dict[bool, list[float]] = {False: [], True: []}
        with matmul_precision(settings.dtype):
            for _, waits in product(range(50), (False, True)):
                synchronize(device)
                begin = time.perf_counter()
                case.call()
                if waits:
                    synchronize(device)
                spent[waits].append(time.perf_counter() - begin)
        in_a_row = (timing.loop_s or timing.median_s) * 1e3
        unsafe, safe = (median(spent[waits]) * 1e3 for waits in (False, True))
        kind, alone = getattr(settings.subject, "kind", ""), (timing.device_s or timing.median_s) * 1e3
        print(f"{kind:12} {unsafe:14.4f} {safe:11.4f} {in_a_row:9.4f} {timing.median_s * 1e3:9.4f} {alone:13.4f}")
        answer[kind] = {"not_waited_ms": unsafe, "waited_ms": safe, "loop_ms": in_a_row, "device_ms": alone}
        answer[kind]["ours_ms"] = timing.median_s * 1e3
    return answer


def _random(chance: random.Random) -> Settings:
    while True:
        spec = CompareSpec(
            in_channels=chance.choice((8, 16, 64, 128, 256, 728)),
            out_channels=chance.choice((8, 32, 64, 128, 256, 728)),
            kernel_size=chance.choice((1, 3, 5, 7)),
            size=chance.choice((7, 14, 19, 28, 56, 75)),
            stride=chance.choice((1, 1, 2, 3)),
            padding=chance.choice(("same", "valid", 1)),
            dilation=chance.choice((1, 1, 2)),
            batch_size=chance.choice((1, 1, 2, 4)),
            batch_norm=chance.choice(("none", "last", "every")),
        )
        try:
            settings = chance.choice(three_blocks(spec, memory_format=chance.choice(MEMORY_FORMATS)))
            settings = replace(settings, backward=chance.random() < 0.3)
        except ValueError:
            continue
        if settings.cost().macs < 2e9:  # a second or two each
            return settings


QUESTIONS = {
    "correctness": correctness,
    "agreement": agreement,
    "repeatability": repeatability,
    "xception": xception,
    "roofline": roofline,
    "clocks": clocks,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", choices=(*QUESTIONS, []), default=list(QUESTIONS))
    parser.add_argument("--device", type=select_device, default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--learn-s", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a file for all answers, as JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as measure does, for both sides
    machine = describe_machine(options.device.type, busy=busy_share(1.0))
    print(f"{machine.label}; others use {machine.busy_share:.0%} of this machine")
    answers: dict[str, Answer] = {}
    for name in options.questions:
        try:
            answers[name] = QUESTIONS[name](options)
        except (ImportError, RuntimeError, ValueError, AssertionError) as error:  # the others are asked all the same
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            answers[name] = {"fine": False, "error": str(error)[:500]}
        if options.out:
            options.out.write_text(json.dumps({"machine": machine.label, **answers}, indent=1), encoding="utf-8")
    return 0 if all(answer["fine"] for answer in answers.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
