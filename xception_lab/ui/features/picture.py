"""The picture that goes through the blocks and networks: a sample, or one of the person's own from this session."""

import hashlib
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.common.messages import message_of
from xception_lab.data.reading_process import ReadingError, read_square_apart
from xception_lab.features.sample_pictures import MAX_POINTS, PICTURE_SIDE, SAMPLES, draw_stroke, sample_picture
from xception_lab.ui.fields.features import OWN_PICTURES, PICTURE, FeaturesState
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message

_PICTURES = "_pictures"
_REFUSALS = "_refused_pictures"


@dataclass(frozen=True, slots=True, eq=False)
class InputPicture:
    """pixels: uint8 (PICTURE_SIDE, PICTURE_SIDE, 3). key: differs wherever the pixels do."""

    key: str
    pixels: NDArray[np.uint8]


def picture_control(state: FeaturesState) -> None:
    """Draw the choice of a picture, folded away; the camera is asked for only when it is chosen."""
    # a label that changed would close it
    popover = st.popover(_("Picture"), icon=":material/image:", key="picking", on_change="rerun")
    if not popover.open:
        return
    with popover:
        control(PICTURE)
        if state.picture == "upload":
            file = st.file_uploader(_("A picture of yours"), max_upload_size=20, key="picture_file")
            _keep_file("upload", file)
        elif state.picture == "camera":
            if not _has_camera(st.context.url or ""):
                st.info(
                    _(
                        "Browsers give a page their camera over **https** alone, or on the machine itself. This page "
                        "came without it, so take the picture first and give it as **a file**."
                    ),
                    icon=":material/no_photography:",
                )
            _keep_file("camera", st.camera_input(_("Take a picture"), key="picture_camera"))
        elif state.picture == "draw":
            words = {"label": _("Draw with mouse, finger or pen"), "clear": _("Clear"), "most": MAX_POINTS}
            components.stroke(words, _keep_stroke)
            st.caption(_("Without a pointer: choose the pattern **stroke** above."))


def _has_camera(url: str) -> bool:
    """Whether browsers let a page at this address ask for the camera; an unknown address is given the benefit."""
    parts = urlsplit(url)
    return parts.scheme != "http" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _keep_file(source: str, file: object) -> None:
    content: bytes = file.getvalue() if file else b""  # type: ignore[attr-defined]
    if not content:
        return
    key = _picture_key(source, content)
    refusals: dict[str, tuple[str, str]] = st.session_state.setdefault(_REFUSALS, {})
    # read once, not at every move of a control
    if key != refusals.get(source, ("", ""))[0] and key != getattr(_own_pictures().get(source), "key", ""):
        try:
            pixels = read_square_apart(content, PICTURE_SIDE)
        except ReadingError as error:
            refusals[source] = key, message_of(error)
        else:
            _own_pictures()[source] = InputPicture(key, pixels)
    if key == refusals.get(source, ("", ""))[0]:
        st.error(_("This file is not used: {reason}.").format(reason=translate_message(refusals[source][1])))


def _keep_stroke() -> None:
    points = components.drawn_stroke()
    if not points:
        return
    try:
        pixels = draw_stroke(points, PICTURE_SIDE)
    except ValueError:
        return  # the points come from a browser, which can send any
    key = _picture_key("draw", pixels.tobytes())
    _own_pictures()["draw"] = InputPicture(key, np.repeat(pixels[..., None], 3, axis=2))


def _picture_key(source: str, content: bytes) -> str:
    return f"{source} {hashlib.sha256(content).hexdigest()[:16]}"


def _own_pictures() -> dict[str, InputPicture]:
    return st.session_state.setdefault(_PICTURES, {})


def get_picture(state: FeaturesState) -> InputPicture:
    """The picture that the state names; the first sample with a note while the person's own is not there yet."""
    name = state.picture
    if name in _own_pictures():
        return _own_pictures()[name]
    if name in OWN_PICTURES:
        if state.look != "kernels":
            st.info(
                _("Your picture is not here yet: open **Picture** and give one. Meanwhile another is shown."),
                icon=":material/image:",
            )
        name = SAMPLES[0]
    return InputPicture(name, _load_sample(name))


@st.cache_resource(max_entries=len(SAMPLES))
def _load_sample(name: str) -> NDArray[np.uint8]:
    return sample_picture(name, PICTURE_SIDE)
