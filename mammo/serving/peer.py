"""The peer that results are sent to, by C-STORE, and the pauses after what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pynetdicom import AE, Association
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from mammo.intake.dicom_header import quiet
from mammo.io import runtime_errors_as
from mammo.records import MammoError
from mammo.serving.application_entity import TIMEOUT_S, Address

RESULT_CLASSES = (ComprehensiveSRStorage, SegmentationStorage, SecondaryCaptureImageStorage)
SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
"""Explicit and Implicit VR Little Endian."""

DELIVERED = (0x0000, 0x0111)
"""Status of an object that the peer has: stored, or stored before under the same identifier."""

WARNINGS = range(0xB000, 0xC000)
"""Status of an object that the peer has stored, with a remark."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 600.0


@dataclass
class Pauses:
    """How long to wait before what failed is tried again: twice as long each time.

    Attributes:
        until: time of the next try, s, by name.
        length: the last pause, s, by name.
    """

    until: dict[str, float] = field(default_factory=dict)
    length: dict[str, float] = field(default_factory=dict)

    def ready(self, name: str, now: float) -> bool:
        """Whether it is time to try."""
        return now >= self.until.get(name, now)

    def failed(self, name: str, now: float) -> float:
        """Note a failure at a time, s; returns the pause, s."""
        pause = min(2 * self.length.get(name, FIRST_PAUSE_S / 2), LONGEST_PAUSE_S)
        self.length[name], self.until[name] = pause, now + pause
        return pause

    def succeeded(self, name: str) -> None:
        """Forget the failures."""
        self.until.pop(name, None)
        self.length.pop(name, None)


def send_cases(own: str, peer: Address, cases: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """Send the results of cases in one association.

    Args:
        own: AE title of this node.
        peer: where to.
        cases: files by name of the case.

    Returns:
        By name of the case why it was not delivered; empty if the peer confirmed every object.

    Raises:
        MammoError: there is no association with the peer.
    """
    entity = AE(ae_title=own)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    for name in RESULT_CLASSES:
        entity.add_requested_context(name, SYNTAXES)
    association = entity.associate(peer.host, peer.port, ae_title=peer.title)
    if not association.is_established:
        raise MammoError(f"{peer} accepts no association: check its address, and that it knows {own}")
    try:
        return {name: _send_case(association, files) for name, files in cases.items()}
    finally:
        if association.is_established:
            association.release()


def _send_case(association: Association, files: Sequence[Path]) -> str:
    for path in files:
        if not association.is_established:
            return "the peer ended the association"
        with quiet():
            try:
                with runtime_errors_as(ValueError):
                    answer = association.send_c_store(pydicom.dcmread(path))
            except ValueError:  # the association has ended, or the peer takes no such objects
                return f"the peer does not accept {path.stem}"
        status = answer.get("Status")
        if status is None:
            return "the peer did not answer"
        if status not in DELIVERED and status not in WARNINGS:
            return f"the peer answered {path.stem} with status 0x{status:04X}"
    return ""
