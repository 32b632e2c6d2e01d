"""The runs that a report counts: of a random search, the trial with the highest validation AUC."""

import math
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from mammo.records import MammoError
from mammo.training.results import Run, read_runs


def reported_runs(root: Path) -> list[Run]:
    """The finished runs directly below root; of a random search only the selected trial of every cell and seed.

    Raises:
        MammoError: as read_runs, or two runs that are not trials have the same model, maps and seed.
    """
    return select_trials(read_runs(root), _reported_cell)


def select_trials(runs: Sequence[Run], cell: Callable[[Run], Hashable]) -> list[Run]:
    """For each cell and seed the trial with the highest validation AUC, the first among equals (paper, Results).

    Args:
        runs: finished runs.
        cell: what two runs share if they are trials of one search.

    Raises:
        MammoError: two runs of one cell and seed are not trials of a random search.
    """
    best: dict[Hashable, Run] = {}
    for run in sorted(runs, key=lambda run: -1 if run.trial is None else run.trial):
        twin = best.setdefault((cell(run), run.seed), run)
        if twin is run:
            continue
        if twin.trial is None or twin.trial == run.trial:
            raise MammoError(
                f"{run.folder}: same model, maps and seed as {twin.folder}; move one of the two out of "
                f"{run.folder.parent}"
            )
        if not run.val_auc <= twin.val_auc and not math.isnan(run.val_auc):
            best[cell(run), run.seed] = run
    return sorted(best.values(), key=lambda run: run.folder.name)


def _reported_cell(run: Run) -> Hashable:
    """The row or bar of a run; runs with saliency maps from different true sources share one."""
    return run.model, run.maps, run.context if run.is_control else "", run.backbone, run.init
