"""Addresses of DICOM applications: AE title, host and port."""

import re
from dataclasses import dataclass

from mammo.records import MammoError

TIMEOUT_S = 20.0
"""Seconds that a peer may stay silent before its association ends."""

TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")
"""An AE title: 1 to 16 printable characters of ASCII without a backslash, no blank at its ends."""


@dataclass(frozen=True)
class Address:
    """A DICOM application.

    Attributes:
        title: its AE title.
        host: name or number.
        port: TCP port.
    """

    title: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.title}@{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that AET@HOST:PORT names; MammoError where it names none."""
        title, _, place = text.partition("@")
        host, _, port = place.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise MammoError(f"{text!r} is not an address: give AET@HOST:PORT, for example ORTHANC@127.0.0.1:4242")
        return cls(ae_title(title), host, int(port))


def ae_title(text: str) -> str:
    """A checked AE title; MammoError where it is not one."""
    if not TITLE.fullmatch(text):
        raise MammoError(f"{text!r} is not an AE title: give 1 to 16 letters, digits or signs without a backslash")
    return text
