"""A sweep's jobs as a table on standard output, and the best of them so far."""

import sys
from collections import Counter

from rich.console import Console
from rich.table import Table

from mammo.training.sweep_state import Job, Sweep

WIDE = 160
"""Columns of a table that is not printed on a terminal."""


def tell_status(sweep: Sweep) -> int:
    """Print one sweep; 0 when all of it is done, else 1."""
    jobs = sweep.state()
    table = Table("job", "what", "state", "val AUC", "run, or why it failed", title=sweep.folder.name)
    for number, job in enumerate(jobs):
        auc = "" if job.val_auc is None else f"{job.val_auc:.3f}"
        table.add_row(str(number), job.words, job.state, auc, job.error or (job.run.name if job.run else ""))
    Console(width=None if sys.stdout.isatty() else WIDE, markup=False, highlight=False).print(table)
    counts = Counter(job.state for job in jobs)
    print(", ".join(f"{counts[state]} {state}" for state in ("done", "running", "failed", "missing")))
    scored = [job for job in jobs if job.val_auc is not None]
    if scored:
        best: Job = max(scored, key=lambda job: job.val_auc or 0.0)
        print(f"best so far: {best.words}, val AUC {best.val_auc:.3f}, {best.run}")
    return int(counts["done"] < len(jobs))
