"""A class's room: what the teacher has set, the code by which a class joins, and the limits of all rooms.

Three random texts stand for three rights. The code, six letters, is for everybody in the class: with it one takes a
seat. The seat, of 128 bits, is one student's: with it one predicts. The secret, of 128 bits, is the teacher's: with it
one moves the room. The store keeps hashes of seats and secrets, so that a copy of it lets nobody in.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from xception_lab.common.messages import say

# no vowels, so that no code is a word, and of letters that look or sound alike only one
LETTERS = "BCDFGHJKMNPRSTVWXZ"
CODE_LENGTH = 6
EXAMPLE_CODE = "BKWTRN"  # to show what one looks like

MAX_ROOMS = 100  # of one server, those that are closed included
MAX_SEATS = 200  # of one room
MAX_BYTES = 64 * 2**20  # of the database of all rooms
ROOM_AGE_S = 14 * 24 * 3600.0  # after its last use a room is deleted
EMPTY_ROOM_AGE_S = 3 * 3600.0  # likewise one that nobody has joined

Pace = Literal["together", "free"]
Answers = Literal["on_reveal", "at_once"]
PACES: tuple[Pace, ...] = get_args(Pace)
ANSWERS: tuple[Answers, ...] = get_args(Answers)
LOOKED = "show"  # instead of a prediction, where somebody wanted to see the answer without one

_KEY = re.compile(r"[0-9a-f]{32}")
_STEP = re.compile(r"[a-z0-9]{1,8}")
_PREDICTION = re.compile(r"[a-z0-9.:-]{1,24}")


class RoomError(ValueError):
    """A room refuses what was asked of it; the message says why and, where there is one, what to do instead."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room as it is set.

    pace: whether the class is at the teacher's step or each at a step of their own. answers: when a student sees the
    answer of a step. revealed: the steps that the teacher has revealed. is_covered: whether the teacher's page keeps
    the bars of a step covered until it is revealed. version: counts what the teacher does, changes: that, the seats and
    the predictions. seats: how many have joined.
    """

    code: str
    step: str
    pace: Pace
    answers: Answers
    is_covered: bool
    is_closed: bool
    revealed: frozenset[str]
    version: int
    changes: int
    seats: int

    def is_told(self, step: str, prediction: str | None) -> bool:
        """Whether a student with this prediction, or with none, may see the answer of a step."""
        return step in self.revealed or (self.answers == "at_once" and prediction is not None)


def make_code() -> str:
    """A new code."""
    return "".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH))


def make_key() -> str:
    """A new seat or secret."""
    return secrets.token_hex(16)


def repair_code(text: str) -> str | None:
    """The code that somebody has typed, whatever its case, spaces and hyphens; None where it is none."""
    letters = "".join(letter for letter in text[:100].upper() if letter.isalnum())
    return letters if len(letters) == CODE_LENGTH and set(letters) <= set(LETTERS) else None


def is_key(text: object) -> bool:
    """Whether this has the form of a seat or secret."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def check_step(step: object) -> None:
    """Raises RoomError unless this has the form of a step's name."""
    if not isinstance(step, str) or not _STEP.fullmatch(step):
        raise RoomError(say("this is not the name of a step; open the room again"))


def check_prediction(text: object) -> None:
    """Raises RoomError unless this has the form of a prediction."""
    if not isinstance(text, str) or not _PREDICTION.fullmatch(text):
        raise RoomError(say("this is not a prediction; open the step again"))
