"""Sentences of the engine that people read: English text that remembers its template and values.

A Message is a str, so an exception, a terminal or a test can treat it as one; a page looks its template up in another
language and puts the same values in (ui/shell/language.translate_message). Pickle keeps it whole, and so does a text
column through message_to_text and message_from_text.
"""

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, cast

Value = str | int | float


class Message(str):
    """A template of str.format, filled in with its values. A value may be a Message itself.

    Fields of the template are plain names, so that it cannot reach into a value's attributes or items. Raises
    ValueError for any other field, KeyError for a missing value.
    """

    template: str
    values: dict[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> "Message":
        for _text, field, spec, _conversion in Formatter().parse(template):
            if field is not None and not (field.isidentifier() and "{" not in (spec or "")):
                raise ValueError(f"template={template!r}: must name its values alone, has the field {field!r}")
        message = super().__new__(cls, template.format(**values))
        message.template, message.values = template, dict(values)
        return message

    def __reduce__(self) -> tuple[type["Message"], tuple[str, dict[str, Value]]]:
        return Message, (self.template, self.values)

    def translated(self, translate: Callable[[str], str]) -> str:
        """The text with its own template and those of the messages among its values translated."""
        values = {
            name: value.translated(translate) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return translate(self.template).format(**values)


def say(template: str, **values: Value) -> Message:
    """The template filled in with the values that it names.

    template: a literal, so that `make messages` finds it for translation.
    """
    return Message(template, values)


def message_of(error: BaseException) -> str:
    """The Message that an exception was raised with, or its own text."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else str(error)


def reason_of(error: BaseException) -> Message:
    """As message_of; for an exception without a Message, its type and its own English text."""
    message = message_of(error)
    if isinstance(message, Message):
        return message
    return say("{kind}: {message}", kind=type(error).__name__, message=message)


def message_to_text(message: str) -> str:
    """One line to store or to send: JSON of a Message, any other text unchanged."""
    return json.dumps(_to_json(message), ensure_ascii=False) if isinstance(message, Message) else message


def message_from_text(text: str) -> str:
    """The inverse of message_to_text. Any text but a Message's JSON, as old rows hold, is returned as it is."""
    try:
        return _from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text


def _to_json(message: Message) -> dict[str, Any]:
    values = message.values.items()
    parts = {name: _to_json(value) if isinstance(value, Message) else value for name, value in values}
    return {"template": message.template, "values": parts}


def _from_json(document: dict[str, Any]) -> Message:
    values: dict[str, Any] = document["values"]
    return Message(document["template"], {name: _value(value) for name, value in values.items()})


def _value(value: Any) -> Value:
    return _from_json(cast(dict[str, Any], value)) if isinstance(value, dict) else value


def quote_name(name: str) -> str:
    """The name of a file as a message quotes it: no control characters, and shortened to 60 characters."""
    return repr(name if len(name) <= 60 else f"{name[:28]}…{name[-28:]}")
