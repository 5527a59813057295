"""Is the timing lab right, and is Xception fast? Four questions, one table each.

agreement: our medians against torch.utils.benchmark.Timer.blocked_autorange, same calls, alternating (within 5 %).
repeatability: the page's default measured twice, in several pairs (within 10 % on an idle machine: a run that the
lab itself marks as disturbed is printed and repeated), and how long it takes.
xception: ours against timm's legacy_xception, same weights and pictures, alternating: forward at most 1.0, with the
inference option at most 0.8, outputs equal to 1e-4. Peer, for this alone: pip install --no-deps timm==1.0.19
huggingface_hub safetensors pyyaml torchvision, in an environment that has torch.
roofline: the estimate against the measured median on random configurations; seldom above it, and then by little.

Run: python -m benchmarks.timing [agreement repeatability xception roofline] [--threads N] [--pairs 3]
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import torch
from torch.utils.benchmark import Timer

from xception_lab import XceptionSpec, build_xception, for_inference
from xception_lab.measurement.device import free_bytes, make_clock
from xception_lab.measurement.machine import busy_share, describe_machine, last_cache_bytes
from xception_lab.measurement.measure import PRECISION, measure, prepare
from xception_lab.measurement.peaks import measure_peaks, working_sets
from xception_lab.measurement.sampling import sample_interleaved
from xception_lab.measurement.throttling import SpeedMonitor, save_best_s
from xception_lab.measurement.worker import MeasuringProcess
from xception_lab.nn.allocator import keep_freed_memory
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.jobs import TimingJob, three_blocks
from xception_lab.timing.results import MAX_SLOWDOWN, Peaks, Results, Timing, merge_results
from xception_lab.timing.roofline import estimates, total_s
from xception_lab.timing.settings import Settings

DEVICE = torch.device("cpu")
PLACES = ((64, 128, 56), (728, 728, 19), (256, 256, 14), (32, 64, 112))


def agreement(_options: argparse.Namespace) -> bool:
    """At least 12 configurations: four places of the network, three blocks."""
    print(f"{'configuration':34} {'ours ms':>9} {'Timer ms':>9} {'ratio':>6}")
    worst = 0.0
    for ins, outs, size in PLACES:
        for settings in three_blocks(CompareSpec(in_channels=ins, out_channels=outs, size=size)):
            ours, theirs, ratio = _alternating(settings)
            worst = max(worst, abs(ratio - 1))
            name = f"{settings.subject.kind} {ins}->{outs} @{size}"  # type: ignore[union-attr]
            print(f"{name:34} {ours * 1e3:9.3f} {theirs * 1e3:9.3f} {ratio:6.3f}")
    print(f"largest difference {worst:.1%} (at most 5 %)")
    return worst <= 0.05


def _alternating(settings: Settings, rounds: int = 15) -> tuple[float, float, float]:
    """Median over rounds of each one's median, interleaved, and of their ratio within a round.

    Many short rounds: a machine that changes its speed between two of them must not look like a difference.
    """
    case, clock = prepare(settings, DEVICE), make_clock(DEVICE)
    timer = Timer("call()", globals={"call": case.call}, num_threads=torch.get_num_threads())
    ours, theirs = [], []
    for _ in range(rounds):
        case.times.clear()
        sample_interleaved((case,), clock, PRECISION, 0.2)
        ours.append(median(case.times))
        theirs.append(timer.blocked_autorange(min_run_time=0.2).median)
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return median(ours), median(theirs), median(ratios)


def repeatability(options: argparse.Namespace) -> bool:
    """The page's own default, twice, each as the page runs it; a run that is marked as disturbed is repeated."""
    group = three_blocks(CompareSpec())
    _learn_best_speed(options.learn_s)
    changes: list[float] = []
    for _ in range(options.pairs):
        first, second = (_calm_run(group) for _ in range(2))
        ratios = [two.median_s / one.median_s for one, two in zip(first, second, strict=True)]
        changes.append(max(abs(ratio - 1) for ratio in ratios))
        names = [f"{kind} {ratio:.3f}" for kind, ratio in zip(KINDS, ratios, strict=True)]
        print(f"second against first: {', '.join(names)}; largest difference {changes[-1]:.1%}")
    print(f"{len(changes)} pairs: largest difference {max(changes):.1%}, median {median(changes):.1%} (at most 10 %)")
    return max(changes) <= 0.10


