"""`python -m mammo.benchmark store`: measure one part of mammo against its limit and other libraries, as JSON."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mammo.benchmarks import epoch_speed, evaluation_speed, fagg_speed, ingest_speed, network_speed, patch_speed
from mammo.benchmarks.timing import markdown_table
from mammo.cli.arguments import at_least_one
from mammo.records import MammoError

BENCHMARKS: dict[str, Callable[[int], dict[str, object]]] = {
    "context": network_speed.measure_context,
    "epoch": epoch_speed.measure_epoch,
    "evaluate": evaluation_speed.measure_interval,
    "fagg": fagg_speed.measure_fagg,
    "ingest": ingest_speed.measure_ingest,
    "lesion": evaluation_speed.measure_lesion_windows,
    "loader": epoch_speed.measure_loader,
    "net": network_speed.measure_floc,
    "patches": patch_speed.measure_patches,
    "store": patch_speed.measure_store,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the selected benchmarks and print the JSON object of each on its own line."""
    parser = argparse.ArgumentParser(prog="python -m mammo.benchmark", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"], help="the benchmark to run")
    parser.add_argument("--rounds", type=at_least_one, default=5, help="how often each method is timed (default 5)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the results as a table in Markdown")
    args = parser.parse_args(arguments)
    results: list[dict[str, object]] = []
    run = run_in_subprocess if args.name == "all" else run_benchmark
    for name in BENCHMARKS if args.name == "all" else [args.name]:
        results.append(run(name, args.rounds))
        print(json.dumps(results[-1]), flush=True)
        if args.table:  # after each benchmark, so that finished results are kept if a later one is interrupted
            args.table.parent.mkdir(parents=True, exist_ok=True)
            args.table.write_text(markdown_table(results), encoding="utf-8")
    failed = [f"{result['benchmark']}: {result['error']}" for result in results if "error" in result]
    if failed:
        parser.exit(2, "".join(f"error: {line}\n" for line in failed))


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
        return BENCHMARKS[name](n_rounds)
    except MammoError as error:
        return {"benchmark": name, "error": str(error)}
    except ImportError as error:
        return {"benchmark": name, "error": f"{error.name} is not installed: install mammo with its bench extra"}


if __name__ == "__main__":
    main()
