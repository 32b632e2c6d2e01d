"""`python -m mammo.compare a.csv b.csv`: evaluates and compares lesion scores of models, with patient-level intervals.

Each file has the columns lesion_id, patient_id, malignant (0 or 1) and score (0 to 1); other columns give subgroups.
With a column fold every fold is shown. A pattern in quotes pools the files of all folds, as in
'runs/mine/runs/floc-*-f*/lesions.csv'.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import complain
from mammo.records import MammoError
from mammo.reporting.score_comparison import compare_files, comparison_text
from mammo.scoring.score_file import check_validation, match_lesions, read_scores
from mammo.store.pseudonyms import find_own_ids


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the metrics and comparisons; on an invalid file print one sentence and return exit status 2."""
    parser = argparse.ArgumentParser(prog="python -m mammo.compare", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="lesion score table, one per model")
    validation_help = "score tables of validation lesions to choose thresholds on, one per FILE in the same order"
    parser.add_argument("--validation", nargs="+", type=Path, default=[], metavar="FILE", help=validation_help)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    own_help = "print your own file names and lesion ids beside the pseudonyms of the lesions"
    parser.add_argument("--own-ids", action="store_true", help=own_help)
    store_help = "the store of the lesions, for --own-ids (default: the store beside or above the files)"
    parser.add_argument("--store", type=Path, metavar="FOLDER", help=store_help)
    options = parser.parse_args(arguments)
    if options.validation and len(options.validation) != len(options.files):
        parser.error(f"{len(options.validation)} validation files for {len(options.files)} files: give one each")
    try:
        files = match_lesions([read_scores(path) for path in options.files])
        validation = [read_scores(path) for path in options.validation]
        for pair in zip(validation, files, strict=False):
            check_validation(*pair)
        own = find_own_ids(options.files, options.store) if options.own_ids else {}
        found = compare_files(files, validation, own)
    except (MammoError, OSError) as error:
        return complain(error)
    print(json.dumps(found, indent=1, allow_nan=False) if options.json else comparison_text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
