"""The Feature maps page's views of networks: a layer's maps, numbers along the depth, and the receptive field."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from xception_lab.arch.receptive_field import LayerGeometry, layer_geometries
from xception_lab.features.layer_names import depth_names, lite0_layers
from xception_lab.features.maps import BlockMaps, BlockStep, LayerMaps, Pixels, Values, encode_png
from xception_lab.features.sample_pictures import resize
from xception_lab.figures.features import DepthLine, depth_figure, reach_figure
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.maps import LabelledNumber, MapColumn
from xception_lab.ui.features.networks import NetworkMaps, nearest_layer
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.classes import CLASSES

if TYPE_CHECKING:
    from xception_lab.features.activations import LayerSummary
    from xception_lab.features.image_models import ImageModel, ModelMaps

_MAX_INPUT_SIDE = 96  # pixels of a network's input at the head of its column


def network_columns(state: FeaturesState, networks: Sequence[NetworkMaps], picture: InputPicture) -> list[MapColumn]:
    """One column per network: the layer's maps, those after its activation, and the classes that it predicts."""
    columns: list[MapColumn] = []
    for network in networks:
        model, top_classes = network.model_maps.model, network.model_maps.top_classes
        steps, weights = _layer_steps(network.model_maps, nearest_layer(state.layer, model.layers))
        step_names: dict[BlockStep, str] = {maps.step: _layer_text(model, maps.layer) for maps in steps}
        numbers: list[LabelledNumber] = [(_("answers"), _classes_text(top_classes[:1]), _classes_text(top_classes[1:]))]
        columns.append(
            MapColumn(
                network.look,
                network.title,
                network.subtitle,
                BlockMaps("separable", steps, weights),
                numbers if top_classes else [],
                step_names,
                _network_input(picture, model.side),
            )
        )
    return columns


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=HASH_FUNCS)
def _network_input(picture: InputPicture, side: int) -> Pixels:
    """The picture as small as the network gets it."""
    return resize(picture.pixels, min(side, _MAX_INPUT_SIDE))


def _layer_steps(model_maps: "ModelMaps", layer: str) -> tuple[tuple[LayerMaps, ...], dict[str, Values]]:
    """A layer as the step "second" of a block, its activation as "after", and its weights where it has some.

    An activation is shown as "after" with the layer before it.
    """
    from xception_lab.features.image_models import conv_weights

    model, maps = model_maps.model, model_maps.maps
    index = model.layers.index(layer)
    following = model.layers[index + 1] if index + 1 < len(model.layers) else ""
    if _is_activation(model, layer) and index:
        layer, following = model.layers[index - 1], layer
    steps = [LayerMaps("second", layer, maps[layer])]
    if following and _is_activation(model, following):
        steps.append(LayerMaps("after", following, maps[following]))
    return tuple(steps), conv_weights(model, (layer,))


def _is_activation(model: "ImageModel", layer: str) -> bool:
    return type(model.network.get_submodule(layer)).__name__ in ("ReLU", "ELU", "ReLU6")


def _layer_text(model: "ImageModel", layer: str) -> str:
    roles = {
        "standard": _("convolution"),
        "pointwise": "1×1",
        "depthwise": _("depthwise k×k"),
        "spatial": _("spatial k×k"),
        "norm": "BN",
        "act": _("activation"),
        "pool": _("max pooling"),
        "block": _("sum with the shortcut"),
    }
    return f"{layer} · {roles[_geometry(model, layer).role]}"


def _geometry(model: "ImageModel", layer: str) -> LayerGeometry:
    return (layer_geometries(model.spec, model.side) if model.spec else lite0_layers())[layer]


def _classes_text(classes: Sequence[tuple[str, float]]) -> str:
    """ "ankle boot 98%, sneaker 2%" of (class, probability)."""
    named = ((_(CLASSES[name]) if name in CLASSES else name, share) for name, share in classes)
    return ", ".join(f"{name} {share:.0%}" if share >= 0.01 else f"{name} {share:.1%}" for name, share in named)


