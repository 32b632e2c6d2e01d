"""Serve a model bundle to others: a DICOM node that scores mammograms with outlines, for research.

The node receives mammograms and segmentations (SEG) by C-STORE, scores each mammogram together
with each segmentation that names it, and sends a report, the outlines and pictures to a peer.
Senders need an accepted AE title. What it receives waits in a folder, and a node that was killed
goes on there.

--status prints what is in such a folder, also while a node works on it.

Examples:
  mammo serve demo.bundle --dicom --queue node --accept SCANNER --peer ORTHANC@127.0.0.1:4242
  mammo serve demo.bundle --dicom --queue q --accept A B --peer P@pacs:104 --listen M@10.0.0.9:104
  mammo serve --status node
"""

import argparse
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from mammo.cli.arguments import PREVALENCE, Parser, at_least_one, check_exists, check_unused, complain, parser, share
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.text import print_text

LISTEN = "MAMMO@127.0.0.1:11112"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence on wrong use; a node works until it is interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return _status(options) if options.status else _serve(options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("serve", __doc__)
    words.add_argument("bundle", type=Path, nargs="?", metavar="BUNDLE", help="model bundle (mammo bundle)")
    words.add_argument("--dicom", action="store_true", help="serve as a DICOM node")
    words.add_argument("--queue", type=Path, metavar="FOLDER", help="folder of the queue, which holds patient data")
    words.add_argument("--accept", nargs="+", default=[], metavar="AET", help="AE titles of the accepted senders")
    words.add_argument("--peer", metavar="AET@HOST:PORT", help="where the results are sent")
    words.add_argument("--listen", default=LISTEN, metavar="AET@HOST:PORT", help=f"own title and address ({LISTEN})")
    words.add_argument("--windows", type=at_least_one, default=100, metavar="N", help="windows per lesion (100)")
    words.add_argument("--prevalence", type=share, metavar="P", help=PREVALENCE)
    words.add_argument("--allow-targets", nargs="+", default=[], metavar="PACKAGE", help="packages of your own classes")
    words.add_argument("--status", type=Path, metavar="FOLDER", help="print what is in a queue")
    words.add_argument("--json", action="store_true", help="print the status as JSON, for scripts")
    return words


def _status(options: argparse.Namespace) -> int:
    given = {"BUNDLE": options.bundle, "--dicom": options.dicom, "--queue": options.queue, "--peer": options.peer}
    check_unused(given | {"--accept": options.accept}, "--status, which starts no node")
    check_exists(options.status)
    from mammo.serving.case_queue import CaseQueue

    queue = CaseQueue(options.status)
    counts, failures = queue.status(), queue.failures()
    if options.json:
        print_text(json.dumps({"counts": counts, "failures": failures}, indent=1))
        return 0
    for name, count in counts.items():
        print_text(f"{count:>6}  {name}")
    for case, reason in failures.items():
        print_text(f"case {case}: {reason}")
    return 0


def _serve(options: argparse.Namespace) -> int:
    _check_complete(options)
    if options.json:
        raise MammoError("--json goes with --status FOLDER: leave it out")
    check_exists(options.bundle)
    from mammo.serving.application_entity import Address, ae_title

    own, peer = Address.parse(options.listen), Address.parse(options.peer)
    accept = tuple(ae_title(title) for title in options.accept)
    from mammo.dicom_out.results import check_dicom_extra

    check_dicom_extra()
    from mammo.inference.predictor import PredictOptions, Predictor
    from mammo.serving.bundle_scorer import bundle_scorer
    from mammo.serving.case_queue import CaseQueue
    from mammo.serving.node import Node, NodeSettings

    # the results hold no scores of changed outlines
    chosen = PredictOptions(options.windows, changes=False, prevalence=options.prevalence)
    scorer = bundle_scorer(Predictor.load(options.bundle, chosen, options.allow_targets))
    Node(CaseQueue(options.queue), scorer, NodeSettings(own, accept, peer)).serve(threading.Event())
    return 0


def _check_complete(options: argparse.Namespace) -> None:
    """MammoError that names the first argument that a node lacks."""
    needed = {"BUNDLE": options.bundle, "--dicom": options.dicom, "--queue FOLDER": options.queue}
    needed |= {"--accept AET": options.accept, "--peer AET@HOST:PORT": options.peer}
    missing = next((name for name, value in needed.items() if not value), None)
    if missing:
        raise MammoError(f"{missing} is missing: mammo serve --help shows an example")


if __name__ == "__main__":
    run(main)
