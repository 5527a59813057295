"""A tenth of benchmarks/faults.py: no fault changes a bit of a result, loses it or leaves it undone."""

import pytest

from benchmarks.faults import KINDS, run_trial, undisturbed

SILENT = {"keeper killed, clock moved"}  # goes on at once: there is nothing to say


@pytest.mark.usefixtures("tiny")
def test_every_fault_is_said_and_ends_with_the_same_bits() -> None:
    expected, _ = undisturbed()
    for seed, kind in enumerate(KINDS):
        verdict = run_trial(kind, seed, expected)
        assert verdict.is_same, kind
        assert bool(verdict.said) == (kind not in SILENT), kind
