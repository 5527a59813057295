"""One run on the page: the classes that its network confuses, example mistakes, and its files."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.data.catalogue import load_dataset
from xception_lab.data.dataset import Dataset
from xception_lab.experiments.effects import Effects
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.spec import level_of
from xception_lab.figures.confusion import confusion_figure
from xception_lab.training.artifacts import data_file, read_predictions, weights_file
from xception_lab.training.confusion import Confusion, confusion
from xception_lab.training.script import training_script
from xception_lab.ui.fields.training import TrainingState
from xception_lab.ui.shell.address import link_parameters
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import download_button
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.training.classes import class_name, show_pictures
from xception_lab.ui.training.result import VerdictNotes, show_result, show_runs
from xception_lab.ui.training.texts import setting_text

MAX_MISTAKES = 12

_PICKED = "picked"  # the link's parameter for a run, and the selectbox's key

# by a run's id: its predictions of the test pictures, (N,), and the bytes of its checkpoint
PredictionsReader = Callable[[int], NDArray[np.int64]]
CheckpointReader = Callable[[int], bytes]


def run_parameter() -> str | None:
    """The number of the selected run as a link has it; None while there is none."""
    return st.session_state.get(_PICKED)


def show_experiment(
    state: TrainingState,
    progress: Progress,
    effects: Effects,
    read_predictions: PredictionsReader,
    read_checkpoint: CheckpointReader | None,
    notes: VerdictNotes | None = None,
) -> None:
    """What the control "outcome" asks for.

    read_checkpoint: None for a shipped result, which has no checkpoints. notes: as in show_result.
    """
    match state.outcome:
        case "runs":
            show_runs(progress)
        case "run":
            show_run(progress, read_predictions, read_checkpoint)
        case _:
            show_result(progress, effects, "live" if read_checkpoint else "stored", state.guess, notes)


def show_run(progress: Progress, read_predictions: PredictionsReader, read_checkpoint: CheckpointReader | None) -> None:
    """The run that is selected. read_checkpoint: as in show_experiment."""
    # a run that was tested after every epoch, as in version 0.1, can be looked at before its end
    tested_runs = [run for run in progress.runs if run.records and run.records[-1].test_accuracy is not None]
    if not tested_runs:
        note = _("No run has been tested yet: that is done once, after its last epoch.")
        st.info(note, icon=":material/hourglass_empty:")
        return
    numbers = [str(progress.runs.index(run)) for run in tested_runs]
    linked = link_parameters().get(_PICKED)
    if _PICKED not in st.session_state and linked in numbers:
        st.session_state[_PICKED] = linked
    number = st.selectbox(
        _("Run"),
        numbers,
        format_func=lambda option: _run_text(progress, progress.runs[int(option)]),
        key=_PICKED,
        width=420,
    )
    run = progress.runs[int(number or numbers[0])]
    try:
        dataset = load_dataset(run.spec.dataset)
        matrix = confusion(dataset, read_predictions(run.id))
    except (ValueError, RuntimeError) as error:
        st.warning(translate_message(error))
        return
    names = tuple(class_name(name) for name in dataset.classes)
    st.markdown(
        _("**{right:,}** of {total:,} test pictures are right.").format(right=matrix.right, total=matrix.total)
        + " "
        + _hardest_class_text(matrix, names)
    )
    left, right = st.columns(2, gap="large")
    with left:
        words = (_("the network's answer"), _("true class"), _("pictures"))
        show_chart(confusion_figure(matrix, names, words), "confusion", _hardest_class_text(matrix, names))
    with right:
        _show_mistakes(dataset, matrix)
    _run_downloads(run, dataset, read_checkpoint)


def _run_text(progress: Progress, run: RunProgress) -> str:
    setting = tuple((name, level_of(run.spec, name)) for name, _levels in progress.spec.levels)
    return f"{setting_text(setting)}, {_('seed {seed}').format(seed=run.spec.seed)}"


def _hardest_class_text(matrix: Confusion, names: tuple[str, ...]) -> str:
    """The class with the lowest recall, in a sentence."""
    recall, name = min(zip(matrix.recalls, names, strict=True))
    return _("Hardest class: {name}, {recall:.0%} of it right.").format(name=name, recall=recall)


def _show_mistakes(dataset: Dataset, matrix: Confusion) -> None:
    """Test pictures that got a wrong class, from different confusions."""
    if not matrix.mistakes:
        st.markdown(_("Every test picture is right."))
        return
    mistakes = matrix.mistakes[:MAX_MISTAKES]
    pictures = [dataset.test_images[mistake.picture] for mistake in mistakes]
    captions = [f"{class_name(mistake.label)} → {class_name(mistake.predicted)}" for mistake in mistakes]
    st.markdown(_("Mistakes: true class → the network's answer, the most frequent confusions first."))
    show_pictures(pictures, captions, 104, "mistakes")


def _run_downloads(run: RunProgress, dataset: Dataset, read_checkpoint: CheckpointReader | None) -> None:
    with st.container(horizontal=True):
        if read_checkpoint:
            weights = partial(_make_weights_file, run, read_checkpoint)
            download_button(_("Weights (safetensors)"), weights, f"run-{run.id}.safetensors", key="take_weights")
        script = partial(training_script, run.spec, dataset)
        download_button(_("Training script"), script, "train.py", key="take_script")
        download_button(_("Its data (npz)"), partial(data_file, dataset), "data.npz", key="take_data")
    st.caption(_("The script needs torch and numpy alone: `python train.py data.npz`."))


def _make_weights_file(run: RunProgress, read_checkpoint: CheckpointReader) -> bytes:
    return weights_file(read_checkpoint(run.id))


def make_predictions_reader(read_checkpoint: CheckpointReader) -> PredictionsReader:
    """A reader of predictions from checkpoints."""
    return lambda run_id: read_predictions(read_checkpoint(run_id))
