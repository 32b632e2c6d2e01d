"""`python -m mammo.sweep status runs/demo`: the state of every job; `compare`: the runs of a group side by side."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import complain
from mammo.records import MammoError
from mammo.reporting.result_figures import save
from mammo.reporting.sweep_comparison import comparison_figure, comparison_table
from mammo.scoring.score_tables import safe_csv
from mammo.training.results import read_runs
from mammo.training.sweep_state import Sweep, print_status


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when every job is done, 1 when a job is not, 2 with one sentence on wrong use."""
    parser = argparse.ArgumentParser(prog="python -m mammo.sweep", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    status = commands.add_parser("status", help="every job: done, running, failed or missing, and the best so far")
    status.add_argument("root", type=Path, nargs="?", default=Path("runs/demo"), help="default runs/demo")
    compare = commands.add_parser("compare", help="a table and a figure of a group of runs, <root>/comparison/<group>")
    compare.add_argument("group", help="folder below root that holds the runs, for example table3")
    compare.add_argument("root", type=Path, nargs="?", default=Path("runs/demo"), help="default runs/demo")
    options = parser.parse_args(arguments)
    try:
        if options.command == "compare":
            return _compare(options.root, options.group)
        return max([print_status(sweep) for sweep in Sweep.below(options.root)])
    except (MammoError, OSError) as error:
        return complain(error)


def _compare(root: Path, group: str) -> int:
    """Write the table and the figure of the group's finished runs, and print the table."""
    runs = read_runs(root / group)
    if not runs:
        raise MammoError(f"{root / group}: no finished run; python -m mammo.sweep status shows the state of the sweeps")
    folder = root / "comparison" / group
    folder.mkdir(parents=True, exist_ok=True)
    table = comparison_table(runs)
    safe_csv(table, folder / "table.csv")
    save(comparison_figure(runs), folder, "comparison")
    print(f"{table.to_string(index=False)}\n{folder / 'table.csv'}\n{folder / 'comparison.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
