"""DICOM Segmentation objects as outlines (DICOM PS3.3 A.51, C.8.20)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import NATIVE, decode, syntax_of
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.outlines import Outline, outline_of_mask
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import regular_file
from mammo.intake.stored_shape import stored_header

REFERENCES = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", "ReferencedSeriesSequence")
"""Attributes of a segmentation object that name the images of its frames."""

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
"""Segmentation Storage, SOP Class UID (0008,0016)."""

LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
"""Label Map Segmentation Storage, SOP Class UID."""


def sop_instance_uid(root: Path, image: str) -> str:
    """Return the SOP Instance UID (0008,0018) of an image below a folder, empty without one, as of a PNG or TIFF.

    Raises:
        RejectedError: the file is missing, or not a DICOM file with a readable header.
    """
    if is_raster(image):
        return ""
    return str(stored_header(root, image, "SOPInstanceUID").get("SOPInstanceUID") or "")


def outline_of_segment(file: Path, number: int | None, uid: str, shape: tuple[int, int]) -> Outline:
    """Return the outline of one segment of a segmentation object on one image.

    Frames count if they name the image as their source (0008,1155), or no image at all. In fractional segments
    (0062,0001) pixels of at least half the largest value are inside.

    Args:
        file: the segmentation object, a regular file.
        number: Segment Number (0062,0004); None for the only one on the image.
        uid: SOP Instance UID of the image that it is drawn on; empty for a PNG or TIFF.
        shape: (rows, cols) of the image.

    Returns:
        A mask [box.height, box.width] and its half-open box, (row, col), stored px.

    Raises:
        RejectedError: it is not a segmentation object, has another size, or has no pixel of the segment on the image;
            OUTLINE_ELSEWHERE if it names other images only; SEVERAL_SEGMENTS if no number is given and the image has
            several segments; SEGMENT_CODING and LABEL_MAP.
        MammoError: a decoder is not installed.
    """
    with quiet():
        dataset = open_dicom(file)
        if dataset.get("SOPClassUID") != SEGMENTATION:
            is_label_map = dataset.get("SOPClassUID") == LABEL_MAP
            raise RejectedError(Code.LABEL_MAP if is_label_map else Code.OUTLINE_BROKEN)
        if (dataset.get("Rows"), dataset.get("Columns")) != shape:
            raise RejectedError(Code.OUTLINE_SIZE)
        mask = np.zeros(shape, dtype=np.bool_)
        try:
            for index in _frames_of_segment(dataset, number, uid):
                mask |= _frame(dataset, index, shape)
        except (RejectedError, MemoryError):
            raise
        except Exception:  # a damaged object may fail anywhere inside pydicom
            raise RejectedError(Code.OUTLINE_BROKEN) from None
    return outline_of_mask(mask)


@dataclass(frozen=True)
class Segments:
    """What a DICOM file is to a search for outlines.

    Attributes:
        uid: its SOP Instance UID (0008,0018), empty for a file that is no DICOM file.
        is_object: whether it is a segmentation object.
        numbers: of such an object, the segments on each image, by the image's SOP Instance UID.
    """

    uid: str
    is_object: bool = False
    numbers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read_segments(root: Path, path: str) -> Segments:
    """Return what a file of a folder is: an image, or a segmentation object with segments on images.

    Raises:
        RejectedError: it is no image and no readable DICOM file, a segmentation object without frames, or a label map.
    """
    file = regular_file(root, path)
    if is_raster(path):
        return Segments("")
    with quiet():
        dataset = open_dicom(file, ("SOPClassUID", "SOPInstanceUID"))
        uid = str(dataset.get("SOPInstanceUID") or "")
        if dataset.get("SOPClassUID") == LABEL_MAP:
            raise RejectedError(Code.LABEL_MAP)
        if dataset.get("SOPClassUID") != SEGMENTATION:
            return Segments(uid)
        try:
            found: dict[str, set[int]] = defaultdict(set)
            for _, segment, sources in _frames(open_dicom(file)):
                for source in sources:
                    found[source].add(segment)
        except RejectedError:
            raise
        except Exception:  # a damaged object may fail anywhere inside pydicom
            raise RejectedError(Code.OUTLINE_BROKEN) from None
    return Segments(uid, True, {source: tuple(sorted(numbers)) for source, numbers in found.items()})


def source_images(dataset: Dataset) -> frozenset[str]:
    """The SOP Instance UIDs of the images that the frames of a segmentation object are on; empty if it names none.

    Raises:
        RejectedError: it is damaged.
    """
    try:
        return frozenset(source for _, _, sources in _frames(dataset) for source in sources)
    except Exception:  # a damaged object may fail anywhere inside pydicom
        raise RejectedError(Code.OUTLINE_BROKEN) from None


def _frame(dataset: Dataset, index: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return one frame, [rows, cols] bool; frames of one bit per pixel follow each other without padding."""
    if int(dataset.BitsAllocated) > 1:
        least = (int(dataset.get("MaximumFractionalValue") or 1) + 1) // 2
        values = decode(dataset, index, int(dataset.get("NumberOfFrames") or 1)).astype(np.int64)
        return values >= (least if dataset.get("SegmentationType") == "FRACTIONAL" else 1)
    if syntax_of(dataset) not in NATIVE:
        raise RejectedError(Code.SEGMENT_CODING)
    n_px = shape[0] * shape[1]
    first, start = divmod(index * n_px, 8)
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)[first : first + n_px // 8 + 2]
    bits = np.unpackbits(packed, bitorder="little")[start : start + n_px]
    return bits.reshape(shape) > 0


def _frames_of_segment(dataset: Dataset, number: int | None, uid: str) -> list[int]:
    """The indices of the frames of a segment, or of the only one, on the image with this SOP Instance UID."""
    frames = [(index, segment) for index, segment, sources in _frames(dataset) if not sources or uid in sources]
    if not frames:
        raise RejectedError(Code.OUTLINE_ELSEWHERE)
    if number is None and len({segment for _, segment in frames}) > 1:
        raise RejectedError(Code.SEVERAL_SEGMENTS)
    return [index for index, segment in frames if number in (None, segment)]


def _frames(dataset: Dataset) -> Iterator[tuple[int, int, set[str]]]:
    """Yield the index, the segment number and the source images' SOP Instance UIDs of each frame.

    A frame that names no source has those that the whole object refers to.
    """
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    referenced = {
        str(instance.ReferencedSOPInstanceUID)
        for series in dataset.get("ReferencedSeriesSequence") or []
        for instance in series.get("ReferencedInstanceSequence") or []
    }
    for index, own in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        identification = own.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        derivations = own.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
        sources = {
            str(source.ReferencedSOPInstanceUID)
            for derivation in derivations
            for source in derivation.get("SourceImageSequence") or []
        }
        yield index, int(identification[0].ReferencedSegmentNumber), sources or referenced
