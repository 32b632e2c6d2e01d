"""Runs the server of a page: on this machine only unless another address is named, with links that work once."""

import os
import socket
import tempfile
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from mammo.leftovers import use_temporary_folder
from mammo.records import MammoError
from mammo.serving.page_guard import Guard
from mammo.serving.prompt_connection import PromptConnection
from mammo.serving.sessions import Sessions
from mammo.text import print_text

MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""

GRACE_S = 5
"""Seconds that requests have left when the server ends."""


def serve_page(application: FastAPI, host: str, port: int, readers: Sequence[str] = ("",)) -> None:
    """Serve a page until the process is interrupted, and print a link for every reader.

    Args:
        application: the page and what it can ask for.
        host: address of this machine.
        port: 0 for any that is free.
        readers: as for Sessions.

    Raises:
        MammoError: the address or the port cannot be used.
    """
    keep_in_memory()
    with _listening(host, port) as listener:
        address = f"[{host}]" if ":" in host else host
        address += f":{listener.getsockname()[1]}"
        page_server(application, address, readers).run(sockets=[listener])


def check_address(host: str, port: int) -> None:
    """MammoError, before anything is loaded, where a page cannot be served at an address of this machine."""
    _listening(host, port).close()


def page_server(application: FastAPI, address: str, readers: Sequence[str] = ("",)) -> uvicorn.Server:
    """A server of a page, which prints a link for every reader.

    Args:
        application: the page and what it can ask for.
        address: host and port as browsers write them, as in 127.0.0.1:8000.
        readers: as for Sessions.
    """

    def announce(reader: str, token: str) -> None:
        whose = f", reader {reader}" if reader else ""
        print_text(f"open (works once{whose}): http://{address}/?token={token}")

    settings = uvicorn.Config(
        Guard(application, address, Sessions(announce, readers)),
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        http=PromptConnection,
    )
    return uvicorn.Server(settings)


def keep_in_memory() -> None:
    """Let uploads, which decoders read as files, and the store of an image be files in memory where the system can."""
    if os.access(MEMORY, os.W_OK) and not Path(tempfile.gettempdir()).is_relative_to(MEMORY):
        tempfile.tempdir = str(MEMORY)
        use_temporary_folder()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; MammoError where it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise MammoError(f"--host {host} is not an address of this machine: name another") from None
    family, kind, protocol, _, place = found[0]
    if ip_address(place[0]).is_unspecified:
        raise MammoError(f"--host {host} stands for every address: name the one that browsers will use")
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()  # links are printed before the server runs
    except OSError as error:
        listener.close()
        raise MammoError(
            f"cannot listen on {host}:{port} ({error.strerror}): end what uses it, or name another --port or --host"
        ) from None
    return listener
