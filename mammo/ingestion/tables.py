"""The tables of a store after an ingest: the rows of the ingested source, beside those of the other sources."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mammo.geometry import Frame
from mammo.ingestion.cohort_lesions import ImageLabels, finding_type, mean_gray, pathology_type
from mammo.ingestion.worker import ImageFacts
from mammo.intake.outcomes import Outcome
from mammo.records import Cohort, ImageRecord, LesionRecord, MammoError, Pathology, Split
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import OWN_IDS, Pseudonyms
from mammo.store.schema import Row, chain_of, outline_values
from mammo.store.splits import NO_FOLD
from mammo.store.store_header import DataSet, read_store_header
from mammo.text import print_text

Accepted = Sequence[tuple[ImageRecord, Outcome]]
"""The accepted images of a cohort, in order."""


@dataclass(frozen=True, eq=False)
class SourceRows:
    """The rows of one source.

    Attributes:
        source: the name of the source.
        cohort: its records.
        accepted: its accepted images.
        taken_over: ids of images of the other sources that images of this one replace.
        beyond: by id, labels of the findings that this one adds to images of the other sources.
        image_of: id of the image that is kept, by path, of every accepted image and of duplicates within the source.
        facts: what the notes of the images say, by id.
        patients: ids of patients that another source of the store has too, by key.
        pseudonyms: of the source.
        pixels: of the images.
    """

    source: str
    cohort: Cohort
    accepted: Accepted
    taken_over: frozenset[str]
    beyond: Mapping[str, Collection[Pathology]]
    image_of: Mapping[str, str]
    facts: Mapping[str, ImageFacts]
    patients: Mapping[str, str]
    pseudonyms: Pseudonyms
    pixels: ImageStore

    def images(self, places: Mapping[str, tuple[str, int]]) -> Iterator[Row]:
        """Yield the rows of images.parquet.

        Args:
            places: split and fold of the patients who have one.
        """
        labels = ImageLabels.of(self.cohort, self.image_of)
        official = whole_official_split(self.cohort.images)
        for image, outcome in self.accepted:
            patient = self.patients.get(image.patient_key) or self.pseudonyms.of("patient", image.patient_key)
            adopted = (image.split or "") if official else ""
            split, fold = places.get(patient, (adopted, NO_FOLD))
            yield (
                self.facts[outcome.image_id].row
                | labels.columns(image, outcome.image_id)
                | {
                    "image_id": outcome.image_id,
                    "source": self.source,
                    "patient_id": patient,
                    "exam_id": self.pseudonyms.of("exam", image.exam_key),
                    "laterality": image.laterality,
                    "view": image.view,
                    "split": split,
                    "fold": fold,
                    "official_split": image.split or "",
                    "density": image.density or "",
                    "flags": "+".join(outcome.codes),
                    "elsewhere": "",
                }
            )

    def lesions(self, frame: Frame) -> Iterator[Row]:
        """Yield the rows of lesions.parquet.

        Args:
            frame: of the store.
        """
        for lesion in self._kept():
            image_id = self.image_of[lesion.path]
            chain = chain_of(self.facts[image_id].row, frame)
            gray = mean_gray(self.pixels, image_id, chain, lesion.mask, lesion.box)
            yield self._facts(lesion) | outline_values(lesion.mask, lesion.box) | {"gray": gray}

    def own_ids(self) -> Iterator[tuple[str, ...]]:
        """Yield the rows of ids.csv (pseudonyms.OWN_IDS)."""
        for image, outcome in self.accepted:
            yield "image", outcome.image_id, self.source, image.path, ""
        for lesion in self._kept():
            yield "lesion", self._lesion_id(lesion), self.source, lesion.path, lesion.lesion_key

    def _kept(self) -> Iterator[LesionRecord]:
        return (lesion for lesion in self.cohort.lesions if lesion.path in self.image_of)

    def _lesion_id(self, lesion: LesionRecord) -> str:
        return self.pseudonyms.of("lesion", lesion.lesion_key)

    def _facts(self, lesion: LesionRecord) -> dict[str, Any]:
        return {
            "lesion_id": self._lesion_id(lesion),
            "image_id": self.image_of[lesion.path],
            "finding_id": self.pseudonyms.of("finding", lesion.finding_key) if lesion.finding_key else "",
            "label": lesion.label,
            "label_source": lesion.label_source,
            "high_risk": lesion.high_risk,
            "finding": finding_type(lesion.finding),
            "birads": lesion.birads or "",
            "pathology_type": pathology_type(lesion.pathology_type),
        }


def whole_official_split(images: Sequence[ImageRecord]) -> bool:
    """Whether a data set's own split needs no further one: it has validation patients, or no training patients."""
    splits = {image.split for image in images}
    return Split.VAL in splits or Split.TRAIN not in splits


