"""The results that the Time page shows: measured in this session, shipped, or uploaded from other machines."""

from collections import Counter
from collections.abc import Sequence
from io import BytesIO

import streamlit as st

from xception_lab.common.accelerator import accelerator_likely
from xception_lab.measurement.machine import cpu_name
from xception_lab.measurement.queue import JobStatus
from xception_lab.spec import KINDS
from xception_lab.timing.results import MAX_BUSY_SHARE, Machine, Results, merge_results
from xception_lab.timing.results_file import ResultsFileError, results_from_json, shipped_timings, stored_devices
from xception_lab.timing.settings import Settings
from xception_lab.ui.fields.timing import MeasuredOn
from xception_lab.ui.shell.address import is_projected
from xception_lab.ui.shell.language import escape_markdown, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import translate_machine

_OWN = "_timings"
_ADDED = "_timings_added"
_UPLOADED = "_timings_uploaded"
_READ = "_timings_read"

MAX_FILES = 20  # from other machines


def add_results(status: JobStatus) -> None:
    """Add the results of a finished measurement to this session's, once."""
    added: set[str] = st.session_state.setdefault(_ADDED, set())
    if status.results and status.id not in added:
        added.add(status.id)
        st.session_state[_OWN] = merge_results(st.session_state.get(_OWN), status.results)


def best_results(wanted: Sequence[Settings], device: MeasuredOn = "here") -> tuple[Results, str]:
    """The results that have most of these settings, this session's or the shipped ones, and their source in words.

    Where neither has any of them, those with the peaks that a prediction needs. device: "here", or that of stored ones.
    """
    if device != "here":
        return _stored_results(wanted, device)
    own: Results | None = st.session_state.get(_OWN)
    shipped = _timings_like_here()
    num_own, num_shipped = (
        sum(results.timing(settings) is not None for settings in wanted) if results else 0 for results in (own, shipped)
    )
    # this session's first, unless they are three blocks alone where a whole sweep is shipped
    if own and num_own and (num_own >= num_shipped or num_own > len(KINDS)):
        sentence = _("**Measured here**, in this session, on {machine}.").format(
            machine=translate_machine(own.machine.label)
        )
        part = _("{count} of {all} settings; the others are not measured.").format(count=num_own, all=len(wanted))
        return own, sentence if num_own == len(wanted) else f"{sentence} {part}"
    if num_shipped:
        return shipped, shipped_source()
    base = next((results for results in (own, shipped) if results and results.peak(wanted[0].dtype)), None)
    if base is None:
        return own or shipped, _("Nothing is measured yet for this, nor the peaks that a prediction needs.")
    sentence = _(
        "**Predicted only**: nothing is measured yet for this; the estimates are from the measured peaks of {machine}."
    )
    text = sentence.format(machine=translate_machine(base.machine.label))
    if base is own:
        return base, text
    other = _("Another machine's, and not this server's, until you measure.")
    return base, f"{text} {other}"


def stored_accelerators() -> tuple[Results, ...]:
    """The shipped results of accelerators."""
    return tuple(shipped_timings(device) for device in stored_devices() if device != "cpu")


def _timings_like_here() -> Results:
    """The shipped results of the device most like this server's: an accelerator's where it has one."""
    if accelerator_likely():
        return next(iter(stored_accelerators()), shipped_timings())
    return shipped_timings()


def _stored_results(wanted: Sequence[Settings], device: MeasuredOn) -> tuple[Results, str]:
    results = shipped_timings(device)
    if any(results.timing(settings) for settings in wanted):
        return results, shipped_source(device)
    sentence = _(
        "**Predicted only**: nothing is stored for this; the estimates are from the measured peaks of {machine}."
    )
    return results, sentence.format(machine=translate_machine(results.machine.label))


