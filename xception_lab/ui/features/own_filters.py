"""Hand-set filters: a preset or the person's own numbers, which stay with the session when the view changes."""

import math

import numpy as np
import streamlit as st

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
from xception_lab.ui.fields.features import OWN, FeaturesState
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import session_parameter, set_controls
from xception_lab.ui.shell.language import translate as _

MAX_KERNEL_SIZE = 7  # of a kernel in a link

_KERNEL, _MIX = "own_kernel", "own_mix"


def make_filters(state: FeaturesState) -> HandFilters:
    """The kernel and the mix that the controls, or the person's own numbers, ask for."""
    size = state.kernel_size
    own_kernel = _read_own_kernel(size) if state.kernel == OWN else None
    own_mix = _read_own_grid(_MIX, OUT_CHANNELS, IN_CHANNELS) if state.mix == OWN else None
    return HandFilters(
        make_kernel("identity" if state.kernel == OWN else state.kernel, size) if own_kernel is None else own_kernel,
        make_mix("channels" if state.mix == OWN else state.mix) if own_mix is None else own_mix,
    )


def _read_own_kernel(size: int) -> Array | None:
    """The person's own kernel at this size: a change of size keeps its middle."""
    count = (read_own_grids()[_KERNEL] or "").count(",") + 1
    side = math.isqrt(count)
    is_kernel = side**2 == count and side % 2 == 1 and side <= MAX_KERNEL_SIZE
    kernel = _read_own_grid(_KERNEL, side if is_kernel else size, side if is_kernel else size)
    return None if kernel is None else resize_kernel(kernel, size)


def _read_own_grid(key: str, rows: int, columns: int) -> Array | None:
    """A person's own grid, from this session or the link; None with a note where it does not fit."""
    text = read_own_grids()[key]
    if text is None:
        return None
    try:
        return parse_grid(text, rows, columns)
    except ValueError:
        note = _("The numbers in the link do not fit a {rows}×{columns} grid; others are used.")
        st.info(note.format(rows=rows, columns=columns), icon=":material/build:")
        return None


def read_own_grids() -> dict[str, str | None]:
    """The person's own kernel and mix as a link has them, by the link's parameter; None where there is none.

    They are in the session from then on: another page drops them from the address.
    """
    for key in (_KERNEL, _MIX):
        st.session_state[key] = session_parameter(key)
    return {key: st.session_state[key] for key in (_KERNEL, _MIX)}


def grid_controls(filters: HandFilters) -> None:
    """Draw the kernel and the mix as numbers to edit."""
    size = len(filters.kernel)
    components.number_grids(
        {
            "most": LARGEST,
            "grids": [
                {
                    "key": _KERNEL,
                    "label": _("Kernel of every channel"),
                    "columns": size,
                    "rows": [""] * size,
                    "values": filters.kernel.ravel().tolist(),
                },
                {
                    "key": _MIX,
                    # as it is drawn above: a row is an output channel
                    "label": _("1×1: what outputs 1 to 6 (rows) take of red, green, blue"),
                    "columns": IN_CHANNELS,
                    "rows": [str(number + 1) for number in range(OUT_CHANNELS)],
                    "values": filters.mix.ravel().tolist(),
                },
            ],
        },
        _keep_edit,
    )


def _keep_edit() -> None:
    edit = components.edited_grid()
    if edit is None or edit[0] not in (_KERNEL, _MIX):
        return
    key, numbers = edit
    if not all(abs(number) <= LARGEST for number in numbers):
        return
    values = np.array(numbers)
    if key == _MIX:
        if len(values) != IN_CHANNELS * OUT_CHANNELS:
            return
        values = values.reshape(OUT_CHANNELS, IN_CHANNELS)
    st.session_state[key] = format_grid(values)
    set_controls({"kernel" if key == _KERNEL else "mix": OWN})
