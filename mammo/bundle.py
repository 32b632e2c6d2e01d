"""Pack finished runs into one file that scores lesions anywhere, or show what a bundle holds.

RUN is the folder of a finished f_agg or f_loc run; several runs of one model and split, of
different seeds, become an ensemble whose scores are averaged. The networks that they read, the
thresholds, the calibration and a model card go in; no image, id or score of a patient does.

Examples:
  mammo bundle runs/demo/table3/fagg-sal+emb-s0-87c7fcee -o demo.bundle
  mammo bundle 'runs/demo/table3/fagg-sal+emb-s[0-9]*' -o demo.bundle    an ensemble of all seeds
  mammo bundle --show demo.bundle                                        its model card
"""

import argparse
import json
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

from mammo.cli.arguments import Parser, at_least_zero, check_exists, check_unused, complain, parser
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.text import counted, print_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence on wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return _show(options) if options.show else _pack(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("bundle", __doc__)
    runs_help = "folder of a run, or a pattern of several in quotes; with --show, a bundle"
    words.add_argument("runs", nargs="+", metavar="RUN", help=runs_help)
    words.add_argument("-o", "--out", type=Path, metavar="FILE", help="the file that is written")
    words.add_argument("--name", help="name of the bundle (default: that of the file)")
    words.add_argument("--data-license", metavar="TEXT", help="license or terms of the data")
    words.add_argument("--weights-license", metavar="TEXT", help="license of the weights")
    sensitivity_help = "validation lesions whose outlines are changed for the model card (default 20; 0: none)"
    words.add_argument("--sensitivity-lesions", type=at_least_zero, metavar="N", help=sensitivity_help)
    words.add_argument("--allow-targets", nargs="+", default=[], metavar="PACKAGE", help="packages of your own classes")
    words.add_argument("--overwrite", action="store_true", help="replace another file at this place")
    words.add_argument("--show", action="store_true", help="print the model card of a bundle")
    words.add_argument("--json", action="store_true", help="print bundle.json instead; with --show")
    return words


def _show(options: argparse.Namespace) -> int:
    given = {"-o": options.out, "--name": options.name, "--overwrite": options.overwrite}
    given |= {"--data-license": options.data_license, "--weights-license": options.weights_license}
    given |= {"--sensitivity-lesions": options.sensitivity_lesions, "--allow-targets": options.allow_targets}
    check_unused(given, "--show, which writes nothing")
    from mammo.inference.bundle import Bundle

    for path in map(Path, options.runs):
        bundle = Bundle.open(path)
        text = json.dumps({"digest": bundle.digest, **bundle.facts}, indent=1) if options.json else bundle.card()
        print_text(text)
    return 0


def _matching(words: Sequence[str]) -> list[Path]:
    """The folders that words name; MammoError for a pattern that none matches."""
    found: list[Path] = []
    for word in words:
        folders = sorted(map(Path, glob(word))) if has_magic(word) and not Path(word).exists() else [Path(word)]
        if not folders:
            raise MammoError(f"{word}: no folder matches this pattern: mammo runs ROOT lists the runs")
        found += folders
    return found


def _pack(options: argparse.Namespace) -> int:
    if options.out is None or options.json:
        raise MammoError("-o FILE is missing, and --json goes with --show" if options.json else "give -o FILE")
    runs = _matching(options.runs)
    check_exists(*runs)
    from mammo.inference.bundle import write_bundle
    from mammo.inference.bundle_making import UNSTATED, BundleOptions, make_bundle
    from mammo.inference.bundle_members import bundle_path

    path = bundle_path(options.out)
    name = options.name or path.stem
    licenses = (options.data_license or UNSTATED, options.weights_license or UNSTATED)
    asked = options.sensitivity_lesions
    chosen = BundleOptions(name, *licenses) if asked is None else BundleOptions(name, *licenses, asked)
    content = make_bundle(runs, chosen, options.allow_targets)
    digest = write_bundle(path, content.facts, content.card, content.weights, options.overwrite)
    size = path.stat().st_size / 1e6
    print_text(f"{path}: {content.facts['model']}, {counted(len(runs), 'training')}, {size:.1f} MB, digest {digest}")
    return 0


if __name__ == "__main__":
    run(main)
