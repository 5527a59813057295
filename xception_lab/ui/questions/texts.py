"""The questions with their answers in a language, every number filled in, and the search in them."""

from dataclasses import dataclass
from functools import cache

from xception_lab.questions.catalogue import QUESTIONS, Question
from xception_lab.questions.search import fold, matches
from xception_lab.questions.values import answer_values
from xception_lab.ui.shell.language import LANGUAGES, catalog, paragraph_in
from xception_lab.ui.shell.names import VERDICT_NAMES, translate_machine


@dataclass(frozen=True, slots=True)
class QuestionText:
    """A question and its answer, both as Markdown."""

    title: str
    answer: str


@cache
def question_text(name: str, language: str) -> QuestionText:
    """The text of a question: the first line of its file is the question, the rest the answer."""
    to = catalog(language).gettext
    values = {
        key: to(VERDICT_NAMES[value])
        if key.endswith("verdict")
        else translate_machine(value, to)
        if key == "machine"
        else value
        for key, value in answer_values(name).items()
    }
    title, _, answer = paragraph_in(language, f"questions/{name}", **values).partition("\n")
    return QuestionText(title.removeprefix("# "), answer.strip())


def live_texts(question: Question) -> tuple[str, ...]:
    """What stands on the page that a question links to, in every language."""
    return tuple(text.format(**answer_values(question.name)) for text in question.shows)


def find_questions(query: str) -> tuple[Question, ...]:
    """The questions in whose text, of either language, every word of the query stands."""
    return tuple(question for question in QUESTIONS if matches(query, _folded(question.name)))


@cache
def _folded(name: str) -> str:
    texts = [question_text(name, language) for language in LANGUAGES]
    return fold("\n".join(f"{text.title}\n{text.answer}" for text in texts))
