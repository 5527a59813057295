"""What a linear reader explains of each block's input: on this picture, over all shipped ones, and as sentences."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from xception_lab.features.filters import (
    IN_CHANNELS,
    MIXES,
    OUT_CHANNELS,
    HandFilters,
    format_grid,
    make_mix,
    parse_grid,
)
from xception_lab.features.maps import BlockMaps, Values
from xception_lab.features.readings import (
    KERNEL_SIZE,
    READS,
    SIDE,
    TIE,
    BlockRange,
    Comparison,
    hand_range,
    read_block,
    trained_range,
)
from xception_lab.features.recoverability import is_constant, luminance_baseline
from xception_lab.features.sample_pictures import SAMPLES, resize
from xception_lab.spec import KINDS, Activation
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.fields.features import OWN, PICTURE, FeaturesState
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name


def format_share(share: float) -> str:
    """A share as a percentage, with a decimal above 90%: 99.7%, 77%, −3%; "–" for nan."""
    if np.isnan(share):
        return "–"
    return (f"{share:.1%}" if share > 0.9 else f"{share:.0%}").replace("-", "−")


def format_ends(low: float, high: float) -> str:
    """Two shares as a range: "72% to 99.8%"."""
    return _("{low} to {high}").format(low=format_share(low), high=format_share(high))


def format_loss(loss: float) -> str:
    """What is lost of a share: 2.7%, −0.1%."""
    return f"{loss:.1%}".replace("-0.0%", "0.0%").replace("-", "−")


def format_losses(low: float, high: float) -> str:
    """Two losses as a range."""
    return _("{low} to {high}").format(low=format_loss(low), high=format_loss(high))


def nothing_to_recover_text() -> str:
    """What stands in place of a share where the held-out half of the picture is constant."""
    return _("The half of this picture that judges is of one colour: there is no variance to explain.")


def stored_range(state: FeaturesState) -> BlockRange | None:
    """The shipped readings of the filters that the state asks for; None where they are computed or not compared."""
    if state.filters == "trained":
        return trained_range(state.trained_on, "relu" if state.intermediate == "relu" else "none")
    if state.filters == "hand" and state.kernel_size == KERNEL_SIZE and OWN not in (state.kernel, state.mix):
        return hand_range(state.kernel, state.intermediate)
    return None


def _filters_index(state: FeaturesState) -> int:
    """Which of the stored range's sets of filters is on the page."""
    return MIXES.index(state.mix) if state.filters == "hand" else 0


def block_readings(state: FeaturesState, picture: InputPicture, blocks: Sequence[BlockMaps]) -> list[Values]:
    """Explained variance of each block's input, (READS,) each: the shipped number where there is one."""
    stored = stored_range(state)
    if stored and picture.key in SAMPLES:
        values = stored.values[:, _filters_index(state), SAMPLES.index(picture.key)]
        return [values[KINDS.index(block.kind)] for block in blocks]
    return [_read_block(block) for block in blocks]


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def _read_block(block: BlockMaps) -> Values:
    return read_block(block)


def range_notes(state: FeaturesState, block: BlockMaps) -> list[str]:
    """The range over the shipped pictures with the page's filters, at each of READS; empty texts without one."""
    stored = stored_range(state)
    if stored is None:
        return ["" for _step in READS]
    text = _("{ends} over {count} pictures")
    return [
        text.format(
            ends=format_ends(*stored.ends(block.kind, step, _filters_index(state))), count=stored.num_pictures()
        )
        for step in READS
    ]


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=HASH_FUNCS)
def luminance_baseline_of(picture: InputPicture) -> float:
    """How much of the variance of the picture's colours its luminance alone explains; nan where there is none."""
    values = resize(picture.pixels, SIDE).transpose(2, 0, 1).astype(np.float32)
    return np.nan if is_constant(values) else luminance_baseline(values)


# The sentences above the maps


def shown_range(state: FeaturesState, filters: HandFilters) -> BlockRange:
    """The readings over all shipped pictures and all mixes offered: the shipped ones, or computed here.

    Over a person's own numbers and over random filters it is one set of filters.
    """
    return stored_range(state) or _compute_range(state, filters)


def range_headline(state: FeaturesState, readings: BlockRange) -> str:
    """What holds of the extreme and the separable block over all cases, and in how many of them."""
    before, after = (readings.compare("extreme", "separable", step) for step in READS)
    counts = _(
        "Of {number} cases: before the last activation less in {less}, the same in {same}, more in {more}; after it "
        "{less_after}, {same_after} and {more_after}."
    ).format(
        number=before.cases,
        less=before.less,
        same=before.same,
        more=before.more,
        less_after=after.less,
        same_after=after.same,
        more_after=after.more,
    )
    scope = _("Over all pictures, with these filters:")
    if readings.values.shape[1] > 1:
        scope = _("Over all pictures and 1×1 mixes, with this kernel:")
    headline = f"**{scope} {_verdict(before, after)}** {counts}"
    if state.intermediate != "none":
        return headline
    return headline + " " + _("Nothing stands between here, so this says nothing of a ReLU.")


