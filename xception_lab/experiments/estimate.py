"""How long an experiment may take on this machine."""

from dataclasses import replace

from xception_lab.experiments.spec import ExperimentSpec


def estimate_s(experiment: ExperimentSpec, workers: int) -> float:
    """How long the experiment may take on `workers` idle workers: an estimate from a few timed steps."""
    from xception_lab.training.loop import estimate_run_s

    base, cells = experiment.base, experiment.cells()
    # an epoch takes as long at any learning rate and weight decay: such cells are timed once
    alike = [
        replace(cell, epochs=1, learning_rate=base.learning_rate, weight_decay=base.weight_decay) for cell in cells
    ]
    epochs = {spec: estimate_run_s(spec) for spec in dict.fromkeys(alike)}
    runs = [cell.epochs * epochs[spec] for cell, spec in zip(cells, alike, strict=True)]
    total = experiment.seeds * sum(runs)
    # the last run may be alone on its worker
    return max(total / workers, *runs)
