"""Pseudonyms: identifiers that cannot be traced to a patient or a file without the store's own key.

A plain hash of a short hospital number can be guessed; a keyed hash (HMAC-SHA256) cannot.
"""

import hmac
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

LENGTH = 20
"""Hexadecimal digits of a pseudonym: 80 bits, so that a million of them have no collision."""


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of one store.

    Attributes:
        key: 32 random bytes that never leave the store's folder.
        source: the data set whose names they stand for, empty for names that all sources share.
    """

    key: bytes
    source: str = ""

    @classmethod
    def of_store(cls, store: Path) -> "Pseudonyms":
        """Return a store's pseudonyms; its key is created on first use, readable by its owner only."""
        path = store / ".key"
        if not path.is_file():
            cls(secrets.token_bytes(32)).write_key(store)
        return cls(bytes.fromhex(path.read_text()))

    def write_key(self, store: Path) -> None:
        """Write the key to a store that has none; of several processes that try, the first one wins."""
        store.mkdir(parents=True, exist_ok=True)
        partial = store / f".key.{secrets.token_hex(4)}.partial"
        partial.touch(mode=0o600)
        partial.write_text(self.key.hex())
        try:
            os.link(partial, store / ".key")
        except FileExistsError:
            pass
        finally:
            partial.unlink()

    def of_source(self, source: str) -> "Pseudonyms":
        """Return the pseudonyms of one source of the store: two sources may number their patients alike."""
        return replace(self, source=source)

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name of one kind ("patient", "exam", "image", "lesion", "uid")."""
        text = f"{kind}\0{self.source}\0{name}" if self.source else f"{kind}\0{name}"
        return hmac.new(self.key, text.encode(errors="surrogateescape"), "sha256").hexdigest()[:LENGTH]