def shipped_source(device: MeasuredOn = "here") -> str:
    """Where the shipped results come from."""
    if device != "here":
        machine = shipped_timings(device).machine
        sentence = _(
            "**A stored result**, made by this code on {machine}, driver {driver}. Nothing measured here changes it."
        )
        return sentence.format(machine=translate_machine(machine.label), driver=machine.driver)
    machine = translate_machine(_timings_like_here().machine.label)
    if accelerator_likely():
        sentence = _("**A stored result** of {machine}; this server has an accelerator too.")
    else:
        sentence = _("**A stored result** of {machine}; this server has a CPU too ({name}), no GPU.")
    text = sentence.format(machine=machine, name=cpu_name())
    if is_projected():  # it has no such button
        return text
    replaced = _("Measure replaces it.")
    return f"{text} {replaced}"


def uploaded_results() -> tuple[Results, ...]:
    """Results from other machines that this session has uploaded."""
    return tuple(st.session_state.get(_UPLOADED, {}).values())


def results_by_machine(own: Results) -> dict[str, Results]:
    """This server's results and then all uploaded ones, by a name of the machine that no other has."""
    results = (own, *uploaded_results())
    return dict(zip(machine_names([one.machine for one in results]), results, strict=True))


def machine_names(machines: Sequence[Machine]) -> tuple[str, ...]:
    """The shortest names by which machines differ: the device; its label; or its label and a number, for copies."""
    devices = [translate_machine(machine.device) for machine in machines]
    labels = [translate_machine(machine.label) for machine in machines]
    for names in (devices, labels):
        if len(set(names)) == len(names):
            return tuple(names)
    counts: Counter[str] = Counter()
    numbered: list[str] = []
    for label in labels:
        counts[label] += 1
        numbered.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return tuple(numbered)


def _read_file(file: BytesIO) -> Results | ResultsFileError:
    try:
        return results_from_json(file.getvalue())
    except ResultsFileError as error:
        return error.with_traceback(None)  # which would keep the whole text


def results_uploader() -> None:
    """Upload results of other machines; a file that has none is refused with the reason."""
    files = st.file_uploader(
        _("Results from other machines"), ["json"], accept_multiple_files=True, max_upload_size=4, key="brought_files"
    )
    uploads: dict[str, Results] = {}
    before: dict[str, Results | ResultsFileError] = st.session_state.get(_READ, {})
    read: dict[str, Results | ResultsFileError] = {}
    for file in files[:MAX_FILES]:
        found = before.get(file.file_id) or _read_file(file)  # once, not at every move of a control
        read[file.file_id] = found
        if isinstance(found, Results):
            uploads[file.file_id] = found
        else:
            st.error(
                _("{name} was refused: {reason}").format(
                    name=escape_markdown(file.name), reason=translate_message(found)
                )
            )
    st.session_state[_READ] = read
    if len(files) > MAX_FILES:
        sentence = _("{count} files are here: the first {most} are used, no more.")
        st.error(sentence.format(count=len(files), most=MAX_FILES))
    for results in uploads.values():
        sentence = _("**{machine}**: {timings} timings, shown beside this server's.")
        machine = escape_markdown(translate_machine(results.machine.label))
        st.success(sentence.format(machine=machine, timings=len(results.timings)))
        if results.machine.busy_share > MAX_BUSY_SHARE:
            sentence = _(
                "Other work used {share:.0%} of that machine just before or meanwhile: its times are not to be trusted."
            )
            st.warning(sentence.format(share=results.machine.busy_share), icon=":material/warning:")
        num_disturbed = sum(timing.disturbed for timing in results.latest)
        if num_disturbed:
            sentence = _("{count} of its timings were taken while that machine was slowed: they are not to be trusted.")
            st.warning(sentence.format(count=num_disturbed), icon=":material/warning:")
    # Streamlit forgets the files of an uploader that is not drawn; their results stay until the button removes them
    if files:
        st.session_state[_UPLOADED] = uploads
    elif uploaded_results() and st.button(_("Put them away"), key="put_away"):
        del st.session_state[_UPLOADED]
        st.rerun()
