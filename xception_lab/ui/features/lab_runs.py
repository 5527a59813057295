"""A run of the training lab on the Feature maps page: one choice for every view, and the run in the other order."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from xception_lab.common.home import StoreError
from xception_lab.common.messages import say
from xception_lab.experiments.spec import level_of
from xception_lab.features.layer_names import network_kind
from xception_lab.features.maps import BlockMaps
from xception_lab.spec import Kind, TrainSpec
from xception_lab.training.checkpoint_file import read_header
from xception_lab.ui.features.caches import HASH_FUNCS
from xception_lab.ui.features.picture import InputPicture
from xception_lab.ui.features.weights import WeightFile, get_weight_files, show_refusal, weights_uploader
from xception_lab.ui.fields.training import DATASET
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.experiment import list_session_experiments
from xception_lab.ui.training.texts import setting_text

if TYPE_CHECKING:
    from xception_lab.features.image_models import ImageModel

LAB_RUN = "lab_run"

_FILE = "file"  # the value of LAB_RUN where the run is an uploaded file


@dataclass(frozen=True, slots=True)
class LabRun:
    """A run with a checkpoint. accuracy: on its own test pictures, after its last epoch so far."""

    name: str
    spec: TrainSpec
    checkpoint: Path
    accuracy: float | None


def read_weights(run: LabRun | WeightFile) -> WeightFile:
    """The weights of a run as they are now. Raises OSError, ValueError when its checkpoint is not its own."""
    if isinstance(run, WeightFile):
        return run
    content = run.checkpoint.read_bytes()
    if read_header(content).spec != run.spec:
        raise ValueError(say("it is the checkpoint of another run"))
    return WeightFile(run.name, content, hashlib.sha256(content).hexdigest())


def load_lab_runs() -> dict[str, LabRun]:
    """The runs with a checkpoint of the link's experiment and of this session's own, by "experiment.number".

    The experiment's name is the secret that lets a person see it, as on the training page. None where the store cannot
    be read. Each call reads the store: the controls of one page share the result.
    """
    try:
        return _read_store()
    except (OSError, StoreError):
        return {}


def _read_store() -> dict[str, LabRun]:
    from xception_lab.experiments.store import Store

    runs: dict[str, LabRun] = {}
    store, linked_experiment = Store(), (session_parameter(LAB_RUN) or "").rpartition(".")[0]
    for experiment_name in dict.fromkeys((linked_experiment, *list_session_experiments())):
        try:
            experiment = store.experiment(experiment_name)
        except KeyError:
            continue
        for number, run in enumerate(experiment.runs):
            if store.checkpoint_path(run.id).exists():
                setting = tuple((field, level_of(run.spec, field)) for field, _levels in experiment.spec.levels)
                name = f"{option_text(DATASET, run.spec.dataset)}: {setting_text(setting)}, seed {run.spec.seed}"
                accuracy = run.records[-1].test_accuracy if run.records else None
                runs[f"{experiment_name}.{number}"] = LabRun(name, run.spec, store.checkpoint_path(run.id), accuracy)
    return runs


def lab_run_control(runs: Mapping[str, LabRun]) -> None:
    """Draw the choice of a run: one of the lab, or a file of one. With no run in the lab there is nothing to choose."""
    key = session_parameter(LAB_RUN)
    options = [*runs, _FILE]
    if runs:
        index = options.index(key) if key in options else None if key else 0
        names = {number: run.name for number, run in runs.items()} | {_FILE: _("a file of a run")}
        choice = st.selectbox(_("Run"), options, index, format_func=names.__getitem__, width=560, key="lab_runs")
        st.session_state[LAB_RUN] = choice or key


def run_file_control(runs: Mapping[str, LabRun]) -> None:
    """Draw the uploader where no run of the lab is chosen, and a note on a run that this server does not have."""
    key = session_parameter(LAB_RUN)
    if key in runs:
        return
    weights_uploader("run", _("Weights of a run: a checkpoint or safetensors file of the training lab"))
    if "run" in get_weight_files():
        st.session_state[LAB_RUN] = _FILE
    elif key and key != _FILE:
        st.info(_("The link's run is not on this server, or has no checkpoint yet. Meanwhile others are shown."))
    else:
        st.info(_("No run is here yet: give its file, or start one on **Train**. Meanwhile others are shown."))


def lab_run_parameter() -> str | None:
    """The chosen run as a link has it; a file cannot be linked."""
    key = session_parameter(LAB_RUN)
    return None if key == _FILE else key


def find_run(runs: Mapping[str, LabRun]) -> LabRun | WeightFile | None:
    """The run that is chosen, in the lab or as a file; None while there is none."""
    return runs.get(session_parameter(LAB_RUN) or "") or get_weight_files().get("run")


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=HASH_FUNCS)
def load_run_model(file: WeightFile) -> "ImageModel":
    """The network of a run's file. Raises ValueError."""
    from xception_lab.features.image_models import load_file

    return load_file(file.name, file.content, keras=False)


def compute_run_blocks(picture: InputPicture) -> tuple[BlockMaps, ...]:
    """The first blocks of the chosen run, and of the same run in the other order where its experiment has one.

    Empty where there is no run, or with an error on the page where its weights cannot be used.
    """
    runs = load_lab_runs()
    run = find_run(runs)
    if run is None:
        return ()
    try:
        weights = read_weights(run)
        model = load_run_model(weights)
        kinds: dict[Kind, WeightFile] = {_model_kind(model): weights, **_find_other_order(model.run, runs)}
        blocks = _compute_first_blocks(picture, weights, tuple(kinds.items()))
    except (ValueError, RuntimeError, OSError) as error:
        show_refusal(error)
        return ()
    if len(blocks) < 3:
        st.info(_("A run has one order. The same run in the other order stands beside it when its experiment has one."))
    return blocks


def _model_kind(model: "ImageModel") -> Kind:
    assert model.spec  # a run's network is always an Xception
    return network_kind(model.spec)


def _find_other_order(spec: TrainSpec | None, runs: Mapping[str, LabRun]) -> dict[Kind, WeightFile]:
    """The weights of the run of the chosen one's experiment that differs from it in the order alone."""
    chosen_key = session_parameter(LAB_RUN) or ""
    if spec is None or chosen_key not in runs:
        return {}
    experiment = chosen_key.rpartition(".")[0]
    for key, run in runs.items():
        network = run.spec.xception
        same = replace(spec, xception=network) == run.spec and _without_order(spec) == _without_order(run.spec)
        if key.rpartition(".")[0] == experiment and same and network.order != spec.xception.order:
            return {network_kind(network): read_weights(run)}
    return {}


def _without_order(spec: TrainSpec) -> dict[str, Any]:
    return {**asdict(spec.xception), "order": ""}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=HASH_FUNCS)
def _compute_first_blocks(
    picture: InputPicture, stem: WeightFile, kinds: tuple[tuple[Kind, WeightFile], ...]
) -> tuple[BlockMaps, ...]:
    """stem: the run whose stem is the standard convolution. kinds: the runs of the other kinds of blocks."""
    from xception_lab.features.image_models import first_blocks

    files: dict[Kind, WeightFile] = {"standard": stem, **dict(kinds)}
    return first_blocks(picture.pixels, {kind: load_run_model(file) for kind, file in files.items()})
