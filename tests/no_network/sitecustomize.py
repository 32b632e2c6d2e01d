"""Python reads this file at its start where PYTHONPATH leads here: connections but those to this machine fail.

Each attempt is written to the file that MAMMO_CONNECTIONS names, because the library that makes it may hide the error.
"""

import os
import socket
import sys
from typing import Any

LOCAL = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname()}


def refuse(host: object, own: Any, *arguments: Any) -> Any:
    """Call a function of a socket unless the host is elsewhere."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in LOCAL or name.startswith("127."):
        return own(*arguments)
    if log := os.environ.get("MAMMO_CONNECTIONS"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{' '.join(sys.argv)[:200]}: {name}\n")
    raise OSError(f"tests have no network: {name}")


def _host(connection: socket.socket, address: Any) -> object:
    return address[0] if connection.family in (socket.AF_INET, socket.AF_INET6) else ""


connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
socket.socket.connect = lambda own, address: refuse(_host(own, address), connect, own, address)  # type: ignore[method-assign, assignment]
socket.socket.connect_ex = lambda own, address: refuse(_host(own, address), connect_ex, own, address)  # type: ignore[method-assign, assignment]
socket.getaddrinfo = lambda host, *rest, **named: refuse(host, lambda *_: getaddrinfo(host, *rest, **named))  # type: ignore[assignment]
