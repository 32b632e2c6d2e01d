"""Lesion score files of any model: strict reading of CSV, matching by lesion, and the files of all folds as one.

A file has the columns lesion_id, patient_id, malignant (0 or 1) and score (in [0, 1]), in any order and with other
columns; UTF-8, with or without a byte order mark, separated by commas. Rows count from 1 after the header. The column
finding_id, where there is one, joins the views of one lesion (scoring.findings). The column fold holds the fold that a
lesion's model was tested on; validation lesions have the fold of their model too, and each fold chooses its own
threshold.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.limits import TABLE_BYTES, check_size, limited_lines
from mammo.records import Floats, MammoError
from mammo.scoring.findings import check_findings, check_same_findings
from mammo.scoring.score_tables import check_copy
from mammo.scoring.thresholds import threshold_at_fnr

COLUMNS = ("lesion_id", "patient_id", "malignant", "score")

NONE = ("", "-1")
"""Values of the column fold that stand for no fold."""


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """One model's scores.

    Attributes:
        name: the path as given.
        table: lesion_id, patient_id (text), malignant (int64), score (float64), and other columns as text; the index
            is the row number in the file.
    """

    name: str
    table: pd.DataFrame


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
    pooled = text.set_index(pd.RangeIndex(1, len(text) + 1))
    check_findings(name, pooled)
    return ScoreFile(str(name), pooled)


def read_score_file(path: Path) -> ScoreFile:
    """Read and check one file.

    Raises:
        MammoError: it cannot be read, a column is missing, or a row is invalid; names file, row and value. Or it is
            the CSV file beside a Parquet table of mammo, and was changed (score_tables.check_copy).
    """
    check_copy(path)
    try:
        check_size(path, TABLE_BYTES)
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = _cells(csv.reader(limited_lines(file), strict=True), path)
            header = next(cells)
            _check_header(path, header)
            rows = list(cells)
    except (OSError, ValueError, csv.Error) as error:
        cause = f"line {error.object[: error.start].count(10) + 1}" if isinstance(error, UnicodeDecodeError) else error
        raise MammoError(f"{path}: not a readable CSV file in UTF-8 ({cause}); give a lesion score table") from error
    table = pd.DataFrame(rows, columns=header, index=pd.RangeIndex(1, len(rows) + 1), dtype="str")
    _check_rows(path, table)
    return ScoreFile(str(path), table.astype({"malignant": "float64", "score": "float64"}).astype({"malignant": int}))


def score_table(table: pd.DataFrame, name: str = "table") -> ScoreFile:
    """A data frame with the columns of a score file, checked like one; rows count from 1.

    Args:
        table: the columns COLUMNS, every row with a value, and any others, where a missing value is empty text.
        name: for messages.

    Raises:
        MammoError: a column is missing, or a row is invalid, as in read_score_file, or has no value in COLUMNS.
    """
    _check_header(Path(name), [str(column) for column in table.columns])
    for column in COLUMNS:
        if (missing := table[column].isna().to_numpy()).any():
            raise MammoError(
                f"{name}: column {column} has no value in {int(missing.sum())} of {len(table)} rows, first in row "
                f"{int(missing.argmax()) + 1}: fill it in, or leave these rows out"
            )
    labels = pd.to_numeric(table["malignant"], errors="coerce").fillna(table["malignant"])  # True and False, too
    values = table.assign(malignant=labels.astype(object).map(lambda value: int(value) if value in (0, 1) else value))
    text = values.astype(object).where(values.notna(), "").astype(str).set_axis(pd.RangeIndex(1, len(table) + 1))
    _check_rows(Path(name), text)
    return ScoreFile(name, text.astype({"malignant": "float64", "score": "float64"}).astype({"malignant": int}))


def match_lesions(files: Sequence[ScoreFile]) -> list[ScoreFile]:
    """The files with their lesions in the order of the first file.

    Raises:
        MammoError: a lesion is in one file only, or has different labels, patients or findings in two files.
    """
    first = files[0]
    matched = [first, *(_matched(file, first) for file in files[1:])]
    check_same_findings({file.name: file.table for file in matched})
    return matched


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


def check_disjoint(validation: ScoreFile, test: ScoreFile) -> None:
    """Reject thresholds chosen on patients that are evaluated, on lesions of split test, or without malignant lesions.

    Raises:
        MammoError: a patient is in both files, or a validation lesion has split test, or none is malignant.
    """
    both = set(validation.table["patient_id"]) & set(test.table["patient_id"])
    if both:
        patient = min(both)
        row = validation.table.index[validation.table["patient_id"] == patient][0]
        raise MammoError(
            f"{validation.name}, row {row}: patient {patient} is also in {test.name} (patients in both: {len(both)}); "
            "choose thresholds on patients who are not evaluated"
        )
    is_test = validation.table.get("split", pd.Series(dtype="str")) == "test"
    if is_test.any():
        raise MammoError(
            f"{validation.name}, row {is_test.idxmax()}: the lesion has split test "
            f"(such lesions: {int(is_test.sum())}); choose thresholds on validation lesions"
        )
    if not validation.table["malignant"].any():
        raise MammoError(f"{validation.name}: no malignant lesion to choose a threshold on; give another file")


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


def _cells(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    """Yield header and rows, stripped, without blank lines; every row must have as many cells as the header."""
    header: list[str] | None = None
    number = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        header = header or cells
        if len(cells) != len(header):
            raise MammoError(
                f"{path}, row {number}: {len(cells)} cells, but the header has {len(header)}; correct the row"
            )
        number += 1
        yield [cell.strip() for cell in cells]
    if header is None:
        raise MammoError(f"{path}: the file is empty; a lesion score table needs the columns {', '.join(COLUMNS)}")


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise MammoError(
            f"{path}: column {missing[0]} is missing (found: {', '.join(header)}); a lesion score table needs the "
            f"columns {', '.join(COLUMNS)}, separated by commas"
        )
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise MammoError(f"{path}: duplicate column {twice!r}; keep one")


def _check_rows(path: Path, table: pd.DataFrame) -> None:
    """Reject the first invalid row, with its value."""
    for row, lesion, patient, malignant, score in table[list(COLUMNS)].itertuples(name=None):
        where = f"{path}, row {row} (lesion {lesion})" if lesion else f"{path}, row {row}"
        if not lesion or not patient:
            raise MammoError(f"{where}: {'patient_id' if lesion else 'lesion_id'} is empty; fill in both ids")
        if _number(malignant) not in (0, 1):
            raise MammoError(f"{where}: malignant is {malignant!r}; write 1 for malignant and 0 for benign")
        value = _number(score)
        if np.isnan(value):
            raise MammoError(f"{where}: score is {score!r}, not a number; score the lesion or remove it from all files")
        if not 0 <= value <= 1:
            raise MammoError(
                f"{where}: score {score} is outside [0, 1]; give scores of which higher ones mean more likely malignant"
            )
    twice = table["lesion_id"].duplicated()
    if twice.any():
        row, lesion = twice.idxmax(), table["lesion_id"][twice].iloc[0]
        before = (table["lesion_id"] == lesion).idxmax()
        raise MammoError(f"{path}, row {row}: lesion_id {lesion} is also in row {before}; keep one row per lesion")
    check_findings(path, table)


def _number(text: str) -> float:
    try:
        return float("nan") if "_" in text else float(text)
    except ValueError:
        return float("nan")


def _matched(file: ScoreFile, first: ScoreFile) -> ScoreFile:
    ours = file.table.reset_index(names="row").set_index("lesion_id")
    theirs = first.table.reset_index(names="row").set_index("lesion_id")
    unmatched = [*ours.index.difference(theirs.index, sort=False), *theirs.index.difference(ours.index, sort=False)]
    if unmatched:
        has, lacks = (file, first) if unmatched[0] in ours.index else (first, file)
        row = (has.table["lesion_id"] == unmatched[0]).idxmax()
        raise MammoError(
            f"{has.name}, row {row}: lesion {unmatched[0]} is not in {lacks.name} ({len(unmatched)} lesions are in one "
            "file only); compare scores of the same lesions"
        )
    ours = ours.loc[theirs.index]
    for column in ("malignant", "patient_id"):
        differs = ours[column] != theirs[column]
        if differs.any():
            one, other = ours[differs].iloc[0], theirs[differs].iloc[0]
            raise MammoError(
                f"{file.name}, row {one['row']}: lesion {one.name} has {column} {one[column]}, but {other[column]} in "
                f"{first.name}, row {other['row']}; correct one of the two"
            )
    return replace(file, table=ours.reset_index().set_index("row")[list(file.table.columns)])
