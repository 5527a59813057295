"""Results as a JSON file: what a person takes away, brings from another machine, and what is shipped.

A file comes from anywhere, so reading trusts nothing: every field has a type and a range, none may be missing or
unknown, and what breaks a rule is refused with a sentence that names its place.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from xception_lab.common.files import rows_to_csv
from xception_lab.common.messages import message_of, say
from xception_lab.spec import BlockSpec, XceptionSpec
from xception_lab.timing.results import Machine, Operation, Peaks, Results, Timing, timing_row
from xception_lab.timing.settings import DTYPES, Settings

FORMAT, VERSION = "xception-lab-timings", 2
MOST_BYTES = 4 << 20
MOST_TIMINGS, MOST_SAMPLES, MOST_LAYERS, MOST_OPERATIONS = 2_000, 20_000, 2_000, 5_000
LONGEST_S = 3600.0

Read = Callable[[Any, str], Any]


class ResultsFileError(ValueError):
    """The file is not one of ours, or not whole; the message names the place, the value and the rule."""


def results_to_json(results: Results) -> str:
    """The results, for from_json."""
    values = {
        "format": FORMAT,
        "version": VERSION,
        "machine": asdict(results.machine),
        "peaks": [asdict(peaks) for peaks in results.peaks],
        "timings": [{**asdict(timing), "settings": settings_to_dict(timing.settings)} for timing in results.timings],
        "operations": [
            {**asdict(operation), "settings": settings_to_dict(operation.settings)} for operation in results.operations
        ],
    }
    return json.dumps(values)


def results_to_csv(results: Results) -> str:
    """One row a timing, with the machine."""
    return rows_to_csv([{**timing_row(timing), "machine": results.machine.label} for timing in results.timings])


def results_from_json(data: str | bytes) -> Results:
    """The inverse of to_json. Raises ResultsFileError, and nothing else, for what is not a whole file of ours."""
    if len(data) > MOST_BYTES:
        sentence = say("the file has {count:,} bytes: must have at most {most:,}", count=len(data), most=MOST_BYTES)
        raise ResultsFileError(sentence)
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        values = json.loads(text, parse_constant=_no_constant)
    except ResultsFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ResultsFileError(say("the file is not JSON: {error}", error=str(error)[:120])) from None
    if not isinstance(values, dict) or cast(dict[str, Any], values).get("format") != FORMAT:
        raise ResultsFileError(say("the file is not a results file: its format must be {format}", format=repr(FORMAT)))
    values = _upgraded(cast(dict[str, Any], values))
    whole = _object(
        format=_choice(FORMAT),
        version=_whole(VERSION, VERSION),
        machine=_MACHINE,
        peaks=_list(_PEAKS, 64),
        timings=_list(_TIMING, MOST_TIMINGS),
        operations=_list(_OPERATION, MOST_OPERATIONS),
    )(values, "")
    return Results(whole["machine"], whole["peaks"], whole["timings"], whole["operations"])


def _upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """A file of version 1, which knew no slowdown, as one of today; what is no such file is left for the reader."""
    if values.get("version") != 1 or not isinstance(values.get("timings"), list):
        return values
    timings: list[Any] = values["timings"]
    known: list[Any] = [{"slowdown": None, **timing} if isinstance(timing, dict) else timing for timing in timings]
    return {**values, "version": VERSION, "timings": known}


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Settings as JSON's values; a subject with a kind is a block, one without a network."""
    return asdict(settings)


def settings_from_dict(values: Any, place: str = "settings") -> Settings:
    """The inverse of settings_to_dict. Raises ResultsFileError."""
    return _settings(values, place)


def _no_constant(name: str) -> Any:
    raise ResultsFileError(say("the file holds {name}: every number must be finite", name=name))


def _shown(value: Any) -> str:
    """A foreign value, short and printable."""
    if isinstance(value, dict | list):
        return say("a list") if isinstance(value, list) else say("an object")
    clean = "".join(c for c in str(value)[:60] if c.isprintable() and c not in "`<>")
    return repr(clean) if isinstance(value, str) else clean


def _refuse(place: str, value: Any, rule: str) -> ResultsFileError:
    return ResultsFileError(say("{place}={value}: must be {rule}", place=place, value=_shown(value), rule=rule))


