"""Results from other machines: the way in, and the names that tell machines apart."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from xception_lab.machine import BUSY
from xception_lab.timings import Machine, Results
from xception_lab.timings_file import ResultsFileError, from_json
from xception_lab.ui.language import plain, spoken
from xception_lab.ui.language import text as _

_BROUGHT = "_timings_brought"


def brought() -> tuple[Results, ...]:
    """Results from other machines that this session has uploaded."""
    return tuple(st.session_state.get(_BROUGHT, {}).values())


def machines(own: Results) -> dict[str, Results]:
    """What is shown here and then all that was brought, by the machine's name; no name twice."""
    found = (own, *brought())
    return dict(zip(apart([results.machine for results in found]), found, strict=True))


def apart(found: Sequence[Machine]) -> tuple[str, ...]:
    """The shortest names that tell machines apart: the device; its torch; or a number, for someone may bring a copy."""
    devices, labels = [machine.device for machine in found], [machine.label for machine in found]
    for names in (devices, labels):
        if len(set(names)) == len(names):
            return tuple(names)
    seen: Counter[str] = Counter()
    numbered: list[str] = []
    for label in labels:
        seen[label] += 1
        numbered.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return tuple(numbered)


def bring() -> None:
    """The way in for another machine's results; a file that is not one is refused with a sentence."""
    files = st.file_uploader(
        _("Results from other machines"), ["json"], accept_multiple_files=True, max_upload_size=4, key="brought_files"
    )
    read: dict[str, Results] = {}
    for file in files:
        try:
            read[file.file_id] = from_json(file.getvalue())
        except ResultsFileError as error:
            st.error(_("{name} was refused: {reason}").format(name=plain(file.name), reason=spoken(error)))
    for results in read.values():
        said = _("**{machine}**: {timings} timings, shown beside this server's.")
        st.success(said.format(machine=plain(results.machine.label), timings=len(results.timings)))
        if results.machine.busy_share > BUSY:
            said = _(
                "Other work used {share:.0%} of that machine just before or meanwhile: its times are not to be trusted."
            )
            st.warning(said.format(share=results.machine.busy_share), icon=":material/warning:")
        disturbed = sum(timing.disturbed for timing in results.latest)
        if disturbed:
            said = _("{count} of its timings were taken while that machine was slowed: they are not to be trusted.")
            st.warning(said.format(count=disturbed), icon=":material/warning:")
    # Streamlit forgets the files of an uploader that is not drawn; what was read from them stays until put away
    if files:
        st.session_state[_BROUGHT] = read
    elif brought() and st.button(_("Put them away"), key="put_away"):
        del st.session_state[_BROUGHT]
        st.rerun()
