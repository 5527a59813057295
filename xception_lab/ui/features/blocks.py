"""The Feature maps page's Streamlit parts: what is computed, kept and said for each of its views."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from xception_lab.features.bundled import KERNEL, KERNEL_SIZE, MIX, PICTURE, SIDE, load_bundled
from xception_lab.features.filters import HandFilters, format_grid, parse_grid
from xception_lab.features.maps import (
    BlockMaps,
    LayerMaps,
    channel_limits,
    colour_maps,
    encode_npz,
    encode_png,
    sort_channels,
    zeros_share,
)
from xception_lab.features.recoverability import Recovery, is_constant, recoverability
from xception_lab.features.sample_pictures import resize
from xception_lab.figures.features import information_figure
from xception_lab.spec import Activation
from xception_lab.ui.features.lab_runs import run_blocks
from xception_lab.ui.features.maps import MOST, MapColumn, Number
from xception_lab.ui.features.picture import ChosenPicture
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name

MOST_FEATURES = 4_000  # that the ridge regression of a wide block may have

_BY_KEY: dict[Any, Callable[[Any], object]] = {
    ChosenPicture: lambda picture: picture.key,
    BlockMaps: lambda block: block.serial,
}


def is_stored(state: FeaturesState) -> bool:
    """Whether the shipped answer is the answer to this state."""
    return (
        (state.picture, state.filters, state.kernel, state.mix) == (PICTURE, "hand", KERNEL, MIX)
        and state.kernel_size == KERNEL_SIZE
        and state.intermediate is None
    )


def blocks_of(state: FeaturesState, picture: ChosenPicture, filters: HandFilters) -> tuple[BlockMaps, ...]:
    """The three blocks on the picture with the filters that are asked for; the shipped answer where it is one."""
    if is_stored(state):
        return load_bundled().blocks
    if state.filters == "hand":
        kernel, mix = format_grid(filters.kernel), format_grid(filters.mix)
        return _by_hand(picture, kernel, mix, len(filters.kernel), state.intermediate)
    if state.filters == "random":
        size, groups = state.kernel_size, state.groups
        return _at_random(picture, size, state.intermediate, groups, state.draw)
    if state.filters == "run" and (found := run_blocks(picture)):
        return found
    return _trained(picture, state.trained_on, state.intermediate or "none")


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_BY_KEY)
def _by_hand(
    picture: ChosenPicture, kernel: str, mix: str, size: int, intermediate: Activation | None
) -> tuple[BlockMaps, ...]:
    from xception_lab.features.activations import hand_maps

    filters = HandFilters(parse_grid(kernel, size, size), parse_grid(mix, 6, 3))
    return hand_maps(resize(picture.pixels, SIDE), filters, intermediate)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_BY_KEY)
def _at_random(
    picture: ChosenPicture, size: int, intermediate: Activation | None, groups: int, seed: int
) -> tuple[BlockMaps, ...]:
    from xception_lab.features.activations import random_maps

    return random_maps(resize(picture.pixels, SIDE), size, intermediate, groups, seed)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=_BY_KEY)
def _trained(picture: ChosenPicture, dataset: str, intermediate: Activation) -> tuple[BlockMaps, ...]:
    from xception_lab.features.image_models import trained_maps

    return trained_maps(picture.pixels, dataset, "relu" if intermediate == "relu" else "none")


def block_columns(state: FeaturesState, blocks: tuple[BlockMaps, ...], picture: ChosenPicture) -> list[MapColumn]:
    """The three blocks as columns with what a linear reader gets back of their input at the foot."""
    trained = state.filters in OF_NETWORKS
    colour = None if trained else resize(picture.pixels, SIDE)
    return [
        MapColumn(
            block.kind, kind_name(block.kind), _subtitle(block), block, _numbers(block), colour=colour, norm=trained
        )
        for block in blocks
    ]


def kernel_columns(blocks: tuple[BlockMaps, ...]) -> list[MapColumn]:
    """The blocks' weights as maps: spatial kernels as a grid, what a 1x1 takes of each channel as a heat map."""
    columns: list[MapColumn] = []
    for block in blocks:
        steps: list[LayerMaps] = []
        names: dict[str, str] = {}
        for maps in block.steps:
            weight = block.weights.get(maps.layer)
            if weight is None:
                continue
            out, per_group, height, width = weight.shape
            if height == width == 1 and (per_group > 1 or block.kind != "standard"):
                steps.append(LayerMaps(maps.step, maps.layer, weight.reshape(1, out, per_group)))
                names[maps.step] = _("1×1: row = output channel, column = input channel")
            else:
                steps.append(LayerMaps(maps.step, maps.layer, weight.reshape(out * per_group, height, width)))
                kernels = (
                    _("{size}×{size}: one kernel a channel")
                    if per_group == 1
                    else _("{size}×{size}: {per_group} kernels for each of {out} outputs")
                )
                names[maps.step] = kernels.format(size=height, per_group=per_group, out=out)
        columns.append(
            MapColumn(
                block.kind, kind_name(block.kind), _subtitle(block), BlockMaps(block.kind, tuple(steps), {}), [], names
            )
        )
    return columns


