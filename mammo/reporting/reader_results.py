"""Readers compared under two conditions, from a folder of score tables for each: as an object for JSON, and as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from mammo.records import Floats, MammoError
from mammo.scoring.intervals import Interval
from mammo.scoring.metrics import why_undefined
from mammo.scoring.number_text import json_number, number_text, p_text, range_text
from mammo.scoring.performance_json import Json, bounds
from mammo.scoring.reader_comparison import ReaderComparison, compare_readers
from mammo.scoring.score_file import ScoreFile, match_lesions, read_score_file

FEW_READERS, FEW_CASES = 5, 30
"""Fewer readers, or malignant or benign lesions, are warned of."""


def compare_folders(first: Path, second: Path) -> Json:
    """The readers of two folders compared, ready for JSON; undefined values are None.

    Args:
        first: folder of score tables READER.csv, all of the same lesions.
        second: the same readers under another condition.

    Raises:
        MammoError: a path is not such a folder, the readers differ or are fewer than two, or a table is wrong.
    """
    readers = _same_readers(first, second)
    read = [read_score_file(folder / f"{name}.csv") for folder in (first, second) for name in readers]
    _check_finished(read, [folder / f"{name}.csv" for folder in (first, second) for name in readers])
    tables = match_lesions(read)
    table = tables[0].table
    labels, patients = table["malignant"].to_numpy(), table["patient_id"].to_numpy()
    found = compare_readers(labels, _scores(tables, len(readers)), patients)
    return {
        **{"first": str(first), "second": str(second), "n": len(table), "n_malignant": int(labels.sum())},
        "n_patients": len(set(patients.tolist())),
        "undefined": why_undefined(labels) or None,
        "warnings": _warnings(len(readers), int(labels.sum()), int((1 - labels).sum())),
        "readers": [
            {"reader": name, "auc_first": json_number(float(one)), "auc_second": json_number(float(other))}
            for name, one, other in zip(readers, *found.aucs, strict=True)
        ],
        **_estimates(found),
        "method": "Obuchowski-Rockette, readers and patients random, jackknife over patients, ddf_H",
    }


def _check_finished(tables: Sequence[ScoreFile], paths: Sequence[Path]) -> None:
    """MammoError that names the first reader with fewer lesions than others."""
    most = max(len(one.table) for one in tables)
    for one, path in zip(tables, paths, strict=True):
        if len(one.table) < most:
            raise MammoError(
                f"{path} has {len(one.table)} lesions of {most}, as of a reader who has not finished: delete "
                f"{path.name} in both folders"
            )


def _warnings(n_readers: int, n_malignant: int, n_benign: int) -> list[str]:
    """Why an interval says little."""
    found = []
    if n_readers < FEW_READERS:
        found.append(f"{n_readers} readers: what they say about readers in general is uncertain.")
    if min(n_malignant, n_benign) < FEW_CASES:
        found.append(f"{n_malignant} malignant and {n_benign} benign lesions: AUCs of so few are uncertain.")
    return found


def _same_readers(first: Path, second: Path) -> list[str]:
    """The names of the tables that two folders both have; MammoError where they differ or are fewer than two."""
    ours, theirs = _readers(first), _readers(second)
    if missing := sorted(ours ^ theirs):
        has, lacks = (first, second) if missing[0] in ours else (second, first)
        raise MammoError(f"{has}: {missing[0]}.csv has no counterpart in {lacks}: give the same readers in both")
    if len(ours) < 2:
        raise MammoError(f"{first} has a single reader: give at least two, which show how readers vary")
    return sorted(ours)


def _readers(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise MammoError(f"{folder} is not a folder: with --readers give two folders of score tables READER.csv")
    found = {path.stem for path in folder.glob("*.csv")}
    if not found:
        raise MammoError(f"{folder} has no score table: with --readers give two folders of score tables READER.csv")
    return found


def _scores(tables: list[ScoreFile], n_readers: int) -> Floats:
    """Scores [2, R, N]."""
    rows = np.stack([file.table["score"].to_numpy() for file in tables])
    return rows.reshape(2, n_readers, -1)


def _estimates(found: ReaderComparison) -> Json:
    """The mean AUCs, their difference and its test, and the covariances of the AUCs."""
    values: Json = {}
    for name, one in zip(("first", "second", "difference"), (*found.means, found.difference), strict=True):
        lowest = -1 if name == "difference" else 0  # a t interval can pass what an AUC can be
        interval = Interval(float(one.value), *np.clip([one.low, one.high], lowest, 1).tolist())
        values |= {f"auc_{name}": json_number(interval.value), f"auc_{name}_ci": bounds(interval)}
    values |= {"f": json_number(float(found.f)), "df": json_number(float(found.difference.df))}
    names = [field.name for field in fields(found.covariances) if field.name != "by_condition"]
    values["covariances"] = {name: json_number(float(getattr(found.covariances, name))) for name in names}
    return values | {"p": json_number(float(found.p))}


def reader_text(found: Mapping[str, Any]) -> str:
    """The object of compare_folders as text."""
    return "\n".join(_lines(found))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    first, second = found["first"], found["second"]
    lesions = f"{found['n']} lesions, {found['n_malignant']} malignant, {found['n_patients']} patients"
    yield f"{first} minus {second}: {len(found['readers'])} readers, {lesions}"
    yield from (f"  warning: {warning}" for warning in found["warnings"])
    if found["undefined"]:
        yield f"  no AUC: {found['undefined']}"
        return
    for row in found["readers"]:
        one, other = row["auc_first"], row["auc_second"]
        yield f"  AUC, reader {row['reader']:<10} {one:.3f} and {other:.3f}   difference {one - other:+.3f}"
    for name, where in (("first", first), ("second", second)):
        yield f"  mean AUC, {where}: {_shown(found, f'auc_{name}')}"
    test = f"F {number_text(found['f'], 2)} with 1 and {number_text(found['df'], 1)} degrees of freedom"
    yield f"  difference           {_shown(found, 'auc_difference')}   {p_text(found['p'])}, {test}"
    yield "Intervals: 95 %, Obuchowski-Rockette with readers and patients as random samples; jackknife over patients."


def _shown(found: Mapping[str, Any], name: str) -> str:
    interval = found[f"{name}_ci"]
    return f"{number_text(found[name])} ({'no interval' if interval is None else range_text(interval)})"
