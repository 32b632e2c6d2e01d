"""Why a file is not taken in: one code, one sentence and one way out for every way in which an image can be unfit.

A sentence never repeats a value from the file: headers hold names and dates, and pydicom's own messages quote them.
"""

from dataclasses import replace
from enum import StrEnum

from mammo.records import ImageRecord, LeftOut


class Code(StrEnum):
    """Reason codes, as in quarantine.csv."""

    NOT_REGULAR = "not_regular"
    UNREADABLE = "unreadable"
    EMPTY_FILE = "empty_file"
    ARCHIVE = "archive"
    NOT_DICOM = "not_dicom"
    NOT_DESCRIBED = "not_described"
    MEDIA_DIRECTORY = "media_directory"
    WRONG_MODALITY = "wrong_modality"
    SECONDARY_CAPTURE = "secondary_capture"
    TOMOSYNTHESIS = "tomosynthesis"
    MULTI_FRAME = "multi_frame"
    PROJECTION = "projection"
    CONTRAST_ENHANCED = "contrast_enhanced"
    SPECIMEN = "specimen"
    FOR_PROCESSING = "for_processing"
    NOT_GREY = "not_grey"
    EIGHT_BIT = "eight_bit"
    NO_PATIENT = "no_patient"
    NO_LATERALITY = "no_laterality"
    LATERALITY_CONFLICT = "laterality_conflict"
    NO_VIEW = "no_view"
    OTHER_VIEW = "other_view"
    VIEW_CONFLICT = "view_conflict"
    MAGNIFICATION = "magnification"
    SPOT = "spot"
    MODIFIED_VIEW = "modified_view"
    BAD_SHAPE = "bad_shape"
    NO_PIXELS = "no_pixels"
    UNKNOWN_CODING = "unknown_coding"
    UNTRUE_CODING = "untrue_coding"
    CUT_OFF = "cut_off"
    OTHER_SIZE = "other_size"
    BROKEN_PIXELS = "broken_pixels"
    BYTE_ORDER = "byte_order"
    BAD_BITS = "bad_bits"
    BAD_RESCALE = "bad_rescale"
    BAD_WINDOW = "bad_window"
    BAD_LUT = "bad_lut"
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
    UID_CONFLICT = "uid_conflict"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CRASHED = "crashed"


SENTENCES = {
    Code.NOT_REGULAR: "not a regular file below the source folder",
    Code.UNREADABLE: "the file cannot be opened",
    Code.EMPTY_FILE: "the file is empty",
    Code.ARCHIVE: "a zip or gzip archive, not an image",
    Code.NOT_DICOM: "neither a DICOM file nor a PNG or TIFF image, or a header that is damaged",
    Code.NOT_DESCRIBED: "a PNG or TIFF without a row in images.csv, which must give its patient, exam and view",
    Code.MEDIA_DIRECTORY: "a DICOMDIR, the list of a medium's files",
    Code.WRONG_MODALITY: "not a digital mammogram: Modality (0008,0060) or SOP Class (0008,0016)",
    Code.SECONDARY_CAPTURE: "a secondary capture or screen save (0008,0016), (0008,0008)",
    Code.TOMOSYNTHESIS: "a tomosynthesis volume (0008,0016), not a mammogram",
    Code.MULTI_FRAME: "more than one frame (0028,0008)",
    Code.PROJECTION: "a projection or scout of tomosynthesis or stereotaxy (0008,0008)",
    Code.CONTRAST_ENHANCED: "a contrast-enhanced image (0008,0008), (0018,0010)",
    Code.SPECIMEN: "a radiograph of a specimen, not of a breast",
    Code.FOR_PROCESSING: "raw pixels FOR PROCESSING (0008,0068), which never mix with presentation images",
    Code.NOT_GREY: "not one grey value a pixel (0028,0004), (0028,0002)",
    Code.EIGHT_BIT: "a PNG or TIFF of 8 bits a pixel, where 12 to 16 are needed",
    Code.NO_PATIENT: "no Patient ID (0010,0020) or Study Instance UID (0020,000D): patients could not be kept apart",
    Code.NO_LATERALITY: "no laterality (0020,0062), (0020,0060), (0020,0020), (0008,2218), (0020,9072)",
    Code.LATERALITY_CONFLICT: "two statements of laterality that contradict each other",
    Code.NO_VIEW: "no view (0018,5101), (0054,0220)",
    Code.OTHER_VIEW: "a view other than CC and MLO (0018,5101), (0054,0220)",
    Code.VIEW_CONFLICT: "two statements of the view that contradict each other",
    Code.MAGNIFICATION: "a magnification view (0054,0222), (0018,1114)",
    Code.SPOT: "a spot compression view (0054,0222), (0018,11A4)",
    Code.MODIFIED_VIEW: "a rolled, cleavage or otherwise modified view (0054,0222)",
    Code.BAD_SHAPE: "no Rows (0028,0010) or Columns (0028,0011), or zero of them",
    Code.NO_PIXELS: "no pixel data (7FE0,0010)",
    Code.UNKNOWN_CODING: "a transfer syntax (0002,0010) that is absent or that the intake does not decode",
    Code.UNTRUE_CODING: "the pixels are not coded as the transfer syntax (0002,0010) says",
    Code.CUT_OFF: "the pixel data are cut off",
    Code.OTHER_SIZE: "the coded image has another size or sign than the header says",
    Code.BROKEN_PIXELS: "the pixel data cannot be decoded",
    Code.BYTE_ORDER: "native pixels in the wrong byte order",
    Code.BAD_BITS: "bits allocated or stored (0028,0100), (0028,0101) that no image can have",
    Code.BAD_RESCALE: "a rescale slope or intercept (0028,1053), (0028,1052) without meaning",
    Code.BAD_WINDOW: "a VOI LUT function (0028,1056) or window without meaning",
    Code.BAD_LUT: "a look-up table (0028,3000), (0028,3010) without meaning",
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
    Code.UID_CONFLICT: "the same SOP Instance UID (0008,0018) as another file, but other pixels",
    Code.TOO_LARGE: "more pixels or memory than any mammogram needs (64 million pixels)",
    Code.TOO_SLOW: "decoding took longer than any mammogram needs",
    Code.CRASHED: "the decoder crashed on it",
}

