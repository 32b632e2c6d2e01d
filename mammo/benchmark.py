"""`python -m mammo.benchmark store`: one part of mammo against its limit and its rivals, as one JSON object."""

import argparse
import json
from collections.abc import Callable, Sequence

from mammo.benchmarks import context, epoch, evaluate, fagg, ingest, lesion, loader, net, patches, store
from mammo.records import MammoError

BENCHMARKS: dict[str, Callable[[int], dict[str, object]]] = {
    "context": context.measure,
    "epoch": epoch.measure,
    "evaluate": evaluate.measure,
    "fagg": fagg.measure,
    "ingest": ingest.measure,
    "lesion": lesion.measure,
    "loader": loader.measure,
    "net": net.measure,
    "patches": patches.measure,
    "store": store.measure,
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
    args = parser.parse_args(arguments)
    try:
        for name in BENCHMARKS if args.name == "all" else [args.name]:
            print(json.dumps(BENCHMARKS[name](args.rounds)), flush=True)
    except MammoError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
