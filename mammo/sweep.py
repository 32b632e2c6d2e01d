"""`python -m mammo.sweep status runs/demo`: how far the sweeps of a root are, job by job."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mammo.records import MammoError
from mammo.runs.sweeps import Job, Sweep

WIDE = 160
"""Columns of a table that is not printed on a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when every job is done, 1 when some are not, 2 with one sentence on wrong use."""
    parser = argparse.ArgumentParser(prog="python -m mammo.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="every job: done, running, failed or missing, and the best so far")
    status.add_argument("root", type=Path, nargs="?", default=Path("runs/demo"), help="default runs/demo")
    asked = parser.parse_args(arguments)
    try:
        return max([_status(sweep) for sweep in Sweep.below(asked.root)])
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _status(sweep: Sweep) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
