"""One run on the page: what its network confuses, pictures that it gets wrong, and what a person takes away of it."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.data.catalogue import load_dataset
from xception_lab.data.dataset import Dataset
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.spec import level_of
from xception_lab.figures.confusion import confusion_figure
from xception_lab.training.artifacts import data_file, read_predictions, weights_file
from xception_lab.training.confusion import Confusion, confusion
from xception_lab.training.script import training_script
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import download_button
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.training.outcome import setting_text, show_result, show_runs

SHOWN = 12  # mistakes

CLASSES = {
    "T-shirt": N_("T-shirt"),
    "trouser": N_("trouser"),
    "pullover": N_("pullover"),
    "dress": N_("dress"),
    "coat": N_("coat"),
    "sandal": N_("sandal"),
    "shirt": N_("shirt"),
    "sneaker": N_("sneaker"),
    "bag": N_("bag"),
    "ankle boot": N_("ankle boot"),
    "faces": N_("faces"),
    "people": N_("people"),
    "hands": N_("hands"),
    "animals": N_("animals"),
    "plants": N_("plants"),
    "food": N_("food"),
    "vehicles": N_("vehicles"),
    "places": N_("places"),
    "objects": N_("objects"),
    "symbols": N_("symbols"),
}

_PICKED = "picked"

Predictions = Callable[[int], NDArray[np.int64]]
Checkpoint = Callable[[int], bytes]


def picked_run() -> str | None:
    """The run that is shown, for the address; None while none is."""
    return st.session_state.get(_PICKED)


def show_experiment(outcome: str, progress: Progress, predictions: Predictions, checkpoint: Checkpoint | None) -> None:
    """What the control "outcome" asks for. checkpoint: gives a run's; None where only the results are kept."""
    match outcome:
        case "runs":
            show_runs(progress)
        case "run":
            show_run(progress, predictions, checkpoint)
        case _:
            show_result(progress, "live" if checkpoint else "stored")


def show_run(progress: Progress, predictions: Predictions, checkpoint: Checkpoint | None) -> None:
    """A run of the person's choice."""
    ended = [run for run in progress.runs if run.records]
    if not ended:
        st.info(_("No run has ended an epoch yet."), icon=":material/hourglass_empty:")
        return
    numbers = [str(progress.runs.index(run)) for run in ended]
    if _PICKED not in st.session_state and st.query_params.get(_PICKED) in numbers:
        st.session_state[_PICKED] = st.query_params[_PICKED]
    picked = st.selectbox(
        _("Run"),
        numbers,
        format_func=lambda number: _run_text(progress, progress.runs[int(number)]),
        key=_PICKED,
        width=420,
    )
    run = progress.runs[int(picked or numbers[0])]
    try:
        dataset = load_dataset(run.spec.dataset)
        found = confusion(dataset, predictions(run.id))
    except (ValueError, RuntimeError) as error:
        st.warning(translate_message(error))
        return
    names = tuple(class_name(name) for name in dataset.classes)
    st.markdown(
        _("**{right:,}** of {total:,} test pictures are right.").format(right=found.right, total=found.total)
        + " "
        + _hardest(found, names)
    )
    left, right = st.columns(2, gap="large")
    with left:
        words = (_("given class"), _("own class"), _("pictures"))
        show_chart(confusion_figure(found, names, words), "confusion", _hardest(found, names))
    with right:
        _show_mistakes(dataset, found)
    _takeaways(run, dataset, checkpoint)


def class_name(name: str) -> str:
    """A class in this session's language; the user's own keep theirs, without what a chart or Markdown would read."""
    return _(CLASSES[name]) if name in CLASSES else re.sub(r"[^\w ,.+-]", "·", name)


def _run_text(progress: Progress, run: RunProgress) -> str:
    setting = tuple((name, level_of(run.spec, name)) for name, _levels in progress.spec.levels)
    return f"{setting_text(setting)}, seed {run.spec.seed}"


def _hardest(found: Confusion, names: tuple[str, ...]) -> str:
    """The class that is recognised least, in a sentence."""
    recall, name = min(zip(found.recalls, names, strict=True))
    return _("Hardest class: {name}, {recall:.0%} of it right.").format(name=name, recall=recall)


def _show_mistakes(dataset: Dataset, found: Confusion) -> None:
    """Pictures that got a wrong class, from different confusions."""
    if not found.mistakes:
        st.markdown(_("Every test picture is right."))
        return
    chosen = found.mistakes[:SHOWN]
    pictures = [dataset.test_images[mistake.picture] for mistake in chosen]
    captions = [f"{class_name(mistake.label)} → {class_name(mistake.predicted)}" for mistake in chosen]
    st.markdown(_("Mistakes: own class → given class, the most frequent confusions first."))
    with st.container(horizontal=True, key="mistakes"):
        for picture, caption in zip(pictures, captions, strict=True):
            with st.container(width=104, gap="small"):
                st.image(picture.squeeze(), caption, width=104, alt=caption)


def _takeaways(run: RunProgress, dataset: Dataset, checkpoint: Checkpoint | None) -> None:
    with st.container(horizontal=True):
        if checkpoint:
            weights = partial(_weights, run, checkpoint)
            download_button(_("Weights (safetensors)"), weights, f"run-{run.id}.safetensors", key="take_weights")
        script = partial(training_script, run.spec, dataset)
        download_button(_("Training script"), script, "train.py", key="take_script")
        download_button(_("Its data (npz)"), partial(data_file, dataset), "data.npz", key="take_data")
    st.caption(_("The script needs torch and numpy alone: `python train.py data.npz`."))


def _weights(run: RunProgress, checkpoint: Checkpoint) -> bytes:
    return weights_file(checkpoint(run.id))


def predictions_in(checkpoint: Checkpoint) -> Predictions:
    """The predictions of a run, read from its checkpoint."""
    return lambda run: read_predictions(checkpoint(run))
