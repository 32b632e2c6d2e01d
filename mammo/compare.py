"""`python -m mammo.compare a.csv b.csv`: lesion scores of any models judged and compared, with patient-level intervals.

Each file has the columns lesion_id, patient_id, malignant (0 or 1) and score (0 to 1); other columns give subgroups.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.records import MammoError
from mammo.reporting.score_comparison import comparison, text
from mammo.scoring.score_file import check_disjoint, match_lesions, read_score_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the files say; exit status 2 with one sentence when one of them is wrong."""
    parser = argparse.ArgumentParser(prog="python -m mammo.compare", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="lesion score table, one a model")
    told = "score tables of validation lesions, one a FILE in the same order, to pick thresholds on"
    parser.add_argument("--validation", nargs="+", type=Path, default=[], metavar="FILE", help=told)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    if asked.validation and len(asked.validation) != len(asked.files):
        parser.error(f"{len(asked.validation)} validation files for {len(asked.files)} files: give one each")
    try:
        files = match_lesions([read_score_file(path) for path in asked.files])
        validation = [read_score_file(path) for path in asked.validation]
        for picked, judged in zip(validation, files, strict=False):
            check_disjoint(picked, judged)
        found = comparison(files, validation)
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1, allow_nan=False) if asked.json else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