def _verdict(before: Comparison, after: Comparison) -> str:
    """What the counts before and after the last activation say together."""
    steps = (before, after)
    less, more = before.less + after.less, before.more + after.more
    # most of the cases at either step, or the two sentences would point apart
    if less and all(2 * step.more > step.cases for step in steps):
        return _("the extreme block mostly leaves a linear reader more than the separable one, but not always.")
    if more and all(2 * step.less > step.cases for step in steps):
        return _("the extreme block mostly leaves a linear reader less than the separable one, but not always.")
    mostly_same = all(2 * step.same > step.cases for step in steps)
    if less and more and mostly_same:
        return _(
            "the extreme and the separable block mostly leave a linear reader the same; else the extreme one leaves "
            "sometimes less, sometimes more."
        )
    if less and more:
        return _("the extreme block leaves a linear reader sometimes less than the separable one, sometimes more.")
    if less:
        return _("the extreme block leaves a linear reader less than the separable one, or the same, never more.")
    if more:
        return _("the extreme block leaves a linear reader more than the separable one, or the same, never less.")
    return _("the extreme and the separable block leave a linear reader the same in every case.")


def range_cases(state: FeaturesState, readings: BlockRange) -> str:
    """What a case is and what was left out, and the ranges over the cases where the blocks do not show them."""
    num_filters = readings.values.shape[1]
    case = (
        _("The cases: {filters} 1×1 mixes × {pictures} pictures; “the same” is within {tie} percentage point.")
        if num_filters > 1
        else _("The cases: these filters × {pictures} pictures; “the same” is within {tie} percentage point.")
    )
    parts = [case.format(filters=num_filters, pictures=readings.num_pictures(), tie=f"{100 * TIE:g}")]
    if left_out := readings.left_out():
        sentence = _("Left out, because the half that judges is of one colour: {pictures}.")
        parts.append(sentence.format(pictures=", ".join(_(PICTURE.option_label(name)) for name in left_out)))
    if not stored_range(state):  # else they stand at the foot of each block
        ranges = ", ".join(f"{kind_name(kind)} {format_ends(*readings.ends(kind, READS[0]))}" for kind in KINDS)
        parts.append(_("Range over them, before the last activation: {ranges}.").format(ranges=ranges))
    return " ".join(parts)


def _compute_range(state: FeaturesState, filters: HandFilters) -> BlockRange:
    if state.filters == "random":
        return _compute_random_range(state.kernel_size, state.intermediate, state.groups, state.draw)
    # all mixes that the page offers, or else the person's own
    own = OWN in (state.kernel, state.mix)
    mixes = [filters.mix] if own else [make_mix(name) for name in MIXES]
    return _compute_hand_range(format_grid(filters.kernel), tuple(map(format_grid, mixes)), state.intermediate)


@st.cache_resource(max_entries=16, show_spinner=False)
def _compute_random_range(kernel_size: int, intermediate: Activation | None, segments: int, seed: int) -> BlockRange:
    from xception_lab.features.block_readings import random_range

    return random_range(kernel_size, intermediate, segments, seed)


@st.cache_resource(max_entries=16, show_spinner=False)
def _compute_hand_range(kernel: str, mixes: tuple[str, ...], intermediate: Activation | None) -> BlockRange:
    """kernel, mixes: as format_grid writes them, which a cache can compare."""
    from xception_lab.features.block_readings import hand_set_range

    size = math.isqrt(kernel.count(",") + 1)
    values = parse_grid(kernel, size, size)
    sets = [HandFilters(values, parse_grid(mix, OUT_CHANNELS, IN_CHANNELS)) for mix in mixes]
    return hand_set_range(sets, intermediate)


def picture_sentence(
    state: FeaturesState, picture: InputPicture, blocks: Sequence[BlockMaps], *, compared: bool
) -> str:
    """What a linear reader explains of each block's input on this picture; compared: beside the luminance baseline."""
    readings = block_readings(state, picture, blocks)
    if all(np.isnan(values).all() for values in readings):
        return nothing_to_recover_text()
    found = ", ".join(
        f"{kind_name(block.kind)} **{format_share(before)}** → {format_share(after)}"
        for block, (before, after) in zip(blocks, readings, strict=True)
    )
    if not compared:
        return _(
            "How much of its input's [variance a linear reader explains](#term-explained_variance) behind each "
            "block's convolutions, before → after the last activation: {found}."
        ).format(found=found)
    return _(
        "**This picture**, [variance explained](#term-explained_variance) before → after the last activation: {found}. "
        "The picture's luminance alone explains **{luminance}**."
    ).format(found=found, luminance=format_share(luminance_baseline_of(picture)))
