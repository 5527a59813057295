"""The three blocks on the Feature maps page: their maps of the picture, and the columns that show maps and weights."""

from collections.abc import Sequence

import streamlit as st

from xception_lab.features.bundled import KERNEL, KERNEL_SIZE, MIX, PICTURE, load_bundled
from xception_lab.features.filters import HandFilters, format_grid, parse_grid
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Values, zeros_share
from xception_lab.features.readings import SIDE
from xception_lab.features.sample_pictures import resize
from xception_lab.spec import Activation
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.lab_runs import compute_run_blocks
from xception_lab.ui.features.maps import MAX_MAPS, LabelledNumber, MapColumn
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.features.readings import block_readings, format_share, range_notes
from xception_lab.ui.fields.features import FeaturesState, FilterSource
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name, translate_machine, whole_percent

# the filters that are layers of trained networks, each with its own network's input
TRAINED_FILTERS: tuple[FilterSource, ...] = ("trained", "run")


def _is_bundled(state: FeaturesState) -> bool:
    """Whether the shipped maps are those that the state asks for."""
    return (
        (state.picture, state.filters, state.kernel, state.mix) == (PICTURE, "hand", KERNEL, MIX)
        and state.kernel_size == KERNEL_SIZE
        and state.intermediate is None
    )


def show_bundled_note(state: FeaturesState) -> None:
    """Name the machine that computed the maps while they are the shipped ones."""
    if _is_bundled(state):
        note = _("A stored result ({machine}), so that it is there at once; whatever you change is computed anew.")
        st.caption(note.format(machine=translate_machine(load_bundled().machine)))


def compute_blocks(state: FeaturesState, picture: InputPicture, filters: HandFilters) -> tuple[BlockMaps, ...]:
    """The three blocks on the picture with the filters that the state asks for; the shipped maps where they are it.

    filters: those that are set by hand. Where there is no run of the lab, the shipped networks stand in.
    """
    if _is_bundled(state):
        return load_bundled().blocks
    if state.filters == "hand":
        kernel, mix = format_grid(filters.kernel), format_grid(filters.mix)
        return _compute_hand_set(picture, kernel, mix, len(filters.kernel), state.intermediate)
    if state.filters == "random":
        return _compute_random(picture, state.kernel_size, state.intermediate, state.groups, state.draw)
    if state.filters == "run" and (blocks := compute_run_blocks(picture)):
        return blocks
    return _compute_trained(picture, state.trained_on, state.intermediate or "none")


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_hand_set(
    picture: InputPicture, kernel: str, mix: str, kernel_size: int, intermediate: Activation | None
) -> tuple[BlockMaps, ...]:
    """kernel, mix: as format_grid writes them, which a cache can compare."""
    from xception_lab.features.activations import hand_maps

    filters = HandFilters(parse_grid(kernel, kernel_size, kernel_size), parse_grid(mix, 6, 3))
    return hand_maps(resize(picture.pixels, SIDE), filters, intermediate)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_random(
    picture: InputPicture, kernel_size: int, intermediate: Activation | None, segments: int, seed: int
) -> tuple[BlockMaps, ...]:
    from xception_lab.features.activations import random_maps

    return random_maps(resize(picture.pixels, SIDE), kernel_size, intermediate, segments, seed)


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_trained(picture: InputPicture, dataset: str, intermediate: Activation) -> tuple[BlockMaps, ...]:
    from xception_lab.features.image_models import trained_maps

    return trained_maps(picture.pixels, dataset, "relu" if intermediate == "relu" else "none")


def block_columns(state: FeaturesState, blocks: Sequence[BlockMaps], picture: InputPicture) -> list[MapColumn]:
    """The maps of each block, with what a linear reader explains of its input at the foot."""
    trained = state.filters in TRAINED_FILTERS
    readings = block_readings(state, picture, blocks)
    colour_picture = None if trained else resize(picture.pixels, SIDE)
    return [
        MapColumn(
            block.kind,
            kind_name(block.kind),
            _subtitle(block),
            block,
            _block_numbers(block, values, range_notes(state, block)),
            {"input": _("input: what its network hands it")} if trained else {},
            picture=colour_picture,
            has_batch_norm=trained,
        )
        for block, values in zip(blocks, readings, strict=True)
    ]


def kernel_columns(blocks: Sequence[BlockMaps]) -> list[MapColumn]:
    """The weights of each block as maps: a grid per spatial kernel, and one heat map for all of a 1x1's weights."""
    columns: list[MapColumn] = []
    for block in blocks:
        steps: list[LayerMaps] = []
        step_names: dict[BlockStep, str] = {}
        beside: dict[BlockStep, int] = {}
        sizes: dict[BlockStep, str] = {}
        for maps in block.steps:
            weight = block.weights.get(maps.layer)
            if weight is None:
                continue
            out, per_group, height, width = weight.shape
            if height == width == 1 and (per_group > 1 or block.kind != "standard"):
                steps.append(LayerMaps(maps.step, maps.layer, weight.reshape(1, out, per_group)))
                step_names[maps.step] = _("1×1: row = output channel, column = input channel")
            else:
                steps.append(LayerMaps(maps.step, maps.layer, weight.reshape(out * per_group, height, width)))
                if per_group == 1:
                    name = _("{size}×{size}: one kernel a channel")
                elif out * per_group <= MAX_MAPS:
                    name = _("{size}×{size}: row = output channel, column = input channel")
                    beside[maps.step] = per_group
                else:
                    name = _("{size}×{size}: {per_group} kernels for each of {out} outputs, output after output")
                step_names[maps.step] = name.format(size=height, per_group=per_group, out=out)
            if len(steps[-1].values) <= MAX_MAPS:  # else the note says how many are drawn
                sizes[maps.step] = "×".join(map(str, weight.shape))
        weights = BlockMaps(block.kind, tuple(steps), {})
        texts = kind_name(block.kind), _subtitle(block)
        columns.append(MapColumn(block.kind, *texts, weights, step_names=step_names, beside=beside, sizes=sizes))
    return columns


def _subtitle(block: BlockMaps) -> str:
    if block.kind == "standard":
        return _("one convolution, nothing between")
    order = _("1×1 first") if block.kind == "extreme" else _("depthwise first")
    between = _("an activation between") if block.step("between") else _("nothing between")
    return f"{order}, {between}"


def _block_numbers(block: BlockMaps, readings: Values, ranges: Sequence[str]) -> list[LabelledNumber]:
    """readings, ranges: before and after the last activation."""
    between = block.step("between")
    before, after = (format_share(float(value)) for value in readings)
    zeros = whole_percent(zeros_share(between.values)) if between else "–"
    channels = _("of the values on {channels} channels").format(channels=len(between.values)) if between else ""
    return [
        (_("of its input's variance explained before the last activation"), before, ranges[0]),
        (_("explained after it"), after, ranges[1]),
        (_("set to zero between"), zeros, channels),
    ]
