"""Fields of a spec as a terminal gives them: FIELD=VALUE, a value being a Python literal or a word."""

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from xception_lab.experiments.spec import NETWORK_FIELDS
from xception_lab.spec import BlockSpec, TrainSpec, XceptionSpec

Spec = TypeVar("Spec", BlockSpec, XceptionSpec, TrainSpec)


def parse_value(text: str) -> Any:
    """A Python literal, such as 3, None or (4,8); any other text is itself a word."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse_fields(texts: Iterable[str]) -> dict[str, Any]:
    """FIELD=VALUE texts as names with values. Raises ValueError for a text without "="."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r}: must be FIELD=VALUE")
        values[name] = parse_value(value)
    return values


def parse_levels(text: str) -> tuple[str, tuple[Any, ...]]:
    """FIELD=A,B as one factor of an experiment's grid."""
    name, _, values = text.partition("=")
    return name, tuple(map(parse_value, values.split(",")))


def with_fields(base: Spec, values: Mapping[str, Any]) -> Spec:
    """The spec with these fields changed. Raises ValueError for a name that is no field of it, and for a bad value."""
    names = [field.name for field in fields(base)]
    unknown = next((name for name in values if name not in names), None)
    if unknown is not None:
        raise ValueError(f"{unknown}: must be one of {', '.join(names)}")
    return replace(base, **values)


def describe_fields(base: BlockSpec | XceptionSpec | TrainSpec, left_out: Collection[str] = ()) -> str:
    """The spec's fields with their defaults, one a line, for the help of a command."""
    names = [field.name for field in fields(base) if field.name not in left_out]
    return "\n".join(f"  {name}={_text(getattr(base, name))}" for name in names)


def describe_run() -> str:
    """The fields of a run and of its network with their defaults, for the help of train and sweep."""
    run = TrainSpec()
    # these two are the data's
    network = describe_fields(run.xception, [f.name for f in fields(XceptionSpec) if f.name not in NETWORK_FIELDS])
    return f"fields of the run, with their defaults:\n{describe_fields(run, ('xception',))}\n\n" + (
        f"fields of its network:\n{network}"
    )


def _text(value: Any) -> str:
    return repr(value).replace(" ", "") if isinstance(value, tuple) else str(value)


def parse_run(texts: Iterable[str]) -> TrainSpec:
    """FIELD=VALUE texts, of TrainSpec and of its network, as a run."""
    values, base = parse_fields(texts), TrainSpec()
    network = {name: values.pop(name) for name in list(values) if name in NETWORK_FIELDS}
    return with_fields(base, {**values, "xception": replace(base.xception, **network)})
