"""The DICOM node: receives mammograms and outlines, has complete cases scored, and sends the results to a peer."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo.dicom_out.results import write_dicom_results
from mammo.inference.bundle_facts import BundleName
from mammo.inference.prediction import CasePrediction
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.rejections import RejectedError
from mammo.records import MammoError
from mammo.serving.application_entity import Address
from mammo.serving.case_queue import Case, CaseQueue
from mammo.serving.peer import Pauses, send_cases
from mammo.serving.receiver import receiving
from mammo.text import counted, print_event


class Scored(NamedTuple):
    """A scored case."""

    case: CasePrediction
    """Its prediction."""
    pictures: Sequence[NDArray[np.uint8]]
    """The overlay of every lesion, uint8 [H, W, 3] each; or none."""


Score = Callable[[Case], Scored]
"""Scores the lesions that the segmentation of a case outlines on its mammogram."""

QUIET_S = 30.0
"""Seconds without a new object of a study before a case of it is scored, where scores depend on the other images."""

IDLE_S = 1.0
"""Seconds between two looks at the queue while nothing arrives."""

CLEAN_EVERY_S = 600.0

PEER = ""
"""Name of the peer's own pauses, beside those of cases."""


@dataclass(frozen=True)
class Scorer:
    """What scores the cases of a node.

    Attributes:
        bundle: its name and digest.
        score: scores a case; raises MammoError where it cannot.
    """

    bundle: BundleName
    score: Score


@dataclass(frozen=True)
class NodeSettings:
    """Where a node listens, whom it accepts, and where it sends to.

    Attributes:
        own: its AE title, and the host and port that it listens on.
        accept: AE titles of the senders that it accepts.
        peer: receives the results.
    """

    own: Address
    accept: tuple[str, ...]
    peer: Address


class Node:
    """A node on a queue, which `queue.held()` must hold while it works.

    Args:
        queue: its queue.
        scorer: what scores.
        settings: where it listens and sends to.
    """

    def __init__(self, queue: CaseQueue, scorer: Scorer, settings: NodeSettings) -> None:
        self.queue, self.scorer, self.settings = queue, scorer, settings
        self._pauses = Pauses()

    def serve(self, stop: threading.Event) -> None:
        """Receive, score and send until stop is set.

        Raises:
            MammoError: the port cannot be used, or another node holds the queue.
        """
        arrived, cleaned = threading.Event(), 0.0
        with self.queue.held(), receiving(self.queue, self.settings.own, self.settings.accept, arrived):
            print_event(f"listening as {self.settings.own}, results go to {self.settings.peer}")
            while not stop.is_set():
                arrived.clear()
                worked = self.score_next() | self.send()
                if time.monotonic() - cleaned > CLEAN_EVERY_S:
                    self.queue.remove_old(self.scorer.bundle.digest)
                    cleaned = time.monotonic()
                if not worked:
                    arrived.wait(IDLE_S)

    def score_next(self) -> bool:
        """Score the case that has waited longest; returns whether there was one.

        A case that cannot be scored is recorded as failed. A full disk is not its fault: it is tried again later.
        """
        now = time.monotonic()
        waiting = self.queue.complete(self.scorer.bundle.digest)
        waiting = [case for case in waiting if not self.queue.whole_studies or _is_quiet(case)]
        case = next((case for case in waiting if self._pauses.ready(case.name, now)), None)
        if case is None:
            return False
        try:
            if damaged := self.queue.damaged(case):
                reason = f"{damaged.parent.name}/{damaged.name} was damaged on this disk: send it again"
                self._fail(case, reason, damaged)
            else:
                self._score(case)
        except MammoError as error:
            self._fail(case, str(error))
        except (OSError, MemoryError) as error:
            pause = self._pauses.failed(case.name, now)
            reason = getattr(error, "strerror", None) or type(error).__name__
            print_event(f"case {case.name}: not scored ({reason}), the next try is in {pause:.0f} s")
        except Exception as error:  # a defect in one case must not stop the others; its text may hold patient data
            self._fail(case, f"a defect of the program ({type(error).__name__}): please report it")
        return True

    def _score(self, case: Case) -> None:
        found, pictures = self.scorer.score(case)
        try:
            with quiet():
                source = open_dicom(case.image)
        except RejectedError as error:
            raise MammoError(error.code.reason) from None
        self.queue.keep_results(
            case.name, lambda folder: write_dicom_results(found, source, self.scorer.bundle, pictures, folder)
        )
        print_event(f"case {case.name}: {counted(len(found.lesions), 'lesion')} scored")

    def _fail(self, case: Case, reason: str, damaged: Path | None = None) -> None:
        self.queue.fail(case.name, reason, damaged)
        print_event(f"case {case.name}: failed: {reason}")

    def send(self) -> bool:
        """Send results that wait, unless their pause lasts; returns whether any was delivered."""
        now = time.monotonic()
        if not self._pauses.ready(PEER, now):
            return False
        cases = {name: self._results(name) for name in self.queue.scored() if self._pauses.ready(name, now)}
        cases = {name: files for name, files in cases.items() if files}
        if not cases:
            return False
        try:
            problems = send_cases(self.settings.own.title, self.settings.peer, cases)
        except MammoError as error:
            print_event(f"{error}; the next try is in {self._pauses.failed(PEER, now):.0f} s")
            return False
        self._pauses.succeeded(PEER)
        for name, problem in problems.items():
            if problem:
                print_event(f"case {name}: {problem}; the next try is in {self._pauses.failed(name, now):.0f} s")
            else:
                self.queue.mark_sent(name)
                self._pauses.succeeded(name)
                print_event(f"case {name}: {len(cases[name])} results sent")
        return not all(problems.values())

    def _results(self, case: str) -> list[Path]:
        """The results of a case to send; none if they were damaged on this disk, and are made again."""
        if self.queue.drop_damaged_results(case):
            print_event(f"case {case}: its results were damaged on this disk, and are made again")
            return []
        return self.queue.results(case)


def _is_quiet(case: Case) -> bool:
    """Whether no object of a case's study has come for a while: before, more of it may be on its way."""
    age = time.time() - max(path.stat().st_mtime for path in case.files)
    return not 0 <= age < QUIET_S  # a clock that was set back does not hold a case up
