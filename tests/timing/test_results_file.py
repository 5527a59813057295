"""Results files: what goes out comes back, and a file from anywhere is accepted or refused with a sentence."""

import copy
import csv
import io
import json
import random
from dataclasses import replace
from typing import Any

import pytest
from paths import ROOT

from xception_lab import XceptionSpec
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import DeviceProperties, Machine, Operation, OutputCheck, Peaks, Results, Timing
from xception_lab.timing.results_file import (
    MAX_BYTES,
    ResultsFileError,
    results_from_json,
    results_to_csv,
    results_to_json,
)
from xception_lab.timing.settings import Settings

STORED = ROOT / "assets" / "results" / "timing-cpu.json"
BLOCKS = three_blocks(CompareSpec())
RESULTS = Results(
    Machine("cuda", "A GPU", 8, 1 << 34, 1410.5, "550.1, CUDA 12.4", "Linux", "3.11.7", "2.13.0", 0.1),
    (Peaks("float32", 1e13, ((1 << 20, 2e12), (1 << 28, 1e12))), Peaks("float16", 9e13, ((1 << 20, 2e12),), 1e13)),
    (
        Timing(BLOCKS[0], "cuda", (0.001, 0.002), 1, 0.5, (("conv", 0.001),), 123, 0.25, False, 1.5),
        Timing(Settings(XceptionSpec(), 299, 299, dtype="tf32", mode="graph"), "cuda", (0.01,)),
        Timing(BLOCKS[1], "cuda", (0.001,), device_s=0.0005, loop_s=0.002, output=OutputCheck(None, 1e-5)),
    ),
    (Operation(BLOCKS[2], "aten convolution", 0.0005),),
    DeviceProperties(50 << 20, "ieee", "tf32", 4e-6),
)
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**70,
    -(2**70),
    1e308,
    -1e308,
    0.5,
    "",
    "x" * 500,
    "<script>alert(1)</script>",
    "a\nb",
    "**bold**",
    "‮",
    "\ud800",
    [],
    {},
    [[]],
    [None] * 3,
    {"kind": "standard"},
    ["1", "2"],
    "1",
    "float32",
    "nan",
)


def test_results_come_back_as_they_went_out() -> None:
    assert results_from_json(results_to_json(RESULTS)) == RESULTS
    assert results_from_json(results_to_json(RESULTS).encode()) == RESULTS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_with_a_byte_order_mark_is_read(encoding: str) -> None:
    text = results_to_json(RESULTS)
    assert results_from_json(text.encode(encoding)) == RESULTS
    assert results_from_json("\ufeff" + text) == RESULTS


def test_a_file_of_version_1_is_read_without_slowdowns() -> None:
    values = json.loads(results_to_json(RESULTS)) | {"version": 1}
    for timing in values["timings"]:
        del timing["slowdown"]
    found = results_from_json(json.dumps(values))
    assert found.timings == tuple(replace(timing, slowdown=None) for timing in RESULTS.timings)
    for timings in (None, "x", [1], {"0": {}}):
        with pytest.raises(ResultsFileError):
            results_from_json(json.dumps(values | {"timings": timings}))


def test_a_file_that_is_older_than_the_devices_properties_is_read_and_written_without_them() -> None:
    values = json.loads(results_to_json(RESULTS))
    precisions = {"matmul_precision": "ieee", "conv_precision": "tf32"}
    assert values["properties"] == {"last_cache_bytes": 50 << 20, **precisions, "launch_s": 4e-6}
    del values["properties"]
    found = results_from_json(json.dumps(values))
    assert found == replace(RESULTS, properties=None)
    assert json.loads(results_to_json(found)) == values
    # what is measured later keeps them, or brings them
    assert found.with_newer(RESULTS).properties == RESULTS.with_newer(found).properties == RESULTS.properties
    unknown = replace(RESULTS, properties=DeviceProperties())
    assert results_from_json(results_to_json(unknown)) == unknown
    with pytest.raises(ResultsFileError, match=r"^properties\.matmul_precision=.*must be one of"):
        results_from_json(json.dumps(values | {"properties": {**_PROPERTIES, "matmul_precision": "bf16"}}))


