"""A typed field: the declaration of one control of a page.

A field owns its key, label, help and default, its options, and which of these can be chosen given the fields declared
before it. The key is at once the URL's parameter, the widget's key and the name of an attribute of the page's state.
Each option has three forms: the text that a link contains, the value that the engine gets, the label that a person
reads.

A page's state is a frozen dataclass whose attributes are made by `Field.attribute`; `read_state` makes it from the
texts of a link, `state_texts` is the inverse.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Word = TypeVar("Word", bound=str)
State = TypeVar("State")

# the chosen option of each control by the control's key, as a link contains them
Texts = Mapping[str, str]

# the containers of a page's views, by their keys, which are also their names in the frame's style sheet
VIEW_AND_CONTROL = "view_and_control"  # the views' control and, directly below it, the view
VIEW_BELOW = "view_below"  # the view alone: other controls, which change it, stand between it and the views' control


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Mark a text for translation where it is declared; `translate` is called where it is shown."""
    return message


# without slots: a frozen generic class with them cannot be made by Option[int | None](...)
@dataclass(frozen=True)
class Option(Generic[T]):
    """One option of a control.

    text: as a link contains it, the same in every language. value: what the engine gets. label: what a person reads, in
    English, translated when shown; empty where the text itself is shown, as torch's own words are.
    """

    text: str
    value: T
    label: str = ""


# without slots: cached_property needs a dict
@dataclass(frozen=True)
class Field(Generic[T]):
    """A control with a fixed set of options.

    default: the text of the option that a link without the key asks for. label, help: English, translated when shown.
    term: torch's or the paper's own word, shown in every language where there is no label; empty stands for the key.
    narrow: returns the texts that can be chosen, given the texts of the fields declared before; None leaves all.
    is_kept: whether a link without the key leaves the control as the session has it, instead of at its default.
    part: where the control selects what a part of the page shows, the key of that part's container; a link that puts
    the control at another option than its default opens the page there.
    """

    key: str
    options: tuple[Option[T], ...]
    default: str
    widget: Literal["slider", "choice"] = "choice"
    label: str = ""
    term: str = ""
    help: str = ""
    narrow: Callable[[Texts], tuple[str, ...]] | None = None
    is_kept: bool = False
    part: str = ""

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The texts of all options, in their order."""
        return tuple(option.text for option in self.options)

    @cached_property
    def _by_text(self) -> dict[str, Option[T]]:
        return {option.text: option for option in self.options}

    @cached_property
    def _by_value(self) -> dict[T, Option[T]]:
        return {option.value: option for option in self.options}

    def parse(self, text: str) -> T:
        """The value of the option with this text. Raises KeyError where there is none."""
        return self._by_text[text].value

    def text(self, value: T) -> str:
        """The text of the option with this value. Raises KeyError where there is none."""
        return self._by_value[value].text

    def read(self, texts: Texts) -> T:
        """This field's value, given the texts of a page's controls; its default where its key is missing."""
        return self.parse(texts.get(self.key, self.default))

    def option_label(self, text: str) -> str:
        """The English label of an option; the text itself where the option has none or does not exist."""
        option = self._by_text.get(text)
        return option.label or text if option else text

    def available(self, texts: Texts) -> tuple[str, ...]:
        """The texts that can be chosen, given those of the fields declared before this one."""
        return self.narrow(texts) if self.narrow else self.texts

    def attribute(self) -> T:
        """The attribute of a page's state for this field's value, for use in the body of a dataclass."""
        return dataclasses.field(default=self.parse(self.default), metadata={"field": self})


def number_options(*values: int) -> tuple[Option[int], ...]:
    """Whole numbers as options."""
    return tuple(Option(str(value), value) for value in values)


def word_options(*values: Word, labels: Mapping[str, str] | None = None) -> tuple[Option[Word], ...]:
    """Words of the engine as options; a link contains them unchanged. labels: by word, where it is shown as another."""
    return tuple(Option(value, value, (labels or {}).get(value, "")) for value in values)


def flag_options(first: bool) -> tuple[Option[bool], ...]:
    """true and false as options, `first` before the other."""
    return tuple(Option(str(value).lower(), value) for value in (first, not first))


def state_fields(state: type[Any]) -> tuple[Field[Any], ...]:
    """The fields of a page's state, a dataclass, in the order of their declaration."""
    return tuple(attribute.metadata["field"] for attribute in dataclasses.fields(state))


def state_keys(state: type[Any]) -> tuple[str, ...]:
    """The keys of a page's state in the order of their declaration."""
    return tuple(field.key for field in state_fields(state))


def read_state(state: type[State], texts: Texts) -> State:
    """A page's state from the texts of its controls; a missing one is at its default.

    Raises KeyError for a text that is no option of its field; `fit_state` takes any text.
    """
    return state(**{field.key: field.read(texts) for field in state_fields(state)})


def state_texts(state: object) -> dict[str, str]:
    """The inverse of read_state: the text of every control of a page."""
    return {field.key: field.text(getattr(state, field.key)) for field in state_fields(type(state))}
