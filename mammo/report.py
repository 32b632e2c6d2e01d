"""`python -m mammo.report runs/demo`: the page, tables and figures a person reads, of the finished runs there."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.records import MammoError
from mammo.reporting.cohort_figures import draw_figure2
from mammo.reporting.gallery import N_LESIONS
from mammo.reporting.report_folder import Reported
from mammo.training.saliency_source import context_checkpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report and print the path of its page; exit status 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m mammo.report", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the runs, for example runs/demo")
    parser.add_argument("--group", default="table3", help="folder below root whose runs are reported (table3)")
    parser.add_argument("--lesions", type=int, default=N_LESIONS, help=f"lesions in the gallery (at most {N_LESIONS})")
    told = "write these tables and figures into <root>/exhibits instead (table2, table3, roc, figure7, ...)"
    parser.add_argument("--only", nargs="+", metavar="NAME", help=told)
    told = "draw the paper's Figure 2 of these images (ids or paths of images.parquet) instead, into <root>/figure2"
    parser.add_argument("--figure2", nargs="+", metavar="IMAGE", help=told)
    told = "whose context network draws Figure 2: best (default), the folder of a context run, or a .ckpt file"
    parser.add_argument("--context", default="best", metavar="RUN", help=told)
    parser.add_argument("--store", type=Path, help="whose images Figure 2 shows (default <root>/store)")
    asked = parser.parse_args(arguments)
    if not 0 <= asked.lesions <= N_LESIONS:
        parser.error(f"--lesions {asked.lesions}: the page holds 0 to {N_LESIONS}")
    try:
        for path in _made(asked):
            print(path)
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _made(asked: argparse.Namespace) -> list[Path]:
    if asked.figure2:
        checkpoint, store = context_checkpoint(asked.context, asked.root, 0), asked.store or asked.root / "store"
        return draw_figure2(asked.root / "figure2", store, checkpoint, asked.figure2)
    reported = Reported(asked.root, asked.group)
    return reported.write_only(asked.only) if asked.only else [reported.write(asked.lesions)]


if __name__ == "__main__":
    sys.exit(main())
