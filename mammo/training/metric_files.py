"""The files metrics/version_N/metrics.csv of a run, one for each of its parts between interruptions."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from mammo.io import atomic_write


def logged_names(folder: Path, row: Mapping[str, float]) -> set[str]:
    """Names of the metrics that a run's files hold of the epoch and step of a row.

    Args:
        folder: of the files' folders.
        row: metrics with `epoch` and `step`.
    """
    lines = [line for path in folder.glob("*/metrics.csv") for line in _lines(path)]
    same = [line for line in lines if all(_number(line, name) == row[name] for name in ("epoch", "step"))]
    return {name for line in same for name, value in line.items() if value}


def drop_rows(folder: Path, step: int) -> None:
    """Remove the rows of this step and later ones, which a run that goes on from before will log again.

    A file that would keep none is deleted: without a value its columns have no type.

    Args:
        folder: of the files' folders.
        step: number of the first step that is done again, from 0.
    """
    for path in folder.glob("*/metrics.csv"):
        lines = list(_lines(path))
        kept = [line for line in lines if not _number(line, "step") >= step]
        if lines and not kept:
            path.unlink()
        elif len(kept) < len(lines):
            with atomic_write(path) as written, written.open("w", newline="", encoding="utf-8") as opened:
                writer = csv.DictWriter(opened, list(lines[0]), lineterminator="\r\n")
                writer.writeheader()
                writer.writerows(kept)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a file of metrics; none of one that is missing or damaged."""
    with suppress(OSError, ValueError, csv.Error), path.open(newline="", encoding="utf-8") as opened:
        yield from [line for line in csv.DictReader(opened) if None not in line and None not in line.values()]


def _number(line: Mapping[str, str], name: str) -> float:
    """A number of a row; NaN where it is none."""
    try:
        return float(line.get(name, ""))
    except ValueError:
        return float("nan")