def show_depth(state: FeaturesState, networks: Sequence[NetworkMaps]) -> None:
    """Zeros, dead channels and effective rank of every layer, the twins in one chart."""
    summaries = [_summarise_layers(network.model_maps) for network in networks]
    axis = list(dict.fromkeys(layer.name for layers in sorted(summaries, key=len, reverse=True) for layer in layers))
    lines = [
        DepthLine(network.title, network.look, network.between, _depth_curves(network.model_maps.model, layers, axis))
        for network, layers in zip(networks, summaries, strict=True)
    ]
    ticks = {place: name for place, name in enumerate(axis) if "." not in name and not name.startswith(("bn", "act"))}
    words = (_("zeros"), _("dead channels"), _("effective rank"), _("chosen layer"))
    current = axis.index(nearest_layer(state.layer, tuple(axis)))
    alt = "; ".join(
        f"{network.title}: {layers[-1].name}, {_rank_text(layers[-1])}"
        for network, layers in zip(networks, summaries, strict=True)
    )
    show_chart(depth_figure(lines, ticks, words, current), "depth", alt)


def _depth_curves(
    model: "ImageModel", layers: Sequence["LayerSummary"], axis: Sequence[str]
) -> list[tuple[list[int], list[float], list[str]]]:
    """The curves of a DepthLine: zeros and dead channels of the activations alone, the rank of every layer.

    axis: the layers' names in the order of the chart.
    """
    activations = [layer for layer in layers if _geometry(model, layer.name).role == "act"]

    def curve(layers: Sequence["LayerSummary"], values: list[float]) -> tuple[list[int], list[float], list[str]]:
        hover = [f"{s.name}, {s.channels}×{s.height}×{s.width}, {_rank_text(s)}" for s in layers]
        return [axis.index(layer.name) for layer in layers], values, hover

    return [
        curve(activations, [layer.zeros for layer in activations]),
        curve(activations, [layer.dead / layer.channels for layer in activations]),
        curve(layers, [layer.effective_rank / layer.largest for layer in layers]),
    ]


def _rank_text(layer: "LayerSummary") -> str:
    return _("effective rank {rank:.1f} of {largest}").format(rank=layer.effective_rank, largest=layer.largest)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def _summarise_layers(model_maps: "ModelMaps") -> tuple["LayerSummary", ...]:
    from xception_lab.features.activations import summaries

    model = model_maps.model
    names = depth_names(model.spec, model.side) if model.spec else model.layers
    return summaries(model_maps.maps, names)


def show_reach(state: FeaturesState, network: NetworkMaps, picture: InputPicture) -> None:
    """The receptive field of one output position, in closed form, and the gradient of this picture within it."""
    model = network.model_maps.model
    layer = nearest_layer(state.layer, model.layers)
    geometry = _geometry(model, layer)
    row, column = (min(position, geometry.side - 1) for position in (state.row, state.column))
    (top, bottom), (left, right) = geometry.receptive_field(row), geometry.receptive_field(column)
    gradient = _compute_gradient(model, picture, layer, row, column)
    inside = gradient[top : bottom + 1, left : right + 1]
    outside = np.count_nonzero(gradient) - np.count_nonzero(inside)
    sentence = _(
        "Position {row}, {column} of **{layer}** [can see](#term-receptive_field) **{height}×{width}** of {side}×"
        "{side} pixels. Its gradient reaches {share:.0%} of them on this picture and **{outside}** outside."
    )
    st.markdown(
        sentence.format(
            row=row,
            column=column,
            layer=layer,
            height=bottom - top + 1,
            width=right - left + 1,
            side=model.side,
            share=np.count_nonzero(inside) / inside.size,
            outside=outside,
        )
    )
    small = resize(picture.pixels, model.side)
    zoom = max(1, 448 // model.side)
    uri = "data:image/png;base64," + base64.b64encode(encode_png(small.repeat(zoom, 0).repeat(zoom, 1))).decode()
    words = (_("can see:<br>closed form"), _("does see:<br>the gradient's size<br>(dark: small or 0)"))
    alt = f"{layer}: {top}–{bottom}, {left}–{right}"
    show_chart(reach_figure(uri, gradient, (left, top, right, bottom), words), "reach", alt)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_gradient(model: "ImageModel", picture: InputPicture, layer: str, row: int, column: int) -> Values:
    from xception_lab.features.activations import input_gradient

    return input_gradient(model.network, model.input(picture.pixels), layer, row, column)
