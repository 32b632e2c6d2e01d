"""Rejection codes: why a file or an outline is rejected, and what the user can do about it.

A reason never repeats a value from the file: headers hold names and dates, and pydicom's own messages quote them.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Self

from mammo.records import ImageRecord, LeftOut, LesionRecord, Pathology

AGAIN = "fetch the file from its source again"
OTHER_OBJECT = "nothing to do: only screening mammograms are accepted"
HEADER = "correct the header"
STATE = "state it in images.csv (columns image, patient, exam, laterality, view), or correct the header"
CORRECT = "correct whichever is wrong"
LOOK = "check whether this file is an image"
OUTLINE = "correct the outline; until then the label counts for the whole image"


class Code(StrEnum):
    """Rejection codes, as in the column code of quarantine.csv.

    Attributes:
        reason: why, in one sentence.
        remedy: what the user can do.
    """

    reason: str
    remedy: str

    def __new__(cls, value: str, reason: str = "", remedy: str = "") -> Self:
        """Create a member; the value alone looks up the member that has it."""
        code = str.__new__(cls, value)
        code._value_, code.reason, code.remedy = value, reason, remedy
        return code

    NOT_REGULAR = "not_regular", "not a regular file below the source folder", "put a copy of the file there"
    UNREADABLE = "unreadable", "the file cannot be opened", "make it readable for your user, then ingest again"
    EMPTY_FILE = "empty_file", "the file is empty", AGAIN
    ARCHIVE = "archive", "an archive, not an image", "if it holds images, unpack it below the source folder"
    NOT_DICOM = "not_dicom", "not a DICOM file, PNG, TIFF, JPEG or PGM image, or its header is damaged", AGAIN
    NOT_DESCRIBED = (
        "not_described",
        "a PNG, TIFF, JPEG or PGM without a row in images.csv, which must state its patient, side and view",
        "add the row to images.csv (columns image, patient, laterality, view, and exam for patients with several)",
    )
    MEDIA_DIRECTORY = "media_directory", "a DICOMDIR, the list of files on a medium", OTHER_OBJECT
    WRONG_MODALITY = (
        "wrong_modality",
        "not a digital mammogram: Modality (0008,0060) or SOP Class (0008,0016)",
        OTHER_OBJECT,
    )
    SECONDARY_CAPTURE = "secondary_capture", "a secondary capture or screen save (0008,0016), (0008,0008)", OTHER_OBJECT
    TOMOSYNTHESIS = "tomosynthesis", "a tomosynthesis volume (0008,0016), not a mammogram", OTHER_OBJECT
    MULTI_FRAME = "multi_frame", "more than one frame (0028,0008), or a TIFF of several pages", OTHER_OBJECT
    PROJECTION = "projection", "a projection or scout of tomosynthesis or stereotaxy (0008,0008)", OTHER_OBJECT
    CONTRAST_ENHANCED = "contrast_enhanced", "a contrast-enhanced image (0008,0008), (0018,0010)", OTHER_OBJECT
    SPECIMEN = "specimen", "a radiograph of a specimen, not of a breast", OTHER_OBJECT
    FOR_PROCESSING = (
        "for_processing",
        "raw pixels FOR PROCESSING (0008,0068), which cannot be mixed with presentation images",
        "ingest the FOR PRESENTATION image of the same exposure",
    )
    NOT_GRAY = "not_gray", "not one gray value per pixel (0028,0004), (0028,0002)", OTHER_OBJECT
    EIGHT_BIT = (
        "eight_bit",
        "a PNG, TIFF, JPEG or PGM with 8 bits per pixel, where 12 to 16 are needed",
        "export it from the source with all its gray values (saving it again with 16 bits adds none), or accept 8 bits "
        "with data.options.eight_bit=true",
    )
    BAD_VALUES = (
        "bad_values",
        "gray values that are negative, not finite or larger than 32 bits",
        "export it again with whole numbers from 0 on, or fractions from 0 to 1",
    )
    TIFF_CODING = (
        "tiff_coding",
        "a TIFF whose compression, tiling or sample format is not supported",
        "save it again as one page without compression",
    )
    ORIENTATION = (
        "orientation",
        "a tag Orientation (274), by which some viewers turn or mirror the picture and others do not",
        "save it as it is to be seen, without the tag",
    )
    NO_PATIENT = (
        "no_patient",
        "no Patient ID (0010,0020) or Study Instance UID (0020,000D), which are needed to keep patients apart",
        STATE,
    )
    NO_LATERALITY = (
        "no_laterality",
        "no laterality (0020,0062), (0020,0060), (0020,0020), (0008,2218), (0020,9072)",
        STATE,
    )
    LATERALITY_CONFLICT = "laterality_conflict", "two lateralities that contradict each other", CORRECT
    NO_VIEW = "no_view", "no view (0018,5101), (0054,0220)", STATE
    OTHER_VIEW = "other_view", "a view other than CC and MLO (0018,5101), (0054,0220)", OTHER_OBJECT
    VIEW_CONFLICT = "view_conflict", "two views that contradict each other", CORRECT
    MAGNIFICATION = "magnification", "a magnification view (0054,0222), (0018,1114)", OTHER_OBJECT
    SPOT = "spot", "a spot compression view (0054,0222), (0018,11A4)", OTHER_OBJECT
    MODIFIED_VIEW = "modified_view", "a rolled, cleavage or otherwise modified view (0054,0222)", OTHER_OBJECT
    BAD_SHAPE = "bad_shape", "Rows (0028,0010) or Columns (0028,0011) is absent or zero", AGAIN
    NO_PIXELS = "no_pixels", "no pixel data (7FE0,0010)", AGAIN
    UNKNOWN_CODING = (
        "unknown_coding",
        "a transfer syntax (0002,0010) that is absent or not supported",
        "convert it to Explicit VR Little Endian",
    )
    UNTRUE_CODING = "untrue_coding", "the pixels are not coded as the transfer syntax (0002,0010) says", AGAIN
    CUT_OFF = "cut_off", "the pixel data are truncated", AGAIN
    OTHER_SIZE = "other_size", "the coded image differs from the header in size or sign", AGAIN
    BROKEN_PIXELS = "broken_pixels", "the pixel data cannot be decoded", AGAIN
    BYTE_ORDER = "byte_order", "native pixels in the wrong byte order", "export the image again"
    BAD_BITS = "bad_bits", "impossible Bits Allocated (0028,0100) or Bits Stored (0028,0101)", HEADER
    BAD_RESCALE = "bad_rescale", "an invalid rescale slope or intercept (0028,1053), (0028,1052)", HEADER
    BAD_WINDOW = "bad_window", "an invalid VOI LUT function (0028,1056) or window (0028,1050), (0028,1051)", HEADER
    BAD_LUT = "bad_lut", "an invalid lookup table (0028,3000), (0028,3010)", HEADER
    NO_SPACING = (
        "no_spacing",
        "no pixel spacing (0018,1164), (0028,0030), which data.scale=auto needs",
        "state it in mm, by image in images.csv (column pixel_spacing) or for all images without one by "
        "data.options.pixel_spacing, or give data.scale a number; without data.scale, ingest prints one that fits",
    )
    SPACING_CONFLICT = (
        "spacing_conflict",
        "the pixel spacing in your table differs by over 1 % from that in the header (0018,1164), (0028,0030)",
        CORRECT,
    )
    NOT_SQUARE = (
        "not_square",
        "pixels that are not square by over 1 % (0018,1164), (0028,0030), (0028,0034): shapes would be distorted",
        "resample the image to square pixels, or correct the header",
    )
    SIDE_CONFLICT = (
        "side_conflict",
        "the breast is on the side of the image where the other breast would be",
        "view the image, then correct its laterality or mirror it",
    )
    MISSING = "missing", "the data set's tables name this file, but it does not exist", AGAIN
    SYNTHETIC = (
        "synthetic",
        "a synthetic image, computed from tomosynthesis (C-View)",
        "nothing to do: the acquired images of the same breast are accepted",
    )
    SPOT_OR_MAGNIFICATION = (
        "spot_or_magnification",
        "a spot compression or magnification view, according to the data set's tables",
        OTHER_OBJECT,
    )
    DUPLICATE = (
        "duplicate",
        "the same image as another file of this source, which is kept with the lesions of both",
        "nothing to do: its lesions are assigned to the image that is kept",
    )
    OTHER_SOURCE = (
        "other_source",
        "the same image as one of another source of this store, which is kept with its own lesions",
        "nothing to do; to keep the lesions of this source instead, ingest it first",
    )
    KNOWN_DEFECT = "known_defect", "an image that is published as damaged", "nothing to do"
    OUTLINE_SIZE = "outline_size", "the outline does not fit its image's size, so that its position is unknown", OUTLINE
    OUTLINE_EMPTY = "outline_empty", "the outline covers no pixel of its image", OUTLINE
    OUTLINE_WHOLE = (
        "outline_whole",
        "the outline covers more than half of its image, which no lesion does",
        OUTLINE,
    )
    OUTLINE_BROKEN = "outline_broken", "the outline cannot be read", OUTLINE
    OUTLINE_OFF_BREAST = "outline_off_breast", "the outline lies outside the breast", OUTLINE
    OUTLINE_ELSEWHERE = (
        "outline_elsewhere",
        "the segmentation object names another image as its source",
        "give the object of this image; for a PNG or TIFF, which has no UID to be named by, give a mask",
    )
    SEVERAL_SEGMENTS = (
        "several_segments",
        "the segmentation object has several segments on this image",
        "give the segment's number in the column segment of lesions.csv",
    )
    SEGMENT_CODING = (
        "segment_coding",
        "a segmentation object of one bit per pixel that is compressed or encapsulated, such as by JPEG 2000 or "
        "Encapsulated Uncompressed (0002,0010)",
        "convert it to Explicit VR Little Endian",
    )
    LABEL_MAP = (
        "label_map",
        "a Label Map Segmentation object (0008,0016), which is not read",
        "export it as a Segmentation object (binary, one segment for each lesion) or as PNG masks",
    )
    OUTLINE_UNLINKED = (
        "outline_unlinked",
        "no accepted image belongs to the outline",
        "see why the image was rejected",
    )
    UID_CONFLICT = (
        "uid_conflict",
        "the same SOP Instance UID (0008,0018) as another file, but other pixels",
        "remove the wrong one of the two",
    )
    ELSEWHERE = "elsewhere", "this file belongs to another shard of the ingest", "run every shard, then merge"
    TOO_LARGE = "too_large", "more pixels or memory than any mammogram needs (limit: 64 million pixels)", LOOK
    TOO_SLOW = "too_slow", "decoding took longer than any mammogram needs", LOOK
    CRASHED = "crashed", "the decoder crashed on it", AGAIN


class RejectedError(Exception):
    """An image or outline is rejected; the gate turns this into the file's outcome.

    Attributes:
        code: why.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(code.value)
        self.code = code


def rejected(image: ImageRecord, code: Code) -> ImageRecord:
    """Return the image's record, rejected with this code."""
    return replace(image, code=code, reason=code.reason)


def left_out(path: str, code: Code, image: str, label: Pathology = Pathology.NONE) -> LeftOut:
    """Return the record of a lesion whose outline is rejected.

    Args:
        path: the outline's file, or the image that the row names.
        code: why.
        image: path of the image that it lies on, empty where unknown.
        label: of the lesion.
    """
    return LeftOut(path, image, code, code.reason, label)


def image_of(lesion: LesionRecord | LeftOut) -> str:
    """Return the path of the image that a lesion lies on, also of one that is left out; empty if unknown."""
    return lesion.path if isinstance(lesion, LesionRecord) else lesion.image
