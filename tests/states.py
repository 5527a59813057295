"""The pages' controls by their keys, and what each page computes from a link's texts."""

from collections.abc import Mapping

from xception_lab.arch.breakdown import NetworkSpec
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.spec import CompareSpec
from xception_lab.ui.fields.compare import BlocksState, CompareState, StartState
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.fields.field import state_keys
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.fields.registry import fit_state
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.fields.training import GRID_FIELDS, TrainingState

START_KEYS = state_keys(StartState)
BLOCK_KEYS = state_keys(BlocksState)
COMPARE_KEYS = state_keys(CompareState)
TIMING_KEYS = state_keys(TimingState)
FEATURE_KEYS = state_keys(FeaturesState)
TRAIN_KEYS = state_keys(TrainingState)
NETWORK_KEYS = state_keys(NetworkState)
GRID_KEYS = tuple(field.key for field in GRID_FIELDS)


def compare_spec(texts: Mapping[str, str]) -> CompareSpec:
    """The comparison that these texts ask for; what is missing is at its default, what is wrong repaired."""
    return fit_state(BlocksState, texts).spec


def network_spec(texts: Mapping[str, str]) -> NetworkSpec:
    """The network that these texts ask for, likewise."""
    return fit_state(NetworkState, texts).spec


def experiment_spec(texts: Mapping[str, str], own: str | None) -> ExperimentSpec | None:
    """The experiment that these texts ask for, likewise; own: the name of the user's own data."""
    return fit_state(TrainingState, texts).experiment(own)
