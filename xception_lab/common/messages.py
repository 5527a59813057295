"""Sentences that the engine says to people: English, and never without what they are made of.

A Sentence is a str, so an exception, a terminal or a test needs to know nothing of it; a page looks its template up in
another language and puts the same values in (ui.language.spoken). It survives pickle, and a text column by as_text.
"""

import json
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, cast

Value = str | int | float


class Message(str):
    """A template of str.format, already filled in with its values. A value may be a Sentence itself.

    Fields are plain names: a template reaches into no value. Raises ValueError for any other, KeyError for one missing.
    """

    template: str
    values: dict[str, Value]

    def __new__(cls, template: str, values: Mapping[str, Value]) -> "Message":
        for _text, field, spec, _conversion in Formatter().parse(template):
            if field is not None and not (field.isidentifier() and "{" not in (spec or "")):
                raise ValueError(f"template={template!r}: must name its values alone, has the field {field!r}")
        sentence = super().__new__(cls, template.format(**values))
        sentence.template, sentence.values = template, dict(values)
        return sentence

    def __reduce__(self) -> tuple[type["Message"], tuple[str, dict[str, Value]]]:
        return Message, (self.template, self.values)

    def translated(self, translate: Callable[[str], str]) -> str:
        """The sentence with its template, and those of the sentences in it, translated."""
        words = {
            name: value.translated(translate) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return translate(self.template).format(**words)


def say(template: str, **values: Value) -> Message:
    """A sentence for people. template: a literal, so that it is found and translated; values go where it names them."""
    return Message(template, values)


def message_of(error: BaseException) -> str:
    """What an exception says: the Sentence it was raised with, else its own text."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, Message) else str(error)


def reason_of(error: BaseException) -> Message:
    """What an exception says; of one that was not raised for people, its kind and its own English text."""
    sentence = message_of(error)
    if isinstance(sentence, Message):
        return sentence
    return say("{kind}: {message}", kind=type(error).__name__, message=sentence)


def message_to_text(sentence: str) -> str:
    """One line to store or to send: JSON of a Sentence, any other text as it is."""
    return json.dumps(_to_json(sentence), ensure_ascii=False) if isinstance(sentence, Message) else sentence


def message_from_text(text: str) -> str:
    """The inverse of as_text. What is no Sentence's JSON is a text of its own, as rows of earlier versions are."""
    try:
        return _from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text


def _to_json(sentence: Message) -> dict[str, Any]:
    values = sentence.values.items()
    parts = {name: _to_json(value) if isinstance(value, Message) else value for name, value in values}
    return {"template": sentence.template, "values": parts}


def _from_json(found: dict[str, Any]) -> Message:
    values: dict[str, Any] = found["values"]
    return Message(found["template"], {name: _value(value) for name, value in values.items()})


def _value(value: Any) -> Value:
    return _from_json(cast(dict[str, Any], value)) if isinstance(value, dict) else value


def quote_name(name: str) -> str:
    """A file's name as a message shows it: quoted, no control characters, at most 60 characters."""
    return repr(name if len(name) <= 60 else f"{name[:28]}…{name[-28:]}")
