"""The user's own data on the page: the upload, a summary of it, and the name under which it is kept."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of
from xception_lab.common.settings import load_settings
from xception_lab.data.dataset import Dataset
from xception_lab.ui.shell.address import link_parameters
from xception_lab.ui.shell.language import escape_markdown, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.person import current_person
from xception_lab.ui.training.classes import class_name, show_pictures

MAX_DATA_MB = 200  # CIFAR-10's archive has 162
MAX_SAMPLES = 10  # pictures, one per class

_OWN = "own"
_SETS = "_own_sets"
_TROUBLE = "_upload_trouble"
_UPLOADS = "_uploads"


def custom_data_control() -> str | None:
    """Draw the uploader and a summary of the data. Returns their name, as a link has it; None while there are none."""
    name = st.session_state.get(_OWN) or link_parameters().get(_OWN)
    data = None
    if name:
        try:
            data = _load_data(name)
        except ValueError as error:
            st.info(translate_message(error), icon=":material/build:")
    st.session_state[_OWN] = name if data else None
    with st.container(border=True, key="own_data"):
        left, right = st.columns((2, 3), gap="large")
        with left:
            # a new key after every upload: the files themselves are not kept in memory
            key = f"upload_{st.session_state.get(_UPLOADS, 0)}"
            if refusal := _upload_refusal():
                st.info(refusal, icon=":material/block:")
            st.file_uploader(
                _("Your own pictures"),
                accept_multiple_files=True,
                max_upload_size=MAX_DATA_MB,
                key=key,
                disabled=bool(refusal),
                on_change=_save_upload,
                args=(key,),
                help=_(
                    "A zip of class folders, at least 10 pictures a class, with or without train and test folders "
                    "around them; CIFAR-10's binary version (cifar-10-binary.tar.gz); four files in the form of MNIST."
                ),
            )
            if trouble := st.session_state.pop(_TROUBLE, None):
                st.error(translate_message(trouble))
            sets: dict[str, str] = st.session_state.get(_SETS, {})
            if len(sets) > 1 and name in sets:
                st.selectbox(
                    _("The archive holds several data sets"),
                    list(sets),
                    list(sets).index(name),
                    format_func=sets.__getitem__,
                    key=f"own_set_{st.session_state.get(_UPLOADS, 0)}",
                    on_change=_choose_set,
                )
        with right:
            if data:
                _show_summary(data)
            else:
                st.markdown(
                    _(
                        "Upload a zip with one folder a class, CIFAR-10's binary version (cifar-10-binary.tar.gz), or "
                        "the four files of MNIST or of a set in its form. The pictures stay on this server and are "
                        "only decoded, never executed."
                    )
                )
    return name if data else None


def _upload_refusal() -> str:
    """Why this person can upload nothing here, in a sentence; empty where nothing stands in the way."""
    from xception_lab.experiments.bounds import BoundError, check_upload
    from xception_lab.experiments.store import Store

    try:
        check_upload(Store(), load_settings(), current_person().owner)
    except BoundError as error:
        return translate_message(error)
    except StoreError:
        return ""  # keeping the upload says it
    return ""


def _choose_set() -> None:
    """Take another of the sets of the last upload."""
    st.session_state[_OWN] = st.session_state[f"own_set_{st.session_state.get(_UPLOADS, 0)}"]


def _save_upload(key: str) -> None:
    """Read and save the files of the uploader with this key; why they cannot be used is shown by the next run."""
    from xception_lab.data.reading_process import save_uploads_apart
    from xception_lab.experiments.bounds import check_upload, keep_upload
    from xception_lab.experiments.store import Store

    files = st.session_state[key]
    if not files:
        return
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    owner = current_person().owner
    try:
        check_upload(Store(), load_settings(), owner)
        sets = save_uploads_apart([(file.name, file.getbuffer()) for file in files])
        for name in sets:
            keep_upload(Store(), name, owner)
    except (ValueError, RuntimeError) as error:
        st.session_state[_TROUBLE] = message_of(error)
    else:
        st.session_state[_SETS] = sets
        st.session_state[_OWN] = next(iter(sets))
    finally:
        _forget_files(files)


def _forget_files(files: Sequence[UploadedFile]) -> None:
    """Give back the memory of files that have been read: Streamlit keeps a session's uploads as long as the session."""
    context = get_script_run_ctx()
    manager = context.uploaded_file_mgr if context else None
    if context and isinstance(manager, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(context.session_id, file.file_id)


@st.cache_resource(max_entries=3, show_spinner=False)
def _load_data(name: str) -> Dataset:
    from xception_lab.data.custom import load_custom

    return load_custom(name)


def _show_summary(data: Dataset) -> None:
    height, width, channels = data.train_images.shape[1:]
    sentence = _(
        "**{name}**: {train:,} pictures to learn from, {validation:,} for validation, {test:,} for the test, "
        "{classes} classes, {size}."
    )
    size = f"{height}×{width}×{channels}"
    st.markdown(
        sentence.format(
            name=escape_markdown(data.name),
            train=len(data.train_labels),
            validation=len(data.validation_labels),
            test=len(data.test_labels),
            classes=len(data.classes),
            size=size,
        )
    )
    for note in data.notes:
        st.caption(translate_message(note))
    # the first training picture of each class
    indices = [int((data.train_labels == label).argmax()) for label in range(min(MAX_SAMPLES, len(data.classes)))]
    names = [class_name(name) for name in data.classes[:MAX_SAMPLES]]
    show_pictures([data.train_images[index] for index in indices], names, 64, "samples")
