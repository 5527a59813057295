"""Questions: what people ask about Xception, each with a short answer and a link to the lab that shows it live."""

import streamlit as st

from xception_lab.questions.catalogue import QUESTIONS
from xception_lab.ui.fields.questions import ALL, QuestionsState
from xception_lab.ui.questions.texts import find_questions
from xception_lab.ui.questions.views import add_style, show_found, show_groups, show_linked
from xception_lab.ui.shell.address import carried_text, page_opening
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.frame import finish, frame, heading
from xception_lab.ui.shell.language import escape_markdown
from xception_lab.ui.shell.language import translate as _

LONGEST_QUERY = 80
LINKED = "_linked_question"  # the one that a page was opened with, and which opening of a page that was

state = frame("questions", QuestionsState)
add_style()
query = carried_text("q", LONGEST_QUERY)
# a question that is opened later, even before this page has been drawn to its end, stays where it is
if st.session_state.get(LINKED, (0, ALL))[0] != page_opening():
    st.session_state[LINKED] = page_opening(), state.question
linked = st.session_state[LINKED][1]

heading(_("Questions people ask"))
st.markdown(
    _(
        "{count} short answers. Every number in them is computed by this app, measured and stored, or cited; each "
        "links to the lab where you can see it and change it."
    ).format(count=len(QUESTIONS))
)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    # the query may have been set already, by a link or by the person
    st.session_state.setdefault("q", query)
    st.text_input(
        _("Search"),
        key="q",
        type="search",
        live=True,
        max_chars=LONGEST_QUERY,
        placeholder=_("Search: groups, ReLU, 1×1, FLOPs …"),
        label_visibility="collapsed",
        icon=":material/search:",
        width=420,
    )
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))


def show_search() -> None:
    """What the search has found, and how many that are."""
    found = find_questions(query)
    shown = escape_markdown(query.strip())
    if not found:
        st.markdown(
            _("No question has “{query}” in it. Try one word, or clear the search to see all.").format(query=shown)
        )
        return
    sentence = _("**{found}** of {all} questions have “{query}” in them.")
    st.markdown(sentence.format(found=len(found), all=len(QUESTIONS), query=shown))
    show_found(found, linked)


with st.container(key="questions"):
    if query.strip():
        show_search()
    else:
        if linked != ALL:
            show_linked(next(question for question in QUESTIONS if question.name == linked))
        show_groups(linked)
finish(state, q=query.strip())