def current_tables(store: Path, source: str) -> Manifest | None:
    """The store's tables before an ingest; None without a store, and where they are damaged, which is printed.

    Args:
        store: the store.
        source: that is ingested, of which the tables are made again.

    Raises:
        MammoError: they are damaged, and hold the rows of another source.
    """
    try:
        header = read_store_header(store)
    except MammoError as error:
        if (store / "store.json").is_file():  # its tables may be as they were
            print_text(f"caution: {error}; it is made again now")
        return _unchecked_tables(store)
    try:
        return Manifest.load(store)
    except MammoError as error:
        if others := [one.name for one in header.sources if one.name != source]:
            raise MammoError(
                f"{error}; but it holds the rows of {', '.join(others)} too: put the file back from a copy, or delete "
                f"{store} and ingest every source again"
            ) from None
        print_text(f"caution: {error}; the tables are made again now, without the splits of the patients")
        return None


def _unchecked_tables(store: Path) -> Manifest | None:
    try:
        return Manifest.load(store, checked=False)
    except MammoError:
        return None


def _places(images: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """Split and fold by id of the patients who have one."""
    assigned = images[(images["split"] != "") | (images["fold"] != NO_FOLD)]
    return dict(zip(assigned["patient_id"], zip(assigned["split"], assigned["fold"], strict=True), strict=True))


def write_tables(store: Path, manifest: Manifest, rows: SourceRows) -> None:
    """Write the tables of a store, ids.csv first."""
    OWN_IDS.write(store, rows.source, rows.own_ids(), [source.name for source in manifest.sources])
    manifest.save(store)


def joined_tables(frame: Frame, rows: SourceRows, sources: tuple[DataSet, ...], current: Manifest | None) -> Manifest:
    """The tables of all sources, in the order of the sources.

    A breast is negative only if no source knows of a finding in it, in any exam of the patient.

    Args:
        frame: of the store.
        rows: of the ingested source.
        sources: of the store, that one among them.
        current: the tables before the ingest, which hold the rows of the others.
    """
    places = {} if current is None else _places(current.images)
    own = Manifest.of(frame, rows.images(places), rows.lesions(frame), sources)
    if len(sources) == 1 or current is None:
        return replace(own, images=_with_negative(own.images))
    left = current.images[~current.images.index.isin(rows.taken_over)]
    others = {name: part for name, part in left.groupby("source", sort=False) if name != rows.source}
    parts = [own.images if source.name == rows.source else others.get(source.name) for source in sources]
    images = pd.concat([part for part in parts if part is not None])
    lesions = pd.concat([own.lesions, current.lesions[~current.lesions["image_id"].isin(own.images.index)]])
    place = pd.Series(range(len(images)), index=images.index)
    lesions = lesions[lesions["image_id"].isin(images.index)]
    order = lesions["image_id"].map(place).argsort(kind="stable")
    images = images.assign(elsewhere=_elsewhere(images, rows, current))
    return replace(own, images=_with_negative(images), lesions=lesions.iloc[order])


def _elsewhere(images: pd.DataFrame, rows: SourceRows, current: Manifest) -> list[str]:
    """The column elsewhere: what other sources said earlier stays, and what the ingested one says now replaces it."""
    earlier = current.images["elsewhere"].reindex(images.index).fillna("")
    kept = [[one for one in text.split("+") if one and one.partition(":")[0] != rows.source] for text in earlier]
    own = [[f"{rows.source}:{label}" for label in rows.beyond.get(image_id, ())] for image_id in images.index]
    return ["+".join(sorted((*one, *other))) for one, other in zip(own, kept, strict=True)]


def _with_negative(images: pd.DataFrame) -> pd.DataFrame:
    breasts = images.groupby(["patient_id", "laterality"], sort=False)["positive"]
    return images.assign(negative=~breasts.transform("any").astype(bool))