def stored_note(state: FeaturesState) -> None:
    """Says so while the shipped answer is on the page."""
    if is_stored(state):
        said = _("A stored result ({machine}), so that it is there at once; whatever you change is computed anew.")
        st.caption(said.format(machine=load_bundled().machine))


def _subtitle(block: BlockMaps) -> str:
    if block.kind == "standard":
        return _("one convolution, nothing between")
    first = _("1×1 first") if block.kind == "extreme" else _("depthwise first")
    then = _("an activation between") if block.step("between") else _("nothing between")
    return f"{first}, {then}"


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=_BY_KEY)
def recovered_share(block: BlockMaps) -> float | None:
    """Held-out R2 of the block's input from its last convolution's output.

    None where sizes differ, are too large, or the held-out half has nothing in it to recover.
    """
    before, after = block.step("input"), block.step("second")
    assert before
    assert after
    window = 3
    if before.values.shape[1:] != after.values.shape[1:] or len(after.values) * window**2 > MOST_FEATURES:
        return None
    if is_constant(before.values):
        return None
    return recoverability(before.values, after.values, window)


def _recovered_text(block: BlockMaps) -> str:
    share = recovered_share(block)
    return "–" if share is None else recovery_percent(share)


def _numbers(block: BlockMaps) -> list[Number]:
    between_maps = block.step("between")
    zeros = recovery_percent(zeros_share(between_maps.values)) if between_maps else "–"
    return [
        (_("of its input recovered"), _recovered_text(block), _("linearly, held-out R²")),
        (_("set to zero between"), zeros, _("of the values")),
    ]


def recovery_percent(share: float) -> str:
    """A share with as many digits as tell: 99.7 %, 77 %."""
    return f"{share:.1%}" if share > 0.9 else f"{share:.0%}"


def features_headline(blocks: tuple[BlockMaps, ...], state: FeaturesState) -> str:
    """What comes back behind each block, in one computed sentence; of trained networks no comparison is made."""
    if all(is_constant(maps.values) for block in blocks if (maps := block.step("input"))):
        return _nothing_there()
    shares = {block.kind: _recovered_text(block) for block in blocks}
    if len(shares) < 3 or state.filters in OF_NETWORKS:
        found = ", ".join(f"**{share}** {kind_name(kind)}" for kind, share in shares.items())
        return _("How much of its input a linear reader gets back behind each block's convolutions: {found}.").format(
            found=found
        )
    sentence = _(
        "Behind the convolutions a linear reader gets back **{standard}** of the input in the standard convolution, "
        "**{extreme}** in extreme Inception, **{separable}** in the depthwise separable one."
    )
    return sentence.format(**shares)


def _nothing_there() -> str:
    return _("The half of this picture that is held out for the test is of one colour: nothing is there to recover.")


def curve_of(state: FeaturesState, picture: ChosenPicture) -> tuple[Recovery, ...]:
    """The information curve of the picture; the shipped one where it is the answer."""
    default = state.picture == PICTURE and state.kernel_size == KERNEL_SIZE
    if default and state.target == "input":
        return load_bundled().curve
    return _curve(picture, state.kernel_size, state.target)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def _curve(picture: ChosenPicture, size: int, target: str) -> tuple[Recovery, ...]:
    from xception_lab.features.recovery_curve import recovery_curve

    return recovery_curve(resize(picture.pixels, SIDE), size, target)


