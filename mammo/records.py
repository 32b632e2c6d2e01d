"""The vocabulary: what an exam, an image and a lesion are, and the closed lists of words used for them.

Nothing here touches pixels, files or torch; every other module may import it. Words follow Wu et al. 2020.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum, StrEnum
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box

if TYPE_CHECKING:
    from torch import Tensor

Pixels = NDArray[np.uint16]
"""Gray values of an image or patch, 0 to FULL_SCALE."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Batch = dict[str, "Tensor"]
"""Columns of a batch by name, as mammo.data.dataset lists them."""

FULL_SCALE = 4095
"""Largest grey value in an image store: every store holds 12-bit presentation values, 0 (background) to 4095."""


class MammoError(Exception):
    """Wrong input or wrong use, told in one sentence that names the file or key, the value and the way out."""


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """A question that names the known word nearest to a misspelled one, as in " (did you mean floc?)".

    Args:
        word: the misspelled word.
        known: the words that exist.
        cutoff: least similarity in [0, 1] (difflib).

    Returns:
        An empty string where no word is near.
    """
    names = {name.lower(): name for name in known}
    nearest = get_close_matches(word.lower(), list(names), n=1, cutoff=cutoff)
    return f" (did you mean {names[nearest[0]]}?)" if nearest else ""


def is_whole(value: object) -> bool:
    """Whether a configured value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a configured value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


class Laterality(StrEnum):
    """Which breast, (0020,0062) Image Laterality."""

    LEFT = "L"
    RIGHT = "R"


class View(StrEnum):
    """Which of the two screening views, (0018,5101) View Position."""

    CC = "CC"
    MLO = "MLO"


class Density(StrEnum):
    """BI-RADS density of a breast, from almost entirely fatty to extremely dense."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


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
        code: the reason in one word (intake.rejections.Code), empty when accepted.
        by_table: laterality and view come from the data set's own tables, which outrank the header: scanned film has
            no such tags, and published corrections contradict them.
        negative: whether the breast is known to be free of lesions; None where only the outlines tell.
        split: the data set's own split, if it has one that keeps patients apart.
        flags: what is doubtful about it although it is accepted (intake.outcomes.Flag).
        density: of the breast, None where the source does not tell.
    """

    path: str
    patient_key: str
    exam_key: str
    laterality: Laterality | None
    view: View | None
    reason: str = ""
    code: str = ""
    by_table: bool = False
    negative: bool | None = None
    split: Split | None = None
    flags: tuple[str, ...] = ()
    density: Density | None = None


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
class LeftOut:
    """A lesion that a source tells of but whose outline cannot be used.

    Attributes:
        path: where a person finds it: the outline's file, or the image that the row names.
        image: path of the image that it lies on, empty where that is not known.
        code: why, in one word (intake.rejections.Code).
        reason: why, in one sentence.
    """

    path: str
    image: str
    code: str
    reason: str


@dataclass(frozen=True)
class Count:
    """How many of one thing an adapter found, beside the number that is published for the whole data set."""

    what: str
    found: int
    published: int


@dataclass(frozen=True)
class Cohort:
    """What an adapter reads from one root.

    Attributes:
        images: one record a file, in a stable order.
        lesions: one record an outlined lesion, in the order of their images.
        left_out: lesions without a usable outline.
        counts: found and published numbers of a public data set.
        notes: what a user of this data set must know, a sentence each.
    """

    images: tuple[ImageRecord, ...]
    lesions: tuple[LesionRecord, ...]
    left_out: tuple[LeftOut, ...] = ()
    counts: tuple[Count, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def ordered(
        cls,
        images: Iterable[ImageRecord],
        outlines: Iterable[LesionRecord | LeftOut] = (),
        counts: Iterable[Count] = (),
        notes: Iterable[str] = (),
    ) -> "Cohort":
        """A cohort in the order of patient, exam, laterality, view, path and lesion, however it was gathered."""
        found = sorted(images, key=_place)
        order = {image.path: number for number, image in enumerate(found)}
        told = list(outlines)
        lesions = [lesion for lesion in told if isinstance(lesion, LesionRecord)]
        lesions.sort(key=lambda lesion: (order[lesion.path], lesion.lesion_key))
        left_out = [lesion for lesion in told if isinstance(lesion, LeftOut)]
        left_out.sort(key=lambda lesion: (lesion.path, lesion.code))
        return cls(tuple(found), tuple(lesions), tuple(left_out), tuple(counts), tuple(notes))


def _place(image: ImageRecord) -> tuple[str, str, str, str, str]:
    return image.patient_key, image.exam_key, image.laterality or "", image.view or "", image.path
