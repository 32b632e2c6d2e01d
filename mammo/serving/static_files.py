"""An application with the files of the page, to which the addresses of its requests are added."""

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mammo import __version__
from mammo.cli.arguments import FULL
from mammo.records import MammoError
from mammo.text import print_event

FOLDER = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

REJECTED, FAILED, NO_ROOM = 422, 500, 507
"""HTTP statuses: what was sent cannot be used; a defect of the program; no room for temporary files."""

DEFECT = "The program has a defect: please report what you did."
FULL_DISK = "The server has no room for this: try again in a minute, or inform the person who started it."


def application_with(start: str) -> FastAPI:
    """An application that serves the files of the page; errors become answers with a sentence.

    Args:
        start: name of the HTML file at /; the others are not served.
    """
    app = FastAPI(title="mammo serve", version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(MammoError, _rejected)
    app.add_exception_handler(OSError, _of_system)
    app.add_exception_handler(Exception, _defect)
    for path in sorted(FOLDER.iterdir()):
        if path.name == start or (path.suffix in TYPES and path.suffix != ".html"):
            address = "/" if path.name == start else f"/{path.name}"
            app.add_api_route(address, _static(path), response_class=Response, include_in_schema=False)
    return app


def _static(path: Path) -> Callable[[], Any]:
    content, media = path.read_bytes(), TYPES[path.suffix]

    async def answer() -> Response:
        """A file of the page."""
        return Response(content, media_type=media)

    return answer


async def _rejected(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=REJECTED)


async def _of_system(request: Request, error: Exception) -> Response:
    """Uploads and the store of an image are files in the temporary folder, which can be small (page_server)."""
    if not isinstance(error, OSError) or error.errno not in FULL:
        raise error
    print_event(f"{gettempdir()} is full ({error.strerror}): make room there")
    return JSONResponse({"detail": FULL_DISK}, status_code=NO_ROOM)


async def _defect(_: Request, __: Exception) -> Response:
    """The error goes on to the guard, which prints its kind."""
    return JSONResponse({"detail": DEFECT}, status_code=FAILED)
