"""The lesions of a store that the page shows beside a score: who is left out, what is said of them, and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.inference.neighbors import Neighbors
from mammo.inference.prediction import LesionPrediction
from mammo.inference.predictor import Predictor
from mammo.inference.store_scores import scale_warning
from mammo.intake.laterality_view import text
from mammo.progress import unreported
from mammo.records import FULL_SCALE, MammoError
from mammo.serving.page_images import OpenImage
from mammo.store.fingerprints import Fingerprint, read_fingerprints
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import KEY, Pseudonyms
from mammo.store.store_header import read_store_header
from mammo.text import print_text

PHANTOM = "phantom"
"""The data set of drawn mammograms, whose pictures are anybody's."""

N_SHOWN = 6

SIDE_PX, MARGIN, LEAST = 176, 1.6, 1 / 8
"""Side of a picture; side of what it shows, as a multiple of the outline's longer side; and at least this share of the
frame's width."""

YELLOW = (10, 214, 255)
"""Color of outlines, blue, green and red."""

SEEN = "The networks were trained or selected on those seen in training, whose scores flatter them."
LEFT_OUT = "Lesions of the patient of this image are left out."
NOT_IN_STORE = (
    "None of them has the patient id of this image; where their store names patients otherwise, lesions of the same "
    "patient can be among them."
)
UNKNOWN = "Whose image this is, is not known here: lesions of the same patient can be among them."
SIMILAR = (
    "They are similar for the network that sees the lesion's surroundings (f_loc), not necessarily for a radiologist, "
    "and prove nothing about this lesion."
)


@dataclass(frozen=True, eq=False)
class PageNeighbors:
    """Similar lesions for the page.

    Attributes:
        predictor: the networks of a bundle.
        neighbors: the lesions of a store.
        terms: under which its pictures are shown.
        patients: of the store's images, by the SHA-256 of their files and by the digests of their pixels.
        pseudonyms: of each source of the store; none where its key stayed behind.
        scores: of the lesions that were shown so far, by row.
    """

    predictor: Predictor
    neighbors: Neighbors
    terms: str
    patients: Mapping[str, str]
    pseudonyms: Sequence[Pseudonyms]
    scores: dict[int, float] = field(default_factory=dict)

    @classmethod
    def of_store(cls, predictor: Predictor, store: Path, terms: str | None) -> "PageNeighbors":
        """The lesions of a store, whose h is computed.

        Args:
            predictor: the networks of a bundle.
            store: an image store of the same frame.
            terms: under which its pictures may be shown; None only for phantoms, which are anybody's.

        Raises:
            MammoError: the terms are missing, or as Neighbors.of_store.
        """
        sources = read_store_header(store).sources
        names = sorted({source.name for source in sources})
        if terms is None and names != [PHANTOM]:
            raise MammoError(
                f"--neighbors {store} shows pictures of {', '.join(names)} to the readers of the page: state the "
                "license that allows it, as in --neighbors-license 'CC BY 4.0'"
            )
        neighbors = Neighbors.of_store(predictor.ensemble, store)
        if warning := scale_warning(predictor.ensemble.run, neighbors.manifest):
            print_text(f"caution: {warning}")
        keyed = [Pseudonyms.of_store(store)] if (store / KEY).is_file() else []
        found = [each for one in keyed for each in (one, *map(one.of_source, names))]
        return cls(predictor, neighbors, terms or "drawn by mammo", _patients(store), found)

    def answer(self, image: OpenImage, prediction: LesionPrediction) -> dict[str, Any]:
        """The lesions that are most similar to one that was scored on an image.

        Returns:
            JSON values. about: sentences; lesions: number, label, label_source, split, laterality, view, score and
            is_seen of each, the most similar first; is_seen: whether the networks were trained or selected on it.
        """
        h, manifest = prediction.h, self.neighbors.manifest
        assert h is not None  # or there would be no neighbors
        patients, known = self._patients_of(image)
        rows = self.neighbors.nearest(h, patients, N_SHOWN)
        self._score(rows)
        lesions = [self._shown(row) for row in rows]
        seen = [SEEN] if any(one["is_seen"] for one in lesions) else []
        searched = f"Searched: {len(manifest.lesions):,} labeled lesions of {manifest.header.name} ({self.terms})."
        return {"about": [searched, known, *seen, SIMILAR], "lesions": lesions}

    def _patients_of(self, image: OpenImage) -> tuple[set[str], str]:
        """The store's patients whom an image can be of, and a sentence on how that is known."""
        known = set(self.patients.values())
        keys = image.image.sha256, Fingerprint.of(image.image.admitted.pixels).key
        found = {self.patients[key] for key in keys if key in self.patients}
        patient = "" if image.header is None else text(image.header, "PatientID")
        found |= known & {one.of("patient", patient) for one in self.pseudonyms if patient}
        stated = NOT_IN_STORE if patient and self.pseudonyms else UNKNOWN
        return found, LEFT_OUT if found else stated

    def _score(self, rows: Sequence[int]) -> None:
        new = [row for row in rows if row not in self.scores]
        if new:
            with unreported():
                found = self.neighbors.scores(self.predictor.ensemble, new, self.predictor.options.n_windows)
            self.scores.update(zip(new, found, strict=True))

    def _shown(self, row: int) -> dict[str, Any]:
        lesion = self.neighbors.manifest.lesions.iloc[row]
        image = self.neighbors.manifest.images.loc[lesion["image_id"]]
        found = {name: str(lesion[name]) for name in ("label", "label_source")}
        found |= {name: str(image[name]) for name in ("split", "laterality", "view")}
        is_seen = self.predictor.facts.images.knows(str(image["sha256"]))
        return {"number": row, **found, "score": self.scores[row], "is_seen": is_seen}

    def picture(self, number: int) -> bytes:
        """The picture of a lesion by its row, as a viewer shows its file: PNG, SIDE_PX on each side.

        Raises:
            MammoError: there is no such lesion.
        """
        if not 0 <= number < len(self.neighbors.manifest.lesions):
            raise MammoError(f"There is no similar lesion of number {number}: load the page again.")
        manifest = self.neighbors.manifest
        lesion, image_id = manifest.lesions.index[number], manifest.lesions["image_id"].iloc[number]
        chain = manifest.chain(image_id)
        mask, box = manifest.network_outline(lesion)
        place = _around(box.shifted(*chain.origin), round(LEAST * manifest.frame.width))
        drawn = _drawn(ImageStore(self.neighbors.store).read(image_id, place), mask, box.shifted(*chain.origin), place)
        return cv2.imencode(".png", drawn[:, ::-1] if chain.mirrored else drawn)[1].tobytes()


