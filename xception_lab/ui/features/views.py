"""What the Feature maps page draws of a network: a layer's maps, the numbers along the depth, the receptive field."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from xception_lab.arch.receptive_field import LayerGeometry, layer_geometries
from xception_lab.features.layer_names import depth_names, lite0_layers
from xception_lab.features.maps import BlockMaps, LayerMaps, Values, encode_png
from xception_lab.features.sample_pictures import resize
from xception_lab.figures.features import DepthLine, depth_figure, reach_figure
from xception_lab.ui.features.maps import MapColumn, Number
from xception_lab.ui.features.networks import NetworkMaps, nearest_layer
from xception_lab.ui.features.picture import ChosenPicture
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _

_BY_KEY: dict[Any, Callable[[Any], object]] = {
    ChosenPicture: lambda picture: picture.key,
    "xception_lab.features.image_models.ImageModel": lambda model: model.serial,
    "xception_lab.features.image_models.ModelMaps": lambda model_maps: model_maps.serial,
}


def network_columns(state: FeaturesState, found: list[NetworkMaps], picture: ChosenPicture) -> list[MapColumn]:
    """One column a network: the layer's maps, those behind its activation, and what the network answers."""
    columns: list[MapColumn] = []
    for one in found:
        model = one.model_maps.model
        layer = nearest_layer(state.layer, model.layers)
        maps = BlockMaps("separable", *_steps(one, layer))
        names = {step.step: _layer_name(model, step) for step in maps.steps}
        numbers: list[Number] = [(_("answers"), _answer(one.model_maps.top_classes), _rest(one.model_maps.top_classes))]
        columns.append(
            MapColumn(
                one.kind,
                one.title,
                one.subtitle,
                maps,
                numbers if one.model_maps.top_classes else [],
                names,
                _input(picture, model.side),
            )
        )
    return columns


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs=_BY_KEY)
def _input(picture: ChosenPicture, side: int) -> Any:
    """The picture as small as the network sees it."""
    return resize(picture.pixels, min(side, 96))


def _steps(one: NetworkMaps, layer: str) -> tuple[tuple[LayerMaps, ...], dict[str, Values]]:
    from xception_lab.features.image_models import conv_weights

    model, maps = one.model_maps.model, one.model_maps.maps
    at = model.layers.index(layer)
    following = model.layers[at + 1] if at + 1 < len(model.layers) else ""
    if _is_activation(model, layer) and at:
        layer, following = model.layers[at - 1], layer
    steps = [LayerMaps("second", layer, maps[layer])]
    if following and _is_activation(model, following):
        steps.append(LayerMaps("after", following, maps[following]))
    return tuple(steps), conv_weights(model, (layer,))


def _is_activation(model: Any, name: str) -> bool:
    return type(model.network.get_submodule(name)).__name__ in ("ReLU", "ELU", "ReLU6")


def _layer_name(model: Any, maps: LayerMaps) -> str:
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
    return f"{maps.layer} · {roles[_place(model, maps.layer).role]}"


def _place(model: Any, layer: str) -> LayerGeometry:
    return (layer_geometries(model.spec, model.side) if model.spec else lite0_layers())[layer]


def _answer(answer: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(_class_text(*found) for found in answer[:1])


def _rest(answer: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(_class_text(*found) for found in answer[1:5])


def _class_text(name: str, share: float) -> str:
    return f"{name} {share:.0%}" if share >= 0.01 else f"{name} {share:.1%}"


def show_depth(state: FeaturesState, found: list[NetworkMaps]) -> None:
    """Zeros, dead channels and effective rank of every layer, the twins in one chart."""
    summaries = [_summaries(one.model_maps) for one in found]
    axis = list(dict.fromkeys(summary.name for one in sorted(summaries, key=len, reverse=True) for summary in one))
    lines = [DepthLine(one.title, one.between, _curves(one, s, axis)) for one, s in zip(found, summaries, strict=True)]
    ticks = {at: name for at, name in enumerate(axis) if "." not in name and not name.startswith(("bn", "act"))}
    words = (_("zeros"), _("dead channels"), _("effective rank"))
    current = axis.index(nearest_layer(state.layer, tuple(axis)))
    show_chart(depth_figure(lines, ticks, words, current), "depth", "; ".join(map(_depth_text, found, summaries)))


def _curves(one: NetworkMaps, summary: Any, axis: list[str]) -> list[Any]:
    """Zeros and dead channels where an activation has made them, the rank everywhere."""
    model = one.model_maps.model
    cut = [layer for layer in summary if _place(model, layer.name).role == "act"]

    def hover(layers: Any) -> list[str]:
        return [f"{s.name}, {s.channels}×{s.height}×{s.width}, {_rank_text(s)}" for s in layers]

    at = [[axis.index(layer.name) for layer in layers] for layers in (cut, summary)]
    return [
        (at[0], [layer.zeros for layer in cut], hover(cut)),
        (at[0], [layer.dead / layer.channels for layer in cut], hover(cut)),
        (at[1], [layer.effective_rank / layer.largest for layer in summary], hover(summary)),
    ]


def _rank_text(summary: Any) -> str:
    return _("effective rank {rank:.1f} of {largest}").format(rank=summary.effective_rank, largest=summary.largest)


def _depth_text(one: NetworkMaps, summary: Any) -> str:
    return f"{one.title}: {summary[-1].name}, {_rank_text(summary[-1])}"


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def _summaries(model_maps: Any) -> Any:
    from xception_lab.features.activations import summaries

    model = model_maps.model
    names = depth_names(model.spec, model.side) if model.spec else model.layers
    return summaries(model_maps.maps, names)


def show_reach(state: FeaturesState, one: NetworkMaps, picture: ChosenPicture) -> None:
    """What one output position can see, by closed form, and what it does see of this picture, by its gradient."""
    model = one.model_maps.model
    layer = nearest_layer(state.layer, model.layers)
    place = _place(model, layer)
    row, column = (min(at, place.side - 1) for at in (state.row, state.column))
    (top, bottom), (left, right) = place.receptive_field(row), place.receptive_field(column)
    heat = _gradient(model, picture, layer, row, column)
    inside = heat[top : bottom + 1, left : right + 1]
    outside = np.count_nonzero(heat) - np.count_nonzero(inside)
    said = _(
        "Position {row}, {column} of **{layer}** can see **{height}×{width}** of {side}×{side} pixels. Its gradient "
        "reaches {share:.0%} of them on this picture and **{outside}** outside."
    )
    st.markdown(
        said.format(
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
    words = (_("can see:<br>closed form"), _("does see:<br>the gradient's size"))
    alt = f"{layer}: {top}–{bottom}, {left}–{right}"
    show_chart(reach_figure(uri, heat, (left, top, right, bottom), words), "reach", alt)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_KEY)
def _gradient(model: Any, picture: ChosenPicture, layer: str, row: int, column: int) -> Any:
    from xception_lab.features.activations import input_gradient

    return input_gradient(model.network, model.input(picture.pixels), layer, row, column)
