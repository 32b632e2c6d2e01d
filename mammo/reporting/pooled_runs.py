"""Runs that differ in their fold only, pooled into one run whose test lesions are those of every fold."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd

from mammo.records import MammoError
from mammo.reporting.run_selection import reported_cell
from mammo.store.splits import NO_FOLD
from mammo.training.results import Run


@dataclass(frozen=True)
class PooledRun:
    """The runs of one model, combination of maps and seed: one for each fold, or a single run without folds.

    Attributes:
        runs: in the order of their folds, at least one.
    """

    runs: Sequence[Run]

    @property
    def first(self) -> Run:
        """The first run, for what all of them share: model, maps, context, backbone, initialization, seed."""
        return self.runs[0]

    @property
    def name(self) -> str:
        """The name of the first run, for messages and as a key."""
        return self.first.name

    @property
    def folds(self) -> list[int | None]:
        """The folds of the runs; [None] without folds."""
        return [run.fold for run in self.runs]

    @property
    def scores_file(self) -> str:
        """The file of a run's folder that holds its test scores."""
        return "images.parquet" if self.first.model == "context" else "lesions.parquet"

    def of_folds(self, folds: Sequence[int | None]) -> "PooledRun":
        """The runs of these folds."""
        return PooledRun([run for run in self.runs if run.fold in folds])

    def lesions(self) -> pd.DataFrame:
        """The lesion score tables of the test lesions of all folds in one.

        Raises:
            MammoError: a table is invalid, or a patient is tested in two folds.
        """
        return self._pooled([run.lesions() for run in self.runs])

    def images(self) -> pd.DataFrame:
        """The image score tables of a context network's test images of all folds in one; MammoError as lesions."""
        return self._pooled([run.images() for run in self.runs])

    def windows(self) -> pd.DataFrame:
        """The window score tables of the runs: with folds of test lesions only, because each is validated on too."""
        if len(self.runs) == 1:
            return self.first.windows()
        return pd.concat([run.test_windows() for run in self.runs], ignore_index=True)

    def validation(self) -> dict[int | None, pd.DataFrame] | None:
        """By fold, the lesion score table of its validation lesions; None if a run has none."""
        tables = {run.fold: table for run in self.runs if (table := run.validation()) is not None}
        return tables if len(tables) == len(self.runs) else None

    def _pooled(self, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        for run, table in zip(self.runs, tables, strict=True):
            fold = NO_FOLD if run.fold is None else run.fold
            if (table["fold"] != fold).any():
                raise MammoError(f"{run.folder}: its score table is of another fold than its result; train it again")
        pooled = pd.concat(tables, ignore_index=True)
        folds = pooled.groupby("patient_id")["fold"].nunique()
        if (folds > 1).any():
            raise MammoError(
                f"{self.first.folder.parent}: patient {folds.index[folds > 1][0]} is tested in more than one fold of "
                f"{self.name}; train the folds of one assignment (python -m mammo.split) into a group of their own"
            )
        return pooled


def pooled_runs(runs: Sequence[Run]) -> list[PooledRun]:
    """Pool the runs that differ in their fold only, in the order of the first of each.

    Raises:
        MammoError: some runs have folds and others have none, or folds of different stores or assignments.
    """
    with_folds = [run for run in runs if run.fold is not None]
    if 0 < len(with_folds) < len(runs):
        without = next(run for run in runs if run.fold is None)
        raise MammoError(
            f"{without.folder} has no fold, but {with_folds[0].folder} has fold={with_folds[0].fold}; move one of the "
            f"two kinds out of {without.folder.parent}"
        )
    other = next((run for run in with_folds if run.store != with_folds[0].store), None)
    if other is not None:
        raise MammoError(
            f"{other.folder} was trained on other images or folds than {with_folds[0].folder}; move the runs of one of "
            f"the two out of {other.folder.parent}"
        )
    pools: dict[Hashable, list[Run]] = {}
    for run in runs:
        pools.setdefault((reported_cell(run), run.seed), []).append(run)
    return [PooledRun(sorted(pool, key=lambda run: run.fold or 0)) for pool in pools.values()]


def common_folds(pools: Sequence[PooledRun]) -> list[int | None]:
    """The folds that every pool has, in order; [None] without folds.

    Raises:
        MammoError: no fold is in all of them.
    """
    folds = [fold for fold in pools[0].folds if all(fold in pool.folds for pool in pools)]
    if not folds:
        raise MammoError(
            f"{pools[0].first.folder.parent}: no fold has a finished run of every model and seed; python -m "
            "mammo.sweep status lists the jobs that are not done"
        )
    return folds
