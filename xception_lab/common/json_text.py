"""JSON that anyone may have written, read within bounds: what breaks one is refused in a sentence, before it costs."""

import json
from typing import Any

from xception_lab.common.messages import quote_name, say

MAX_CONTAINERS = 100_000  # lists and objects; Python needs 60 to 200 bytes for each
MAX_DIGITS = 4300  # of a whole number: Python's own limit, since reading one takes the square of its length


class JsonError(ValueError):
    """A text that is no JSON, or breaks a bound; the message says which of "the file"."""


def parse_json(data: str | bytes, most_bytes: int) -> Any:
    """The value of a JSON text of at most `most_bytes` bytes: UTF-8, finite numbers, no key twice in one object.

    A byte-order mark before the text, which editors and PowerShell write, is passed over; it may also say UTF-16.
    Raises JsonError, and nothing else.
    """
    if len(data) > most_bytes:
        sentence = say("the file has {count:,} bytes: must have at most {most:,}", count=len(data), most=most_bytes)
        raise JsonError(sentence)
    if isinstance(data, bytes) and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace")
    brackets = ("[", "{") if isinstance(data, str) else (b"[", b"{")
    if sum(data.count(bracket) for bracket in brackets) > MAX_CONTAINERS:  # type: ignore[arg-type]
        raise JsonError(say("the file has more than {most:,} lists and objects", most=MAX_CONTAINERS))
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data.removeprefix("\ufeff")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except JsonError:
        raise
    except RecursionError:
        raise JsonError(say("the file nests lists and objects too deeply: must nest them at most 100 deep")) from None
    except json.JSONDecodeError as error:
        sentence = say("the file is not JSON: line {line}, column {column}", line=error.lineno, column=error.colno)
        raise JsonError(sentence) from None
    except UnicodeDecodeError as error:
        sentence = say("the file is not JSON: byte {place:,} is not UTF-8", place=error.start)
        raise JsonError(sentence) from None
    except ValueError:  # the only other one is int's
        sentence = say("the file holds a whole number of more than {most:,} digits", most=MAX_DIGITS)
        raise JsonError(sentence) from None


def _refuse_constant(name: str) -> Any:
    raise JsonError(say("the file holds {name}: every number must be finite", name=name))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys: set[str] = set()
        twice = next(key for key, _ in pairs if key in keys or keys.add(key))
        raise JsonError(say("the file has the key {key} twice in one object", key=quote_name(twice)))
    return values
