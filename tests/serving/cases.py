"""Cases for the tests of a node: small mammograms with outline segmentations, a fake scorer, and a peer that counts."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.dicom_out.results import dicom_results
from mammo.inference.prediction import CasePrediction
from mammo.intake.dicom_seg import outline_of_segment
from mammo.records import MammoError
from mammo.serving.application_entity import Address
from mammo.serving.case_queue import Case, CaseQueue, Limits
from mammo.serving.node import Node, NodeSettings, Scored, Scorer
from tests.dicom_out.predictions import BUNDLE, asymmetric, case, lesion
from tests.intake.conftest import mammogram

SHAPE = (40, 30)
WHEN = datetime(2026, 1, 2, 3, 4, 5)
CANARY = "ZZCANARY"
"""The patient's name in every object."""

ROOT = Path(__file__).resolve().parents[2]


def image(number: int, **tags: object) -> Dataset:
    """A mammogram whose pixels and identifiers follow from a number."""
    codes = np.full(SHAPE, number, np.uint16)
    uids = {"SOPInstanceUID": f"1.2.3.{number}.1", "SeriesInstanceUID": f"1.2.3.{number}"}
    made = mammogram(codes, **{"StudyInstanceUID": "1.2.3", "PatientID": CANARY, **uids, **tags})
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


@cache
def outlines(number: int, row: int = 5) -> Dataset:
    """A segmentation of two lesions on that mammogram, which another program might have made."""
    two = case(lesion(asymmetric(20, 10), row, 3), lesion(np.ones((3, 4), np.bool_), 30, 20))
    return dicom_results(two, image(number), BUNDLE, when=WHEN)["outlines.dcm"]


def content(dataset: Dataset) -> bytes:
    """The bytes of a DICOM file."""
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def score(queued: Case) -> Scored:
    """Scores that follow from the pixels and the outlines alone."""
    stored = pydicom.dcmread(queued.image)
    number = int(stored.pixel_array[0, 0])
    if number == 13:
        raise MammoError("the image is unlucky: choose another")
    if number == 17:
        raise KeyError(CANARY)
    masks = [outline_of_segment(queued.outlines, n, str(stored.SOPInstanceUID), SHAPE) for n in (1, 2)]
    found = case(*(lesion(mask, box.row0, box.col0, score=number / 1000) for mask, box in masks))
    return Scored(found, draw(found))


def draw(scored: CasePrediction) -> list[NDArray[np.uint8]]:
    """A picture of each lesion."""
    return [np.full((4, 5, 3), round(255 * each.score), np.uint8) for each in scored.lesions]


SCORER = Scorer(BUNDLE, score)


@cache
def expected_results(number: int) -> dict[str, Dataset]:
    """The results of a case, by the names of their files."""
    shapes = ((asymmetric(20, 10), 5, 3), (np.ones((3, 4), np.bool_), 30, 20))
    two = case(*(lesion(*shape, score=number / 1000) for shape in shapes))
    return dicom_results(two, image(number), BUNDLE, draw(two), WHEN)


def expected_uids(number: int) -> list[str]:
    """The identifiers of the results of a case."""
    return sorted(str(each.SOPInstanceUID) for each in expected_results(number).values())


def free_port() -> int:
    """A TCP port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def reachable(address: Address) -> bool:
    """Whether something listens on an address."""
    with socket.socket() as found:
        return found.connect_ex((address.host, address.port)) == 0


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@contextmanager
def serving(
    folder: Path, peer: Address, accept: tuple[str, ...], limits: Limits | None = None, port: int = 0
) -> Iterator[Address]:
    """A node with the fake scorer in a thread of this process."""
    own, stop = Address("MAMMO", "127.0.0.1", port or free_port()), threading.Event()
    node = Node(CaseQueue(folder, limits or Limits(free_bytes=0)), SCORER, NodeSettings(own, accept, peer))
    thread = threading.Thread(target=node.serve, args=(stop,))
    thread.start()
    try:
        until(lambda: reachable(own))
        yield own
    finally:
        stop.set()
        thread.join()


class CountingPeer:
    """A peer in a process of its own, which writes the identifier and digest of every object that it is sent."""

    def __init__(self, log: Path, address: Address) -> None:
        self.log, self.address = log, address

    def objects(self) -> list[tuple[str, str]]:
        """Identifier and digest of every object, in order of arrival."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [(uid, digest) for uid, digest in map(str.split, lines)]


@contextmanager
def counting_peer(log: Path, port: int = 0) -> Iterator[CountingPeer]:
    """Run a counting peer on a port within the block; 0 for any."""
    command = [sys.executable, str(Path(__file__).with_name("peer_program.py")), str(log), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield CountingPeer(log, Address("PEER", "127.0.0.1", int(process.stdout.readline())))
        finally:
            process.kill()
