"""Lesion score tables of any model, as CSV: read strictly, and brought onto one set of lesions.

A file has the columns lesion_id, patient_id, malignant (0 or 1) and score (in [0, 1]), in any order and with any
others beside them; UTF-8, with or without a byte order mark, separated by commas. Rows count from 1 after the header.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import MammoError

COLUMNS = ("lesion_id", "patient_id", "malignant", "score")


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """One model's scores.

    Attributes:
        name: the path as it was given.
        table: lesion_id, patient_id (text), malignant (int64), score (float64), and other columns as text; indexed by
            row number in the file.
    """

    name: str
    table: pd.DataFrame


def read_score_file(path: Path) -> ScoreFile:
    """Read and check one file.

    Raises:
        MammoError: it cannot be read, a column is missing, or a row is wrong; with the file, the row and the value.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = _cells(csv.reader(file, strict=True), path)
            header = next(cells)
            _check_header(path, header)
            rows = list(cells)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        told = f"line {error.object[: error.start].count(10) + 1}" if isinstance(error, UnicodeDecodeError) else error
        raise MammoError(f"{path}: no readable CSV file in UTF-8 ({told}); name a lesion score table") from error
    table = pd.DataFrame(rows, columns=header, index=pd.RangeIndex(1, len(rows) + 1), dtype="str")
    _check_rows(path, table)
    return ScoreFile(str(path), table.astype({"malignant": "float64", "score": "float64"}).astype({"malignant": int}))


def match_lesions(files: Sequence[ScoreFile]) -> list[ScoreFile]:
    """The files with their lesions in the first file's order.

    Raises:
        MammoError: a lesion is in one file only, or two files give it another label or patient.
    """
    first = files[0]
    return [first, *(_matched(file, first) for file in files[1:])]


def check_disjoint(picked: ScoreFile, judged: ScoreFile) -> None:
    """Refuse to pick a threshold on patients that it is then judged by, or on the test split where a file names it.

    Raises:
        MammoError: naming a patient of both files or a lesion of the test split, or because no threshold exists.
    """
    both = set(picked.table["patient_id"]) & set(judged.table["patient_id"])
    if both:
        patient = min(both)
        row = picked.table.index[picked.table["patient_id"] == patient][0]
        raise MammoError(
            f"{picked.name}, row {row}: patient {patient} is in {judged.name}, too ({len(both)} patients are); pick "
            "thresholds on patients that they are not judged by"
        )
    test = picked.table.get("split", pd.Series(dtype="str")) == "test"
    if test.any():
        raise MammoError(
            f"{picked.name}, row {test.idxmax()}: a lesion of split test ({int(test.sum())} are); pick thresholds on "
            "validation lesions"
        )
    if not picked.table["malignant"].any():
        raise MammoError(f"{picked.name}: no malignant lesion, so no threshold can be picked there")


def _cells(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    """Header and rows, stripped; blank lines are left out, and every row is as long as the header."""
    header: list[str] | None = None
    number = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        header = header or cells
        if len(cells) != len(header):
            raise MammoError(
                f"{path}, row {number}: {len(cells)} cells, but the header has {len(header)}; mend the row"
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
        raise MammoError(f"{path}: column {twice!r} comes twice; keep one")


def _check_rows(path: Path, table: pd.DataFrame) -> None:
    """Refuse the first wrong row, naming its value."""
    for row, lesion, patient, malignant, score in table[list(COLUMNS)].itertuples(name=None):
        where = f"{path}, row {row} (lesion {lesion})" if lesion else f"{path}, row {row}"
        if not lesion or not patient:
            raise MammoError(f"{where}: {'patient_id' if lesion else 'lesion_id'} is empty; give every lesion both ids")
        if _number(malignant) not in (0, 1):
            raise MammoError(f"{where}: malignant is {malignant!r}; write 1 for malignant and 0 for benign")
        value = _number(score)
        if np.isnan(value):
            raise MammoError(
                f"{where}: score is {score!r}, not a number; score every lesion or leave it out of all files"
            )
        if not 0 <= value <= 1:
            raise MammoError(f"{where}: score {score} is outside [0, 1]; give the chance of malignancy")
    twice = table["lesion_id"].duplicated()
    if twice.any():
        row, lesion = twice.idxmax(), table["lesion_id"][twice].iloc[0]
        before = (table["lesion_id"] == lesion).idxmax()
        raise MammoError(f"{path}, row {row}: lesion_id {lesion} is that of row {before}, too; one row a lesion")


def _number(text: str) -> float:
    try:
        return float("nan") if "_" in text else float(text)
    except ValueError:
        return float("nan")


def _matched(file: ScoreFile, first: ScoreFile) -> ScoreFile:
    ours = file.table.reset_index(names="row").set_index("lesion_id")
    theirs = first.table.reset_index(names="row").set_index("lesion_id")
    apart = [*ours.index.difference(theirs.index, sort=False), *theirs.index.difference(ours.index, sort=False)]
    if apart:
        has, lacks = (file, first) if apart[0] in ours.index else (first, file)
        row = (has.table["lesion_id"] == apart[0]).idxmax()
        raise MammoError(
            f"{has.name}, row {row}: lesion {apart[0]} is not in {lacks.name} ({len(apart)} lesions are in one file "
            "only); compare scores of the same lesions"
        )
    ours = ours.loc[theirs.index]
    for column in ("malignant", "patient_id"):
        differs = ours[column] != theirs[column]
        if differs.any():
            one, other = ours[differs].iloc[0], theirs[differs].iloc[0]
            raise MammoError(
                f"{file.name}, row {one['row']}: lesion {one.name} has {column} {one[column]}, but {other[column]} in "
                f"{first.name}, row {other['row']}; mend one of the two"
            )
    return replace(file, table=ours.reset_index().set_index("row")[list(file.table.columns)])
