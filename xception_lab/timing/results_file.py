"""Results as a JSON file: downloaded from one machine, uploaded on another, and shipped with the app.

A file comes from anywhere, so reading trusts nothing: every field has a type and a range, none may be missing or
unknown, and what breaks a rule is refused with a sentence that names its place, its value and the rule.

The readers are written out rather than taken from a validation library. A refusal is a translatable sentence with the
whole rule ("a number from 0 to 1"); msgspec reports English prose, pydantic only the bound that was broken. And the
first page that a server shows reads the shipped file: in processor time, pydantic's import and schema alone take four
times as long as all of this; msgspec parses faster, but its import takes as long as it saves.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from itertools import repeat
from typing import Any

from xception_lab.common.files import asset_path, rows_to_csv
from xception_lab.common.json_text import JsonError, parse_json
from xception_lab.common.messages import Message, message_of, say
from xception_lab.spec import BlockSpec, XceptionSpec, without_added_fields
from xception_lab.timing.results import (
    FLOAT32_PRECISIONS,
    DeviceProperties,
    Machine,
    Operation,
    OutputCheck,
    Peaks,
    Results,
    Timing,
    timing_row,
)
from xception_lab.timing.settings import DTYPES, Settings

FORMAT, VERSION = "xception-lab-timings", 2
MAX_BYTES = 4 << 20
MAX_TIMINGS, MAX_SAMPLES, MAX_LAYERS, MAX_OPERATIONS = 2_000, 20_000, 2_000, 5_000
MAX_S = 3600.0
# fields that came after the first files of this version: missing where they are None
_ADDED = {"timings": ("device_s", "loop_s", "output"), "peaks": ("vector_flops_per_s",)}


class ResultsFileError(ValueError):
    """The file is not a results file, or not a complete one; the message names the place, the value and the rule."""


def results_to_json(results: Results) -> str:
    """The results as text, for results_from_json."""
    values = asdict(results)
    # a file that was read without the fields that are new is written as it was
    if results.properties is None:
        del values["properties"]
    for owner, added in _ADDED.items():
        for measured in values.get(owner) or ():
            _without_none(measured, added)
    _without_none(values.get("properties") or {}, ("launch_s",))
    for measured in (*values["timings"], *values["operations"]):
        subject = measured["settings"]["subject"]
        if "kind" not in subject:
            measured["settings"]["subject"] = without_added_fields(subject)
    return json.dumps({"format": FORMAT, "version": VERSION, **values})


def _without_none(values: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if values.get(name, 0) is None:
            del values[name]


def results_to_csv(results: Results) -> str:
    """One row per timing, each with the machine."""
    return rows_to_csv([{**timing_row(timing), "machine": results.machine.label} for timing in results.timings])


def results_from_json(data: str | bytes) -> Results:
    """The inverse of results_to_json; reads files of version 1 too.

    Raises ResultsFileError, and nothing else, for what is not a complete results file.
    """
    try:
        values: Any = parse_json(data, MAX_BYTES)
    except JsonError as error:
        raise ResultsFileError(message_of(error)) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ResultsFileError(say("the file is not a results file: its format must be {format}", format=repr(FORMAT)))
    parts = _read_value(_RESULTS, _upgrade(values))
    return Results(**{name: parts[name] for name in parts if name not in ("format", "version")})


@cache
def stored_devices() -> tuple[str, ...]:
    """The devices with results that are shipped with the lab, by the names in their files: "cpu" first."""
    names = [path.stem.removeprefix("timing-") for path in asset_path("results").glob("timing-*.json")]
    return tuple(sorted(names, key=lambda name: (name != "cpu", name)))


@cache
def shipped_timings(device: str = "cpu") -> Results:
    """The results of one of stored_devices()."""
    return results_from_json(asset_path("results", f"timing-{device}.json").read_bytes())


def settings_from_dict(values: Any) -> Settings:
    """The inverse of dataclasses.asdict for Settings; a subject with a kind is a block, one without a network.

    Raises ResultsFileError.
    """
    return _read_value(_SETTINGS, values, "settings")


def _upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """A file of version 1, whose timings have no slowdown, as one of today; anything else unchanged, to be refused."""
    if values.get("version") != 1 or not isinstance(values.get("timings"), list):
        return values
    timings: list[Any] = values["timings"]
    upgraded: list[Any] = [{"slowdown": None, **timing} if isinstance(timing, dict) else timing for timing in timings]
    return {**values, "version": VERSION, "timings": upgraded}


# Readers. Each takes a value out of JSON and returns it checked and converted, or raises _RuleError. A reader does not
# know where in the file its value is: the readers of objects and lists around it add that as the refusal passes them.

Reader = Callable[[Any], Any]


class _RuleError(Exception):
    """A value breaks a rule. sentence: makes the message from the value's place. path: the keys and indices to it."""

    def __init__(self, sentence: Callable[[str], Message], *path: str | int) -> None:
        super().__init__()
        self.sentence = sentence
        self.path: list[str | int] = [*path]

    @property
    def place(self) -> str:
        """The path as in Python: "timings[0].settings.height"."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path).removeprefix(".")


def _read_value(read: Reader, value: Any, place: str = "") -> Any:
    try:
        return read(value)
    except _RuleError as refusal:
        if place:
            refusal.path.insert(0, place)
        raise ResultsFileError(refusal.sentence(refusal.place or say("the file"))) from None


def _breaks(rule: str, value: Any) -> _RuleError:
    return _RuleError(lambda place: say("{place}={value}: must be {rule}", place=place, value=_short(value), rule=rule))


def _short(value: Any) -> str:
    """A value of unknown origin, short and printable."""
    if isinstance(value, dict | list):
        return say("a list") if isinstance(value, list) else say("an object")
    clean = "".join(c for c in str(value)[:60] if c.isprintable() and c not in "`<>")
    return repr(clean) if isinstance(value, str) else clean


def _object(fields: Mapping[str, Reader], optional: frozenset[str] = frozenset()) -> Reader:
    """An object with exactly these fields, as a dict. optional: those that may be missing."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _breaks(say("an object"), value)
        for name in fields:
            if name not in value and name not in optional:
                raise _RuleError(lambda place: say("{place} is missing", place=place), name)
        for name in value:
            if name not in fields:
                raise _RuleError(lambda place: say("{name} is not a field of a results file", name=_short(place)), name)
        checked: dict[str, Any] = {}
        for name, read_field in fields.items():
            if name not in value:
                continue
            try:
                checked[name] = read_field(value[name])
            except _RuleError as refusal:
                refusal.path.insert(0, name)
                raise
        return checked

    return read


