"""How much of a picture can be recovered from what comes later: after one block, and as a curve over the segments."""

from collections.abc import Sequence

import streamlit as st

from xception_lab.features.bundled import KERNEL_SIZE, PICTURE, SIDE, load_bundled
from xception_lab.features.maps import BlockMaps
from xception_lab.features.recoverability import Recovery, is_constant, recoverability
from xception_lab.features.sample_pictures import resize
from xception_lab.figures.features import information_figure
from xception_lab.spec import Activation, Kind
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.fields.features import FeaturesState, Target
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _

_MAX_FEATURES = 4_000  # of the ridge regression, which a wide block exceeds
_WINDOW = 3


def recovery_text(block: BlockMaps) -> str:
    """The recovered share of a block's input as a percentage; "–" where there is none."""
    share = _recovered_share(block)
    return "–" if share is None else format_share(share)


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def _recovered_share(block: BlockMaps) -> float | None:
    """Held-out R2 of the block's input from its last convolution's output.

    None where the sizes differ or are too large, or where the held-out half of the input is constant.
    """
    before, after = block.step("input"), block.step("second")
    assert before
    assert after
    if before.values.shape[1:] != after.values.shape[1:] or len(after.values) * _WINDOW**2 > _MAX_FEATURES:
        return None
    if is_constant(before.values):
        return None
    return recoverability(before.values, after.values, _WINDOW)


def format_share(share: float) -> str:
    """A share as a percentage, with a decimal above 90 %: 99.7 %, 77 %."""
    return f"{share:.1%}" if share > 0.9 else f"{share:.0%}"


def nothing_to_recover_text() -> str:
    """What stands in place of a share where the held-out half of the picture is constant."""
    return _("The half of this picture that is held out for the test is of one colour: nothing is there to recover.")


def show_information(state: FeaturesState, picture: InputPicture) -> None:
    """The paper's conjecture (section 4.7) as a curve, with its ends in one computed sentence."""
    if is_constant(resize(picture.pixels, SIDE).transpose(2, 0, 1)):
        st.info(nothing_to_recover_text())
        return
    curve = _load_curve(state, picture)
    st.markdown(_ends_text(curve))
    words = {
        "none": _("nothing between"),
        "relu": _("ReLU between"),
        "regular": _("regular<br>convolution"),
        "one": _("one a<br>channel"),
        "separable": _("separable:<br>depthwise<br>first"),
        "recovered": _("recovered (held-out R²)"),
        "axis": _("segments of the extreme block's spatial convolution"),
    }
    alt = "; ".join(f"{p.kind} {p.segments or ''} {p.between}: {format_share(p.median)}" for p in curve)
    show_chart(information_figure(curve, words), "information", alt)


def _load_curve(state: FeaturesState, picture: InputPicture) -> tuple[Recovery, ...]:
    """The curve of the picture: the shipped one where it is for this state, or else computed."""
    if (state.picture, state.kernel_size, state.target) == (PICTURE, KERNEL_SIZE, "input"):
        return load_bundled().curve
    return _compute_curve(picture, state.kernel_size, state.target)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_curve(picture: InputPicture, kernel_size: int, target: Target) -> tuple[Recovery, ...]:
    from xception_lab.features.recovery_curve import recovery_curve

    return recovery_curve(resize(picture.pixels, SIDE), kernel_size, target)


def _ends_text(curve: Sequence[Recovery]) -> str:
    """The extreme block with one segment and with one per channel, and the separable block, with and without a ReLU."""
    points = {(point.kind, point.segments, point.between): point.median for point in curve}
    max_segments = max(point.segments for point in curve if point.segments is not None)
    ends: dict[str, tuple[Kind, int | None]] = {
        "one": ("extreme", 1),
        "all": ("extreme", max_segments),
        "separable": ("separable", None),
    }

    def shares(between: Activation) -> dict[str, str]:
        return {name: format_share(points[kind, segments, between]) for name, (kind, segments) in ends.items()}

    sentence = _(
        "With a ReLU between, **{one}** (without: {one_without}) comes back at 1 segment, **{all}** ({all_without}) at "
        "one a channel, **{separable}** ({separable_without}) from the separable block."
    )
    return sentence.format(**shares("relu"), **{f"{name}_without": share for name, share in shares("none").items()})
