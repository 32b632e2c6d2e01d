"""The runs below a root, finished or not: state, size, AUC, and what they read.

A run is done if its result.json and every file that this lists are intact, and running while a process holds its lock.
Otherwise it has failed, if error.txt says with what error, and is interrupted if not; damaged is a run whose files have
changed since it was done.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mammo.io import did_you_mean_path, is_locked
from mammo.limits import parse_json, read_text
from mammo.records import MammoError
from mammo.scoring.number_text import json_number, number_text
from mammo.training.results import Run, intact_run
from mammo.training.run_dir import ERROR
from mammo.training.run_files import seal_of

State = Literal["done", "running", "failed", "interrupted", "damaged"]

UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class ListedRun:
    """A run folder as it stands.

    Attributes:
        folder: the run folder.
        state: of the run.
        n_bytes: size of the folder's files.
        result: of a run that is done, else None.
        error: of a run that has failed, or what is wrong with a damaged one; else empty.
        reads: digests of the run's inputs by name ("store", "floc", "context"); None if they are unknown.
    """

    folder: Path
    state: State
    n_bytes: int
    result: Run | None
    error: str
    reads: Mapping[str, str] | None

    @property
    def name(self) -> str:
        """The folder below the root, as in table3/floc-s0-1234abcd."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    def as_json(self) -> dict[str, Any]:
        """The run for JSON: name, state, bytes, model, val_auc and test_auc (null if undefined) and error."""
        run = self.result
        aucs = (
            {"val_auc": run.val_auc, "test_auc": run.test_auc} if run else {"val_auc": math.nan, "test_auc": math.nan}
        )
        return {
            "run": self.name,
            "state": self.state,
            "bytes": self.n_bytes,
            "model": run.model if run else None,
            **{name: json_number(auc) for name, auc in aucs.items()},
            "error": self.error or None,
        }


def list_runs(root: Path) -> list[ListedRun]:
    """Every run below a root, by group and name.

    Raises:
        MammoError: root does not exist, or there is no run below it.
    """
    if not root.is_dir():
        raise MammoError(f"{root}: no such folder{did_you_mean_path(root)}; name the one that holds the groups of runs")
    folders = sorted({path.parent for name in ("config.yaml", "result.json") for path in root.glob(f"*/*/{name}")})
    if not folders:
        raise MammoError(f"no run below {root}: name the folder that holds the groups of runs, for example runs/demo")
    return [_listed(folder) for folder in folders]


def _listed(folder: Path) -> ListedRun:
    result, problem = _result(folder)
    error = _text(folder / ERROR).partition("\n")[0]
    state: State = "interrupted"
    if result is not None:
        state = "done"
    elif is_locked(folder / "lock"):
        state = "running"
    elif error:
        state = "failed"
    elif problem:
        state = "damaged"
    shown = {"failed": error, "damaged": problem}.get(state, "")
    return ListedRun(folder, state, size_of(folder), result, shown, _reads(folder))


def _result(folder: Path) -> tuple[Run | None, str]:
    """The finished run of a folder, or what is wrong with its files."""
    try:
        return intact_run(folder), ""
    except MammoError as error:
        return None, str(error)


def _reads(folder: Path) -> Mapping[str, str] | None:
    """The digests of what a run reads, by name, as it wrote them when it started; None if unknown or damaged."""
    try:
        content = parse_json(_text(folder / "origin.json") or _text(folder / "result.json"))
        reads = content["read_digests"]
        if content.get("seal", seal := seal_of(content)) != seal:
            return None
        return {str(name): str(digest) for name, digest in reads.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as nothing, and so do files that vanish meanwhile."""
    total = 0
    for each in path.rglob("*") if path.is_dir() else (path,):
        try:
            total += 0 if each.is_symlink() or each.is_dir() else each.stat().st_size
        except OSError:
            continue
    return total


def shown_size(n_bytes: int) -> str:
    """A number of bytes for people, as in 345 MB: decimal units, three digits."""
    value, unit = float(n_bytes), 0
    while value >= 999.5 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {UNITS[unit]}"


def run_table(runs: Sequence[ListedRun]) -> list[str]:
    """One line for each run, under a header: name, state, size, AUC of validation and test; then the totals."""
    rows = [("run", "state", "size", "val AUC", "test AUC", "")]
    for run in runs:
        aucs = (run.result.val_auc, run.result.test_auc) if run.result else ()
        shown = [number_text(auc) for auc in aucs] or ["", ""]
        rows.append((run.name, run.state, shown_size(run.n_bytes), shown[0], shown[1], run.error))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)  # numbers to the right
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    n_done, total = sum(run.state == "done" for run in runs), shown_size(sum(run.n_bytes for run in runs))
    return [*(line.rstrip() for line in lines), f"{n_done} of {len(runs)} runs done, {total}"]


def _text(path: Path) -> str:
    try:
        return read_text(path).strip()
    except (OSError, ValueError):
        return ""
