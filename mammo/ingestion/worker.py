"""The ingest worker: what a child process does with one file, from its bytes to the record of its image."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from mammo.geometry import Frame
from mammo.ingestion.shard import record_in_parts
from mammo.intake.gate import Admitted, admit
from mammo.intake.gray_values import ANY_DEPTH, PixelOptions
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file, regular_file
from mammo.records import ImageRecord
from mammo.store.fingerprints import Fingerprint
from mammo.store.image_store import ImageStore
from mammo.store.pseudonyms import Pseudonyms
from mammo.store.schema import chain_values, tissue_values
from mammo.store.store_header import TABLE, DataSet
from mammo.store.tiles import encode

PRELOAD = (__name__,)
"""Modules that the child processes of an ingest need (intake.sandbox.Workers.preload)."""

PIPELINE = 8
"""Version of the processing from files to store pixels; after a change a rerun reads every image again."""


@dataclass(frozen=True)
class Recipe:
    """How the images of one store are made.

    Attributes:
        source: folder that the images' paths are relative to.
        store: the store folder.
        frame: the network window.
        scale: store pixels per mirrored pixel.
        parts: stores of shards whose records are copied instead of decoding the files (ingestion.shard).
        data_set: the data set of the source, for the header of the store.
        pixels: how gray values are read where no header states it.
    """

    source: Path
    store: Path
    frame: Frame
    scale: float
    parts: tuple[Path, ...] = ()
    data_set: DataSet = TABLE
    pixels: PixelOptions = ANY_DEPTH

    def input_digest(self, file_digest: str, image: ImageRecord) -> str:
        """Digest of everything that a stored image is made from; the image's note starts with it."""
        facts: tuple[object, ...] = (image.laterality, image.view, image.by_table, image.faces_left, image.flags)
        if image.spacing_mm:
            facts = (*facts, image.spacing_mm)
        inputs = (PIPELINE, file_digest, asdict(self.frame), self.scale, asdict(self.pixels), *facts)
        return sha256(json.dumps(inputs).encode()).hexdigest()


@dataclass(frozen=True)
class IngestItem:
    """One file to ingest.

    Attributes:
        image: its record.
        image_id: its pseudonym.
        rejection: input digest and code of its rejection in an earlier run, None without one.
    """

    image: ImageRecord
    image_id: str
    rejection: tuple[str, str] | None = None


@dataclass(frozen=True)
class ImageFacts:
    """What the note of a stored image says, after the input digest.

    Attributes:
        row: its columns of images.parquet that come from the file.
        uid: pseudonym of its SOP Instance UID, empty without one.
        key: as in fingerprints.Fingerprint.
        thumbnail: as in fingerprints.Fingerprint.
    """

    row: dict[str, Any]
    uid: str
    key: str
    thumbnail: bytes

    @classmethod
    def of_note(cls, text: str) -> "ImageFacts":
        """The facts of a note without its input digest."""
        note = json.loads(text)
        row = note["row"] | {"tissue": bytes.fromhex(note["row"]["tissue"])}
        return cls(row, note["uid"], note["key"], bytes.fromhex(note["thumbnail"]))


@dataclass(frozen=True)
class Rejected:
    """A file that is not ingested.

    Attributes:
        code: why (intake.rejections.Code).
        input_digest: of the file, empty where its bytes were not read; only a rejection with one is remembered.
    """

    code: str
    input_digest: str = ""


@dataclass(frozen=True)
class AlreadyStored:
    """An image that the store holds."""

    facts: ImageFacts


@dataclass(frozen=True)
class Encoded:
    """An image to be stored.

    Attributes:
        facts: of its note.
        record: its pixels and note (tiles.encode).
        head: size of the record's head in bytes.
        merged: whether the record was copied from a part instead of decoding the file.
    """

    facts: ImageFacts
    record: bytes
    head: int
    merged: bool = False


def ingest_file(recipe: Recipe, item: IngestItem) -> Rejected | AlreadyStored | Encoded:
    """Encode one file for the store, unless the store holds it already or an earlier run rejected it.

    Raises:
        MammoError: a decoder is missing.
    """
    if item.image.code:
        return Rejected(item.image.code)
    input_digest = ""
    try:
        content = read_file(regular_file(recipe.source, item.image.path))
        file_digest = sha256(content).hexdigest()
        input_digest = recipe.input_digest(file_digest, item.image)
        if item.rejection and item.rejection[0] == input_digest:
            return Rejected(item.rejection[1], input_digest)
        stored_digest, _, text = ImageStore(recipe.store).note(item.image_id).partition(" ")
        if stored_digest == input_digest:
            return AlreadyStored(ImageFacts.of_note(text))
        if in_part := record_in_parts(recipe.parts, item.image_id, input_digest):
            text, record, head = in_part
            return Encoded(ImageFacts.of_note(text), record, head, merged=True)
        admitted = admit(recipe.source, item.image, recipe.frame, recipe.scale, content, recipe.pixels)
        text = json.dumps(_note(recipe, admitted, file_digest))
        record, head = encode(admitted.pixels, f"{input_digest} {text}")
        return Encoded(ImageFacts.of_note(text), record, head)
    except RejectedError as rejected:
        return Rejected(rejected.code, input_digest)
    except MemoryError:
        return Rejected(Code.TOO_LARGE, input_digest)


def _note(recipe: Recipe, admitted: Admitted, file_digest: str) -> dict[str, Any]:
    """The facts of an image as its note holds them, in JSON types."""
    values = chain_values(admitted.chain) | tissue_values(admitted.tissue)
    row = {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}
    row |= {"sha256": file_digest, "voi": admitted.voi, "vendor": admitted.vendor}
    row |= {"spacing_mm": admitted.spacing_mm}
    row |= {"flags": "+".join(admitted.flags), "notes": "+".join(admitted.notes)}
    fingerprint = Fingerprint.of(admitted.pixels)
    uid = _pseudonyms(recipe.store).of("uid", admitted.uid) if admitted.uid else ""
    return {"row": row, "uid": uid, "key": fingerprint.key, "thumbnail": fingerprint.thumbnail.hex()}


@cache
def _pseudonyms(store: Path) -> Pseudonyms:
    return Pseudonyms.of_store(store)
