"""The Questions page's control: the question that stands open, which a link names."""

from dataclasses import dataclass

from xception_lab.questions.catalogue import NAMES
from xception_lab.ui.fields.field import Field, word_options

ALL = "all"  # none in particular
# no control draws it: every question on the page opens by itself
QUESTION: Field[str] = Field("question", word_options(ALL, *NAMES), ALL)


@dataclass(frozen=True, slots=True)
class QuestionsState:
    """The control of the Questions page."""

    question: str = QUESTION.attribute()
