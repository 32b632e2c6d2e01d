"""Parts of a store that several machines fill at once, for sources too large for one.

A part is a store without tables, below <store>/parts and under the store's own key. Who fills it opens the images of
its own shard alone: what an image's record says hangs on its own file and on the source's tables; duplicates, conflicts
and the lesions of whole exams are settled by the merge. The ingest of the whole source takes its records over in the
source's order instead of decoding the files, so that the store comes out byte for byte as one machine would have filled
it, and removes the parts.
"""

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mammo.ingestion.rejection_log import RefusalLog
from mammo.intake.pseudonyms import Pseudonyms
from mammo.records import MammoError, is_whole
from mammo.store.image_store import ImageStore

FOLDER = "parts"

Kept = tuple[str, bytes, int]
"""An image's note without its mark, its record, and the size of the record's head."""


@dataclass(frozen=True)
class Shard:
    """The share of a source that one machine sees to.

    Attributes:
        number: which, from 0 on.
        of: of how many.

    Raises:
        MammoError: there is no such share.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not (is_whole(self.number) and is_whole(self.of) and 0 <= self.number < self.of):
            told = f"shard={self.number} of shards={self.of}"
            raise MammoError(f"{told} is none: count whole numbers from 0 on, and stay below shards")

    def holds(self, path: str) -> bool:
        """Whether a file belongs to it, by its path alone."""
        return int.from_bytes(sha256(path.encode(errors="surrogateescape")).digest()[:8]) % self.of == self.number


def open_part(store: Path, shard: Shard) -> Path:
    """The folder of one part, ready to be filled."""
    part = store / FOLDER / f"{shard.number:04d}"
    Pseudonyms.of_store(store).share(part)
    return part


def find_parts(store: Path) -> tuple[Path, ...]:
    """The parts that wait to be merged."""
    return tuple(sorted(path for path in (store / FOLDER).glob("*") if path.is_dir()))


def remove_parts(store: Path) -> None:
    """Remove all parts, once the store holds what they held."""
    shutil.rmtree(store / FOLDER, ignore_errors=True)


def kept_in_parts(parts: tuple[Path, ...], image_id: str, mark: str) -> Kept | None:
    """What a part holds of an image that was made as mark says; None where none does."""
    for part in parts:
        known, _, kept = ImageStore(part).note(image_id).partition(" ")
        if known == mark:
            return kept, *ImageStore(part).record(image_id)
    return None


def refused_in_parts(parts: tuple[Path, ...]) -> dict[str, tuple[str, str]]:
    """Mark and code of every refusal that the parts remember, by image id."""
    return {image_id: refusal for part in parts for image_id, refusal in RefusalLog(part).read().items()}
