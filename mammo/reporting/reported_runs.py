"""The runs that a report counts: of a search the best trial, the folds of a model pooled, and the AUC of every fold."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Floats, MammoError
from mammo.reporting.report_columns import FOLD_COLUMNS
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc, why_undefined
from mammo.store.splits import NO_FOLD
from mammo.training.results import Run, read_runs


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
                f"{run.folder}: same model, maps{fold} and seed as {twin.folder}: train what you compare in "
                f"a group of its own (group=NAME), or move one of the two out of {run.folder.parent}"
            )
        if not run.val_auc <= twin.val_auc and not math.isnan(run.val_auc):
            best[key] = run
    return sorted(best.values(), key=lambda run: run.folder.name)


def reported_cell(run: Run) -> Hashable:
    """The row or bar of a run; runs with saliency maps from different true sources share one."""
    return run.model, run.maps, run.context if run.is_control else "", run.backbone, run.init, run.labels


def pooled_runs(runs: Sequence[Run]) -> list[PooledRun]:
    """Pool the runs that differ in their fold only, in the order of the first of each.

    Raises:
        MammoError: some runs have folds and others have none, or as check_one_store.
    """
    with_folds = [run for run in runs if run.fold is not None]
    if 0 < len(with_folds) < len(runs):
        without = next(run for run in runs if run.fold is None)
        raise MammoError(
            f"{without.folder} has no fold, but {with_folds[0].folder} has fold={with_folds[0].fold}; move one of the "
            f"two kinds out of {without.folder.parent}"
        )
    check_one_store(runs)
    pools: dict[Hashable, list[Run]] = {}
    for run in runs:
        pools.setdefault((reported_cell(run), run.seed), []).append(run)
    return [PooledRun(sorted(pool, key=lambda run: run.fold or 0)) for pool in pools.values()]


def check_one_store(runs: Sequence[Run]) -> None:
    """Check that runs were trained on the same images, lesions and splits, as far as they say.

    Raises:
        MammoError: two were not, as when a store is split anew during a sweep.
    """
    known = [run for run in runs if run.store]
    other = next((run for run in known if run.store != known[0].store), None)
    if other is not None:
        raise MammoError(
            f"{other.folder} was trained on other images, lesions, splits or folds than {known[0].folder}; train again "
            "what you compare on the store as it is now, or move the runs of one of the two out of "
            f"{other.folder.parent}"
        )


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


def fold_table(scores: Mapping[str, Floats], lesions: pd.DataFrame) -> pd.DataFrame:
    """The AUC of each model on each fold, their mean, and the AUC of the pooled scores.

    Args:
        scores: model to its seed-mean lesion scores [N] in [0, 1].
        lesions: N rows with malignant, patient_id and fold.

    Returns:
        Columns FOLD_COLUMNS and fold_<number>, a row for each model; empty without folds. The AUC of a fold with one
        class only is NaN, and the mean leaves it out.
    """
    folds = sorted(set(lesions["fold"]) - {NO_FOLD})
    if not folds:
        return pd.DataFrame(columns=list(FOLD_COLUMNS))
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    rows = []
    for model, score in scores.items():
        pooled = auc_interval(malignant, score, patients)
        own = [auc(malignant[inside], score[inside]) for inside in (lesions["fold"].to_numpy() == k for k in folds)]
        known = np.array([value for value in own if not np.isnan(value)])
        mean = float(known.mean()) if known.size else np.nan
        sd = float(known.std(ddof=1)) if known.size > 1 else np.nan
        rows.append([model, pooled.value, pooled.low, pooled.high, mean, sd, *own])
    return pd.DataFrame(rows, columns=[*FOLD_COLUMNS, *(f"fold_{fold}" for fold in folds)])


def fold_numbers(table: pd.DataFrame) -> list[int]:
    """The folds of a fold_table."""
    prefix = "fold_"
    return [int(name.removeprefix(prefix)) for name in table.columns if name.startswith(prefix)]


def fold_warnings(pools: Sequence[PooledRun], lesions: pd.DataFrame) -> list[str]:
    """Sentences about folds that were not trained, and about folds whose AUC is undefined; empty if there are none.

    Args:
        pools: all runs, with all of their folds.
        lesions: the pooled test lesions, with malignant and fold.
    """
    n_folds = max(run.n_folds for pool in pools for run in pool.runs)
    lacking: dict[int, list[str]] = {}
    for pool in pools:
        for fold in set(range(n_folds)) - set(pool.folds):
            lacking.setdefault(fold, []).append(f"{pool.first.model} {pool.first.cell}, seed {pool.first.seed}")
    sentences = [
        f"Fold {fold} of {n_folds} is missing, and its lesions are left out, because these have no finished run of it: "
        f"{'; '.join(lacking[fold])}. Train them with fold={fold}."
        for fold in sorted(lacking)
    ]
    for fold in sorted(set(lesions["fold"]) - {NO_FOLD}):
        if reason := why_undefined(lesions["malignant"][lesions["fold"] == fold]):
            sentences.append(
                f"Fold {fold} has {reason} among its test lesions: its AUC is undefined, and the mean over folds "
                "leaves it out."
            )
    return sentences
