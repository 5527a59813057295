"""The bounds of a shared server, in one file: settings.toml in the home folder, read whenever a bound is asked for.

assets/settings.toml is the file with every default and what it means. A file may have some of the tables and keys; what
it leaves out is at its default. A file that breaks a rule is not used at all: the defaults hold, and the page and the
start line say which rule. 0 stands for "no bound" in numbers of days, of megabytes and of experiments.
"""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from xception_lab.common.home import home_folder
from xception_lab.common.messages import Message, say

NAME = "settings.toml"
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class TrainingBounds:
    """enabled: whether the page starts runs. most_waiting, most_waiting_per_person: unfinished runs."""

    enabled: bool = True
    most_waiting: int = 2_000
    most_waiting_per_person: int = 200


@dataclass(frozen=True, slots=True)
class MeasuringBounds:
    """enabled: whether the page measures. most_waiting, most_waiting_per_person: unfinished measurements."""

    enabled: bool = True
    most_waiting: int = 20
    most_waiting_per_person: int = 3


@dataclass(frozen=True, slots=True)
class UploadBounds:
    """enabled: whether people may upload pictures. megabytes, megabytes_per_person: of kept data sets.

    keep_unused_days: how long a data set is kept that no stored experiment is about.
    """

    enabled: bool = True
    megabytes: int = 20_000
    megabytes_per_person: int = 2_000
    keep_unused_days: int = 30


@dataclass(frozen=True, slots=True)
class RunBounds:
    """experiments_per_person: stored ones. megabytes, megabytes_per_person: of checkpoints.

    keep_days: after which a person's experiment is deleted that nobody trains; never, unless it is set.
    """

    experiments_per_person: int = 200
    megabytes: int = 50_000
    megabytes_per_person: int = 5_000
    keep_days: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The tables of the file. problem: why a file that is there is not used, else ""."""

    training: TrainingBounds = field(default_factory=TrainingBounds)
    measuring: MeasuringBounds = field(default_factory=MeasuringBounds)
    uploads: UploadBounds = field(default_factory=UploadBounds)
    runs: RunBounds = field(default_factory=RunBounds)
    problem: str = ""


_TABLES = {"training": TrainingBounds, "measuring": MeasuringBounds, "uploads": UploadBounds, "runs": RunBounds}


def load_settings(folder: Path | None = None) -> Settings:
    """The settings of a home folder, by default the one of this process; the defaults where it has no file."""
    path = (folder or home_folder()) / NAME
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        return _unusable(path, say("it cannot be read: {error}", error=str(error)))
    try:
        return _read(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        return _unusable(path, say("it is no TOML: {error}", error=str(error)))
    except ValueError as error:
        return _unusable(path, error.args[0])


def _unusable(path: Path, reason: Message) -> Settings:
    return Settings(
        problem=say("{path} is not used, and every bound is at its default: {reason}", path=str(path), reason=reason)
    )


def _read(values: dict[str, Any]) -> Settings:
    tables: dict[str, Any] = {}
    for name, table in values.items():
        if name not in _TABLES or not isinstance(table, dict):
            allowed = ", ".join(f"[{known}]" for known in _TABLES)
            raise ValueError(say("{name}: must be one of the tables {allowed}", name=name, allowed=allowed))
        tables[name] = _TABLES[name](**{key: _value(name, key, value) for key, value in table.items()})
    return Settings(**tables)


def _value(table: str, key: str, value: object) -> Any:
    defaults = {each.name: each.default for each in fields(_TABLES[table])}
    if key not in defaults:
        allowed = ", ".join(defaults)
        raise ValueError(say("{key} in [{table}]: must be one of {allowed}", key=key, table=table, allowed=allowed))
    shown = repr(value)
    if isinstance(defaults[key], bool):
        if not isinstance(value, bool):
            raise ValueError(
                say("{key}={value} in [{table}]: must be true or false", key=key, value=shown, table=table)
            )
    elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
        sentence = say(
            "{key}={value} in [{table}]: must be a whole number, 0 or more", key=key, value=shown, table=table
        )
        raise ValueError(sentence)
    return value


def is_over(amount: float, bound: int) -> bool:
    """Whether an amount has reached its bound; 0 is none."""
    return bound > 0 and amount >= bound
