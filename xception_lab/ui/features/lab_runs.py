"""A run of the training lab on the Feature maps page: which one is chosen, for whatever view, and the run beside it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from xception_lab.experiments.spec import level_of
from xception_lab.features.layer_names import network_kind
from xception_lab.features.maps import BlockMaps
from xception_lab.spec import Kind, TrainSpec
from xception_lab.ui.features.picture import ChosenPicture
from xception_lab.ui.fields.training import DATASET
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.training.experiment import own_experiments
from xception_lab.ui.training.outcome import setting_text

LAB_RUN = "lab_run"
WEIGHTS_MIB = 200

_FILE = "file"
_FILES = "_weight_files"


@dataclass(frozen=True, slots=True, eq=False)
class WeightFile:
    """A file of weights. digest: tells it from every other. content empty: what timm downloads."""

    name: str
    content: bytes
    digest: str

    def file(self) -> "WeightFile":
        """Itself, as LabRun.file gives a run's."""
        return self


@dataclass(frozen=True, slots=True)
class LabRun:
    """A run with a checkpoint. accuracy: on its own test pictures, after its last epoch so far."""

    name: str
    spec: TrainSpec
    checkpoint: Path
    accuracy: float | None

    def file(self) -> WeightFile:
        """Its weights as they are now."""
        content = self.checkpoint.read_bytes()
        return WeightFile(self.name, content, hashlib.sha256(content).hexdigest())


BY_CONTENT: dict[Any, Callable[[Any], object]] = {
    ChosenPicture: lambda picture: picture.key,
    WeightFile: lambda file: file.digest,
}


def weights_uploader(network: str, label: str) -> None:
    """Draw an uploader of weights, and keep what it gets, past a change of view."""
    file = st.file_uploader(label, max_upload_size=WEIGHTS_MIB, key=f"weights_{network}")
    kept = kept_files()
    # 92 MB are not to be read at every run
    if file and (network not in kept or not kept[network].digest.startswith(file.file_id)):
        content = file.getvalue()
        kept[network] = WeightFile(file.name, content, f"{file.file_id} {hashlib.sha256(content).hexdigest()}")


def kept_files() -> dict[str, WeightFile]:
    """The weight files of this session, by what they are for."""
    return st.session_state.setdefault(_FILES, {})


def lab_runs() -> dict[str, LabRun]:
    """The runs with a checkpoint of the link's experiment and of this session's own, by "experiment.number".

    The experiment's name is the secret that lets a person see it, as on the training page.
    """
    from xception_lab.experiments.store import Store

    found: dict[str, LabRun] = {}
    store, linked = Store(), (session_parameter(LAB_RUN) or "").rpartition(".")[0]
    for name in dict.fromkeys((linked, *own_experiments())):
        try:
            experiment = store.experiment(name)
        except KeyError:
            continue
        for number, run in enumerate(experiment.runs):
            if store.checkpoint_path(run.id).exists():
                setting = tuple((field, level_of(run.spec, field)) for field, _levels in experiment.spec.levels)
                said = f"{option_text(DATASET, run.spec.dataset)}: {setting_text(setting)}, seed {run.spec.seed}"
                accuracy = run.records[-1].test_accuracy if run.records else None
                found[f"{name}.{number}"] = LabRun(said, run.spec, store.checkpoint_path(run.id), accuracy)
    return found


def lab_run_control(runs: Mapping[str, LabRun]) -> None:
    """Which run: one of the training lab, or a file of one. With no run in the lab there is nothing to choose."""
    asked = session_parameter(LAB_RUN)
    options = [*runs, _FILE]
    if runs:
        at = options.index(asked) if asked in options else None if asked else 0
        name = {key: run.name for key, run in runs.items()} | {_FILE: _("a file of a run")}
        chosen = st.selectbox(_("Run"), options, at, format_func=name.__getitem__, width=560, key="lab_runs")
        st.session_state[LAB_RUN] = chosen or asked


def run_file_control(runs: Mapping[str, LabRun]) -> None:
    """The uploader where no run of the lab is chosen, and what there is to say of a run that is not here."""
    asked = session_parameter(LAB_RUN)
    if asked in runs:
        return
    weights_uploader("run", _("Weights of a run: a checkpoint or safetensors file of the training lab"))
    if "run" in kept_files():
        st.session_state[LAB_RUN] = _FILE
    elif asked and asked != _FILE:
        st.info(_("The link's run is not on this server, or has no checkpoint yet. Meanwhile others are shown."))
    else:
        st.info(_("No run is here yet: give its file, or start one on **Train**. Meanwhile others are shown."))


def readable_runs() -> dict[str, LabRun]:
    """As lab_runs; none where the store cannot be read. Reads the store: once for what is drawn together."""
    from xception_lab.common.home import StoreError

    try:
        return lab_runs()
    except (OSError, StoreError):
        return {}


def lab_run_address() -> str | None:
    """The chosen run as a link holds it; a file cannot be linked."""
    asked = session_parameter(LAB_RUN)
    return None if asked == _FILE else asked


def chosen_run(runs: Mapping[str, LabRun]) -> LabRun | WeightFile | None:
    """The run that is chosen, in the lab or as a file; None while there is none."""
    return runs.get(session_parameter(LAB_RUN) or "") or kept_files().get("run")


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_CONTENT)
def load_run_model(file: WeightFile) -> Any:
    """The network of a run's file. Raises ValueError."""
    from xception_lab.features.image_models import load_file

    return load_file(file.name, file.content, keras=False)


def run_blocks(picture: ChosenPicture) -> tuple[BlockMaps, ...]:
    """The first blocks of the chosen run, and of the same run in the other order where its experiment has one.

    Nothing where there is no run; one that does not fit is said.
    """
    runs = readable_runs()
    chosen = chosen_run(runs)
    if chosen is None:
        return ()
    try:
        file = chosen.file()
        own = load_run_model(file)
        kinds: dict[Kind, WeightFile] = {network_kind(own.spec): file, **_other_order(own.run, runs)}
        blocks = _first_blocks(picture, file, tuple(kinds.items()))
    except (ValueError, RuntimeError, OSError) as error:
        st.error(_("These weights are not used: {reason}").format(reason=translate_message(error)))
        return ()
    if len(blocks) < 3:
        st.info(_("A run has one order. The same run in the other order stands beside it when its experiment has one."))
    return blocks


def _other_order(spec: TrainSpec | None, runs: Mapping[str, LabRun]) -> dict[Kind, WeightFile]:
    """The run of the chosen one's experiment that differs from it in the order alone."""
    asked = session_parameter(LAB_RUN) or ""
    if spec is None or asked not in runs:
        return {}
    experiment = asked.rpartition(".")[0]
    for key, run in runs.items():
        network = run.spec.xception
        same = replace(spec, xception=network) == run.spec and _without_order(spec) == _without_order(run.spec)
        if key.rpartition(".")[0] == experiment and same and network.order != spec.xception.order:
            return {network_kind(network): run.file()}
    return {}


def _without_order(spec: TrainSpec) -> dict[str, Any]:
    return {**asdict(spec.xception), "order": ""}


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=BY_CONTENT)
def _first_blocks(
    picture: ChosenPicture, run: WeightFile, kinds: tuple[tuple[Kind, WeightFile], ...]
) -> tuple[BlockMaps, ...]:
    from xception_lab.features.image_models import first_blocks

    return first_blocks(
        picture.pixels, {"standard": load_run_model(run), **{kind: load_run_model(file) for kind, file in kinds}}
    )