def _dataclass(kind: Callable[..., Any], /, optional: tuple[str, ...] = (), **fields: Reader) -> Reader:
    """An object with exactly these fields, as an instance of a dataclass, which may refuse them as well.

    optional: fields that may be missing, and are at their default then.
    """
    return _instance(kind, _object(fields, frozenset(optional)))


def _instance(kind: Callable[..., Any], read_fields: Reader) -> Reader:

    def read(value: Any) -> Any:
        checked = read_fields(value)
        try:
            return kind(**checked)
        except ValueError as error:
            reason = message_of(error)
            raise _RuleError(lambda place: say("{place}: {reason}", place=place, reason=reason)) from None

    return read


def _read_items(readers: Iterable[Reader], items: list[Any]) -> tuple[Any, ...]:
    checked: list[Any] = []
    try:
        for read_item, item in zip(readers, items, strict=False):
            checked.append(read_item(item))
    except _RuleError as refusal:
        refusal.path.insert(0, len(checked))
        raise
    return tuple(checked)


def _list(read_item: Reader, most: int, least: int = 0) -> Reader:
    """A list of least to most items, as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise _breaks(say("a list of {least} to {most:,}", least=least, most=most), value)
        return _read_items(repeat(read_item), value)

    return read


def _pair(read_first: Reader, read_second: Reader) -> Reader:
    """A list of two, as a tuple."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != 2:
            raise _breaks(say("a list of two"), value)
        return _read_items((read_first, read_second), value)

    return read


def _number(low: float, high: float) -> Reader:
    def read(value: Any) -> float:
        if isinstance(value, float) and not math.isfinite(value):  # 1e999 is JSON
            raise _breaks(say("finite"), value)
        # compared before it is converted: a whole number may be too large for a float
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _breaks(say("a number from {low:g} to {high:g}", low=low, high=high), value)
        return float(value)

    return read


