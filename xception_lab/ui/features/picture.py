"""What goes through the blocks: the picture, and the numbers of hand-set filters. Both outlive a change of view."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.data.images import BadPictureError, read_square
from xception_lab.features.filters import (
    IN_CHANNELS,
    LARGEST,
    OUT_CHANNELS,
    Array,
    HandFilters,
    format_grid,
    make_kernel,
    make_mix,
    parse_grid,
    resize_kernel,
)
from xception_lab.features.sample_pictures import MAX_POINTS, SAMPLES, draw_stroke, sample_picture
from xception_lab.ui.fields.features import OWN, OWN_PICTURES, PICTURE, FeaturesState
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import set_controls
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message

SIDE = 320  # pixels that are kept of a picture
_PICTURES = "_pictures"
LARGEST_SIDE = 7  # of a kernel in a link
GRIDS = ("own_kernel", "own_mix")


@dataclass(frozen=True, slots=True, eq=False)
class ChosenPicture:
    """The picture, uint8 (SIDE, SIDE, 3), and a key that tells it from every other."""

    key: str
    pixels: NDArray[np.uint8]


def picture_control(state: FeaturesState) -> None:
    """The choice of a picture, folded away; the camera is asked for only when it is chosen."""
    # a label that changed would close it
    folded = st.popover(_("Picture"), icon=":material/image:", key="picking", on_change="rerun")
    if not folded.open:
        return
    with folded:
        control(PICTURE)
        if state.picture == "upload":
            file = st.file_uploader(_("A picture of yours"), max_upload_size=20, key="picture_file")
            _take("upload", file)
        elif state.picture == "camera":
            _take("camera", st.camera_input(_("Take a picture"), key="picture_camera"))
        elif state.picture == "draw":
            words = {"label": _("Draw with mouse, finger or pen"), "clear": _("Clear"), "most": MAX_POINTS}
            components.stroke(words, _take_stroke)
            st.caption(_("Without a pointer: choose the pattern **stroke** above."))


def _take(source: str, file: object) -> None:
    content: bytes = file.getvalue() if file else b""  # type: ignore[attr-defined]
    if not content:
        return
    try:
        pixels = read_square(content, SIDE)
    except BadPictureError as error:
        st.error(_("This file is not used: {reason}.").format(reason=translate_message(error)))
        return
    key = f"{source} {hashlib.sha256(content).hexdigest()[:16]}"
    st.session_state.setdefault(_PICTURES, {})[source] = ChosenPicture(key, pixels)


def _take_stroke() -> None:
    points = components.drawn_stroke()
    if not points:
        return
    try:
        pixels = draw_stroke(points, SIDE)
    except ValueError:
        return  # it comes from a browser
    key = f"draw {hashlib.sha256(pixels.tobytes()).hexdigest()[:16]}"
    drawn = np.repeat(pixels[..., None], 3, axis=2)
    st.session_state.setdefault(_PICTURES, {})["draw"] = ChosenPicture(key, drawn)


def chosen_picture(state: FeaturesState) -> ChosenPicture:
    """The picture of this session; while one of the person's own is not there yet, the first sample with a note."""
    name = state.picture
    own = st.session_state.get(_PICTURES, {})
    if name in own:
        return own[name]
    if name in OWN_PICTURES:
        if state.look != "kernels":
            st.info(
                _("Your picture is not here yet: open **Picture** and give one. Meanwhile another is shown."),
                icon=":material/image:",
            )
        name = SAMPLES[0]
    return ChosenPicture(name, _sample(name))


@st.cache_resource(max_entries=len(SAMPLES))
def _sample(name: str) -> NDArray[np.uint8]:
    return sample_picture(name, SIDE)


def hand_filters(state: FeaturesState) -> HandFilters:
    """The kernel and the mix that the controls, or the person's own numbers, ask for."""
    size = state.kernel_size
    own_kernel = _own_kernel(size) if state.kernel == OWN else None
    own_mix = _own("own_mix", OUT_CHANNELS, IN_CHANNELS) if state.mix == OWN else None
    return HandFilters(
        make_kernel("identity" if state.kernel == OWN else state.kernel, size) if own_kernel is None else own_kernel,
        make_mix("channels" if state.mix == OWN else state.mix) if own_mix is None else own_mix,
    )


def _own_kernel(size: int) -> Array | None:
    """A person's own kernel at this size: a change of size keeps its middle."""
    count = (own_grids()["own_kernel"] or "").count(",") + 1
    side = math.isqrt(count)
    whole = side**2 == count and side % 2 == 1 and side <= LARGEST_SIDE
    found = _own("own_kernel", side if whole else size, side if whole else size)
    return None if found is None else resize_kernel(found, size)


def _own(key: str, rows: int, columns: int) -> Array | None:
    """A person's own grid, from this session or the link; None with a note where it does not fit."""
    text = own_grids()[key]
    if text is None:
        return None
    try:
        return parse_grid(text, rows, columns)
    except ValueError:
        said = _("The numbers in the link do not fit a {rows}×{columns} grid; others are used.")
        st.info(said.format(rows=rows, columns=columns), icon=":material/build:")
        return None


def own_grids() -> dict[str, str | None]:
    """The person's own kernel and mix as a link holds them."""
    for key in GRIDS:
        if key not in st.session_state:
            st.session_state[key] = st.query_params.get(key)
    return {key: st.session_state[key] for key in GRIDS}


def grid_controls(filters: HandFilters) -> None:
    """The kernel and the mix as numbers to edit."""
    size = len(filters.kernel)
    components.number_grids(
        {
            "most": LARGEST,
            "grids": [
                {
                    "key": "own_kernel",
                    "label": _("Kernel of every channel"),
                    "columns": size,
                    "rows": [""] * size,
                    "values": filters.kernel.ravel().tolist(),
                },
                {
                    "key": "own_mix",
                    "label": _("1×1: what its outputs 0 to 5 take of red, green, blue"),
                    "columns": OUT_CHANNELS,
                    "rows": ["R", "G", "B"],
                    "values": filters.mix.T.ravel().tolist(),
                },
            ],
        },
        _edit,
    )


def _edit() -> None:
    found = components.edited_grid()
    if found is None or found[0] not in GRIDS:
        return
    key, numbers = found
    if not all(abs(number) <= LARGEST for number in numbers):
        return
    values = np.array(numbers)
    if key == "own_mix":
        if len(values) != IN_CHANNELS * OUT_CHANNELS:
            return
        values = values.reshape(IN_CHANNELS, OUT_CHANNELS).T
    st.session_state[key] = format_grid(values)
    set_controls({"kernel" if key == "own_kernel" else "mix": OWN})
