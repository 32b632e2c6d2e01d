"""The runs that a report counts: of a random search, the trial with the highest validation AUC."""

import math
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from mammo.records import MammoError
from mammo.training.results import Run, read_runs


def reported_runs(root: Path) -> list[Run]:
    """The finished runs directly below root; of a random search only the selected trial of every cell, seed and fold.

    Raises:
        MammoError: as read_runs, or two runs that are not trials have the same model, maps and seed.
    """
    return select_trials(read_runs(root), reported_cell)


def select_trials(runs: Sequence[Run], cell: Callable[[Run], Hashable]) -> list[Run]:
    """For each cell, seed and fold the trial with the highest validation AUC, the first among equals (paper, Results).

    Args:
        runs: finished runs.
        cell: what two runs share if they are trials of one search.

    Raises:
        MammoError: two runs of one cell, seed and fold are not trials of a random search.
    """
    best: dict[Hashable, Run] = {}
    for run in sorted(runs, key=lambda run: -1 if run.trial is None else run.trial):
        key = cell(run), run.seed, run.fold
        twin = best.setdefault(key, run)
        if twin is run:
            continue
        if twin.trial is None or twin.trial == run.trial:
            fold = "" if run.fold is None else ", fold"
            raise MammoError(
                f"{run.folder}: same model, maps{fold} and seed as {twin.folder}; move one of the two out of "
                f"{run.folder.parent}"
            )
        if not run.val_auc <= twin.val_auc and not math.isnan(run.val_auc):
            best[key] = run
    return sorted(best.values(), key=lambda run: run.folder.name)


def reported_cell(run: Run) -> Hashable:
    """The row or bar of a run; runs with saliency maps from different true sources share one."""
    return run.model, run.maps, run.context if run.is_control else "", run.backbone, run.init
