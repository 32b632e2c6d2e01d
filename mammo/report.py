"""Write a page, tables and figures about the finished runs of a folder, into ROOT/report.

Examples:
  mammo report runs/demo
  mammo report runs/demo --only table2 figure7
  mammo report runs/demo --scores mine.csv
  mammo report runs/mine --figure2 IMAGE
"""

import argparse
from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from mammo.cli.arguments import Parser, check_exists, complain, default_root, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.reporting import N_LESIONS
from mammo.text import print_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write <root>/report; print the groups that it reads and the path of its page.

    Returns:
        The exit status: 2, after one sentence, on wrong use.
    """
    options = _parser().parse_args(arguments)
    try:
        for line in _write(options):
            print_text(line)
    except (MammoError, OSError) as error:
        return complain(error)
    return 0


def _parser() -> Parser:
    words = parser("report", __doc__)
    root = default_root()
    words.add_argument("root", type=Path, nargs="?", default=root, help=f"folder that holds the runs (default {root})")
    words.add_argument(
        "--group",
        nargs="+",
        default=[],
        metavar="NAME",
        help="folders below root with the runs to report (default: table3, or the first, and all that go with it)",
    )
    words.add_argument(
        "--scores",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="scores of the same test lesions by other models, as for mammo compare, to show beside the runs",
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


def _write(options: argparse.Namespace) -> Sequence[str | Path]:
    """Write what the options ask for; what to print: the groups that were read, and paths of what was written."""
    if not 0 <= options.lesions <= N_LESIONS:
        raise MammoError(f"--lesions {options.lesions}: give a whole number from 0 to {N_LESIONS}")
    check_exists(options.root)
    if options.figure2:
        from mammo.reporting.cohort_figures import write_saliency_figures
        from mammo.training.saliency_source import context_checkpoint

        checkpoint = context_checkpoint("--context", options.context, options.root)
        store = options.store or options.root / "store"
        return write_saliency_figures(options.root / "figure2", store, checkpoint, options.figure2)
    _reject_empty(options.root)
    check_exists(*(path for path in options.scores if not has_magic(str(path))))
    from mammo.reporting.report_folder import Report  # heavy: only after the folder is known to hold runs
    from mammo.reporting.report_groups import read_groups

    groups = read_groups(options.root, options.group)
    report = Report(options.root, groups, options.scores)
    paths = report.write_selected(options.only) if options.only else [report.write(options.lesions)]
    return [*groups.lines(), *paths]


def _reject_empty(root: Path) -> None:
    """Reject a root without a finished run, before the modules that read runs are imported."""
    if not any(root.glob("*/*/result.json")):
        raise MammoError(
            f"{root}: no finished run to report; train f_loc with python -m mammo.train model=floc root={root}, then "
            f"f_agg with python -m mammo.train maps=emb root={root}"
        )


if __name__ == "__main__":
    run(main)
