"""Evaluate and compare lesion scores of models, with patient-level intervals.

Each file has the columns lesion_id, patient_id, malignant (0 or 1) and score (0 to 1); other
columns give subgroups. With a column fold every fold is shown. A pattern in quotes pools the files
of all folds.

With --readers, FILE FILE are two folders with one table for each reader, under two conditions:
whether readers in general, of such lesions in general, do better under the first one.

Examples:
  mammo compare mine.csv radiologists.csv
  mammo compare 'runs/mine/runs/floc-*-f*/lesions.csv' --json
  mammo compare --readers study/tables/with study/tables/without
"""

import argparse
import json
from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from mammo.cli.arguments import Parser, check_exists, check_unused, complain, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.text import print_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the metrics and comparisons; on an invalid file print one sentence and return exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        return _compare_readers(options) if options.readers else _compare(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("compare", __doc__)
    words.add_argument("files", nargs="+", type=Path, metavar="FILE", help="lesion score table, one per model")
    validation_help = "score tables of validation lesions to choose thresholds on, one per FILE in the same order"
    words.add_argument("--validation", nargs="+", type=Path, default=[], metavar="FILE", help=validation_help)
    readers_help = "FILE FILE are folders with a table for each reader, under two conditions (Obuchowski-Rockette)"
    words.add_argument("--readers", action="store_true", help=readers_help)
    words.add_argument("--json", action="store_true", help="print one JSON object")
    own_help = "print your own file names and lesion ids beside the pseudonyms of the lesions"
    words.add_argument("--own-ids", action="store_true", help=own_help)
    store_help = "the store of the lesions, for --own-ids (default: the store beside or above the files)"
    words.add_argument("--store", type=Path, metavar="FOLDER", help=store_help)
    return words


def _compare(options: argparse.Namespace) -> int:
    """Read, match and compare the files of the options."""
    if options.validation and len(options.validation) != len(options.files):
        counts = f"{len(options.validation)} validation files for {len(options.files)} files"
        raise MammoError(f"--validation: {counts}: give one each, in the same order")
    check_exists(*(path for path in (*options.files, *options.validation) if not has_magic(str(path))))
    from mammo.reporting.score_comparison import compare_files, comparison_text
    from mammo.scoring.score_file import check_validation, match_lesions, read_scores
    from mammo.store.pseudonyms import find_own_ids

    files = match_lesions([read_scores(path) for path in options.files])
    validation = [read_scores(path) for path in options.validation]
    for pair in zip(validation, files, strict=False):
        check_validation(*pair)
    own = find_own_ids(options.files, options.store) if options.own_ids else {}
    found = compare_files(files, validation, own)
    print_text(json.dumps(found, indent=1, allow_nan=False) if options.json else comparison_text(found))
    return 0


def _compare_readers(options: argparse.Namespace) -> int:
    """Compare the readers of two folders."""
    given = {"--validation": options.validation, "--own-ids": options.own_ids, "--store": options.store}
    check_unused(given, "--readers")
    if len(options.files) != 2:
        raise MammoError(f"--readers: {len(options.files)} folders given: give two, one for each condition")
    check_exists(*options.files)
    from mammo.reporting.reader_results import compare_folders, reader_text

    found = compare_folders(*options.files)
    print_text(json.dumps(found, indent=1, allow_nan=False) if options.json else reader_text(found))
    return 0


if __name__ == "__main__":
    run(main)
