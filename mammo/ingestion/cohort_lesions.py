"""Lesions and findings of an ingest: repeated ones, outlines in air, types of finding, gray levels and image labels."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.ingestion.worker import ImageFacts
from mammo.intake.film import lies_in_air
from mammo.intake.gate import FILM
from mammo.intake.rejections import Code, left_out
from mammo.records import Cohort, ImageRecord, Laterality, LesionRecord, MammoError, Pathology
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import FindingType, PathologyType, Row, chain_of, tissue_of
from mammo.text import UNSTATED

Kind = TypeVar("Kind", FindingType, PathologyType)

PATTERNS = {
    FindingType.MASS: r"\bmass(es)?\b|fibroadenom|nodul|tumou?r|\blump|spicul|\bspic\b|circumscribed|\bcirc\b",
    FindingType.CALCIFICATION: r"calcif|\bcalcs?\b|cluster",
    FindingType.DISTORTION: r"distort|architect|\barch\b",
    FindingType.ASYMMETRY: r"ass?ym|focal density",
}
"""What names a type of finding, in lower case."""

PATHOLOGY_PATTERNS = {
    PathologyType.IDC: r"\bidc\b|(?<!non )(invasive|infiltrating) ductal|\bnst\b|no special type",
    PathologyType.ILC: r"\bilc\b|(?<!non )(invasive|infiltrating) lobular",
    PathologyType.DCIS: r"\bdcis\b|ductal (carcinoma )?in.?situ",
    PathologyType.LCIS: r"\blcis\b|lobular (carcinoma )?in.?situ",
    PathologyType.IN_SITU: r"in.?situ|non invasive",
    PathologyType.INVASIVE: r"invasive|infiltrating",
    PathologyType.LUMINAL_A: r"luminal a\b",
    PathologyType.LUMINAL_B: r"luminal b\b",
    PathologyType.TRIPLE_NEGATIVE: r"triple negative|\btnbc\b",
    PathologyType.HER2: r"\bher ?2",
    PathologyType.ATYPIA: r"atypi|\badh\b|\balh\b",
    PathologyType.PHYLLODES: r"phyll?odes",
    PathologyType.FIBROADENOMA: r"fibro ?adenom",
    PathologyType.PAPILLOMA: r"papillom",
    PathologyType.RADIAL_SCAR: r"radial scar|complex sclerosing",
    PathologyType.FAT_NECROSIS: r"fat necrosis",
    PathologyType.CYST: r"\bcysts?\b|fibrocystic",
}
"""What names a type of pathology, in lower case; the first that matches, so that invasion outranks what is in situ."""


def unique_lesions(lesions: Iterable[LesionRecord]) -> tuple[LesionRecord, ...]:
    """Return lesions without repetitions: those of one key that are equal in image, outline and label are one.

    Raises:
        MammoError: two lesions that differ have one key.
    """
    by_key: dict[str, LesionRecord] = {}
    for lesion in lesions:
        first = by_key.setdefault(lesion.lesion_key, lesion)
        if not _equal(first, lesion):
            raise MammoError(
                f"lesion_id {lesion.lesion_key!r} occurs twice, {_shown(first)}, and {_shown(lesion)}: give each "
                "lesion an id of its own, or correct the row that is wrong"
            )
    return tuple(by_key.values())


def unique_on_copies(lesions: Iterable[LesionRecord], image_of: Mapping[str, str]) -> tuple[LesionRecord, ...]:
    """Return lesions without those that outline the same on another copy of their image, whose finding they take over.

    Args:
        lesions: of one source, without repeated keys.
        image_of: id of the image that is kept, by path, of every accepted image and its copies.

    Raises:
        MammoError: two copies give one outline different labels or findings.
    """
    first: dict[tuple[str, Box, bytes], int] = {}
    kept: list[LesionRecord] = []
    for lesion in lesions:
        place = (image_of.get(lesion.path, lesion.path), lesion.box, lesion.mask.tobytes())
        at = first.setdefault(place, len(kept))
        if at == len(kept) or kept[at].path == lesion.path:
            kept.append(lesion)
        else:
            kept[at] = _with_finding_of(kept[at], lesion)
    return tuple(kept)


def _with_finding_of(kept: LesionRecord, copy: LesionRecord) -> LesionRecord:
    """A lesion with the finding that its copy is of, if its own is unknown; MammoError where the two differ."""
    what, shown = "two copies of one image give the same outline different", f"{_shown(kept)}, and {_shown(copy)}"
    if kept.label != copy.label:
        raise MammoError(f"{what} labels: {shown}: correct the wrong one, or remove its file")
    if kept.finding_key and copy.finding_key and kept.finding_key != copy.finding_key:
        keys = f"{kept.finding_key!r} and {copy.finding_key!r}"
        raise MammoError(f"{what} finding ids, {keys}: {shown}: correct the wrong one, or leave it empty")
    return replace(kept, finding_key=copy.finding_key) if copy.finding_key and not kept.finding_key else kept


def _equal(one: LesionRecord, other: LesionRecord) -> bool:
    return one is other or (_facts(one) == _facts(other) and np.array_equal(one.mask, other.mask))


def _facts(lesion: LesionRecord) -> tuple[object, ...]:
    place = lesion.path, lesion.box, lesion.finding_key
    return *place, lesion.label, lesion.label_source, lesion.high_risk, lesion.birads


def _shown(lesion: LesionRecord) -> str:
    box = lesion.box
    place = f"rows {box.row0} to {box.row1 - 1}, columns {box.col0} to {box.col1 - 1}"
    return f"{lesion.label.value} on {lesion.path} ({place}; {lesion.label_source.value})"


def paths_with_finding(cohort: Cohort) -> set[str]:
    """The paths of the images with a finding, outlined or not."""
    return {
        *(lesion.path for lesion in cohort.lesions),
        *(finding.path for finding in cohort.findings),
        *(lesion.image for lesion in cohort.left_out),
    }


def findings_beyond(cohort: Cohort, copies: Mapping[str, str], current: Manifest) -> dict[str, set[Pathology]]:
    """What this source adds to images of other sources: labels of its findings by the id of the image.

    A finding counts where it has no outline, where its outline goes beyond those of the other source, or where the
    other source has no finding of its label on the image.

    Args:
        cohort: the source.
        copies: id of the same image of another source, which is kept, by path.
        current: the tables of the other sources.
    """
    found: dict[str, set[Pathology]] = defaultdict(set)
    without = [(finding.path, finding.label) for finding in cohort.findings]
    for path, label in (*without, *((lesion.image, lesion.label) for lesion in cohort.left_out)):
        if path in copies:
            found[copies[path]].add(label)
    lesions_on = current.lesions.groupby("image_id").groups
    for lesion in cohort.lesions:
        image_id = copies.get(lesion.path)
        if image_id is None:
            continue
        is_new = lesion.label is not Pathology.NONE and not current.images.at[image_id, lesion.label.value]
        if is_new or not _is_covered(lesion, map(current.outline, lesions_on.get(image_id, ()))):
            found[image_id].add(lesion.label)
    return dict(found)


def _is_covered(lesion: LesionRecord, outlines: Iterable[tuple[NDArray[np.bool_], Box]]) -> bool:
    """Return whether outlines on its image, masks [box.height, box.width] in their boxes, cover all of a lesion."""
    uncovered = lesion.mask.copy()
    for mask, box in outlines:
        points = np.argwhere(mask) + np.array((box.row0 - lesion.box.row0, box.col0 - lesion.box.col0))
        points = points[((points >= 0) & (points < uncovered.shape)).all(axis=1)]
        uncovered[tuple(points.T)] = False
    return not uncovered.any()


def without_misplaced(
    cohort: Cohort, image_of: Mapping[str, str], facts: Mapping[str, ImageFacts], frame: Frame
) -> Cohort:
    """Return the cohort with the lesions in air moved to those left out.

    Args:
        cohort: the source.
        image_of: id of the image that is kept, by path, of every accepted image and duplicate.
        facts: what the notes of the images say, by id.
        frame: the network window.
    """
    in_air = {
        lesion.lesion_key
        for lesion in cohort.lesions
        if lesion.path in image_of and _is_misplaced(lesion, facts[image_of[lesion.path]].row, frame)
    }
    if not in_air:
        return cohort
    moved = tuple(
        left_out(lesion.path, Code.OUTLINE_OFF_BREAST, lesion.path, lesion.label)
        for lesion in cohort.lesions
        if lesion.lesion_key in in_air
    )
    kept = tuple(lesion for lesion in cohort.lesions if lesion.lesion_key not in in_air)
    return replace(cohort, lesions=kept, left_out=(*cohort.left_out, *moved))


def _is_misplaced(lesion: LesionRecord, row: Row, frame: Frame) -> bool:
    on_film = FILM in str(row["notes"]).split("+")
    return lies_in_air(lesion.mask, lesion.box, chain_of(row, frame), tissue_of(row, frame), on_film)


def finding_type(text: str) -> str:
    """Return the type of finding (FindingType) that a text names, other for any other text, empty where it is empty."""
    return _first_match(text.replace("_", " "), PATTERNS, FindingType.OTHER)


def pathology_type(text: str) -> str:
    """Return the type of pathology (PathologyType) that a text names, other for any other text, empty for none."""
    return _first_match(re.sub("[_-]", " ", text), PATHOLOGY_PATTERNS, PathologyType.OTHER)


def _first_match(text: str, patterns: Mapping[Kind, str], other: Kind) -> str:
    words = " ".join(text.lower().split())
    if words in UNSTATED:
        return ""
    return next((kind for kind, pattern in patterns.items() if re.search(pattern, words)), other).value


def mean_gray(pixels: ImageStore, image_id: str, chain: FrameChain, mask: NDArray[np.bool_], box: Box) -> float:
    """The mean gray level of the store's pixels inside an outline, 0 to 4095.

    Args:
        pixels: of the store.
        image_id: id of the outline's image.
        chain: of the image.
        mask: [box.height, box.width], True inside the outline.
        box: half-open, stored frame.

    Raises:
        MammoError: the image is not in the store, or its pixels are damaged.
    """
    inside, place = chain.mask_to_network(mask, box)
    return float(pixels.read(image_id, place.shifted(*chain.origin))[inside].mean())


@dataclass(frozen=True)
class ImageLabels:
    """Labels of the images of a cohort, from all findings, outlined or not.

    Attributes:
        malignant: ids of the images with a malignant finding.
        benign: ids of the images with a benign finding.
        breasts: patient key, exam key, laterality and label of the breasts with a malignant or a benign finding on any
            of their images, rejected ones too.
        unplaced: ids of the images with a finding whose place is unknown.
        positive_breasts: patient key and laterality of the breasts with a finding; None stands for either breast.
    """

    malignant: frozenset[str]
    benign: frozenset[str]
    breasts: frozenset[tuple[str, str, Laterality | None, Pathology]]
    unplaced: frozenset[str]
    positive_breasts: frozenset[tuple[str, Laterality | None]]

    @classmethod
    def of(cls, cohort: Cohort, image_of: Mapping[str, str]) -> "ImageLabels":
        """The labels of a cohort's images.

        Args:
            cohort: the source.
            image_of: id of the image that is kept, by path, of every accepted image and duplicate.
        """
        outlined = [(lesion.path, lesion.label) for lesion in cohort.lesions]
        without = [(finding.path, finding.label) for finding in cohort.findings]
        without += [(lesion.image, lesion.label) for lesion in cohort.left_out]
        found = [(image_of[path], label) for path, label in (*outlined, *without) if path in image_of]
        images = {image.path: image for image in cohort.images}
        labeled = [(images[path], label) for path, label in (*outlined, *without) if path in images]
        positive = paths_with_finding(cohort)
        return cls(
            frozenset(image_id for image_id, label in found if label is Pathology.MALIGNANT),
            frozenset(image_id for image_id, label in found if label is Pathology.BENIGN),
            frozenset((image.patient_key, image.exam_key, image.laterality, label) for image, label in labeled),
            frozenset(image_of[path] for path, _ in without if path in image_of),
            frozenset(
                (image.patient_key, image.laterality)
                for image in cohort.images
                if image.path in positive or image.negative is False
            ),
        )

    def columns(self, image: ImageRecord, image_id: str) -> dict[str, bool]:
        """The columns of images.parquet that these labels decide, for one image.

        A breast is positive in all exams of the patient if any of its images has a finding, also a rejected one; it is
        malignant or benign in the exam of the finding.
        """
        breast = (image.patient_key, image.exam_key, image.laterality)
        return {
            "malignant": image_id in self.malignant,
            "benign": image_id in self.benign,
            **{
                f"breast_{label}": image_id in of_image or (*breast, label) in self.breasts
                for label, of_image in ((Pathology.MALIGNANT, self.malignant), (Pathology.BENIGN, self.benign))
            },
            "unplaced": image_id in self.unplaced,
            "positive": not self.positive_breasts.isdisjoint(
                [(image.patient_key, image.laterality), (image.patient_key, None)]
            ),
        }
