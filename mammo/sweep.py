"""Show the state of the sweeps of a root or the output of a job, or compare the runs of a group.

Examples:
  mammo sweep status runs/demo            exit status 0 when every job is done, else 1
  mammo sweep logs 3 runs/demo            the end of what job 3 has printed, and where the rest is
  mammo sweep compare table3 runs/demo    a table and a figure in runs/demo/comparison/table3
"""

from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import Parser, at_least_one, check_exists, complain, default_root, parser
from mammo.cli.commands import run
from mammo.io import make_folder
from mammo.records import MammoError
from mammo.text import print_text

LINES = 40
"""Lines of each log that are printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 when every job is done, 1 when a job is not, 2 with one sentence on wrong use."""
    options = _parser().parse_args(arguments)
    try:
        check_exists(options.root)
        if options.command == "logs":
            return _logs(options.root, options.job, options.lines)
        return _compare(options.root, options.group) if options.command == "compare" else _status(options.root)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("sweep", __doc__)
    commands = words.add_subparsers(dest="command", required=True, metavar="status|logs|compare")
    status_help = "every job: done, running, pending, failed, lost, unknown or missing, and the best so far"
    status = commands.add_parser("status", help=status_help, description=status_help)
    compare_help = "a table and a figure of a group of runs, <root>/comparison/<group>"
    compare = commands.add_parser("compare", help=compare_help, description=compare_help)
    compare.add_argument("group", help="folder below root that holds the runs, for example table3")
    logs_help = "the last lines of a job's output, and the paths of its files"
    logs = commands.add_parser("logs", help=logs_help, description=logs_help)
    logs.add_argument("job", help="number of the job, SWEEP/NUMBER where several sweeps have it, or its Slurm job")
    logs.add_argument("--lines", type=at_least_one, default=LINES, help=f"lines of each file (default {LINES})")
    root = default_root()
    for each in (status, logs, compare):
        each.add_argument("root", type=Path, nargs="?", default=root, help=f"folder of all runs (default {root})")
    return words


def _status(root: Path) -> int:
    """Print the state of every job of every sweep."""
    from mammo.training.sweep_state import Sweep
    from mammo.training.sweep_status import print_status

    sweeps, damages = Sweep.readable(root)
    return max([print_status(sweep) for sweep in sweeps] + [complain(damage) for damage in damages])


def _logs(root: Path, job: str, n_lines: int) -> int:
    """Print the end of the output of a job."""
    from mammo.training.sweep_state import Sweep
    from mammo.training.sweep_status import find_job, print_logs

    sweeps, damages = Sweep.readable(root)
    status = max([complain(damage) for damage in damages], default=0)
    print_logs(*find_job(sweeps, job), n_lines)
    return status


def _compare(root: Path, group: str) -> int:
    """Write the table and the figure of the group's finished runs, and print the table."""
    from mammo.reporting.result_figures import save
    from mammo.reporting.sweep_comparison import comparison_figure, comparison_table
    from mammo.scoring.number_text import UNDEFINED
    from mammo.scoring.score_tables import safe_csv
    from mammo.training.results import read_runs

    if Path(group).name != group:
        raise MammoError(f"{group} is not the name of a folder below {root}, as in mammo sweep compare table3 {root}")
    runs = read_runs(root / group)
    if not runs:
        raise MammoError(f"{root / group}: no finished run; python -m mammo.sweep status shows the state of the sweeps")
    table = comparison_table(runs)
    folder = root / "comparison" / group
    make_folder(folder)
    safe_csv(table, folder / "table.csv")
    save(comparison_figure(runs), folder, "comparison")
    print_text(f"{table.to_string(index=False, na_rep=UNDEFINED)}\n{folder / 'table.csv'}\n{folder / 'comparison.png'}")
    return 0


if __name__ == "__main__":
    run(main)
