"""The vocabulary: what an exam, an image and a lesion are, and the closed lists of words used for them.

Nothing here touches pixels, files or torch; every other module may import it. Words follow Wu et al. 2020.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box

FULL_SCALE = 4095
"""Largest grey value in an image store: every store holds 12-bit presentation values, 0 (background) to 4095."""


class MammoError(Exception):
    """Wrong input or wrong use, told in one sentence that names the file or key, the value and the way out."""


class Laterality(StrEnum):
    """Which breast, (0020,0062) Image Laterality."""

    LEFT = "L"
    RIGHT = "R"


class View(StrEnum):
    """Which of the two screening views, (0018,5101) View Position."""

    CC = "CC"
    MLO = "MLO"


class Pathology(StrEnum):
    """What is known of a lesion; NONE is an outlined lesion that is neither class (for example not biopsied)."""

    MALIGNANT = "malignant"
    BENIGN = "benign"
    NONE = "none"


class LabelSource(StrEnum):
    """Where a lesion's pathology comes from, so that proxies never pass for biopsies."""

    BIOPSY = "biopsy"
    BREAST_LEVEL = "breast_level"
    BIRADS_PROXY = "birads_proxy"
    NONE = "none"


class Split(StrEnum):
    """Training, validation or test, by patient (paper, Data)."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class PatchClass(IntEnum):
    """The four classes of the patch task (paper, Figure 3). The numbers are fixed for ever."""

    MALIGNANT = 0
    BENIGN = 1
    OUTSIDE = 2
    NEGATIVE = 3


@dataclass(frozen=True)
class ImageRecord:
    """One image as an adapter found it, before any pixel was read.

    Attributes:
        path: file, relative to the cohort's root, with forward slashes.
        patient_key: the source's own patient key; ingest replaces it by a pseudonym.
        exam_key: the source's own exam key.
        laterality: which breast; None only where the image is refused.
        view: CC or MLO; None only where the image is refused.
        reason: empty when accepted, else why the image is refused, in one sentence.
        code: the reason in one word (intake.refusals.Code), empty when accepted.
    """

    path: str
    patient_key: str
    exam_key: str
    laterality: Laterality | None
    view: View | None
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, eq=False)
class LesionRecord:
    """One outlined lesion of one image, in that image's stored frame.

    Attributes:
        lesion_key: unique within the cohort.
        path: the image it lies on, as in ImageRecord.path.
        label: malignant, benign or none.
        label_source: where the label comes from.
        box: half-open box of the outline in the stored frame, (row, col).
        mask: bool [box.height, box.width], True inside the outline.
        high_risk: a benign lesion that pathology calls high-risk (paper, Figure 1).
        finding: what kind of lesion where known ("mass", "calcification", ...), else empty.
    """

    lesion_key: str
    path: str
    label: Pathology
    label_source: LabelSource
    box: Box
    mask: NDArray[np.bool_]
    high_risk: bool = False
    finding: str = ""


@dataclass(frozen=True)
class Cohort:
    """What an adapter reads from one root: image and lesion records, each in a stable order."""

    images: tuple[ImageRecord, ...]
    lesions: tuple[LesionRecord, ...]
