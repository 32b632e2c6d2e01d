"""Taking one file into a store, as the children of ingest do: its bytes, its pixels through the gate, its image."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mammo.geometry import Frame
from mammo.ingestion.shard import kept_in_parts
from mammo.intake.gate import Admitted, admit
from mammo.intake.pseudonyms import Pseudonyms
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file, regular
from mammo.records import ImageRecord
from mammo.store.fingerprints import Print
from mammo.store.head import TABLE, DataSet
from mammo.store.image_store import ImageStore
from mammo.store.schema import chain_values, tissue_values
from mammo.store.tiles import encode

PIPELINE = 5
"""Number of the way from files to store pixels; a new number makes a rerun read every image again."""


@dataclass(frozen=True)
class Recipe:
    """How the images of one store are made.

    Attributes:
        source: the folder that the images' paths start from.
        store: the store folder.
        frame: the network window.
        scale: store pixels per mirrored pixel.
        parts: stores whose records are taken over instead of decoding (store.parts).
        data_set: which data set it is, for the head of the store.
    """

    source: Path
    store: Path
    frame: Frame
    scale: float
    parts: tuple[Path, ...] = ()
    data_set: DataSet = TABLE

    def mark(self, digest: str, image: ImageRecord) -> str:
        """What the note of a stored image starts with while nothing that it was made from has changed."""
        facts = (image.laterality, image.view, image.by_table, image.flags)
        made_from = (PIPELINE, digest, asdict(self.frame), self.scale, *facts)
        return sha256(json.dumps(made_from).encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """One file to take in.

    Attributes:
        image: its record.
        image_id: its pseudonym.
        known: mark and code of its refusal in an earlier run, if it was refused then.
    """

    image: ImageRecord
    image_id: str
    known: tuple[str, str] | None = None


@dataclass(frozen=True)
class Taken:
    """What became of one file.

    Attributes:
        code: why it is refused, empty where it is accepted.
        mark: what it was made from, empty where its bytes were not read.
        row: its columns of images.parquet without names, if accepted.
        uid: pseudonym of its SOP Instance UID, empty without one.
        key: equal for two images of equal pixels.
        thumbnail: as in prints.Print.
        record: its pixels and note as the store keeps them (tiles.encode), empty where the store has them.
        head: bytes of the record's head.
        merged: whether the record comes from a part.
    """

    code: str = ""
    mark: str = ""
    row: dict[str, Any] | None = None
    uid: str = ""
    key: str = ""
    thumbnail: bytes = b""
    record: bytes = b""
    head: int = 0
    merged: bool = False


def take(recipe: Recipe, job: Job) -> Taken:
    """Make one file's record for the store, unless it is there already or was refused before.

    Raises:
        MammoError: a decoder is missing.
    """
    image, mark = job.image, ""
    if image.code:
        return Taken(image.code)
    record, head, made = b"", 0, None
    try:
        content = read_file(regular(recipe.source, image.path))
        digest = sha256(content).hexdigest()
        mark = recipe.mark(digest, image)
        if job.known and job.known[0] == mark:
            return Taken(job.known[1], mark)
        known, _, kept = ImageStore(recipe.store).note(job.image_id).partition(" ")
        made = None if known == mark else kept_in_parts(recipe.parts, job.image_id, mark)
        if made:
            kept, record, head = made
        elif known != mark:
            admitted = admit(recipe.source, image, recipe.frame, recipe.scale, content)
            kept = json.dumps(_kept(recipe, admitted, digest))
            record, head = encode(admitted.pixels, f"{mark} {kept}")
    except RejectedError as refused:
        return Taken(refused.code, mark)
    except MemoryError:
        return Taken(Code.TOO_LARGE, mark)
    facts = json.loads(kept)
    row = facts["row"] | {"tissue": bytes.fromhex(facts["row"]["tissue"])}
    thumbnail = bytes.fromhex(facts["thumbnail"])
    return Taken("", mark, row, facts["uid"], facts["key"], thumbnail, record, head, bool(made))


def _kept(recipe: Recipe, admitted: Admitted, digest: str) -> dict[str, Any]:
    """What the image's note holds: its row and what tells it from others, as JSON can hold it."""
    values = chain_values(admitted.chain) | tissue_values(admitted.tissue)
    row = {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
    row |= {"sha256": digest, "flags": "+".join(admitted.flags), "voi": admitted.voi, "vendor": admitted.vendor}
    print_of = Print.of(admitted.pixels)
    uid = _names(recipe.store).of("uid", admitted.uid) if admitted.uid else ""
    return {"row": row, "uid": uid, "key": print_of.key, "thumbnail": print_of.thumbnail.hex()}


@cache
def _names(store: Path) -> Pseudonyms:
    return Pseudonyms.of_store(store)
