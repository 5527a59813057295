"""Results from other machines: the way in, and the names that tell machines apart."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from xception_lab.timing.results import MAX_BUSY_SHARE, Machine, Results
from xception_lab.timing.results_file import ResultsFileError, results_from_json
from xception_lab.ui.shell.language import escape_markdown, translate_message
from xception_lab.ui.shell.language import translate as _

_BROUGHT = "_timings_brought"


def uploaded_results() -> tuple[Results, ...]:
    """Results from other machines that this session has uploaded."""
    return tuple(st.session_state.get(_BROUGHT, {}).values())


def results_by_machine(own: Results) -> dict[str, Results]:
    """What is shown here and then all that was brought, by the machine's name; no name twice."""
    found = (own, *uploaded_results())
    return dict(zip(machine_names([results.machine for results in found]), found, strict=True))


def machine_names(found: Sequence[Machine]) -> tuple[str, ...]:
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


def results_uploader() -> None:
    """The way in for another machine's results; a file that is not one is refused with a sentence."""
    files = st.file_uploader(
        _("Results from other machines"), ["json"], accept_multiple_files=True, max_upload_size=4, key="brought_files"
    )
    read: dict[str, Results] = {}
    for file in files:
        try:
            read[file.file_id] = results_from_json(file.getvalue())
        except ResultsFileError as error:
            st.error(
                _("{name} was refused: {reason}").format(
                    name=escape_markdown(file.name), reason=translate_message(error)
                )
            )
    for results in read.values():
        said = _("**{machine}**: {timings} timings, shown beside this server's.")
        st.success(said.format(machine=escape_markdown(results.machine.label), timings=len(results.timings)))
        if results.machine.busy_share > MAX_BUSY_SHARE:
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
    elif uploaded_results() and st.button(_("Put them away"), key="put_away"):
        del st.session_state[_BROUGHT]
        st.rerun()
