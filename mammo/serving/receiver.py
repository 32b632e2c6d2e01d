"""The receiving side of a node: C-ECHO and C-STORE from senders with accepted AE titles.

Nothing that a sender sends is printed, but for its AE title and the sentence that says why it was rejected.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import (
    DigitalMammographyXRayImageStorageForPresentation,
    SegmentationStorage,
    Verification,
)

from mammo.records import MammoError
from mammo.serving.application_entity import TIMEOUT_S, Address
from mammo.serving.case_queue import CaseQueue, NoRoomError
from mammo.text import print_event

SUCCESS, NO_ROOM, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
"""Status of a C-STORE answer (PS3.4, B.2.3)."""

MOST_ASSOCIATIONS = 16
"""At once, those included that are opened and not yet requested, which end after TIMEOUT_S."""

PDU_BYTES = 1 << 17
"""Largest message part that is read: twice what pynetdicom offers senders."""


@contextmanager
def receiving(queue: CaseQueue, own: Address, accept: tuple[str, ...], arrived: threading.Event) -> Iterator[None]:
    """Receive into a queue within the block.

    Args:
        queue: held by this process.
        own: AE title, host and port to listen on.
        accept: AE titles of senders.
        arrived: set whenever an object has been kept.

    Raises:
        MammoError: the port cannot be used.
    """
    entity = AE(ae_title=own.title)
    entity.require_called_aet, entity.require_calling_aet = True, list(accept)
    entity.maximum_associations = MOST_ASSOCIATIONS
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_supported_context(Verification)
    for name in (DigitalMammographyXRayImageStorageForPresentation, SegmentationStorage):
        entity.add_supported_context(name, ALL_TRANSFER_SYNTAXES)
    handlers = _Handlers(queue, arrived)
    try:
        server = entity.start_server((own.host, own.port), block=False, evt_handlers=handlers.bindings())
    except OSError as error:
        raise MammoError(f"cannot listen on {own.host}:{own.port} ({error.strerror}): give another --listen") from None
    try:
        yield
    finally:
        server.shutdown()


class _Handlers:
    """What happens at the events of associations, each of which runs in a thread of its own."""

    def __init__(self, queue: CaseQueue, arrived: threading.Event) -> None:
        self.queue, self.arrived = queue, arrived
        self._bytes: dict[int, int] = {}

    def bindings(self) -> list[Any]:
        """The events and their handlers."""
        return [
            (evt.EVT_CONN_OPEN, self.bound_parts),
            (evt.EVT_DATA_RECV, self.count),
            (evt.EVT_DIMSE_RECV, self.start_count),
            (evt.EVT_CONN_CLOSE, self.end_count),
            (evt.EVT_REJECTED, self.say_rejected),
            (evt.EVT_ACCEPTED, self.say_unsupported),
            (evt.EVT_C_STORE, self.store),
        ]

    def store(self, event: Any) -> int:  # noqa: ANN401
        """Keep an object and return the status of the answer."""
        try:
            name = self.queue.receive(event.encoded_dataset(), str(event.request.AffectedSOPInstanceUID))
        except NoRoomError as error:
            print_event(f"object rejected: {error}")
            return NO_ROOM
        except MammoError as error:
            print_event(f"object rejected: {error}")
            return NOT_UNDERSTOOD
        except (OSError, MemoryError) as error:
            print_event(f"object rejected: it cannot be kept ({getattr(error, 'strerror', None) or 'no memory'})")
            return NO_ROOM
        print_event(f"object received: {name}")
        self.arrived.set()
        return SUCCESS

    def bound_parts(self, event: Any) -> None:  # noqa: ANN401
        """Make a connection read no message part larger than PDU_BYTES: its header may claim 4 GiB."""
        connection = event.assoc.dul.socket
        read = connection.recv
        connection.recv = lambda n_bytes: read(n_bytes) if n_bytes <= PDU_BYTES else bytearray()

    def count(self, event: Any) -> None:  # noqa: ANN401
        """End an association whose object becomes larger than the queue takes, before all of it is in memory."""
        key = id(event.assoc)
        self._bytes[key] = self._bytes.get(key, 0) + len(event.data)
        if self._bytes[key] > self.queue.limits.object_bytes + 2 * PDU_BYTES:
            print_event(f"association ended: an object has more than {self.queue.limits.object_bytes:,} bytes")
            self._bytes[key] = 0
            event.assoc.abort()

    def start_count(self, event: Any) -> None:  # noqa: ANN401
        """Count from 0 again after a whole message."""
        self._bytes[id(event.assoc)] = 0

    def end_count(self, event: Any) -> None:  # noqa: ANN401
        """Forget a connection."""
        self._bytes.pop(id(event.assoc), None)

    def say_rejected(self, event: Any) -> None:  # noqa: ANN401
        """Print who was rejected, and how to accept it."""
        asked = event.assoc.requestor.primitive
        titles = f"{asked.calling_ae_title} with {asked.called_ae_title}"
        print_event(f"association of {titles} rejected: check --accept, and the title that it calls")

    def say_unsupported(self, event: Any) -> None:  # noqa: ANN401
        """Print that a sender offers objects that are not taken."""
        names = sorted({str(context.abstract_syntax.name) for context in event.assoc.rejected_contexts})
        if names:
            print_event(f"not taken from {event.assoc.requestor.ae_title}: {', '.join(names)}")
