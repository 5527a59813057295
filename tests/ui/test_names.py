"""Ratios in words, and machines' lines in the reader's language."""

import re

import pytest

from xception_lab.arch.comparison import Direction, Ratio
from xception_lab.measurement import machine
from xception_lab.timing.results_file import shipped_timings
from xception_lab.ui.shell.language import catalog, set_language
from xception_lab.ui.shell.names import duration_text, ratio_text, translate_machine, whole_percent


@pytest.mark.parametrize(
    ("line", "korean"),
    [
        ("AMD EPYC, 2 threads, torch 2.13.0", "AMD EPYC, 스레드 2개, torch 2.13.0"),
        ("AMD EPYC, 1 thread", "AMD EPYC, 스레드 1개"),
        ("2 cores of an AMD EPYC (CPU only, AVX2), torch 2.13.0", "AMD EPYC 코어 2개 (CPU 전용, AVX2), torch 2.13.0"),
        ("Intel(R) Xeon(R) Processor (CPU only), torch 2.11.0", "Intel(R) Xeon(R) Processor (CPU 전용), torch 2.11.0"),
        ("NVIDIA H100 80GB HBM3 (580.159.04, CUDA 13.0), torch 2.11.0",) * 2,
    ],
)
def test_a_machines_line_is_said_in_the_readers_language(line: str, korean: str) -> None:
    assert translate_machine(line, catalog("ko").gettext) == korean
    assert translate_machine(line, catalog("en").gettext) == line


def test_the_lines_of_machines_are_as_results_have_them() -> None:
    said = {
        translate_machine(line, catalog("ko").gettext)
        for line in (machine.machine_text("cpu"), shipped_timings().machine.label)
    }
    assert not [line for line in said if re.search("thread|cores|only", line)]


@pytest.mark.parametrize(
    ("times", "direction", "text"),
    [
        (8.416, "fewer", "8.4× fewer"),
        (2.0, "fewer", "2.0× fewer"),
        (1.99, "fewer", "50% fewer"),
        (1.17, "fewer", "15% fewer"),
        (1.002, "fewer", "0.2% fewer"),
        (1.17, "more", "1.17× as many"),
        (1.002, "more", "0.2% more"),
        (1.0, "same", "the same"),
    ],
)
def test_a_ratio_near_one_is_said_in_percent_where_times_would_say_the_opposite(
    times: float, direction: Direction, text: str
) -> None:
    assert ratio_text(Ratio(times, direction)) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0%"), (1 / 1024, "<1%"), (0.006, "1%"), (0.57, "57%"), (1023 / 1024, ">99%"), (1, "100%")]
)
def test_all_and_none_are_said_of_all_and_none_alone(share: float, text: str) -> None:
    assert whole_percent(share) == text


@pytest.mark.parametrize(
    ("times", "direction", "english", "korean"),
    [
        (8.416, "fewer", "8.4× shorter", "1/8.4로 감소"),
        (2.96, "fewer", "3.0× shorter", "1/3.0으로 감소"),
        (1.25, "fewer", "20% shorter", "20% 감소"),
        (5.054, "more", "5.1× as long", "5.1배로 증가"),
        (1.002, "more", "0.2% longer", "0.2% 증가"),
    ],
)
def test_a_ratio_of_times_is_said_as_one_and_a_particle_fits_its_number(
    times: float, direction: Direction, english: str, korean: str
) -> None:
    said: list[str] = []
    for name in ("en", "ko"):
        set_language(name)
        said.append(duration_text(Ratio(times, direction)))
    set_language("en")
    assert said == [english, korean]
