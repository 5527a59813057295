"""A typed field: one control of a page, with everything that is known of it.

A field owns its key (the URL's parameter, the widget's key and the attribute of the page's state are one name), its
options, each with the text that a link has for it, the value that the engine gets and the words that a person reads,
its default, which options the fields before it leave, its label and its help. A page's state is a frozen dataclass
whose attributes are made by `Field.attribute`; `read_state` makes it from a link's texts, `state_texts` is the inverse.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Word = TypeVar("Word", bound=str)
State = TypeVar("State")

# the values of controls as a link has them, by key
Texts = Mapping[str, str]


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Mark a text for translation where it is declared; it is translated where it is shown."""
    return message


# without slots: a frozen generic class with them cannot be made by Option[int | None](...)
@dataclass(frozen=True)
class Option(Generic[T]):
    """One thing that a control can be.

    text: as a link has it, the same in every language. value: what the engine gets. label: the words that a person
    reads, in English, translated when shown; empty where the text itself is shown, as torch's own words are.
    """

    text: str
    value: T
    label: str = ""


# without slots: the look-up tables are made when first used and kept
@dataclass(frozen=True)
class Field(Generic[T]):
    """A control with a fixed set of options.

    default: the text of the option that a link without the key asks for. label, help: English, translated when shown.
    term: torch's or the paper's own word, shown in every language where there is no label; the key unless given.
    narrowed: the texts that remain, given the texts of the fields declared before it; None leaves all.
    """

    key: str
    options: tuple[Option[T], ...]
    default: str
    widget: Literal["slider", "choice"] = "choice"
    label: str = ""
    term: str = ""
    help: str = ""
    narrowed: Callable[[Texts], tuple[str, ...]] | None = None

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every option as a link has it."""
        return tuple(option.text for option in self.options)

    @cached_property
    def _by_text(self) -> dict[str, Option[T]]:
        return {option.text: option for option in self.options}

    @cached_property
    def _by_value(self) -> dict[T, Option[T]]:
        return {option.value: option for option in self.options}

    def parse(self, text: str) -> T:
        """The value of an option by its text. Raises KeyError for a text that is no option."""
        return self._by_text[text].value

    def text(self, value: T) -> str:
        """The inverse of parse. Raises KeyError for a value that no option has."""
        return self._by_value[value].text

    def read(self, texts: Texts) -> T:
        """This field's value among the values of a page's controls; its default where it is not among them."""
        return self.parse(texts.get(self.key, self.default))

    def option_label(self, text: str) -> str:
        """The English words of an option, or the text where that is shown as it is or is no option."""
        option = self._by_text.get(text)
        return option.label or text if option else text

    def remaining(self, texts: Texts) -> tuple[str, ...]:
        """The texts that can be chosen, given those of the fields declared before this one."""
        return self.narrowed(texts) if self.narrowed else self.texts

    def attribute(self) -> T:
        """The attribute of a page's state that this field fills, for the body of a dataclass."""
        return dataclasses.field(default=self.parse(self.default), metadata={"field": self})


def number_options(*values: int) -> tuple[Option[int], ...]:
    """Whole numbers as options."""
    return tuple(Option(str(value), value) for value in values)


def word_options(*values: Word, labels: Mapping[str, str] | None = None) -> tuple[Option[Word], ...]:
    """Words of the engine as options, which a link has as they are. labels: by word, where another is shown."""
    return tuple(Option(value, value, (labels or {}).get(value, "")) for value in values)


def flag_options(first: bool) -> tuple[Option[bool], ...]:
    """true and false as options, the given one first."""
    return tuple(Option(str(value).lower(), value) for value in (first, not first))


def state_fields(state: type[Any]) -> tuple[Field[Any], ...]:
    """The fields of a page's state in the order of their declaration."""
    return tuple(attribute.metadata["field"] for attribute in dataclasses.fields(state))


def state_keys(state: type[Any]) -> tuple[str, ...]:
    """Their keys."""
    return tuple(field.key for field in state_fields(state))


def read_state(state: type[State], texts: Texts) -> State:
    """A page's state from the texts of its controls, which are options of their fields; what is missing is at its
    default."""
    return state(**{field.key: field.read(texts) for field in state_fields(state)})


def state_texts(state: object) -> dict[str, str]:
    """The inverse of read_state: every control of a page's state as a link has it."""
    return {field.key: field.text(getattr(state, field.key)) for field in state_fields(type(state))}