def _patients(store: Path) -> dict[str, str]:
    """The patient of every image of a store, by the SHA-256 of its file and by the digest of its pixels."""
    images = Manifest.current(store).images
    patients = {str(key): str(value) for key, value in zip(images["sha256"], images["patient_id"], strict=True) if key}
    for image_id, one in read_fingerprints(store, images.index):
        patients[one.key] = str(images.at[image_id, "patient_id"])
    return patients


def _around(box: Box, least: int) -> Box:
    """The square around a box that a picture shows; its side is at least `least`."""
    side = max(round(MARGIN * max(box.height, box.width)), least)
    row, col = (box.row0 + box.row1 - side) // 2, (box.col0 + box.col1 - side) // 2
    return Box(row, row + side, col, col + side)


def _drawn(pixels: NDArray[np.uint16], mask: NDArray[np.bool_], box: Box, place: Box) -> NDArray[np.uint8]:
    """Pixels of a square place with the outline of a mask: uint8 [SIDE_PX, SIDE_PX, 3], blue, green and red."""
    gray = np.round(pixels * (255 / FULL_SCALE)).astype(np.uint8)
    inside = np.zeros(gray.shape, np.uint8)
    row, col = box.row0 - place.row0, box.col0 - place.col0
    inside[row : row + box.height, col : col + box.width] = mask
    way = cv2.INTER_AREA if len(gray) > SIDE_PX else cv2.INTER_CUBIC
    small = cv2.cvtColor(cv2.resize(gray, (SIDE_PX, SIDE_PX), interpolation=way), cv2.COLOR_GRAY2BGR)
    shown = cv2.resize(inside, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_NEAREST_EXACT)
    rings, _ = cv2.findContours(shown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.ascontiguousarray(cv2.drawContours(small, rings, -1, YELLOW, 1))
