"""Shards: shares of work for several machines, and the parts of a store that each ingests from its share of a source.

A part is a store without tables, below <store>/parts/<source> and under the store's own key. A machine opens the images
of its own shard only: an image's record depends on its own file and on the source's tables; duplicates, conflicts and
the lesions of whole exams are resolved by the merge. The ingest of the whole source copies the parts' records in the
source's order instead of decoding the files, so that the store is byte for byte that of a single machine, and then
removes the parts.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from mammo.ingestion.quarantine import RejectionLog
from mammo.records import MammoError, is_whole
from mammo.store.image_store import ImageStore
from mammo.store.pseudonyms import KEY, Pseudonyms

T = TypeVar("T")

FOLDER = "parts"

PartRecord = tuple[str, bytes, int]
"""An image's note without its input digest, its record, and the size of the record's head in bytes."""


@dataclass(frozen=True)
class Shard:
    """One share of work that several machines divide.

    Attributes:
        number: number of the share, from 0.
        of: number of shares.

    Raises:
        MammoError: the number is not in [0, of).
    """

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not (is_whole(self.of) and self.of >= 1):
            raise MammoError(f"shards must be a whole number >= 1, got {self.of!r}")
        if not (is_whole(self.number) and 0 <= self.number < self.of):
            raise MammoError(f"shard must be a whole number in [0, {self.of}), got {self.number!r}")

    def holds(self, path: str) -> bool:
        """Whether a file belongs to the share, by a hash of its path."""
        return int.from_bytes(sha256(path.encode(errors="surrogateescape")).digest()[:8]) % self.of == self.number

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """The items of the share: every of-th from number on."""
        return items[self.number :: self.of]


WHOLE = Shard()


def open_part(store: Path, source: str, shard: Shard) -> Path:
    """The folder of one part of a source, with the store's pseudonym key; MammoError where it has another one."""
    part = store / FOLDER / source / f"{shard.number:04d}"
    pseudonyms = Pseudonyms.of_store(store)
    pseudonyms.write_key(part)
    if Pseudonyms.of_store(part) != pseudonyms:
        raise MammoError(f"{part / KEY} is damaged (it is not that of {store}): delete {part} and run this shard again")
    return part


def find_parts(store: Path, source: str) -> tuple[Path, ...]:
    """The folders of a source's parts that are not merged yet."""
    return tuple(sorted(path for path in (store / FOLDER / source).glob("*") if path.is_dir()))


def remove_parts(store: Path, source: str) -> None:
    """Remove a source's parts, once they are merged."""
    shutil.rmtree(store / FOLDER / source, ignore_errors=True)
    with suppress(OSError):  # those of another source are left
        (store / FOLDER).rmdir()


def record_in_parts(parts: tuple[Path, ...], image_id: str, input_digest: str) -> PartRecord | None:
    """The record of an image with this input digest, from the first part that holds it intact; None without one."""
    for part in parts:
        stored_digest, _, text = ImageStore(part).note(image_id).partition(" ")
        if stored_digest == input_digest:
            with suppress(MammoError):  # damaged: the file is decoded again
                return text, *ImageStore(part).record(image_id)
    return None


def rejections_in_parts(parts: tuple[Path, ...]) -> dict[str, tuple[str, str]]:
    """Input digest and code of every rejection that the parts remember, by image id."""
    return {image_id: rejection for part in parts for image_id, rejection in RejectionLog(part).read().items()}
