"""Check the data quality of a store and write a page of the issues found.

The exit status is 0 without issues and 3 with some.

Examples:
  mammo verify runs/mine              writes quality.html and quality.csv into runs/mine/verify
  mammo verify --realism runs/demo    the distance of its phantoms from the real exam that the
                                      environment variable MAMMO_REAL_EXAM names
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mammo.cli.arguments import Parser, at_least_one, complain, default_root, parser
from mammo.cli.commands import run
from mammo.machine import usable_cores
from mammo.quality.checks import CHECKS, Issue
from mammo.records import MammoError
from mammo.store.pseudonyms import OwnId, read_own_ids, shown_id
from mammo.store.store_header import read_store_header
from mammo.text import print_text

ISSUES_FOUND = 3
"""Exit status when the audit is done and found issues, or a measure is outside the range of real images."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit one store; exit status 0 without issues, 3 with some, 2 with a one-line error if it cannot be read."""
    options = _parser().parse_args(arguments)
    below = options.store / "store"
    options.store = below if below.is_dir() else options.store
    try:
        read_store_header(options.store, checked=False)
        return _realism(options) if options.realism else _audit(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("verify", __doc__)
    root = default_root()
    words.add_argument(
        "store", type=Path, nargs="?", default=root, help=f"a store's folder, or the root above it (default {root})"
    )
    words.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder for the page and the list (default: verify, beside the store)",
    )
    words.add_argument(
        "--processes",
        type=at_least_one,
        default=usable_cores(),
        metavar="N",
        help="number of processes that read pixels (default: all cores of this machine, container or Slurm job)",
    )
    words.add_argument(
        "--realism", action="store_true", help="measure the distance of the store's images from real ones"
    )
    words.add_argument(
        "--images",
        type=at_least_one,
        default=64,
        metavar="N",
        help="approximate number of images that --realism measures (default 64)",
    )
    words.add_argument(
        "--own-ids", action="store_true", help="print each issue with your own file names and lesion ids"
    )
    return words


def _audit(options: argparse.Namespace) -> int:
    import pandas as pd  # this and the rest is heavy: only after there is a store

    from mammo.quality.audit import audit
    from mammo.reporting.quality_page import write_quality_page
    from mammo.scoring.score_tables import safe_csv

    out = options.out or options.store.parent / "verify"
    own = read_own_ids(options.store) if options.own_ids else None
    result = audit(options.store, options.processes)
    page = write_quality_page(out / "quality.html", options.store, result)
    rows = [(issue.check, issue.subject, issue.detail, " ".join(issue.images)) for issue in result.issues]
    safe_csv(pd.DataFrame(rows, columns=["check", "subject", "detail", "images"]), out / "quality.csv")
    for check, count in result.counts().items():
        print_text(f"{count} {check}: {CHECKS[str(check)].finds}")
        for issue in result.issues if own is not None else ():
            if issue.check == check:
                print_text(f"  {own_name(issue, own or {})}")
    print_text(f"{len(result.issues)} issue{'s' * (len(result.issues) != 1)} from {len(CHECKS)} checks: {page}")
    return ISSUES_FOUND if result.issues else 0


def own_name(issue: Issue, own: Mapping[str, OwnId]) -> str:
    """The subject of an issue, its detail and its images, each with the user's own name where that is known."""
    images = [shown_id(image, own) for image in issue.images if image != issue.subject]
    detail = " ".join(shown_id(word, own) for word in issue.detail.split())
    return "; ".join(part for part in (shown_id(issue.subject, own), detail, *images) if part)


def _realism(options: argparse.Namespace) -> int:
    from mammo.realism.assessment import RangeStatus, assess_realism, realism_lines

    exam = os.environ.get("MAMMO_REAL_EXAM")
    result = assess_realism(options.store, Path(exam) if exam else None, options.images)
    for line in realism_lines(result):
        print_text(line)
    return ISSUES_FOUND if any(row.status is RangeStatus.OUTSIDE for row in result.measures) else 0


if __name__ == "__main__":
    run(main)
