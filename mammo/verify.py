"""`python -m mammo.verify STORE`: examine a store and write a page of what is doubtful about it.

python -m mammo.verify runs/mine/store        the page is runs/mine/verify/doubts.html, the list doubts.csv beside it
python -m mammo.verify --realism runs/demo    how far its phantoms are from the real exam that MAMMO_REAL_EXAM names
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mammo.quality.audit import examine
from mammo.quality.checks import CHECKS
from mammo.realism.assessment import RangeStatus, assess_realism, realism_lines
from mammo.records import MammoError
from mammo.reporting.quality_page import write_doubts
from mammo.scoring.table_file import safe_csv

DOUBTED = 3
"""Exit status when the examination is done, but something is doubtful, or outside of the real range."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine one store; exit status 0 without doubts, 3 with some, 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m mammo.verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="a store's folder or the root above it, for example runs/demo")
    parser.add_argument("--out", type=Path, help="folder of the page and the list (default: verify beside the store)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many read pixels (all cores)")
    parser.add_argument("--realism", action="store_true", help="measure how far the store's images are from real ones")
    parser.add_argument("--images", type=int, default=64, help="about how many images --realism measures (64)")
    asked = parser.parse_args(arguments)
    below = asked.store / "store"
    asked.store = below if below.is_dir() else asked.store
    try:
        return _realism(asked) if asked.realism else _doubts(asked)
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _doubts(asked: argparse.Namespace) -> int:
    out = asked.out or asked.store.parent / "verify"
    found = examine(asked.store, asked.processes)
    page = write_doubts(out / "doubts.html", asked.store, found)
    rows = [(doubt.check, doubt.subject, doubt.told, " ".join(doubt.images)) for doubt in found.doubts]
    safe_csv(pd.DataFrame(rows, columns=["check", "subject", "told", "images"]), out / "doubts.csv")
    for check, count in found.counts().items():
        print(f"{count} {check}: {CHECKS[str(check)]}")
    print(f"{len(found.doubts)} doubts by {len(CHECKS)} checks: {page}")
    return DOUBTED if found.doubts else 0


def _realism(asked: argparse.Namespace) -> int:
    exam = os.environ.get("MAMMO_REAL_EXAM")
    found = assess_realism(asked.store, Path(exam) if exam else None, asked.images)
    for line in realism_lines(found):
        print(line)
    return DOUBTED if any(row.status is RangeStatus.OUTSIDE for row in found.measures) else 0


if __name__ == "__main__":
    sys.exit(main())
