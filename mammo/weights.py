"""`python -m mammo.weights`: converts released GMIC checkpoints to checkpoints of mammo, and back.

python -m mammo.weights import-gmic sample_model_1.p weights/gmic1.ckpt --percent-t 0.02
python -m mammo.precompute what=saliency run=weights/gmic1.ckpt
python -m mammo.train 'maps=[emb,sal]' context.run=weights/gmic1.ckpt
python -m mammo.weights export-gmic runs/mine/runs/context-s0-1a2b3c4d mine.p
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import complain
from mammo.models.context_network import load_context_network, official_checkpoint
from mammo.models.official_gmic import gmic_from_official, load_gmic, official_state_dict
from mammo.models.weight_files import read_weights, write_weights
from mammo.records import MammoError

__all__ = ["load_gmic", "main"]


def share(text: str) -> float:
    """Parse a share of the grid's cells from the command line, above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1, got {text}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert one file; on an error print one sentence and return exit status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m mammo.weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    to_mammo = commands.add_parser("import-gmic", help="convert an official file to a checkpoint of mammo")
    to_mammo.add_argument("source", type=Path, help="the official file, for example sample_model_1.p")
    to_mammo.add_argument("target", type=Path, help="the checkpoint to write")
    percent_t = "share of the cells that the global prediction averages; not in the file (default 0.02, of model 1)"
    to_mammo.add_argument("--percent-t", type=share, default=0.02, help=percent_t)
    to_official = commands.add_parser("export-gmic", help="convert a checkpoint or a context run to an official file")
    to_official.add_argument("source", type=Path, help="a .ckpt file or the folder of a finished context run")
    to_official.add_argument("target", type=Path, help="the file to write, readable by torch 1.1 and later")
    options = parser.parse_args(arguments)
    try:
        if options.command == "import-gmic":
            network = gmic_from_official(read_weights(options.source), options.percent_t)
            write_weights(official_checkpoint(network), options.target)
        else:
            file = options.source / "best.ckpt" if options.source.is_dir() else options.source
            write_weights(official_state_dict(load_context_network(file).network), options.target, legacy=True)
    except (MammoError, OSError) as error:
        return complain(error)
    print(options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
