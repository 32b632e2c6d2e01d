"""What the search for duplicates compares: the candidates of an ingest, and of the images that the store holds."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from mammo.ingestion.duplicates import Candidate
from mammo.ingestion.worker import ImageFacts, IngestItem
from mammo.store.image_store import ImageStore


def new_candidates(items: Sequence[IngestItem], facts: Mapping[str, ImageFacts]) -> list[Candidate]:
    """The accepted images of an ingest, in order."""
    return [
        Candidate(
            item.image_id,
            (item.image.patient_key, str(item.image.laterality), str(item.image.view)),
            item.image.exam_key,
            found.uid,
            found.key,
            found.thumbnail,
            "lossy" in flags_of(found),
            found.row["sha256"],
        )
        for item in items
        if (found := facts.get(item.image_id))
    ]


def stored_candidates(store: Path, images: pd.DataFrame) -> Iterator[Candidate]:
    """Yield those of a store's images, given by their rows; an image without a note is skipped."""
    pixels = ImageStore(store)
    for image_id, patient in zip(images.index, images["patient_id"], strict=True):
        _, _, text = pixels.note(image_id).partition(" ")
        if text:
            found = ImageFacts.of_note(text)
            breast, digest = (patient, "", ""), found.row["sha256"]
            yield Candidate(image_id, breast, "", found.uid, found.key, found.thumbnail, False, digest)


def flags_of(facts: ImageFacts) -> list[str]:
    """The flags of an image."""
    return [flag for flag in str(facts.row.get("flags", "")).split("+") if flag]
