"""Convert released GMIC checkpoints to checkpoints of mammo, and back.

Examples:
  mammo weights import-gmic sample_model_1.p weights/gmic1.ckpt --percent-t 0.02
  mammo precompute what=saliency run=weights/gmic1.ckpt
  mammo train 'maps=[emb,sal]' context.run=weights/gmic1.ckpt
  mammo weights export-gmic runs/mine/runs/context-s0-1a2b3c4d mine.p
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.cli.arguments import Parser, check_exists, complain, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.text import print_text

if TYPE_CHECKING:
    from mammo.models.official_gmic import load_gmic

__all__ = ["load_gmic", "main"]


def __getattr__(name: str) -> object:
    """Return load_gmic, whose module imports torch, only when it is asked for."""
    if name == "load_gmic":
        from mammo.models.official_gmic import load_gmic

        return load_gmic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def share(text: str) -> float:
    """Parse a share of the grid's cells from the command line, above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 1, got {text}")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert one file; on an error print one sentence and return exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        check_exists(options.source)
        _convert(options)
    except (MammoError, OSError) as error:
        return complain(error)
    print_text(options.target)
    return 0


def _parser() -> Parser:
    words = parser("weights", __doc__)
    commands = words.add_subparsers(dest="command", required=True, metavar="import-gmic|export-gmic")
    import_help = "convert an official file to a checkpoint of mammo"
    to_mammo = commands.add_parser("import-gmic", help=import_help, description=import_help)
    to_mammo.add_argument("source", type=Path, help="the official file, for example sample_model_1.p")
    to_mammo.add_argument("target", type=Path, help="the checkpoint to write")
    percent_t = "share of the cells that the global prediction averages; not in the file (default 0.02, of model 1)"
    to_mammo.add_argument("--percent-t", type=share, default=0.02, help=percent_t)
    export_help = "convert a checkpoint or a context run to an official file"
    to_official = commands.add_parser("export-gmic", help=export_help, description=export_help)
    to_official.add_argument("source", type=Path, help="a .ckpt file or the folder of a finished context run")
    to_official.add_argument("target", type=Path, help="the file to write, readable by torch 1.1 and later")
    return words


def _convert(options: argparse.Namespace) -> None:
    """Write the target of the options from their source."""
    from mammo.models.context_network import official_checkpoint
    from mammo.models.official_gmic import gmic_from_official, official_state_dict
    from mammo.models.weight_files import read_weights, write_weights
    from mammo.training.trained_networks import load_context_network

    if options.command == "import-gmic":
        network = gmic_from_official(read_weights(options.source), options.percent_t)
        write_weights(official_checkpoint(network), options.target)
    else:
        file = options.source / "best.ckpt" if options.source.is_dir() else options.source
        write_weights(official_state_dict(load_context_network(file).network), options.target, legacy=True)


if __name__ == "__main__":
    run(main)
