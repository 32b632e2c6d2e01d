"""Serve a model bundle to others, for research: a page in the browser, or a DICOM node.

The page shows a mammogram, lets a reader outline a lesion, and answers with its score. It opens
uploads and the images of --data, and prints a link that works once for each reader. Nothing is
written to disk but the scores that --save asks for, and only this machine is answered unless --host
names another of its addresses.

The DICOM node (--dicom) receives mammograms and segmentations (SEG) by C-STORE, scores each
mammogram together with each segmentation that names it, and sends a report, the outlines and
pictures to a peer. Senders need an accepted AE title. What it receives waits in a folder, and a
node that was killed goes on there.

--status prints what is in such a folder, also while a node works on it.

--study serves a reader study: each reader rates the lesions of a store, blinded, without and with
the score. --export writes its answers as tables, also while it goes on.

Examples:
  mammo serve demo.bundle
  mammo serve demo.bundle --data cases --port 8001
  mammo serve demo.bundle --data cases --neighbors runs/demo/store --save scores
  mammo serve demo.bundle --dicom --queue node --accept SCANNER --peer ORTHANC@127.0.0.1:4242
  mammo serve demo.bundle --dicom --queue q --accept A B --peer P@pacs:104 --listen M@10.0.0.9:104
  mammo serve --status node
  mammo serve demo.bundle --study study.yaml
  mammo serve --study study.yaml --export tables
"""

import argparse
import json
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.cli.arguments import (
    PREVALENCE,
    Parser,
    at_least_zero,
    check_exists,
    complain,
    parser,
    share,
    window_count,
)
from mammo.cli.commands import run
from mammo.records import MammoError
from mammo.serving.modes import Mode, mode_of
from mammo.text import print_text

if TYPE_CHECKING:
    from mammo.inference.predictor import PredictOptions

