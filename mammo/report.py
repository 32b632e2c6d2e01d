"""`python -m mammo.report runs/demo`: writes a page, tables and figures about the finished runs of a folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import complain
from mammo.records import MammoError
from mammo.reporting.cohort_figures import write_saliency_figures
from mammo.reporting.gallery import N_LESIONS
from mammo.reporting.report_folder import Report, default_group
from mammo.training.saliency_source import context_checkpoint


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report and print the path of its page; exit status 2 with one sentence on wrong use."""
    parser = argparse.ArgumentParser(prog="python -m mammo.report", description=__doc__)
    parser.add_argument("root", type=Path, help="folder that holds the runs, for example runs/demo")
    parser.add_argument("--group", help="folder below root with the runs to report (default table3, or the only one)")
    parser.add_argument(
        "--lesions", type=int, default=N_LESIONS, help=f"most lesions in the gallery, 0 to {N_LESIONS} (the default)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="write only these tables and figures, into <root>/exhibits (table2, table3, roc, figure7, ...)",
    )
    parser.add_argument(
        "--figure2",
        nargs="+",
        metavar="IMAGE",
        help="draw only the paper's Figure 2 of these images, into <root>/figure2 (ids or paths in images.parquet)",
    )
    parser.add_argument(
        "--context",
        metavar="RUN",
        help="context network for --figure2: the folder of a context run, or a .ckpt file (default: the run with the "
        "highest validation AUC)",
    )
    parser.add_argument("--store", type=Path, help="image store for --figure2 (default <root>/store)")
    options = parser.parse_args(arguments)
    if not 0 <= options.lesions <= N_LESIONS:
        parser.error(f"--lesions {options.lesions}: must be in [0, {N_LESIONS}]")
    try:
        for path in _write(options):
            print(path)
    except (MammoError, OSError) as error:
        return complain(error)
    return 0


def _write(options: argparse.Namespace) -> list[Path]:
    """Write what the options ask for; the paths of the pages, tables and figures."""
    if options.figure2:
        checkpoint = context_checkpoint(options.context, options.root)
        store = options.store or options.root / "store"
        return write_saliency_figures(options.root / "figure2", store, checkpoint, options.figure2)
    report = Report(options.root, options.group or default_group(options.root))
    return report.write_selected(options.only) if options.only else [report.write(options.lesions)]


if __name__ == "__main__":
    sys.exit(main())
