"""A lesson: a page's state with a task above it and only some of its controls, all of it in a link.

Its parameters: `task` and `task_ko`, the task in English and Korean, plain text of at most LONGEST_TASK characters;
`keep`, the keys of the controls that stay, joined by commas, or NONE. Without `keep` all stay. What a page asks for as
a prediction always stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from xception_lab.ui.fields.story import PREDICTIONS
from xception_lab.ui.fields.training import GUESS

TASK = "task"
TASK_KO = "task_ko"
KEEP = "keep"
LESSON_KEYS = (TASK, TASK_KO, KEEP)
LONGEST_TASK = 400
NONE = "none"
GUESS_KEYS = frozenset((GUESS.key, *(field.key for field in PREDICTIONS)))
STEPS_KEY = "steps"  # of the story: the way to other steps, which no field is

_LONGEST_KEEP = 2000  # of what is read; every key of the longest page together has less


@dataclass(frozen=True, slots=True)
class Lesson:
    """task: by language, "" where it is not in that one. keep: keys of controls; None keeps all."""

    task: str = ""
    task_ko: str = ""
    keep: tuple[str, ...] | None = None

    def task_in(self, language: str) -> str:
        """The task in a language, "en" or "ko", or else in the other."""
        return (self.task_ko or self.task) if language == "ko" else (self.task or self.task_ko)

    def has(self, key: str) -> bool:
        """Whether a control stays."""
        return self.keep is None or key in self.keep or key in GUESS_KEYS


def clean_task(text: str) -> str:
    """A task as a lesson holds it: printable, one space between words, cut at LONGEST_TASK characters."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 10 * LONGEST_TASK])
    return " ".join(printable.split())[:LONGEST_TASK].rstrip()


def lesson_texts(lesson: Lesson | None) -> dict[str, str]:
    """The parameters of a lesson's link; of none, no parameters."""
    if lesson is None:
        return {}
    keep = None if lesson.keep is None else ",".join(lesson.keep) or NONE
    texts = {TASK: lesson.task, TASK_KO: lesson.task_ko, KEEP: keep}
    return {key: text for key, text in texts.items() if text}


def read_lesson(parameters: Mapping[str, str], keys: tuple[str, ...]) -> tuple[Lesson | None, dict[str, str]]:
    """The lesson that a link's parameters ask for, None where they ask for none, and what stands for each that had to
    be repaired.

    keys: of the page's controls.
    """
    given = {key: parameters[key] for key in LESSON_KEYS if key in parameters}
    if not given:
        return None, {}
    keep = None
    if KEEP in given:
        named = given[KEEP][:_LONGEST_KEEP].split(",")
        keep = tuple(key for key in (*keys, STEPS_KEY) if key in named and key not in GUESS_KEYS)
    lesson = Lesson(clean_task(given.get(TASK, "")), clean_task(given.get(TASK_KO, "")), keep)
    texts = lesson_texts(lesson)
    repairs = {key: texts.get(key, "") for key, text in given.items() if texts.get(key, "") != text}
    return (lesson if texts else None), repairs
