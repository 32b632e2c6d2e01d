"""`python -m mammo.report runs/demo`: Table 3, figures and the page a person reads, from the finished runs there."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mammo.records import MammoError
from mammo.reporting.evaluation import evaluate
from mammo.reporting.page import Exhibit, Origin, write_report
from mammo.reporting.picture_file import read_picture
from mammo.reporting.run_folder import find_runs
from mammo.reporting.table1 import table1
from mammo.runs.context_source import context_checkpoint
from mammo.runs.folder import commit
from mammo.runs.pictures import draw_cohort, draw_figure2
from mammo.store.manifest import Manifest


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report and print the path of its page; exit status 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m mammo.report", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the runs, for example runs/demo")
    parser.add_argument("--group", default="table3", help="folder below root whose runs are reported (table3)")
    told = "draw the paper's Figure 2 of these images (ids or paths of images.parquet) instead, into <root>/figure2"
    parser.add_argument("--figure2", nargs="+", metavar="IMAGE", help=told)
    told = "whose context network draws Figure 2: best (default), the folder of a context run, or a .ckpt file"
    parser.add_argument("--context", default="best", metavar="RUN", help=told)
    parser.add_argument("--store", type=Path, help="whose images Figure 2 shows (default <root>/store)")
    asked = parser.parse_args(arguments)
    try:
        if asked.figure2:
            checkpoint, store = context_checkpoint(asked.context, asked.root, 0), asked.store or asked.root / "store"
            for path in draw_figure2(asked.root / "figure2", store, checkpoint, asked.figure2):
                print(path)
        else:
            print(_report(asked.root, asked.group))
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _report(root: Path, group: str) -> Path:
    runs = find_runs(root / group)
    if not runs:
        raise MammoError(
            f"{root / group}: no finished run is there; make some with python -m mammo.train experiment=table3"
        )
    evaluation = evaluate(runs)
    cohort = None
    if (root / "store").is_dir():
        manifest = Manifest.load(root / "store")
        cohort = table1(manifest.images, manifest.lesions)
        draw_cohort(root / "pictures", root / "store", runs[0].folder)
    pictures = [Exhibit(path.stem, *read_picture(path)) for path in sorted((root / "pictures").glob("*.npz"))]
    origin = Origin(
        f"python -m mammo.report {root} --group {group}", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", commit()[:10]
    )
    return write_report(root / "report", evaluation, cohort, pictures, origin)


if __name__ == "__main__":
    sys.exit(main())