def _learn_best_speed(seconds: float) -> None:
    """Watch the machine for a while: on one that was never measured, a slow start would pass for its best."""
    monitor, ends, slowdowns = SpeedMonitor(DEVICE, make_clock(DEVICE)), time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < ends:
        slowdowns.append(monitor.slowdown())
        time.sleep(0.02)
    save_best_s(describe_machine("cpu"), monitor.best_s)
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


def xception(options: argparse.Namespace) -> bool:
    """Forward of one picture and of four, three ways, interleaved."""
    import timm

    peer = timm.create_model("legacy_xception", pretrained=False).eval()
    ours = build_xception(XceptionSpec()).eval()
    ours.load_state_dict(peer.state_dict())
    fast = for_inference(ours)
    fine = True
    print(f"{'batch':>5} {'timm ms':>9} {'ours ms':>9} {'ratio':>6} {'folded, channels_last ms':>25} {'ratio':>6}")
    for batch in options.batches:
        pictures = torch.randn(batch, 3, 299, 299)
        last = pictures.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            expected, same, folded = peer(pictures), ours(pictures), fast(last)
            assert torch.allclose(same, expected, atol=1e-4)
            assert torch.allclose(folded, expected, atol=1e-4)
            calls = (lambda x=pictures: peer(x), lambda x=pictures: ours(x), lambda x=last: fast(x))
            spent = _in_turn(calls, options.rounds)
        times = list(map(median, spent))
        # within a round: what disturbs the machine for longer meets all three
        plain, quick = (median(a / b for a, b in zip(one, spent[0], strict=True)) for one in spent[1:])
        fine = fine and plain <= 1.0 and quick <= 0.8
        print(f"{batch:5} {times[0] * 1e3:9.1f} {times[1] * 1e3:9.1f} {plain:6.3f} {times[2] * 1e3:25.1f} {quick:6.3f}")
    print("forward at most 1.0, with the inference option at most 0.8; outputs equal to 1e-4")
    return fine


def _in_turn(calls: tuple[Callable[[], Any], ...], rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, spent in zip(calls, times, strict=True):
            begin = time.perf_counter()
            call()
            if number:  # the first is warm-up
                spent.append(time.perf_counter() - begin)
    return times


def roofline(options: argparse.Namespace) -> bool:
    """Random blocks; the peaks probed again every 20, the best of all probes counts."""
    chance = random.Random(options.seed)
    clock = make_clock(DEVICE)
    sizes = working_sets(last_cache_bytes(), free_bytes(DEVICE))
    probes: list[Peaks] = [measure_peaks(DEVICE, "float32", clock, working_sets=sizes)]
    timings = []
    for number in range(options.configurations):
        settings = _random(chance)
        timings += measure((settings,), DEVICE, clock, limit_s=0.5)
        if number % 20 == 19:
            probes.append(measure_peaks(DEVICE, "float32", clock, working_sets=sizes))
    peaks = Results(describe_machine("cpu"), tuple(probes)).peak("float32")
    assert peaks
    print(f"peaks: {peaks.flops_per_s / 1e9:.0f} GFLOP/s, {[f'{r / 1e9:.0f}' for _, r in peaks.rates]} GB/s")
    above, shares = 0, []
    for timing in timings:
        estimated_s = total_s(estimates(timing.settings, peaks))
        shares.append(estimated_s / timing.median_s)
        if estimated_s > timing.median_s + (timing.interval_s[1] - timing.median_s):
            above += 1
            print(
                f"above: {timing.settings} estimated {estimated_s * 1e6:.0f} us, median {timing.median_s * 1e6:.1f} us"
            )
    print(f"{len(timings)} configurations: {above} estimates above the median and its uncertainty (none is expected)")
    print(f"estimate as a part of the median: median {median(shares):.2f}, largest {max(shares):.2f}")
    return above == 0


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
            settings = chance.choice(three_blocks(spec, memory_format=chance.choice(("contiguous", "channels_last"))))
            settings = replace(settings, backward=chance.random() < 0.3)
        except ValueError:
            continue
        if settings.cost().macs < 2e9:  # a second or two each
            return settings


def main() -> int:
    questions = {"agreement": agreement, "repeatability": repeatability, "xception": xception, "roofline": roofline}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", choices=(*questions, []), default=list(questions))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--configurations", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--learn-s", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as measure does, for both sides
    print(f"{describe_machine('cpu', busy=busy_share(1.0)).label}; others use {busy_share():.0%} of this machine")
    answers = [questions[name](options) for name in options.questions]
    return 0 if all(answers) else 1


if __name__ == "__main__":
    sys.exit(main())
