"""Names of blocks, steps, quantities and machines in this session's language."""

import re
from collections.abc import Callable, Iterable

from xception_lab.arch.comparison import Ratio
from xception_lab.arch.plan import Role
from xception_lab.common.units import (
    MINUS,
    format_bytes,
    format_count,
    format_near,
    format_number,
    format_seconds,
    format_times,
)
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import fit_particles, language
from xception_lab.ui.shell.language import translate as _

LEAST_MORE, LEAST_FEWER = 1.1, 2.0  # ratios nearer to 1 are said in percent
ACTIVATION_NAMES = {"relu": "ReLU", "elu": "ELU"}
KIND_NAMES = {
    "standard": N_("Standard convolution"),
    "extreme": N_("Extreme Inception"),
    "separable": N_("Depthwise separable"),
}
ROLE_NAMES = {
    "standard": N_("on all channels"),
    "spatial": N_("on all channels"),
    "pointwise": N_("pointwise"),
    "depthwise": N_("depthwise"),
}
# by the engine's own name of a block's layer
BLOCK_LAYER_NAMES = {
    "conv": N_("convolution"),
    "pointwise": N_("pointwise"),
    "depthwise": N_("depthwise"),
    "spatial": N_("spatial"),
    "bn": "BN",
    "pointwise_bn": "BN",
    "depthwise_bn": "BN",
    "intermediate": N_("activation between"),
    "activation": N_("activation after"),
}
MEASURE_NAMES = {
    "params": N_("Parameters"),
    "macs": "MACs",
    "flops": "FLOPs",
    "moved_bytes": N_("Bytes moved"),
    "activation_bytes": N_("Activation bytes"),
}
# the pages beside the story, in the order of the navigation
PAGE_NAMES = {
    "compare": N_("Compare"),
    "timing": N_("Time"),
    "features": N_("Feature maps"),
    "training": N_("Train"),
    "network": N_("Network"),
    "questions": N_("Questions"),
    "class": N_("Class"),
}
# pages that a link alone leads to
LINKED_PAGE_NAMES = {"pool": N_("Pooled experiment")}
STATE_NAMES = {
    "queued": N_("waiting"),
    "running": N_("running"),
    "done": N_("done"),
    "failed": N_("failed"),
    "cancelled": N_("stopped"),
}
VERDICT_NAMES = {
    "harmful": N_("harmful"),
    "helpful": N_("helpful"),
    "equivalent": N_("equivalent"),
    "not decided": N_("not decided"),
}


def kind_name(kind: str) -> str:
    """The block's name in this session's language."""
    return _(KIND_NAMES[kind])


def measure_name(measure: str) -> str:
    """The name of a measured quantity in this session's language."""
    return _(MEASURE_NAMES[measure])


def ratio_text(ratio: Ratio) -> str:
    """A ratio in words: "8.4× fewer", "15% fewer", "1.2× as many", "0.2% more" or "the same"."""
    return _ratio_in_words(
        ratio, (_("{number}× fewer"), _("{number}× as many")), (_("{percent} fewer"), _("{percent} more"))
    )


def duration_text(ratio: Ratio) -> str:
    """A ratio of times in words: "3.9× shorter", "15% shorter", "1.2× as long", "0.2% longer" or "the same"."""
    return _ratio_in_words(
        ratio, (_("{number}× shorter"), _("{number}× as long")), (_("{percent} shorter"), _("{percent} longer"))
    )


def _ratio_in_words(ratio: Ratio, times: tuple[str, str], percents: tuple[str, str]) -> str:
    """times, percents: what is said of less and of more."""
    if ratio.direction == "same":
        return _("the same")
    is_more = ratio.direction == "more"
    if ratio.times < (LEAST_MORE if is_more else LEAST_FEWER):
        # "1.002×" reads as twice as much at a glance, and "1.17× fewer" as none at all
        share = 100 * (ratio.times - 1 if is_more else 1 - 1 / ratio.times)
        number = format_number(float(f"{share:.2g}" if share >= 1 else f"{share:.1g}"))
        return percents[is_more].format(percent=f"{number}%")
    return fit_particles(times[is_more].format(number=format_times(ratio.times).removesuffix("×")))


def figure_text(measure: str, value: float) -> str:
    """A quantity with its unit: "27.5 M", "10.5 MB"."""
    return format_bytes(value) if measure.endswith("bytes") else format_count(value)


def times_text(ratio: float) -> str:
    """A ratio in a sentence: "8.4×", in Korean "8.4배"."""
    return _("{number}×").format(number=format_times(ratio).removesuffix("×"))


def seconds_text(seconds: float) -> str:
    """A time in a sentence, "2.45 ms": its number and its unit stay on one line."""
    return format_seconds(seconds).replace(" ", "\u00a0")


def near_text(value: float, limits: Iterable[float] = (), digits: int = 2, sign: str = "+") -> str:
    """format_near with the minus sign that the charts' axes have."""
    return format_near(value, limits, digits, sign).replace("-", MINUS)


def count_text(number: float) -> str:
    """A number in a sentence, in three digits: "4.77 M", in Korean by its own powers of ten thousand, "477만"."""
    if language() != "ko" or number < 10_000:
        return format_count(number).replace(" ", "\u00a0")
    size, unit = (10**8, "억") if number >= 0.9995 * 10**8 else (10**4, "만")
    return f"{float(f'{number / size:.3g}'):,g}{unit}"


def percent(share: float) -> str:
    """A part of a whole, from 0 to 1, as a percentage: "93.4%", "<0.1%", "0%"."""
    if not share:
        return "0%"
    return f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%"


def whole_percent(share: float) -> str:
    """A share from 0 to 1 as a whole percentage that says 0 or 100 of none or of all alone: "57%", ">99%", "<1%"."""
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"


def translate_machine(line: str, to: Callable[[str], str] = _) -> str:
    """A machine's line, which results hold in English, such as "AMD EPYC, 2 threads, torch 2.13.0".

    to: translates into another language than this session's.
    """
    if match := re.fullmatch(r"(?:(\d+) cores of an )?(.+?) \(CPU only(, .+?)?\)(.*)", line):
        cores, name, instructions, rest = match.groups("")
        sentence = (
            N_("{cores} cores of an {name} (CPU only{instructions})")
            if cores
            else N_("{name} (CPU only{instructions})")
        )
        return to(sentence).format(cores=cores, name=name, instructions=instructions) + rest
    if match := re.fullmatch(r"(.+), (\d+) threads?(, torch .+)?", line):
        name, threads, rest = match.groups("")
        return (
            to(N_("{name}, 1 thread") if threads == "1" else N_("{name}, {threads} threads")).format(
                name=name, threads=threads
            )
            + rest
        )
    return line


def conv_role_name(role: Role, groups: int) -> str:
    """The name of a convolution: by its part in the block, or by its number of segments."""
    if role == "spatial" and groups > 1:
        return _("on {segments} segments").format(segments=groups)
    return _(ROLE_NAMES[role])
