"""`python -m mammo.weights import-gmic SOURCE.p TARGET.ckpt`: the released GMIC checkpoints, in and out.

python -m mammo.weights import-gmic sample_model_1.p weights/gmic1.ckpt --percent-t 0.02
python -m mammo.precompute what=saliency run=weights/gmic1.ckpt
python -m mammo.train 'maps=[emb,sal]' context.run=weights/gmic1.ckpt
python -m mammo.weights export-gmic runs/mine/runs/context-s0-1a2b3c4d mine.p
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mammo.models.context_network import load_context_network, official_checkpoint
from mammo.models.official_gmic import gmic_from_official, load_gmic, official_state_dict
from mammo.models.weight_files import read_weights, write_weights
from mammo.records import MammoError

__all__ = ["load_gmic", "main"]


def share(text: str) -> float:
    """A share of the grid's cells from the command line, above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert one file; exit status 2 with one sentence when it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m mammo.weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    inwards = commands.add_parser("import-gmic", help="an official file into a checkpoint of mammo")
    inwards.add_argument("source", type=Path, help="the official file, for example sample_model_1.p")
    inwards.add_argument("target", type=Path, help="the checkpoint to write")
    told = "top cells averaged by the global prediction, no part of the file (default 0.02, that of model 1)"
    inwards.add_argument("--percent-t", type=share, default=0.02, help=told)
    outwards = commands.add_parser("export-gmic", help="a checkpoint, or a context run's folder, into an official file")
    outwards.add_argument("source", type=Path, help="a .ckpt file or the folder of a finished context run")
    outwards.add_argument("target", type=Path, help="the file to write, readable by torch 1.1 and later")
    asked = parser.parse_args(arguments)
    try:
        if asked.command == "import-gmic":
            network = gmic_from_official(read_weights(asked.source), asked.percent_t)
            write_weights(official_checkpoint(network), asked.target)
        else:
            file = asked.source / "best.ckpt" if asked.source.is_dir() else asked.source
            write_weights(official_state_dict(load_context_network(file).network), asked.target, legacy=True)
    except MammoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(asked.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
