"""Weight files that a person uploads for a network. They stay with the session when the view changes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message

MAX_WEIGHTS_MB = 200

_FILES = "_weight_files"


@dataclass(frozen=True, slots=True, eq=False)
class WeightFile:
    """A file of weights. digest: differs wherever the content does. content empty: the weights that timm downloads."""

    name: str
    content: bytes
    digest: str


def weights_uploader(network: str, label: str) -> None:
    """Draw an uploader of weights, and keep the file for this network."""
    upload = st.file_uploader(label, max_upload_size=MAX_WEIGHTS_MB, key=f"weights_{network}")
    files = get_weight_files()
    # 92 MB are not to be read at every run
    if upload and (network not in files or not files[network].digest.startswith(upload.file_id)):
        content = upload.getvalue()
        files[network] = WeightFile(upload.name, content, f"{upload.file_id} {hashlib.sha256(content).hexdigest()}")


def get_weight_files() -> dict[str, WeightFile]:
    """The weight files of this session, by network: "xception", or "run" for a run of the training lab."""
    return st.session_state.setdefault(_FILES, {})


def show_rules(rules: Iterable[str]) -> None:
    """Say how weights were read otherwise than they stand in their file."""
    if rules := tuple(rules):
        st.caption(" · ".join(map(translate_message, rules)))


def show_refusal(error: Exception) -> None:
    """Say why weights cannot be used."""
    st.error(_("These weights are not used: {reason}").format(reason=translate_message(error)))