_PROPERTIES = {"last_cache_bytes": None, "matmul_precision": None, "conv_precision": None}


def test_a_spec_without_a_field_has_its_default_and_anything_else_must_be_whole() -> None:
    values = json.loads(results_to_json(RESULTS))
    # as files that are older than the field; all of these are at their defaults in RESULTS
    for timing in values["timings"]:
        for name in ("batch_norm", "depth_multiplier", "dropout", "same_pooling"):
            timing["settings"]["subject"].pop(name, None)
    assert results_from_json(json.dumps(values)) == RESULTS
    del values["timings"][0]["settings"]["height"]
    with pytest.raises(ResultsFileError, match=r"^timings\[0\]\.settings\.height is missing$"):
        results_from_json(json.dumps(values))


def test_the_shipped_result_is_whole_and_holds_what_the_page_shows_first() -> None:
    shipped = results_from_json(STORED.read_bytes())
    assert all(shipped.timing(settings) for settings in BLOCKS)
    assert all(shipped.operations_of(settings) for settings in BLOCKS)
    assert shipped.peak("float32")
    assert shipped.machine.kind == "cpu"
    assert results_to_json(results_from_json(results_to_json(shipped))) == results_to_json(shipped)


def test_a_table_holds_every_timing() -> None:
    rows = list(csv.DictReader(io.StringIO(results_to_csv(RESULTS))))
    assert [row["subject"] for row in rows] == ["standard", "xception", "extreme"]
    assert [row["device_s"] for row in rows] == ["", "", "0.0005"]
    assert [row["output_wrong"] for row in rows] == ["", "", "True"]
    assert float(rows[0]["median_s"]) == pytest.approx(0.0015)
    assert rows[0]["machine"] == RESULTS.machine.label


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in keys for place in _places(item, (*path, key)))]


def _mutated(values: Any, path: tuple[Any, ...], new: Any, how: str) -> Any:
    values = copy.deepcopy(values)
    if not path:
        return new
    parent = values
    for key in path[:-1]:
        parent = parent[key]
    if how == "set":
        parent[path[-1]] = new
    elif how == "drop":
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent["unknown"] = new
    else:
        parent.append(new)
    return values


def test_mutated_files_are_accepted_or_refused_with_a_sentence() -> None:
    chance = random.Random(0)
    values = json.loads(results_to_json(RESULTS))
    places = _places(values)
    refused = 0
    for number in range(1500):
        path, new = places[number % len(places)], HOSTILE[chance.randrange(len(HOSTILE))]
        mutant = json.dumps(_mutated(values, path, new, ("set", "set", "drop", "add")[chance.randrange(4)]))
        try:
            found = results_from_json(mutant)
        except ResultsFileError as error:
            refused += 1
            message = str(error)
            assert 5 < len(message) < 600
            assert message.isprintable()
            assert "<" not in message
            assert "Traceback" not in message
        else:
            # what is accepted is whole: it goes out and comes back
            assert results_from_json(results_to_json(found)) == found
    assert refused > 1000


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1, 2]", "not a results file"),
        ('"x"', "not a results file"),
        ("{}", "not a results file"),
        ("[" * 100_000, "nests lists and objects too deeply"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "nests lists and objects too deeply"),
        ("[]," * 100_001, "more than 100,000 lists and objects"),
        ('{"format": 1, "format": 2}', "the key 'format' twice"),
        ('{"format": NaN}', "NaN"),
        ('{"format": Infinity}', "Infinity"),
        ("9" * 10_000, "whole number of more than 4,300 digits"),
        ("[-" + "9" * 5_000 + "]", "whole number of more than 4,300 digits"),
        ("null", "not a results file"),
    ],
)
def test_anything_but_a_results_file_is_refused(text: str, rule: str) -> None:
    with pytest.raises(ResultsFileError, match=rule):
        results_from_json(text)


