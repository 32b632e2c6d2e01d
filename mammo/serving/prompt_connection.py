"""Connections to the page's server that end where a client is too slow, so that no number of them stops the others."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""Seconds that the head of a request may take; the body has limits of its own (page_guard)."""

SENT_S = 120.0
"""Seconds that a client may take for the rest of an answer after the connection was to end."""


class PromptConnection(H11Protocol):  # type: ignore[misc]  # without types where uvicorn is not installed
    """HTTP on one connection."""

    _awaits_head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; those that do not complete the head of a request give it no more time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_watching()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection without a further request, also where the client takes none of the last answer."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(SENT_S, self.transport.abort)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:  # a request has come
            self._stop_watching()
        elif self._awaits_head is None:
            self._awaits_head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._awaits_head is not None:
            self._awaits_head.cancel()
            self._awaits_head = None
