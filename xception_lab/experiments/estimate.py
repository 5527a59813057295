"""How long an experiment may take on this machine, before it is started."""

from dataclasses import replace

from xception_lab.experiments.spec import ExperimentSpec


def estimate_s(experiment: ExperimentSpec, workers: int, speed: float | None = None) -> float:
    """Seconds that the experiment may take on so many idle workers: an estimate from a few timed steps of each cell.

    speed: of all workers together, times one run alone; their number, unless they share devices.
    """
    from xception_lab.training.loop import estimate_run_s

    base, cells = experiment.base, experiment.cells()
    # an epoch takes as long at any learning rate and weight decay: such cells are timed once
    timed = [
        replace(cell, epochs=1, learning_rate=base.learning_rate, weight_decay=base.weight_decay) for cell in cells
    ]
    epoch_s = {spec: estimate_run_s(spec) for spec in dict.fromkeys(timed)}
    runs_s = [cell.epochs * epoch_s[spec] for cell, spec in zip(cells, timed, strict=True)]
    total = experiment.seeds * sum(runs_s)
    speed = speed or float(workers)
    # no shorter than the longest run, which has one worker
    return max(total / speed, max(runs_s) * workers / speed)
