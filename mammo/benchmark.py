"""Measure the speed of one part beside its limit and other libraries; prints one JSON object.

Examples:
  mammo benchmark patches
  mammo benchmark all --rounds 3 --table runs/bench.md
  mammo benchmark gpu
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

from mammo.cli.arguments import at_least_one, parser
from mammo.cli.commands import run
from mammo.io import atomic_write, make_folder
from mammo.records import MammoError
from mammo.text import print_text

BENCHMARKS = {
    "context": "mammo.benchmarks.network_speed.measure_context",
    "epoch": "mammo.benchmarks.epoch_speed.measure_epoch",
    "evaluate": "mammo.benchmarks.evaluation_speed.measure_interval",
    "fagg": "mammo.benchmarks.fagg_speed.measure_fagg",
    "gpu": "mammo.benchmarks.gpu_speed.measure_gpu",
    "ingest": "mammo.benchmarks.ingest_speed.measure_ingest",
    "lesion": "mammo.benchmarks.evaluation_speed.measure_lesion_windows",
    "loader": "mammo.benchmarks.epoch_speed.measure_loader",
    "net": "mammo.benchmarks.network_speed.measure_floc",
    "patches": "mammo.benchmarks.patch_speed.measure_patches",
    "predict": "mammo.benchmarks.predict_speed.measure_predict",
    "store": "mammo.benchmarks.patch_speed.measure_store",
}
"""The function that measures each part, imported when it is called: from the number of rounds to the JSON object."""

ALONE = ("gpu",)
"""Benchmarks that `all` leaves out and no table shows: they compare with no limit and take the whole machine."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the selected benchmarks and print the JSON object of each on its own line."""
    words = parser("benchmark", __doc__)
    names = f"the benchmark to run: {', '.join(BENCHMARKS)}, or all (but {', '.join(ALONE)})"
    words.add_argument("name", choices=[*BENCHMARKS, "all"], metavar="NAME", help=names)
    words.add_argument(
        "--rounds", type=at_least_one, default=5, metavar="N", help="how often each method is timed (default 5)"
    )
    words.add_argument("--table", type=Path, metavar="FILE", help="also write the results as a table in Markdown")
    args = words.parse_args(arguments)
    if args.name in ALONE and args.table:
        words.error(f"--table: the benchmark {args.name} compares with no limit, so that it has no table: leave it out")
    results: list[dict[str, object]] = []
    measure = run_in_subprocess if args.name == "all" else run_benchmark
    for name in [name for name in BENCHMARKS if name not in ALONE] if args.name == "all" else [args.name]:
        results.append(measure(name, args.rounds))
        print_text(json.dumps(results[-1]))
        if args.table:  # after each benchmark, so that finished results are kept if a later one is interrupted
            make_folder(args.table.parent)
            from mammo.benchmarks.timing import markdown_table

            with atomic_write(args.table) as written:
                written.write_text(markdown_table(results), encoding="utf-8")
    failed = [f"{result['benchmark']}: {result['error']}" for result in results if "error" in result]
    if failed:
        words.exit(2, "".join(f"error: {line}\n" for line in failed))


def run_in_subprocess(name: str, n_rounds: int) -> dict[str, object]:
    """The result of a benchmark run in its own process, so that its thread and memory settings do not affect others."""
    command = [sys.executable, "-m", "mammo.benchmark", name, "--rounds", str(n_rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        return {"benchmark": name, "error": f"its process ended with status {done.returncode}"}
    result: dict[str, object] = json.loads(lines[-1])
    return result


def run_benchmark(name: str, n_rounds: int) -> dict[str, object]:
    """The result of a benchmark, or its name and the error if it could not run."""
    try:
        return cast(dict[str, object], resolve_name(BENCHMARKS[name])(n_rounds))
    except MammoError as error:
        return {"benchmark": name, "error": str(error)}
    except ImportError as error:
        return {"benchmark": name, "error": f"{error.name} is not installed: install mammo with its bench extra"}


if __name__ == "__main__":
    run(main)