AGAIN = "fetch the file from its source again"
OTHER_OBJECT = "nothing to do: only screening mammograms enter"
HEADER = "correct the header, or describe the image in images.csv as a PNG"

WAYS_OUT = {
    Code.NOT_REGULAR: "put a copy of the file there",
    Code.UNREADABLE: "give yourself leave to read it, then ingest again",
    Code.EMPTY_FILE: AGAIN,
    Code.ARCHIVE: "unpack it below the source folder",
    Code.NOT_DICOM: AGAIN,
    Code.NOT_DESCRIBED: "add the row to images.csv",
    Code.MEDIA_DIRECTORY: OTHER_OBJECT,
    Code.WRONG_MODALITY: OTHER_OBJECT,
    Code.SECONDARY_CAPTURE: OTHER_OBJECT,
    Code.TOMOSYNTHESIS: OTHER_OBJECT,
    Code.MULTI_FRAME: OTHER_OBJECT,
    Code.PROJECTION: OTHER_OBJECT,
    Code.CONTRAST_ENHANCED: OTHER_OBJECT,
    Code.SPECIMEN: OTHER_OBJECT,
    Code.FOR_PROCESSING: "ingest the FOR PRESENTATION image of the same exposure",
    Code.NOT_GREY: OTHER_OBJECT,
    Code.EIGHT_BIT: "export it again with 16 bits",
    Code.NO_PATIENT: HEADER,
    Code.NO_LATERALITY: HEADER,
    Code.LATERALITY_CONFLICT: "correct the wrong one",
    Code.NO_VIEW: HEADER,
    Code.OTHER_VIEW: OTHER_OBJECT,
    Code.VIEW_CONFLICT: "correct the wrong one",
    Code.MAGNIFICATION: OTHER_OBJECT,
    Code.SPOT: OTHER_OBJECT,
    Code.MODIFIED_VIEW: OTHER_OBJECT,
    Code.BAD_SHAPE: AGAIN,
    Code.NO_PIXELS: AGAIN,
    Code.UNKNOWN_CODING: "convert it to Explicit VR Little Endian",
    Code.UNTRUE_CODING: AGAIN,
    Code.CUT_OFF: AGAIN,
    Code.OTHER_SIZE: AGAIN,
    Code.BROKEN_PIXELS: AGAIN,
    Code.BYTE_ORDER: "export the image again",
    Code.BAD_BITS: HEADER,
    Code.BAD_RESCALE: HEADER,
    Code.BAD_WINDOW: HEADER,
    Code.BAD_LUT: HEADER,
    Code.SIDE_CONFLICT: "look at the image and correct its laterality, or mirror it",
    Code.UID_CONFLICT: "remove the wrong one of the two",
    Code.TOO_LARGE: "look whether this is an image at all",
    Code.TOO_SLOW: "look whether this is an image at all",
    Code.CRASHED: AGAIN,
    Code.MISSING: AGAIN,
    Code.DUPLICATE: "nothing to do",
    Code.KNOWN_DEFECT: "nothing to do",
    Code.OUTLINE_SIZE: "correct or drop the outline",
    Code.OUTLINE_EMPTY: "correct or drop the outline",
    Code.OUTLINE_BROKEN: "correct or drop the outline",
    Code.OUTLINE_UNLINKED: "see why the image was refused, or drop the outline",
}
"""What a person can do about a refused file."""


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