def test_bytes_that_are_no_text_and_too_large_files_are_refused() -> None:
    with pytest.raises(ResultsFileError, match="not JSON"):
        results_from_json(b"\xff\xfe\x00")
    with pytest.raises(ResultsFileError, match=r"must have at most"):
        results_from_json(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("path", "new", "rule"),
    [
        (("version",), 3, "version=3: must be 2"),
        (("timings", 0, "slowdown"), 0.5, r"timings\[0\].slowdown=0.5: must be a number from 1"),
        (("timings", 0, "times_s"), [], r"timings\[0\].times_s=a list: must be a list of 1"),
        (("timings", 0, "times_s", 0), -1, r"timings\[0\].times_s\[0\]=-1: must be a number"),
        (("timings", 0, "settings", "subject", "kernel_size"), 5000, "kernel_size=5000: must be a whole number from"),
        (("timings", 0, "settings", "subject", "stride"), 0, "stride=0: must be a whole number of at least 1"),
        (("timings", 1, "settings", "subject", "middle_blocks"), 10**9, "middle_blocks=1000000000"),
        (("timings", 0, "settings", "height"), 10**6, "height=1000000"),
        (("machine", "name"), "<b>x</b>", "machine.name='bx/b': must be a text without markup"),
        (("peaks", 0, "rates"), [], r"peaks\[0\].rates"),
        (("peaks", 0, "rates"), [[1, 1e9]] * 65, r"peaks\[0\].rates=a list: must be a list of 1 to 64"),
        (("machine", "busy_share"), 1.5, "machine.busy_share=1.5: must be a number from 0 to 1"),
        (("timings", 0, "times_s", 0), 0, r"times_s\[0\]=0: must be a number from 1e-09"),
        (("machine", "driver"), "one\x07bell", "machine.driver='onebell': must be a printable text"),
        (("timings", 0, "layers", 0), ["conv"], r"timings\[0\].layers\[0\]=a list: must be a list of two"),
        (("timings", 0, "layers", 0, 1), True, r"timings\[0\].layers\[0\]\[1\]=True: must be a number from 0 to 3600"),
        (("timings", 1, "settings", "subject", "exit_channels"), [8] * 65, "exit_channels=a list: must be a list of 0"),
        (("operations", 0, "more"), 1, r"'operations\[0\].more' is not a field of a results file"),
    ],
)
def test_a_refusal_names_place_value_and_rule(path: tuple[Any, ...], new: Any, rule: str) -> None:
    with pytest.raises(ResultsFileError, match=rule):
        results_from_json(json.dumps(_mutated(json.loads(results_to_json(RESULTS)), path, new, "set")))


def test_a_number_too_large_for_a_float_is_not_finite() -> None:
    text = results_to_json(RESULTS).replace('"first_call_s": 0.5', '"first_call_s": 1e999')
    with pytest.raises(ResultsFileError, match=r"^timings\[0\].first_call_s=inf: must be finite$"):
        results_from_json(text)


@pytest.mark.parametrize("depth", [10, 300, 600, 900])
def test_lists_in_lists_are_refused_before_they_are_too_deep_for_python(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    text = results_to_json(RESULTS).replace('"kernel_size": 3', f'"kernel_size": {nested}', 1)
    with pytest.raises(ResultsFileError, match=r"kernel_size\[0\]=a list: must be a plain value"):
        results_from_json(text)


def test_newer_results_take_precedence() -> None:
    newer = Results(
        RESULTS.machine,
        (Peaks("float32", 2e13, ((1 << 20, 1e12),)),),
        (Timing(BLOCKS[0], "cuda", (0.5,)),),
        (Operation(BLOCKS[2], "mm", 0.1),),
    )
    both = RESULTS.with_newer(newer)
    first = both.timing(BLOCKS[0])
    assert first
    assert first.median_s == 0.5
    assert [operation.name for operation in both.operations_of(BLOCKS[2])] == ["mm"]
    # a peak is the best that was ever seen
    assert both.peak("float32") == Peaks("float32", 2e13, ((1 << 20, 2e12), (1 << 28, 1e12)))
    assert both.peak("float16") == RESULTS.peaks[1]
    assert both.peak("bfloat16") is None
