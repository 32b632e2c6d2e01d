"""The state of a sweep as a table, and the output of one of its jobs."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from mammo.records import MammoError
from mammo.scoring.number_text import number_text
from mammo.text import print_text, printable
from mammo.training.slurm_queue import log_files
from mammo.training.sweep_state import Job, State, Sweep

RARE = ("pending", "left out", "lost", "unknown")
"""States that are counted only where a job is in them."""

TABLE_WIDTH = 160
"""Columns of a status table that is not printed on a terminal."""

TAIL_BYTES = 1 << 20
"""The end of a log that its last lines are taken from."""


def print_status(sweep: Sweep) -> int:
    """Print the jobs of a sweep as a table, and the best of them so far.

    Returns:
        0 when all are done, jobs that are left out aside, else 1.
    """
    jobs = sweep.state()
    table = Table("job", "overrides", "state", "val AUC", "run, or why it failed", title=printable(sweep.folder.name))
    for number, job in enumerate(jobs):
        auc = number_text(job.val_auc) if job.state == "done" and job.run else ""
        cells = job.overrides, job.state, auc, job.error or (job.run.name if job.run else "")
        table.add_row(str(number), *map(printable, cells))
    width = None if sys.stdout.isatty() else TABLE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)
    counts = Counter(job.state for job in jobs)
    print_text(", ".join(f"{counts[state]} {state}" for state in get_args(State) if state not in RARE or counts[state]))
    scored = [job for job in jobs if job.val_auc is not None]
    if scored:
        best: Job = max(scored, key=lambda job: job.val_auc or 0.0)
        print_text(f"best so far: {best.overrides}, val AUC {number_text(best.val_auc)}, {best.run}")
    return int(not all(job.is_settled for job in jobs))


def find_job(sweeps: Sequence[Sweep], name: str) -> tuple[Sweep, int]:
    """The sweep and the number of a job.

    Args:
        sweeps: of a root.
        name: a job's number, as in 3, its sweep and number, as in table3-1a2b3c4d/3, or its Slurm job, as in 1234_3.

    Raises:
        MammoError: no job has this name, or several have.
    """
    found = [
        (sweep, number)
        for sweep in sweeps
        for number, job in enumerate(sweep.state())
        if name in (str(number), f"{sweep.folder.name}/{number}", job.slurm_id)
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise MammoError(
            f"{name} is not a job of a sweep of this root: give its number, as in 3, or its Slurm job, as in 1234_3; "
            "mammo sweep status lists all"
        )
    names = ", ".join(f"{sweep.folder.name}/{number}" for sweep, number in found)
    raise MammoError(f"{name} is a job of {len(found)} sweeps: name one of {names}")


def print_logs(sweep: Sweep, number: int, n_lines: int) -> None:
    """Print a job's state, the paths of its standard output and standard error, and the last lines of each."""
    job = sweep.state()[number]
    where = "without Slurm, so that its output stands in the sweep's own"
    if job.slurm_id or job.state == "unknown":
        where = f"Slurm job {job.slurm_id or 'not known'}"
    facts = {"run": job.run, "why": job.error}
    lines = [f"job {number} of {sweep.folder.name} ({job.overrides}): {job.state}, {where}"]
    lines += [f"{name}: {value}" for name, value in facts.items() if value]
    own = log_files(sweep.folder, job.slurm_id) if job.slurm_id else [sweep.folder / str(number) / "traceback.txt"]
    for path in own:
        if path.is_file():
            lines += [f"--- {path}", *_last_lines(path, n_lines)]
        elif job.slurm_id:
            lines.append(f"--- {path} does not exist" + (" before the job starts" if job.state == "pending" else ""))
    print_text("\n".join(lines))


def _last_lines(path: Path, n_lines: int) -> list[str]:
    with path.open("rb") as opened:
        opened.seek(max(os.path.getsize(path) - TAIL_BYTES, 0))
        return opened.read(TAIL_BYTES).decode(errors="replace").splitlines()[-n_lines:]
