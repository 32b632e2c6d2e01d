"""`python -m mammo.benchmark store`: one part of mammo against its limit and its rivals, as one JSON object."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mammo.benchmarks import (
    bootstrap_speed,
    context_speed,
    epoch_speed,
    fagg_speed,
    floc_speed,
    ingest_speed,
    lesion_speed,
    loader_speed,
    patch_speed,
    store_speed,
)
from mammo.benchmarks.results_table import markdown
from mammo.records import MammoError

BENCHMARKS: dict[str, Callable[[int], dict[str, object]]] = {
    "context": context_speed.measure,
    "epoch": epoch_speed.measure,
    "evaluate": bootstrap_speed.measure,
    "fagg": fagg_speed.measure,
    "ingest": ingest_speed.measure,
    "lesion": lesion_speed.measure,
    "loader": loader_speed.measure,
    "net": floc_speed.measure,
    "patches": patch_speed.measure,
    "store": store_speed.measure,
}


def rounds(text: str) -> int:
    """A number of rounds from the command line, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks named on the command line; each ends with its JSON object on a line of its own."""
    parser = argparse.ArgumentParser(prog="python -m mammo.benchmark", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"], help="which one")
    parser.add_argument("--rounds", type=rounds, default=5, help="how often each way is timed (default 5)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the figures as a table in Markdown")
    args = parser.parse_args(arguments)
    told: list[dict[str, object]] = []
    for name in BENCHMARKS if args.name == "all" else [args.name]:
        told.append(apart(name, args.rounds) if args.name == "all" else _told(name, args.rounds))
        print(json.dumps(told[-1]), flush=True)
        if args.table:  # after each, so that what was measured is kept whatever comes next
            args.table.parent.mkdir(parents=True, exist_ok=True)
            args.table.write_text(markdown(told), encoding="utf-8")
    failed = [f"{one['benchmark']}: {one['error']}" for one in told if "error" in one]
    if failed:
        parser.exit(2, "".join(f"error: {line}\n" for line in failed))


def apart(name: str, n_rounds: int) -> dict[str, object]:
    """What a benchmark tells in a process of its own: how one sets threads or memory would else change the next."""
    command = [sys.executable, "-m", "mammo.benchmark", name, "--rounds", str(n_rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    if not lines:
        return {"benchmark": name, "error": f"its process ended with status {done.returncode}"}
    told: dict[str, object] = json.loads(lines[-1])
    return told


def _told(name: str, n_rounds: int) -> dict[str, object]:
    """What a benchmark tells, or why it could not be measured: the others go on."""
    try:
        return BENCHMARKS[name](n_rounds)
    except MammoError as error:
        return {"benchmark": name, "error": str(error)}
    except ImportError as error:
        return {"benchmark": name, "error": f"{error.name} is not installed: install mammo with its bench extra"}


if __name__ == "__main__":
    main()
