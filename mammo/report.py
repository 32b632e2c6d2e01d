"""Write a page, tables and figures about the finished runs of a folder, into ROOT/report.

Examples:
  mammo report runs/demo
  mammo report runs/demo --only table2 figure7
  mammo report runs/mine --figure2 IMAGE
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import Parser, check_exists, complain, default_root, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.reporting import N_LESIONS

DEFAULT_GROUP = "table3"
"""The group that a report covers where there are several: the paper's main experiment."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report and print the path of its page; exit status 2 with one sentence on wrong use."""
    options = _parser().parse_args(arguments)
    try:
        for path in _write(options):
            print(path)
    except (MammoError, OSError) as error:
        return complain(error)
    return 0


def _parser() -> Parser:
    words = parser("report", __doc__)
    root = default_root()
    words.add_argument("root", type=Path, nargs="?", default=root, help=f"folder that holds the runs (default {root})")
    words.add_argument(
        "--group", metavar="NAME", help="folder below root with the runs to report (default table3, or the only one)"
    )
    words.add_argument(
        "--lesions",
        type=int,
        default=N_LESIONS,
        metavar="N",
        help=f"most lesions in the gallery, 0 to {N_LESIONS} (the default)",
    )
    words.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        help="write only these tables and figures, into <root>/exhibits (table2, table3, roc, figure7, ...)",
    )
    words.add_argument(
        "--figure2",
        nargs="+",
        metavar="IMAGE",
        help="draw only the paper's Figure 2 of these images, into <root>/figure2 (ids or paths in images.parquet)",
    )
    words.add_argument(
        "--context",
        metavar="RUN",
        help="context network for --figure2: the folder of a context run, or a .ckpt file (default: the run with the "
        "highest validation AUC)",
    )
    words.add_argument("--store", type=Path, metavar="FOLDER", help="image store for --figure2 (default <root>/store)")
    return words


def _write(options: argparse.Namespace) -> list[Path]:
    """Write what the options ask for; the paths of the pages, tables and figures."""
    if not 0 <= options.lesions <= N_LESIONS:
        raise MammoError(f"--lesions {options.lesions}: give a whole number from 0 to {N_LESIONS}")
    check_exists(options.root)
    if options.figure2:
        from mammo.reporting.cohort_figures import write_saliency_figures
        from mammo.training.saliency_source import context_checkpoint

        checkpoint = context_checkpoint("--context", options.context, options.root)
        store = options.store or options.root / "store"
        return write_saliency_figures(options.root / "figure2", store, checkpoint, options.figure2)
    group = options.group or default_group(options.root)
    from mammo.reporting.report_folder import Report  # heavy: only after the folder is known to hold runs

    report = Report(options.root, group)
    return report.write_selected(options.only) if options.only else [report.write(options.lesions)]


def default_group(root: Path) -> str:
    """Return the folder below root whose runs a report covers: table3, or the only folder with finished runs.

    Raises:
        MammoError: there is no finished run below root, or there are several folders with some and none is table3.
    """
    groups = sorted({path.parents[1].name for path in root.glob("*/*/result.json")})
    if (root / DEFAULT_GROUP).is_dir():
        return DEFAULT_GROUP
    if len(groups) == 1:
        return groups[0]
    if groups:
        raise MammoError(f"{root} has runs in {', '.join(groups)}: choose one, for example --group {groups[0]}")
    raise MammoError(
        f"{root}: no finished run to report; train f_loc with python -m mammo.train model=floc root={root}, then f_agg "
        f"with python -m mammo.train maps=emb root={root}"
    )


if __name__ == "__main__":
    run(main)
