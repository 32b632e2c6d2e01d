"""What every request to the page must pass: host, link or session, origin, rates, and the size and speed of its body.

It stands around the application, so that nothing behind it sees a request that was rejected, and no error is printed
with its text, which could hold a name from a file.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from mammo.intake.source_folder import MAX_BYTES
from mammo.records import MammoError
from mammo.serving.sessions import ALL_UPLOADS, PER_MINUTE, UPLOADS, Session, Sessions
from mammo.serving.static_files import DEFECT, FAILED
from mammo.text import print_event

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

SESSION = "mammo_session"
"""Key of a request's session in its scope."""

UPLOADS_AT = re.compile(r"/api/images(/[^/]*/outlines)?")
"""Paths of uploads, which have limits of their own."""

STEP_AT = "/api/study/step"
"""Path of the next step of a reader study. It is asked for before each answer, so that its rate counts apart."""

JSON_BYTES = 1 << 20
"""Largest body that is not an upload."""

STALL_S, BODY_S = 10.0, 600.0
"""Seconds that a body may stand still, and take altogether."""

ROOM_S = 30.0
"""Seconds that an upload waits for those of other readers."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer."""

ENTER = (
    "Open your newest link, which mammo serve has printed in its terminal: the person who started it can send it to "
    "you. Each link works once, in one browser."
)

ENTERED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/">'
    '<link rel="icon" href="/icon.svg"><title>mammo</title><p><a href="/">Open the page</a></p></html>'
)
"""The way into the page. From a link in a mail or chat browsers would follow a redirect without the cookie."""

UNKNOWN = (
    "This link is not known: it was used already, is older than the last start of the server, or is not complete. In "
    f"the browser that has used it, open http://{{address}}. {ENTER}"
)

CLOSED = (
    "More readers came than the page serves at once, and your browser had asked for nothing the longest, so it was "
    f"closed, with its images. {ENTER}"
)


class Guard:
    """The application behind these checks.

    Args:
        application: what answers.
        address: host and port as browsers write them, as in 127.0.0.1:8000.
        sessions: of the readers.
    """

    def __init__(self, application: Application, address: str, sessions: Sessions) -> None:
        self.application, self.address, self.sessions = application, address, sessions
        self._cookie = f"mammo-{address.rpartition(':')[2]}"  # browsers send cookies to every port of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.application(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._answer(scope, receive, answer)
        except ClientDisconnect:
            return
        except Exception as error:  # its text may hold patient data
            print_event(f"a defect of the program ({type(error).__name__}): please report it")
            if not answer.started:
                await _refusal(FAILED, DEFECT)(scope, receive, answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        found = self._checked(request)
        if not isinstance(found, Session):
            await found(scope, receive, send)
            return
        scope[SESSION] = found
        is_upload = request.method == "POST" and bool(UPLOADS_AT.fullmatch(request.url.path))
        body = _Body(receive, MAX_BYTES if is_upload else JSON_BYTES)
        if int(request.headers.get("content-length") or 0) > body.most:
            await _refusal(413, _too_large(body.most))(scope, receive, send)
        elif is_upload and found.uploads >= UPLOADS:
            await _refusal(429, f"{UPLOADS} files are being sent already: wait for them.")(scope, receive, send)
        elif is_upload and not await self._has_room():
            await _refusal(503, "Other readers send files now: try again in a minute.")(scope, receive, send)
        else:
            with _counted(found, is_upload):
                await self.application(scope, body.receive, send)

    async def _has_room(self) -> bool:
        """Wait until fewer than ALL_UPLOADS are being received; False where that takes too long."""
        until = self.sessions.now() + ROOM_S
        while self.sessions.uploads >= ALL_UPLOADS:
            if self.sessions.now() > until:
                return False
            await asyncio.sleep(0.05)
        return True

    def _checked(self, request: Request) -> Session | Response:
        """The session of a request that may be answered; for others the answer."""
        headers, own = request.headers, f"http://{self.address}"
        if headers.get("host") != self.address:
            return _refusal(421, f"This page is at {own}.")
        key = request.cookies.get(self._cookie, "")
        if request.method == "GET" and request.url.path == "/" and "token" in request.query_params:
            return self._entered(request.query_params["token"], key)
        session = self.sessions.find(key)
        if session is None:
            return _refusal(403, CLOSED if self.sessions.was_closed(key) else ENTER)
        if request.method not in ("GET", "HEAD"):
            if headers.get("origin") != own:
                return _refusal(403, f"Requests that change something come from the page at {own} only.")
            if request.method != "DELETE" and not session.may_ask(self.sessions.now(), request.url.path == STEP_AT):
                return _refusal(429, f"More than {PER_MINUTE} requests came within a minute: wait a minute.")
        return session

    def _entered(self, token: str, key: str) -> Response:
        """The way into the page, with a cookie that no script and no other site can use."""
        try:
            session = self.sessions.enter(token) or self.sessions.reenter(token, key)
        except MammoError as error:
            return _refusal(403, str(error))
        if session is None:
            return _refusal(403, UNKNOWN.format(address=self.address))
        answer = HTMLResponse(ENTERED)
        answer.set_cookie(self._cookie, session.key, httponly=True, samesite="strict", path="/")
        return answer


@contextmanager
def _counted(session: Session, is_upload: bool) -> Iterator[None]:
    session.uploads += is_upload
    try:
        yield
    finally:
        session.uploads -= is_upload


class _Answer:
    """Sends an answer with HEADERS, and remembers that it has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.started = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *added]
        await self._send(message)


class _Body:
    """The body of a request, which ends with an error where it is too large or too slow."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self.most = receive, most
        self._n_bytes, self._whole = 0, False
        self._until = asyncio.get_running_loop().time() + BODY_S

    async def receive(self) -> Message:
        """The next message (ASGI); HTTPException where the body breaks a limit."""
        if self._whole:  # waits for the end of the connection
            return await self._receive()
        left = min(STALL_S, self._until - asyncio.get_running_loop().time())
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0))
        except TimeoutError:
            raise HTTPException(408, "The file came too slowly: send it again.") from None
        self._n_bytes += len(message.get("body", b""))
        if self._n_bytes > self.most:
            raise HTTPException(413, _too_large(self.most))
        self._whole = not message.get("more_body", False)
        return message


def _too_large(most: int) -> str:
    return f"More than {most >> 20} MiB were sent, the most that are taken: send a smaller file."


def _refusal(status: int, sentence: str) -> Response:
    """An answer that says why, as text for a person at the address and as JSON for the page."""
    if status == 403:
        return PlainTextResponse(sentence, status_code=status)
    return JSONResponse({"detail": sentence}, status_code=status)
