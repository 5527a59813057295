"""Questions as expanders, with an answer and its link that are drawn while one is open."""

from collections.abc import Sequence

import streamlit as st

from xception_lab.questions.catalogue import GROUPS, QUESTIONS, Group, Question
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.questions import ALL, QUESTION
from xception_lab.ui.questions.texts import live_texts, question_text
from xception_lab.ui.shell.address import control_texts, set_controls
from xception_lab.ui.shell.language import escape_markdown, language
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import PAGE_NAMES

GROUP_NAMES: dict[Group, str] = {
    "block": N_("The block"),
    "counting": N_("Counting"),
    "speed": N_("Speed"),
    "network": N_("The network"),
    "evidence": N_("The evidence"),
}
# the two columns of a wide screen hold about as many questions each
COLUMNS: tuple[tuple[Group, ...], ...] = (GROUPS[:2], GROUPS[2:])

_CSS = """
<style>
.st-key-questions [class*="st-key-group_"], .st-key-questions [class*="st-key-found"] { gap: .35rem; }
.st-key-questions [class*="st-key-group_"] h2 { font-size: 1rem; padding: .4rem 0 1.1rem; }
.st-key-questions .stExpander summary p { line-height: 1.35; text-wrap: pretty; }
.st-key-questions .stExpander .stMarkdown p { text-wrap: pretty; }
/* not on the link itself, whose current colour is the browser's own for links */
.st-key-questions [class*="st-key-live_"] .stPageLink {
  border: 1px solid color-mix(in srgb, currentColor 40%, transparent); border-radius: 8px;
}
.st-key-questions [class*="st-key-live_"] .stPageLink a { padding: .3rem .8rem; }
</style>
"""


def add_style() -> None:
    """The style of the page's lists."""
    st.html(_CSS)


def show_groups(linked: str) -> None:
    """Every question under its group's heading, in two columns. linked: the one that stands above them, open."""
    for column, groups in zip(st.columns(2, gap="large"), COLUMNS, strict=True):
        with column:
            for group in groups:
                with st.container(key=f"group_{group}"):
                    st.markdown(f"## {_(GROUP_NAMES[group])}")
                    for question in QUESTIONS:
                        if question.group == group and question.name != linked:
                            show_question(question)


def show_found(questions: Sequence[Question], linked: str) -> None:
    """The questions that a search has found; a single one is open. linked: one that is open too."""
    with st.container(key="found", width=860):
        for question in questions:
            show_question(question, expanded=len(questions) == 1 or question.name == linked)


def show_linked(question: Question) -> None:
    """The question that the link names, open, above the others."""
    with st.container(key="found_by_link", width=860):
        show_question(question, expanded=True)


def show_question(question: Question, expanded: bool = False) -> None:
    """A question as an expander, which draws its answer while it is open. expanded: whether it is at first."""
    text, key = question_text(question.name, language()), f"open_{question.name}"
    expander = st.expander(text.title, expanded, key=key, on_change=_note_opened, args=(question.name, key))
    if not expander.open:
        return
    with expander:
        st.markdown(text.answer)
        with st.container(horizontal=True, vertical_alignment="center", key=f"live_{question.name}"):
            st.page_link(
                f"pages/{question.page}.py",
                label=_("See it live: {page}").format(page=_(PAGE_NAMES[question.page])),
                icon=":material/arrow_forward:",
                query_params=question.parameters,
            )
            marks = " · ".join(f"**{escape_markdown(mark)}**" for mark in live_texts(question))
            st.caption(_("Look there for {marks}").format(marks=marks))


def _note_opened(name: str, key: str) -> None:
    """Put the question that was opened last into the address, so that it can be passed on."""
    if st.session_state[key]:
        set_controls({QUESTION.key: name})
    elif control_texts()[QUESTION.key] == name:
        set_controls({QUESTION.key: ALL})