def _object(**fields: Read) -> Read:
    def read(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _refuse(place or say("the file"), value, say("an object"))
        values = cast(dict[str, Any], value)
        missing = next((name for name in fields if name not in values), None)
        if missing:
            raise ResultsFileError(say("{place} is missing", place=_join(place, missing)))
        unknown = next((name for name in values if name not in fields), None)
        if unknown is not None:
            name = _shown(_join(place, unknown))
            raise ResultsFileError(say("{name} is not a field of a results file", name=name))
        return {name: read_field(values[name], _join(place, name)) for name, read_field in fields.items()}

    return read


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _list(read_item: Read, most: int, least: int = 0) -> Read:
    def read(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or not least <= len(cast(list[Any], value)) <= most:
            raise _refuse(place, value, say("a list of {least} to {most:,}", least=least, most=most))
        return tuple(read_item(item, f"{place}[{number}]") for number, item in enumerate(cast(list[Any], value)))

    return read


def _pair(first: Read, second: Read) -> Read:
    def read(value: Any, place: str) -> tuple[Any, Any]:
        if not isinstance(value, list) or len(cast(list[Any], value)) != 2:
            raise _refuse(place, value, say("a list of two"))
        return first(value[0], f"{place}[0]"), second(value[1], f"{place}[1]")

    return read


def _number(low: float, high: float) -> Read:
    def read(value: Any, place: str) -> float:
        # comparing before converting: a whole number may be too large to convert
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _refuse(place, value, say("a number from {low:g} to {high:g}", low=low, high=high))
        if not math.isfinite(value):
            raise _refuse(place, value, say("finite"))
        return float(value)

    return read


def _whole(low: int, high: int) -> Read:
    def read(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            rule = say("a whole number from {low:,} to {high:,}", low=low, high=high) if low < high else str(low)
            raise _refuse(place, value, rule)
        return value

    return read


def _text(most: int) -> Read:
    def read(value: Any, place: str) -> str:
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise _refuse(place, value, say("a printable text of at most {most} characters", most=most))
        # names are shown on a page: nothing that a browser or Markdown could take for more than text
        if set(value) & set("<>`$[]*\\"):
            raise _refuse(place, value, say("a text without markup"))
        return value

    return read


def _choice(*allowed: str) -> Read:
    def read(value: Any, place: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _refuse(place, value, say("one of {allowed}", allowed=", ".join(map(repr, allowed))))
        return value

    return read


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise _refuse(place, value, say("true or false"))
    return value


def _optional(read_value: Read) -> Read:
    return lambda value, place: None if value is None else read_value(value, place)


def _made(kind: Callable[..., Any], read_fields: Read) -> Read:
    def read(value: Any, place: str) -> Any:
        fields = read_fields(value, place)
        try:
            return kind(**fields)
        except ValueError as error:
            raise ResultsFileError(say("{place}: {reason}", place=place, reason=message_of(error))) from None

    return read


def _bounded(value: Any, place: str) -> Any:
    """A subject's fields, checked by its own class; here only against sizes that would keep a server busy."""
    if isinstance(value, list):
        return tuple(_bounded(item, place) for item in cast(list[Any], value)[:64])
    if isinstance(value, int) and not isinstance(value, bool):
        most = 64 if place.endswith(("kernel_size", "middle_blocks", "dilation", "padding")) else 16_384
        return _whole(0, most)(value, place)
    if isinstance(value, str):
        return _text(20)(value, place)
    if value is None or isinstance(value, bool | float):
        return value
    raise _refuse(place, value, say("a plain value"))


def _subject(value: Any, place: str) -> BlockSpec | XceptionSpec:
    if not isinstance(value, dict):
        raise _refuse(place, value, say("an object"))
    values = cast(dict[str, Any], value)
    kind = BlockSpec if "kind" in values else XceptionSpec
    fields = dict.fromkeys(kind.__dataclass_fields__, _bounded)
    return _made(kind, _object(**fields))(values, place)


_settings = _made(
    Settings,
    _object(
        subject=_subject,
        height=_whole(1, 4096),
        width=_whole(1, 4096),
        batch_size=_whole(1, 65_536),
        dtype=_text(20),
        memory_format=_text(20),
        mode=_text(20),
        backward=_flag,
    ),
)
_SECONDS = _number(1e-9, LONGEST_S)
_MACHINE = _made(
    Machine,
    _object(
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
    ),
)
_PEAKS = _made(
    Peaks,
    _object(
        dtype=_choice(*DTYPES),
        flops_per_s=_number(1e3, 1e18),
        rates=_list(_pair(_whole(1, 1 << 40), _number(1e3, 1e16)), 64, least=1),
    ),
)
_TIMING = _made(
    Timing,
    _object(
        settings=_settings,
        device=_text(20),
        times_s=_list(_SECONDS, MOST_SAMPLES, least=1),
        calls_per_sample=_whole(1, 10**9),
        first_call_s=_number(0, LONGEST_S),
        layers=_list(_pair(_text(80), _number(0, LONGEST_S)), MOST_LAYERS),
        peak_memory_bytes=_optional(_whole(0, 1 << 50)),
        energy_j=_optional(_number(0, 1e9)),
        reached=_flag,
        slowdown=_optional(_number(1, 1e6)),
    ),
)
_OPERATION = _made(Operation, _object(settings=_settings, name=_text(80), seconds=_number(0, LONGEST_S)))
