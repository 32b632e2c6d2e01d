"""`python -m mammo.verify STORE`: examine a store and write a page of what is doubtful about it.

python -m mammo.verify runs/mine/store        the page is runs/mine/verify/doubts.html, the list doubts.csv beside it
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mammo.records import MammoError
from mammo.reporting.doubts_page import write_doubts
from mammo.scoring.table_file import safe_csv
from mammo.store.doubts import CHECKS
from mammo.store.doubts.examination import examine

DOUBTED = 3
"""Exit status when the examination is done, but something is doubtful."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine one store; exit status 0 without doubts, 3 with some, 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m mammo.verify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="the store's folder, for example runs/demo/store")
    parser.add_argument("--out", type=Path, help="folder of the page and the list (default: verify beside the store)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many read pixels (all cores)")
    asked = parser.parse_args(arguments)
    out = asked.out or asked.store.parent / "verify"
    try:
        found = examine(asked.store, asked.processes)
        page = write_doubts(out / "doubts.html", asked.store, found)
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = [(doubt.check, doubt.subject, doubt.told, " ".join(doubt.images)) for doubt in found.doubts]
    safe_csv(pd.DataFrame(rows, columns=["check", "subject", "told", "images"]), out / "doubts.csv")
    for check, count in found.counts().items():
        print(f"{count} {check}: {CHECKS[str(check)]}")
    print(f"{len(found.doubts)} doubts by {len(CHECKS)} checks: {page}")
    return DOUBTED if found.doubts else 0


if __name__ == "__main__":
    sys.exit(main())
