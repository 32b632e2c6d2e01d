"""Who may use the page: links that work once, sessions of readers, and how many requests each may send."""

import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mammo.records import MammoError

MOST_SESSIONS = 64

IDLE_S = 600.0
"""Seconds without a request after which a session may be closed for a new reader."""

REMEMBERED = 1000
"""Closed sessions whose browsers are answered why."""

PER_MINUTE = 60
"""Uploads, scores and answers of a reader within a minute, and as many requests for the next step of a study."""

UPLOADS, ALL_UPLOADS = 2, 8
"""Uploads of a reader, and of all readers, at once: they are in memory."""


@dataclass(eq=False)
class Session:
    """A reader's browser.

    Attributes:
        reader: code of the reader whose link was opened; empty where the page knows none.
        token: of that link.
        key: unguessable; the browser sends it as a cookie.
        uploads: that are being received.
        last: when its last request came, s.
        times: when the requests of the last minute came, s.
        steps: likewise of those for the next step of a reader study.
    """

    reader: str = ""
    token: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    uploads: int = 0
    last: float = 0.0
    times: deque[float] = field(default_factory=deque)
    steps: deque[float] = field(default_factory=deque)

    def may_ask(self, now: float, is_step: bool = False) -> bool:
        """Whether another request of its kind is within PER_MINUTE; if so, it is counted.

        Args:
            now: the clock, s.
            is_step: whether it is for the next step of a study, not an upload, score or answer.
        """
        times = self.steps if is_step else self.times
        while times and times[0] <= now - 60:
            times.popleft()
        if len(times) >= PER_MINUTE:
            return False
        times.append(now)
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
        self._closed: deque[str] = deque(maxlen=REMEMBERED)
        self._tokens: dict[str, str] = {}
        for reader in readers:
            self.renew(reader)

    def renew(self, reader: str) -> None:
        """Replace the token of a reader's next link."""
        self._tokens[reader] = secrets.token_urlsafe(24)
        self._announce(reader, self._tokens[reader])

    def enter(self, token: str) -> Session | None:
        """The new session of the reader with the token, which then works no more; None with another one.

        Where there are MOST_SESSIONS, the one without a request for the longest time is closed.

        Raises:
            MammoError: all of them had a request within IDLE_S; the token keeps working.
        """
        found = [one for one, own in self._tokens.items() if secrets.compare_digest(token.encode(), own.encode())]
        if not found:
            return None
        if len(self._open) >= MOST_SESSIONS:
            self._close_one()
        session = Session(found[0], token, last=self.now())
        self._open[session.key] = session
        self.renew(session.reader)
        return session

    def _close_one(self) -> None:
        longest = min(self._open.values(), key=lambda session: session.last)
        if self.now() - longest.last < IDLE_S:
            raise MammoError(
                f"{MOST_SESSIONS} readers use the page now, the most that it serves: open the same link again later."
            )
        del self._open[longest.key]
        self._closed.append(longest.key)

    def reenter(self, token: str, key: str) -> Session | None:
        """The session of a cookie that the link with this token opened; None where it is another one's or closed."""
        session = self.find(key)
        is_own = session is not None and secrets.compare_digest(token.encode(), session.token.encode())
        return session if is_own else None

    @property
    def uploads(self) -> int:
        """Uploads of all readers that are being received or read."""
        return sum(session.uploads for session in self._open.values())

    def find(self, key: str) -> Session | None:
        """The session of a cookie, from which a request has come now; None where there is none."""
        session = self._open.get(key)
        if session is not None:
            session.last = self.now()
        return session

    def was_closed(self, key: str) -> bool:
        """Whether the session of a cookie was closed for a new reader."""
        return key in self._closed
