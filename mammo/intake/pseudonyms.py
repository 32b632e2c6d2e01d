"""Pseudonyms: names that cannot be turned back into a patient or a file without the store's own key.

A bare hash of a short hospital number could be guessed; a keyed one (HMAC-SHA256) cannot.
"""

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

LENGTH = 20
"""Hexadecimal digits of a pseudonym: 80 bits, so that no two of a million collide."""


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of one store.

    Attributes:
        key: 32 random bytes that never leave the store's folder.
    """

    key: bytes

    @classmethod
    def of_store(cls, store: Path) -> "Pseudonyms":
        """The store's own: its key is made on first use and readable by its owner alone."""
        path = store / ".key"
        if not path.is_file():
            cls(secrets.token_bytes(32)).share(store)
        return cls(bytes.fromhex(path.read_text()))

    def share(self, store: Path) -> None:
        """Give the key to a store that has none; of several processes that try, the first decides."""
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

    def of(self, kind: str, name: str) -> str:
        """The pseudonym of a name of one kind ("patient", "exam", "image", "lesion")."""
        return hmac.new(self.key, f"{kind}\0{name}".encode(errors="surrogateescape"), "sha256").hexdigest()[:LENGTH]
