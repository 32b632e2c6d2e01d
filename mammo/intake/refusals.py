"""Why a file is not taken in: one code and one sentence for every way in which an image can be unfit.

A sentence never repeats a value from the file: headers hold names and dates, and pydicom's own messages quote them.
"""

from dataclasses import replace
from enum import StrEnum

from mammo.records import ImageRecord, LeftOut


class Code(StrEnum):
    """Reason codes, as in refused.csv."""

    NOT_REGULAR = "not_regular"
    UNREADABLE = "unreadable"
    NOT_DICOM = "not_dicom"
    NOT_DESCRIBED = "not_described"
    WRONG_MODALITY = "wrong_modality"
    TOMOSYNTHESIS = "tomosynthesis"
    MULTI_FRAME = "multi_frame"
    FOR_PROCESSING = "for_processing"
    NOT_GREY = "not_grey"
    EIGHT_BIT = "eight_bit"
    NO_PATIENT = "no_patient"
    NO_LATERALITY = "no_laterality"
    LATERALITY_CONFLICT = "laterality_conflict"
    NO_VIEW = "no_view"
    OTHER_VIEW = "other_view"
    VIEW_CONFLICT = "view_conflict"
    NO_PIXELS = "no_pixels"
    UNKNOWN_CODING = "unknown_coding"
    CUT_OFF = "cut_off"
    BROKEN_PIXELS = "broken_pixels"
    BAD_VALUES = "bad_values"
    BLANK = "blank"
    SIDE_CONFLICT = "side_conflict"
    MISSING = "missing"
    SYNTHETIC = "synthetic"
    SPOT_OR_MAGNIFICATION = "spot_or_magnification"
    DUPLICATE = "duplicate"
    KNOWN_DEFECT = "known_defect"
    OUTLINE_SIZE = "outline_size"
    OUTLINE_EMPTY = "outline_empty"
    OUTLINE_BROKEN = "outline_broken"
    OUTLINE_OFF_BREAST = "outline_off_breast"
    OUTLINE_UNLINKED = "outline_unlinked"


SENTENCES = {
    Code.NOT_REGULAR: "not a regular file below the source folder",
    Code.UNREADABLE: "the file cannot be opened",
    Code.NOT_DICOM: "neither a DICOM file nor a PNG or TIFF image",
    Code.NOT_DESCRIBED: "a PNG or TIFF without a row in images.csv, which must give its patient, exam and view",
    Code.WRONG_MODALITY: "Modality (0008,0060) is not MG",
    Code.TOMOSYNTHESIS: "a tomosynthesis volume (0008,0016), not a mammogram",
    Code.MULTI_FRAME: "more than one frame (0028,0008)",
    Code.FOR_PROCESSING: "raw pixels FOR PROCESSING (0008,0068), which never mix with presentation images",
    Code.NOT_GREY: "not one grey value a pixel (0028,0004)",
    Code.EIGHT_BIT: "a PNG or TIFF of 8 bits a pixel, where 12 to 16 are needed",
    Code.NO_PATIENT: "no Patient ID (0010,0020) or Study Instance UID (0020,000D): patients could not be kept apart",
    Code.NO_LATERALITY: "no laterality (0020,0062), (0020,0060)",
    Code.LATERALITY_CONFLICT: "two statements of laterality that contradict each other",
    Code.NO_VIEW: "no view (0018,5101), (0054,0220)",
    Code.OTHER_VIEW: "a view other than CC and MLO (0018,5101), (0054,0220)",
    Code.VIEW_CONFLICT: "two statements of the view that contradict each other",
    Code.NO_PIXELS: "no pixel data (7FE0,0010), or pixel data cut off",
    Code.UNKNOWN_CODING: "a transfer syntax (0002,0010) that the intake does not decode",
    Code.CUT_OFF: "the compressed frame lacks its end marker: it is cut off",
    Code.BROKEN_PIXELS: "the pixel data cannot be decoded",
    Code.BAD_VALUES: "pixel values that the header makes meaningless (bits stored, rescale or look-up table)",
    Code.BLANK: "no breast is found on the image",
    Code.SIDE_CONFLICT: "the breast lies on the side of the image where the other breast would be",
    Code.SYNTHETIC: "a synthetic image, computed from tomosynthesis (C-View)",
    Code.SPOT_OR_MAGNIFICATION: "a spot compression or magnification view, as the data set's tables tell",
    Code.MISSING: "the data set's tables name this file, but it is not there: fetch it again",
    Code.DUPLICATE: "the same picture as another file of this source, which is kept with the lesions of both",
    Code.KNOWN_DEFECT: "an image that is published as damaged",
    Code.OUTLINE_SIZE: "the outline's size does not belong to its image: its place cannot be known",
    Code.OUTLINE_EMPTY: "the outline holds no pixel of its image",
    Code.OUTLINE_BROKEN: "the outline cannot be read",
    Code.OUTLINE_OFF_BREAST: "the outline lies beside the breast",
    Code.OUTLINE_UNLINKED: "no accepted image belongs to the outline",
}


class RefusedError(Exception):
    """An image is unfit; the gate turns this into the file's outcome.

    Attributes:
        code: why.
        sentence: the same in words, without any value from the file.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code
        self.sentence = SENTENCES[code]


def refused(image: ImageRecord, code: Code) -> ImageRecord:
    """The record of an image that its adapter refuses."""
    return replace(image, code=code, reason=SENTENCES[code])


def left_out(path: str, error: RefusedError) -> LeftOut:
    """What is told of a lesion whose outline was refused; path is that of its outline or its image."""
    return LeftOut(path, error.code, error.sentence)
