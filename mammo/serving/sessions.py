"""Who may use the page: links that work once, sessions of readers, and how many requests each may send."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MOST_SESSIONS = 64

PER_MINUTE = 60
"""Uploads and scores that a reader may ask for within a minute."""

UPLOADS, ALL_UPLOADS = 2, 8
"""Uploads of a reader, and of all readers, at once: they are in memory."""


@dataclass(eq=False)
class Session:
    """A reader's browser.

    Attributes:
        reader: code of the reader whose link was opened; empty where the page knows none.
        key: unguessable; the browser sends it as a cookie.
        uploads: that are being received.
        times: when the requests of the last minute came, s.
    """

    reader: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    uploads: int = 0
    times: deque[float] = field(default_factory=deque)

    def may_ask(self, now: float) -> bool:
        """Whether another upload or score is within PER_MINUTE; if so, it is counted."""
        while self.times and self.times[0] <= now - 60:
            self.times.popleft()
        if len(self.times) >= PER_MINUTE:
            return False
        self.times.append(now)
        return True


class Sessions:
    """The sessions of a server, and the token of every reader's next link.

    Args:
        announce: called with a reader and every new token: the first, and another one after each that is used.
        readers: codes, each of which has links of its own; one without a code where the page knows no readers.
        now: a clock, s.
    """

    def __init__(
        self,
        announce: Callable[[str, str], None],
        readers: Sequence[str] = ("",),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now, self._announce = now, announce
        self._open: dict[str, Session] = {}
        self._tokens: dict[str, str] = {}
        for reader in readers:
            self.renew(reader)

    def renew(self, reader: str) -> None:
        """Replace the token of a reader's next link."""
        self._tokens[reader] = secrets.token_urlsafe(24)
        self._announce(reader, self._tokens[reader])

    def enter(self, token: str) -> Session | None:
        """The new session of the reader with the token, which then works no more; None with another one."""
        found = [one for one, own in self._tokens.items() if secrets.compare_digest(token.encode(), own.encode())]
        if not found:
            return None
        while len(self._open) >= MOST_SESSIONS:
            del self._open[next(iter(self._open))]
        session = Session(found[0])
        self._open[session.key] = session
        self.renew(session.reader)
        return session

    @property
    def uploads(self) -> int:
        """Uploads of all readers that are being received or read."""
        return sum(session.uploads for session in self._open.values())

    def find(self, key: str) -> Session | None:
        """The session of a cookie; None where there is none."""
        return self._open.get(key)