def show_information(state: FeaturesState, picture: ChosenPicture) -> None:
    """The conjecture as a curve, with its ends in one computed sentence."""
    if is_constant(resize(picture.pixels, SIDE).transpose(2, 0, 1)):
        st.info(_nothing_there())
        return
    curve = curve_of(state, picture)
    by = {(point.kind, point.segments, point.between): point.median for point in curve}
    most = max(point.segments for point in curve if point.segments is not None)
    said = _(
        "With a ReLU between, **{one}** (without: {one_without}) comes back at 1 segment, **{all}** ({all_without}) at "
        "one a channel, **{separable}** ({separable_without}) from the separable block."
    )
    ends = {"one": ("extreme", 1), "all": ("extreme", most), "separable": ("separable", None)}
    found = {name: recovery_percent(by[*end, "relu"]) for name, end in ends.items()}
    without = {f"{name}_without": recovery_percent(by[*end, "none"]) for name, end in ends.items()}
    st.markdown(said.format(**found, **without))
    words = {
        "none": _("nothing between"),
        "relu": _("ReLU between"),
        "regular": _("regular<br>convolution"),
        "one": _("one a<br>channel"),
        "separable": _("separable:<br>depthwise<br>first"),
        "recovered": _("recovered (held-out R²)"),
        "axis": _("segments of the extreme block's spatial convolution"),
    }
    show_chart(information_figure(curve, words), "information", _information_text(curve))


def _information_text(curve: tuple[Recovery, ...]) -> str:
    return "; ".join(f"{p.kind} {p.segments or ''} {p.between}: {recovery_percent(p.median)}" for p in curve)


def downloads(columns: list[MapColumn], state: FeaturesState, key: str) -> None:
    """The maps that are seen as pictures, and all their numbers."""
    st.download_button(
        _("Maps (PNG)"),
        lambda: _sheets(columns, state),
        f"xception-lab-{key}.png",
        "image/png",
        on_click="ignore",
        icon=":material/download:",
        key=f"{key}_png",
    )
    st.download_button(
        _("Arrays (npz)"),
        lambda: _arrays(columns),
        f"xception-lab-{key}.npz",
        "application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        key=f"{key}_npz",
    )


def _sheets(columns: list[MapColumn], state: FeaturesState) -> bytes:
    """The picked step of every column under each other, in the order and scale that is seen."""
    chosen = [maps for column in columns if (maps := column.maps.step(state.step))]
    chosen = chosen or [column.maps.steps[-1] for column in columns]
    shared = max(float(channel_limits(maps.values).max()) for maps in chosen)
    rows: list[Any] = []
    for maps in chosen:
        order = sort_channels(maps.values, state.sort)[:MOST]
        top = {"map": None, "layer": float(channel_limits(maps.values).max()), "shared": shared}[state.range]
        rows.append(colour_maps(maps.values[order], top, 8, max(1, 64 // maps.values.shape[1])))
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 8), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return encode_png(np.concatenate(padded))


def _arrays(columns: list[MapColumn]) -> bytes:
    found = {
        f"{number}_{column.kind}/{maps.step}/{maps.layer or 'picture'}": maps.values
        for number, column in enumerate(columns)
        for maps in column.maps.steps
    }
    return encode_npz(found)


OF_NETWORKS = ("trained", "run")  # filters that are layers of trained networks


def question(state: FeaturesState) -> str:
    """What a view answers."""
    if state.look == "blocks" and state.filters in OF_NETWORKS:
        return _("Blocks of trained networks, each on its own network's input")
    if state.look == "network" and state.network != "small":
        return _("Any layer of a network on this picture")
    return {
        "blocks": _("The same picture through three blocks: what does the ReLU between throw away?"),
        "kernels": _("The filters themselves: space and channels at once, or one after the other"),
        "network": _("Any layer of a trained network, with and without a ReLU between"),
        "depth": _("Along the depth: what is zero, what is dead, how many directions are left?"),
        "reach": _("What can one output position see?"),
        "information": _("How much of the picture can be read off what comes after?"),
    }[state.look]


def networks_note(state: FeaturesState) -> str:
    """What the columns are where they are layers of trained networks; nothing elsewhere."""
    if state.filters not in OF_NETWORKS:
        return ""
    return _(
        "Each column is a layer of a trained network, the standard convolution in a stem and any other in a block 1, "
        "and sees what its own network hands it: the percentages are not one comparison."
    )