LISTEN = "MAMMO@127.0.0.1:11112"
HOST, PORT = "127.0.0.1", 8000
MOST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 with one sentence on wrong use; a page or node works until it is interrupted."""
    options = _parser().parse_args(arguments)
    try:
        return WORK[mode_of(vars(options))](options)
    except (MammoError, OSError) as error:
        return complain(error)


def _parser() -> Parser:
    words = parser("serve", __doc__)
    words.add_argument("bundle", type=Path, nargs="?", metavar="BUNDLE", help="model bundle (mammo bundle)")
    page = words.add_argument_group("the page")
    page.add_argument("--data", type=Path, metavar="FOLDER", help="folder of images, or table of lesions, to list")
    test_help = "of the folder list only the test images of this store, which was made from it"
    page.add_argument("--test-of", type=Path, metavar="STORE", help=test_help)
    page.add_argument("--neighbors", type=Path, metavar="STORE", help="show the most similar lesions of this store")
    license_help = "license that lets you show the pictures of STORE; not needed for phantoms"
    page.add_argument("--neighbors-license", metavar="TEXT", help=license_help)
    page.add_argument("--save", type=Path, metavar="DIR", help="keep every score in this folder")
    page.add_argument("--port", type=at_least_zero, metavar="N", help=f"port of the page ({PORT}; 0: one that is free)")
    page.add_argument("--host", metavar="ADDRESS", help=f"address of this machine to listen on ({HOST})")
    study = words.add_argument_group("a reader study")
    study.add_argument("--study", type=Path, metavar="FILE", help="settings of the study (YAML)")
    study.add_argument("--export", type=Path, metavar="FOLDER", help="write its answers as tables into a new folder")
    node = words.add_argument_group("the DICOM node")
    node.add_argument("--dicom", action="store_true", help="serve as a DICOM node")
    node.add_argument("--queue", type=Path, metavar="FOLDER", help="folder of the queue, which holds patient data")
    node.add_argument("--accept", nargs="+", default=[], metavar="AET", help="AE titles of the accepted senders")
    peer_help = "where results are sent, by the page where a reader asks for it"
    words.add_argument("--peer", metavar="AET@HOST:PORT", help=peer_help)
    node.add_argument("--listen", metavar="AET@HOST:PORT", help=f"own title and address ({LISTEN})")
    words.add_argument("--windows", type=window_count, metavar="N", help="windows per lesion (100)")
    words.add_argument("--prevalence", type=share, metavar="P", help=PREVALENCE)
    words.add_argument("--allow-targets", nargs="+", default=[], metavar="PACKAGE", help="packages of your own classes")
    node.add_argument("--status", type=Path, metavar="FOLDER", help="print what is in a queue")
    node.add_argument("--json", action="store_true", help="print the status as JSON, for scripts")
    return words


def _status(options: argparse.Namespace) -> int:
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


def _serve_page(options: argparse.Namespace) -> int:
    _check_page(options)
    from mammo.serving.application_entity import Address

    peer = Address.parse(options.peer) if options.peer else None
    address = _address(options)
    from mammo.inference.predictor import Predictor
    from mammo.serving.page_app import Page, application
    from mammo.serving.page_extras import Extras
    from mammo.serving.page_files import ListedFiles
    from mammo.serving.page_images import start_workers
    from mammo.serving.page_server import serve_page

    extras = Extras.asked(peer, options.save, options.data)
    predictor = Predictor.load(options.bundle, _predict_options(options), options.allow_targets)
    start_workers()
    data, kinds = options.data, predictor.other_images
    files = ListedFiles.of(data, options.test_of, kinds) if data else ListedFiles()
    if options.neighbors:
        extras = extras.with_neighbors(predictor, options.neighbors, options.neighbors_license)
    page = application(Page(predictor, files, extras))
    serve_page(page, *address)
    return 0


def _serve_study(options: argparse.Namespace) -> int:
    _check_page(options)
    check_exists(options.study)
    from mammo.serving.studies.settings import Settings

    settings, address = Settings.read(options.study), _address(options)
    from mammo.serving.studies.serve import serve_study

    serve_study(settings, options.bundle, _predict_options(options), options.allow_targets, *address)
    return 0


def _export_study(options: argparse.Namespace) -> int:
    if not options.study:
        raise MammoError("--export goes with --study FILE: name the settings of the study")
    check_exists(options.study)
    from mammo.serving.studies.export import export_study
    from mammo.serving.studies.settings import Settings

    exported = export_study(Settings.read(options.study), options.export)
    for reader, (n, total) in exported.answers.items():
        print_text(f"reader {reader}: {n} of {total} answers")
    print_text(f"written: {options.export}, {exported.n_cases} cases, {exported.n_malignant} malignant")
    if exported.warning:
        print_text(f"warning: {exported.warning}")
    return 0


def _predict_options(options: argparse.Namespace) -> "PredictOptions":
    """How lesions are scored: without the scores of changed outlines, which would take ten times as long."""
    from mammo.inference.lesion_model import N_WINDOWS
    from mammo.inference.predictor import PredictOptions

    return PredictOptions(options.windows or N_WINDOWS, changes=False, prevalence=options.prevalence)


def _check_page(options: argparse.Namespace) -> None:
    """MammoError that names the first argument that a page lacks or cannot use."""
    if options.bundle is None:
        raise MammoError("BUNDLE is missing: mammo serve --help shows an example")
    if options.test_of and not options.data:
        raise MammoError("--test-of goes with --data FOLDER: name the folder that the store was made from")
    if options.neighbors_license and not options.neighbors:
        raise MammoError("--neighbors-license goes with --neighbors STORE: name the store of the similar lesions")
    if (options.port or 0) > MOST_PORT:
        raise MammoError(f"--port {options.port} is not a port: give a whole number of at most {MOST_PORT}")
    check_exists(*(path for path in (options.bundle, options.data, options.test_of, options.neighbors) if path))


def _address(options: argparse.Namespace) -> tuple[str, int]:
    """Host and port of the page; MammoError, before anything is loaded, where it cannot be served there."""
    _check_serve_extra()
    from mammo.serving.page_server import check_address

    address = options.host or HOST, PORT if options.port is None else options.port
    check_address(*address)
    return address


def _check_serve_extra() -> None:
    """MammoError where a package of the extra serve is not installed."""
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise MammoError(f"{missing[0]} is not installed, which the page needs: pip install 'mammo[serve]'")


def _serve_node(options: argparse.Namespace) -> int:
    _check_complete(options)
    check_exists(options.bundle)
    from mammo.serving.application_entity import Address, ae_title

    own, peer = Address.parse(options.listen or LISTEN), Address.parse(options.peer)
    accept = tuple(ae_title(title) for title in options.accept)
    from mammo.dicom_out.results import check_dicom_extra

    check_dicom_extra()
    from mammo.inference.predictor import Predictor
    from mammo.serving.bundle_scorer import bundle_scorer
    from mammo.serving.case_queue import CaseQueue
    from mammo.serving.node import Node, NodeSettings

    predictor = Predictor.load(options.bundle, _predict_options(options), options.allow_targets)
    queue = CaseQueue(options.queue, whole_studies=bool(predictor.other_images))
    Node(queue, bundle_scorer(predictor), NodeSettings(own, accept, peer)).serve(threading.Event())
    return 0


def _check_complete(options: argparse.Namespace) -> None:
    """MammoError that names the first argument that a node lacks."""
    needed = {"BUNDLE": options.bundle, "--queue FOLDER": options.queue}
    needed |= {"--accept AET": options.accept, "--peer AET@HOST:PORT": options.peer}
    missing = next((name for name, value in needed.items() if not value), None)
    if missing:
        raise MammoError(f"{missing} is missing: mammo serve --help shows an example")


WORK = {
    Mode.PAGE: _serve_page,
    Mode.NODE: _serve_node,
    Mode.STUDY: _serve_study,
    Mode.EXPORT: _export_study,
    Mode.STATUS: _status,
}


if __name__ == "__main__":
    run(main)