def _whole(low: int, high: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            rule = say("a whole number from {low:,} to {high:,}", low=low, high=high) if low < high else str(low)
            raise _breaks(rule, value)
        return value

    return read


def _text(most: int) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise _breaks(say("a printable text of at most {most} characters", most=most), value)
        # pages show these texts: nothing that a browser or Markdown could take for more than text
        if set(value) & set("<>`$[]*\\"):
            raise _breaks(say("a text without markup"), value)
        return value

    return read


def _choice(*allowed: str) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _breaks(say("one of {allowed}", allowed=", ".join(map(repr, allowed))), value)
        return value

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _breaks(say("true or false"), value)
    return value


def _optional(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _spec_value(largest: int) -> Reader:
    """A field of a block or network, whose own class checks it; only sizes that would keep a server busy are refused.

    A list is one of channels: short, and without lists in it.
    """
    read_size, read_text = _whole(0, largest), _text(20)

    def read_plain(value: Any) -> Any:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return read_size(value)
        if isinstance(value, str):
            return read_text(value)
        raise _breaks(say("a plain value"), value)

    read_list = _list(read_plain, 64)
    return lambda value: read_list(value) if isinstance(value, list) else read_plain(value)


def _spec(kind: type[BlockSpec] | type[XceptionSpec]) -> Reader:
    """A spec. A field that is missing is at its default: a file that is older than the field is still read."""
    small = ("kernel_size", "middle_blocks", "dilation", "padding")
    declared = dataclasses.fields(kind)
    readers = {field.name: _spec_value(64 if field.name in small else 16_384) for field in declared}
    optional = frozenset(field.name for field in declared if field.default is not dataclasses.MISSING)
    return _instance(kind, _object(readers, optional))


_BLOCK, _NETWORK = _spec(BlockSpec), _spec(XceptionSpec)


def _subject(value: Any) -> BlockSpec | XceptionSpec:
    return _BLOCK(value) if isinstance(value, dict) and "kind" in value else _NETWORK(value)


_SETTINGS = _dataclass(
    Settings,
    subject=_subject,
    height=_whole(1, 4096),
    width=_whole(1, 4096),
    batch_size=_whole(1, 65_536),
    dtype=_text(20),
    memory_format=_text(20),
    mode=_text(20),
    backward=_flag,
)
_MACHINE = _dataclass(
    Machine,
    kind=_choice("cpu", "cuda", "mps", "xpu"),
    name=_text(120),
    threads=_whole(1, 4096),
    memory_bytes=_whole(1, 1 << 50),
    clock_mhz=_optional(_number(0, 1e5)),
    driver=_text(120),
    system=_text(120),
    python=_text(40),
    torch=_text(60),
    busy_share=_number(0, 1),
)
_PEAKS = _dataclass(
    Peaks,
    optional=_ADDED["peaks"],
    dtype=_choice(*DTYPES),
    flops_per_s=_number(1e3, 1e18),
    rates=_list(_pair(_whole(1, 1 << 40), _number(1e3, 1e16)), 64, least=1),
    vector_flops_per_s=_optional(_number(1e3, 1e18)),
)
_OUTPUT = _dataclass(OutputCheck, error=_optional(_number(0, 1e300)), tolerance=_number(0, 1))
_TIMING = _dataclass(
    Timing,
    optional=_ADDED["timings"],
    settings=_SETTINGS,
    device=_text(20),
    times_s=_list(_number(1e-9, MAX_S), MAX_SAMPLES, least=1),
    calls_per_sample=_whole(1, 10**9),
    first_call_s=_number(0, MAX_S),
    layers=_list(_pair(_text(80), _number(0, MAX_S)), MAX_LAYERS),
    peak_memory_bytes=_optional(_whole(0, 1 << 50)),
    energy_j=_optional(_number(0, 1e9)),
    reached=_flag,
    slowdown=_optional(_number(1, 1e6)),
    device_s=_optional(_number(0, MAX_S)),
    loop_s=_optional(_number(0, MAX_S)),
    output=_optional(_OUTPUT),
)
_PROPERTIES = _dataclass(
    DeviceProperties,
    optional=("launch_s",),
    last_cache_bytes=_optional(_whole(1, 1 << 40)),
    matmul_precision=_optional(_choice(*FLOAT32_PRECISIONS)),
    conv_precision=_optional(_choice(*FLOAT32_PRECISIONS)),
    launch_s=_optional(_number(0, 1)),
)
_OPERATION = _dataclass(Operation, settings=_SETTINGS, name=_text(80), seconds=_number(0, MAX_S))
_RESULTS = _object(
    {
        "format": _choice(FORMAT),
        "version": _whole(VERSION, VERSION),
        "machine": _MACHINE,
        "peaks": _list(_PEAKS, 64),
        "timings": _list(_TIMING, MAX_TIMINGS),
        "operations": _list(_OPERATION, MAX_OPERATIONS),
        "properties": _PROPERTIES,
    },
    optional=frozenset({"properties"}),
)
