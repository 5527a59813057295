"""The person behind a session: a secret that the browser keeps in its own storage, without an account.

The session proposes a secret to the browser (shell/components.page). A browser that has none keeps the proposal; one
that has another answers with its own, which the session takes; one without storage says so, and the person then lasts
as long as the session does. So a reload, another tab and a restarted server meet the same person.

The answer of a browser that knows its person comes after the proposal, and a person may have pressed Start before. What
they did under the proposal is handed over.
"""

from contextlib import suppress
from dataclasses import dataclass

import streamlit as st

from xception_lab.common.home import StoreError, home_folder
from xception_lab.experiments.ownership import control_key, is_secret, make_secret, owner_of

_SECRET = "_person"
_HAS_STORAGE = "_person_is_kept"
_BEFORE = "_person_before"


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever has the secret. is_kept: whether their browser keeps it, as far as is known.

    before: the owners under which this session has acted before the browser said who they are.
    """

    secret: str
    is_kept: bool
    before: frozenset[str] = frozenset()

    @property
    def owner(self) -> str:
        """How the store names them."""
        return owner_of(self.secret)

    def owns(self, owner: str) -> bool:
        """Whether what this owner has is theirs."""
        return owner == self.owner or owner in self.before

    def control_key(self, experiment: str) -> str:
        """The key with which they let others control an experiment."""
        return control_key(self.secret, experiment)


def current_person() -> Person:
    """The person of this session. From the first call on, the page and the browser agree on the secret."""
    secret: str = st.session_state.setdefault(_SECRET, make_secret())
    return Person(secret, st.session_state.get(_HAS_STORAGE, True), st.session_state.get(_BEFORE, frozenset()))


def proposed_secret() -> str | None:
    """What the browser is to keep, where it has none; None where no page has asked for the person, or it cannot."""
    return st.session_state.get(_SECRET) if st.session_state.get(_HAS_STORAGE, True) else None


def remember_person(sent: object) -> None:
    """Take what the browser answered: its own secret, or "" where it can keep none."""
    if sent == "":
        st.session_state[_HAS_STORAGE] = False
    elif is_secret(sent):
        before: str | None = st.session_state.get(_SECRET)
        st.session_state[_SECRET] = sent
        if before and before != sent:
            _hand_over(owner_of(before), owner_of(sent))


def _hand_over(owner: str, heir: str) -> None:
    from xception_lab.experiments.store import Store

    st.session_state[_BEFORE] = st.session_state.get(_BEFORE, frozenset()) | {owner}
    if (home_folder() / "runs.sqlite").exists():
        with suppress(StoreError):  # this session knows them as its own all the same
            Store().hand_over(owner, heir)
