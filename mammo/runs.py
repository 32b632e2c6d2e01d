"""List the runs of a root with size, state and AUC, or delete what they need no more.

A run is done, running, failed (with its error), interrupted, or damaged: a file of a finished run
has changed. The same command as before finishes every run that is not done.

prune lists last.ckpt of finished runs, caches that no run needs, runs that failed before their
first checkpoint, and leftovers of ended processes, with sizes and reasons. It deletes them only
with --yes. Finished runs score and report as before.

Examples:
  mammo runs runs/demo                    every run, with state, size and AUC
  mammo runs runs/demo --json             the same for scripts
  mammo runs prune runs/demo              what can be deleted
  mammo runs prune runs/demo --yes        delete it
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import Parser, check_exists, complain, default_root, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.text import print_text

PRUNE = "prune"
"""First word of the command line that lists and deletes files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence on wrong use."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    prunes = words[:1] == [PRUNE]
    options = _parser(prunes).parse_args(words[prunes:])
    try:
        check_exists(options.root)
        return _prune(options) if prunes else _list(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser(prunes: bool) -> Parser:
    words = parser(f"runs {PRUNE}" if prunes else "runs", __doc__)
    root = default_root()
    words.add_argument("root", type=Path, nargs="?", default=root, help=f"folder of all runs (default {root})")
    words.add_argument("--json", action="store_true", help="print JSON, for scripts")
    if prunes:
        words.add_argument("--yes", action="store_true", help="delete the files instead of listing them only")
    return words


def _list(options: argparse.Namespace) -> int:
    from mammo.training.run_list import list_runs, run_table

    runs = list_runs(options.root)
    text = json.dumps([run.as_json() for run in runs], indent=1) if options.json else "\n".join(run_table(runs))
    print_text(text)
    return 0


def _prune(options: argparse.Namespace) -> int:
    """List what can be deleted, and delete it if asked to; a file whose run has come into use is kept."""
    from mammo.training.prune import open_sweeps, unneeded_files
    from mammo.training.run_list import shown_size

    found = unneeded_files(options.root)
    deleted = [each.delete() if options.yes else False for each in found]
    if options.json:
        rows = [
            {"path": str(each.path), "reason": each.reason, "bytes": each.n_bytes, "deleted": gone}
            for each, gone in zip(found, deleted, strict=True)
        ]
        print_text(json.dumps(rows, indent=1))
        return 0
    for each, gone in zip(found, deleted, strict=True):
        note = " (kept: its run is in use)" if options.yes and not gone else ""
        print_text(f"{shown_size(each.n_bytes):>8}  {each.path}: {each.reason}{note}")
    for name in open_sweeps(options.root):
        print_text(
            f"caches of h are kept, because sweep {name} has jobs that are not done: mammo sweep status lists them"
        )
    if not found:
        print_text(f"nothing to delete below {options.root}")
    elif options.yes:
        freed = sum(each.n_bytes for each, gone in zip(found, deleted, strict=True) if gone)
        print_text(f"{shown_size(freed)} deleted")
    else:
        print_text(
            f"{shown_size(sum(each.n_bytes for each in found))} in all; nothing is deleted: add --yes to delete it"
        )
    return 0


if __name__ == "__main__":
    run(main)
