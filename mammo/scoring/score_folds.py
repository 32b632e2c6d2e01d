"""Score files of cross-validated models: the files of all folds as one, and thresholds that each fold chooses itself.

The column fold holds the fold that a lesion's model was tested on; validation lesions have the fold of their model too.
"""

from collections.abc import Iterator
from dataclasses import replace
from glob import glob, has_magic
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Floats, MammoError
from mammo.scoring.score_file import ScoreFile, check_disjoint, read_score_file
from mammo.scoring.thresholds import threshold_at_fnr

NONE = ("", "-1")
"""Values of the column fold that stand for no fold."""


def read_scores(name: Path) -> ScoreFile:
    """Read one score file, or all files that a pattern such as runs/*-f*/lesions.csv matches, as one.

    Raises:
        MammoError: as read_score_file, no file matches the pattern, or a lesion is in two files.
    """
    if name.is_file() or not has_magic(str(name)):
        return read_score_file(name)
    paths = sorted(glob(str(name), recursive=True))
    if not paths:
        raise MammoError(f"{name}: no file matches this pattern; give the score files of all folds")
    tables = [read_score_file(Path(path)).table.assign(file=path) for path in paths]
    table = pd.concat(tables, ignore_index=True)
    twice = table["lesion_id"].duplicated()
    if twice.any():
        lesion = table["lesion_id"][twice].iloc[0]
        one, other = table["file"][table["lesion_id"] == lesion].iloc[:2]
        raise MammoError(f"{other}: lesion {lesion} is also in {one}; pool files of different folds only")
    text = table.drop(columns="file").fillna("")
    return ScoreFile(str(name), text.set_index(pd.RangeIndex(1, len(text) + 1)))


def fold_column(table: pd.DataFrame) -> "pd.Series[str]":
    """The fold of each row, empty without one."""
    if "fold" not in table:
        return pd.Series("", index=table.index)
    folds = table["fold"].astype(str)
    return folds.mask(folds.isin(NONE), "")


def fold_names(table: pd.DataFrame) -> list[str]:
    """The folds of a table, numbers in order; empty if it has fewer than two, or rows without a fold."""
    names = set(fold_column(table))
    return sorted(names, key=lambda name: (len(name), name)) if len(names) > 1 and "" not in names else []


def missing_folds(names: list[str]) -> list[str]:
    """The numbers of folds that lie between those of a table but are not among them."""
    if not all(name.isdecimal() for name in names):
        return []
    numbers = {int(name) for name in names}
    return [str(number) for number in range(max(numbers, default=0)) if number not in numbers]


def check_validation(validation: ScoreFile, test: ScoreFile) -> None:
    """Check the validation lesions that thresholds are chosen on, fold by fold where both files have folds.

    Raises:
        MammoError: as check_disjoint, or a fold has no validation lesion.
    """
    for part, tested in _parts(validation, test):
        check_disjoint(part, tested)


def thresholds_at_fnr(validation: ScoreFile, test: ScoreFile, fnr: float) -> float | Floats:
    """The threshold for a false negative rate; with folds [N], for each test lesion that of its fold.

    Args:
        validation: lesions to choose on (check_validation).
        test: N lesions to be called malignant or benign.
        fnr: as threshold_at_fnr.
    """
    chosen = [
        (tested.table.index, threshold_at_fnr(part.table["malignant"], part.table["score"], fnr))
        for part, tested in _parts(validation, test)
    ]
    if len(chosen) == 1:
        return chosen[0][1]
    by_row = {row: threshold for index, threshold in chosen for row in index}
    return np.array([by_row[row] for row in test.table.index], dtype=np.float64)


def _parts(validation: ScoreFile, test: ScoreFile) -> Iterator[tuple[ScoreFile, ScoreFile]]:
    """Validation and test lesions of each fold, or the two files where one of them has no folds."""
    names = fold_names(test.table) if fold_names(validation.table) else []
    if not names:
        yield validation, test
    for name in names:
        chosen_on, tested = (replace(file, table=_of_fold(file.table, name)) for file in (validation, test))
        if chosen_on.table.empty:
            raise MammoError(
                f"{validation.name}: no lesion of fold {name}, which {test.name} has; give one of each fold"
            )
        yield chosen_on, tested


def _of_fold(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[fold_column(table) == name]
