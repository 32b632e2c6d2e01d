"""An application with the files of the page, to which the addresses of its requests are added."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mammo import __version__
from mammo.records import MammoError

FOLDER = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

REJECTED = 422
"""HTTP status: what was sent cannot be used."""


def application_with(start: str) -> FastAPI:
    """An application that serves the files of the page; a MammoError becomes an answer with its sentence.

    Args:
        start: name of the HTML file at /; the others are not served.
    """
    app = FastAPI(title="mammo serve", version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(MammoError, _rejected)
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
