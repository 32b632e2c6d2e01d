"""Records of images, lesions and cohorts, and the closed lists of values that their fields take.

This module uses no pixels, files or torch, so that every other module can import it. Terms follow Wu et al. 2020.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from sys import float_info
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.text import LINES, nearest_words, printable

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint16]
"""Gray values of an image or patch, 0 to FULL_SCALE."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Batch = dict[str, "Tensor"]
"""Columns of a batch by name, as mammo.data.dataset lists them."""

FULL_SCALE = 4095
"""Largest gray value in an image store: every store holds 12-bit presentation values, 0 (background) to 4095."""


class MammoError(Exception):
    """Wrong input or wrong use; the message is one sentence that names the file or key, the value and the remedy."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, kept=LINES))  # a value in it may come from a file


def nearest_word(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word nearest to a misspelled one; None below the similarity cutoff (nearest_words)."""
    return next(iter(nearest_words(word, known, 1, cutoff)), None)


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A question with the nearest known word, as in " (did you mean floc?)"; empty without one (nearest_word)."""
    nearest = nearest_word(word, known, cutoff)
    return f" (did you mean {nearest}?)" if nearest else ""


def is_whole(value: object) -> bool:
    """Return whether a configured value is an integer (booleans are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether a configured value is a finite number that a float can hold (booleans are none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= float_info.max


class Laterality(StrEnum):
    """Left or right breast, (0020,0062) Image Laterality."""

    LEFT = "L"
    RIGHT = "R"


class View(StrEnum):
    """The two screening views, (0018,5101) View Position."""

    CC = "CC"
    MLO = "MLO"


class Density(StrEnum):
    """BI-RADS density of a breast, from almost entirely fatty to extremely dense."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Pathology(StrEnum):
    """Label of a lesion; NONE is an outlined lesion of neither class (for example, not biopsied)."""

    MALIGNANT = "malignant"
    BENIGN = "benign"
    NONE = "none"


class LabelSource(StrEnum):
    """Source of a lesion's label, so that proxies are never mistaken for biopsies.

    UNKNOWN is a label whose source is not stated, NONE the source of a lesion without a label.
    """

    BIOPSY = "biopsy"
    BREAST_LEVEL = "breast_level"
    BIRADS_PROXY = "birads_proxy"
    UNKNOWN = "unknown"
    NONE = "none"


class Birads(StrEnum):
    """BI-RADS assessment category of a finding before any biopsy."""

    INCOMPLETE = "0"
    NEGATIVE = "1"
    BENIGN = "2"
    PROBABLY_BENIGN = "3"
    SUSPICIOUS = "4"
    LOW_SUSPICION = "4A"
    MODERATE_SUSPICION = "4B"
    HIGH_SUSPICION = "4C"
    HIGHLY_SUGGESTIVE = "5"
    KNOWN_MALIGNANCY = "6"


class Split(StrEnum):
    """Training, validation or test, by patient (paper, Data)."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class PatchClass(IntEnum):
    """The four classes of the patch task (paper, Figure 3). The numbers must never change."""

    MALIGNANT = 0
    BENIGN = 1
    OUTSIDE = 2
    NEGATIVE = 3


@dataclass(frozen=True)
class ImageRecord:
    """One image as its adapter describes it, before any pixel is read.

    Attributes:
        path: file, relative to the cohort's root, with forward slashes.
        patient_key: the source's own patient key; ingest replaces it by a pseudonym.
        exam_key: the source's own exam key.
        laterality: which breast; None only if the image is rejected.
        view: CC or MLO; None only if the image is rejected.
        reason: empty if accepted, else why the image is rejected, in one sentence.
        code: the rejection code (intake.rejections.Code), empty if accepted.
        by_table: whether laterality and view come from the data set's own tables, which outrank the header: scanned
            films have no such tags, and published corrections contradict them.
        faces_left: whether the stored image faces left, where the source states it; None where its pixels show it.
        negative: whether the breast is known to be free of lesions; None if only the outlines show it.
        split: the data set's own split, if it has one that keeps patients apart.
        flags: flags of the accepted image (intake.outcomes.Flag).
        density: of the breast, None if the source does not state it.
        spacing_mm: mm between pixels, 0 if the source does not state it; what the file itself states must agree.
    """

    path: str
    patient_key: str
    exam_key: str
    laterality: Laterality | None
    view: View | None
    reason: str = ""
    code: str = ""
    by_table: bool = False
    faces_left: bool | None = None
    negative: bool | None = None
    split: Split | None = None
    flags: tuple[str, ...] = ()
    density: Density | None = None
    spacing_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class LesionRecord:
    """One outlined lesion of one image, in that image's stored frame.

    Attributes:
        lesion_key: unique within the cohort.
        path: the image it lies on, as in ImageRecord.path.
        label: malignant, benign or none.
        label_source: source of the label.
        box: half-open box of the outline, (row, col), stored px.
        mask: [box.height, box.width] bool, True inside the outline.
        high_risk: whether it is a benign lesion that pathology calls high-risk (paper, Figure 1).
        finding: type of lesion ("mass", "calcification", ...), empty if unknown.
        birads: BI-RADS assessment category, None if unknown.
        pathology_type: what pathology found ("IDC", "fibroadenoma", ...), empty if unknown.
        finding_key: the source's own key of the finding, which all outlines of one lesion share, in every view of the
            breast; unique within the cohort, empty if the source does not say. They have one patient, breast and label.
    """

    lesion_key: str
    path: str
    label: Pathology
    label_source: LabelSource
    box: Box
    mask: NDArray[np.bool_]
    high_risk: bool = False
    finding: str = ""
    birads: Birads | None = None
    pathology_type: str = ""
    finding_key: str = ""


@dataclass(frozen=True)
class Finding:
    """One finding of an image without an outline: the image is not negative, and its label counts for the whole image.

    Attributes:
        path: the image, as in ImageRecord.path.
        label: malignant, benign or none.
        label_source: source of the label.
    """

    path: str
    label: Pathology
    label_source: LabelSource


@dataclass(frozen=True)
class LeftOut:
    """A lesion of a source that is left out because its outline is unusable.

    Attributes:
        path: the outline's file, or the image that the row names.
        image: path of the image that it lies on, empty if unknown.
        code: the rejection code (intake.rejections.Code).
        reason: why, in one sentence.
        label: of the lesion, which still counts for its whole image.
    """

    path: str
    image: str
    code: str
    reason: str
    label: Pathology = Pathology.NONE


@dataclass(frozen=True)
class Count:
    """The number of images, patients or lesions that an adapter found, and the number published for the data set."""

    what: str
    found: int
    published: int


@dataclass(frozen=True)
class Cohort:
    """The records that an adapter reads from one source folder.

    Attributes:
        images: one record per file, in a stable order.
        lesions: one record per outlined lesion, in the order of their images.
        left_out: lesions without a usable outline.
        counts: found and published numbers of a public data set.
        notes: notes for users of this data set, a sentence each.
        findings: findings that the source does not outline.
        knows_patients: whether the source distinguishes patients; if not, every exam counts as one patient.
        copies: paths of two files of one SOP Instance UID each, where they were compared.
    """

    images: tuple[ImageRecord, ...]
    lesions: tuple[LesionRecord, ...]
    left_out: tuple[LeftOut, ...] = ()
    counts: tuple[Count, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    knows_patients: bool = True
    copies: tuple[tuple[str, str], ...] = ()

    @classmethod
    def ordered(
        cls,
        images: Iterable[ImageRecord],
        outlines: Iterable[LesionRecord | LeftOut | Finding] = (),
        counts: Iterable[Count] = (),
        notes: Iterable[str] = (),
    ) -> "Cohort":
        """Return a cohort sorted by patient, exam, laterality, view, path and lesion.

        Args:
            images: the images.
            outlines: lesions, lesions that are left out, and findings without an outline.
            counts: as in Cohort.
            notes: as in Cohort.
        """
        ordered = sorted(images, key=_sort_key)
        rank, found = {image.path: number for number, image in enumerate(ordered)}, list(outlines)
        lesions = sorted((x for x in found if isinstance(x, LesionRecord)), key=lambda x: (rank[x.path], x.lesion_key))
        left_out = sorted((one for one in found if isinstance(one, LeftOut)), key=lambda one: (one.path, one.code))
        findings = sorted((one for one in found if isinstance(one, Finding)), key=lambda x: (rank[x.path], x.label))
        return cls(tuple(ordered), tuple(lesions), tuple(left_out), tuple(counts), tuple(notes), tuple(findings))


def _sort_key(image: ImageRecord) -> tuple[str, str, str, str, str]:
    return image.patient_key, image.exam_key, image.laterality or "", image.view or "", image.path
