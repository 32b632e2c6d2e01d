"""Outlines from mask files: drawings, read by their values as a person would mean them, and DICOM Segmentation objects.

In a drawing the background is 0, black or transparent. A palette's index counts, not its color. Blurred edges, from
scaling or JPEG, are cut at half of the value inside. A mask with several values inside is rejected unless one is
chosen, because they can be several lesions. Segmentation objects are those of DICOM PS3.3 A.51 and C.8.20.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import decode
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.outlines import Outline, outline_of_mask
from mammo.intake.rasters import raster_shape, raster_values
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import regular_file
from mammo.intake.stored_shape import stored_header

FEW = 8
"""Up to this number of values above 0, each value with an area of its own is a label; more come from blur or JPEG."""

SMALLEST_RANGE = 64
"""Blurred values are distinguished from labels only where the largest value is at least this."""

OPAQUE = 128
"""Alpha from which a pixel is drawn, and the difference of two colors, of 255."""

SPURIOUS = 0.02
"""Share of the pixels inside that can differ in color, as those of a blurred edge do."""

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
"""Segmentation Storage, SOP Class UID (0008,0016)."""


class MaskError(Exception):
    """A mask is wrong; the message says why and what to do."""


def outline_of_mask_file(path: Path, shape: tuple[int, int], value: int | None = None) -> Outline:
    """Return the outline of a mask file.

    Args:
        path: PNG, TIFF or JPEG file.
        shape: (rows, cols) of its image.
        value: the value of the lesion's pixels, where the mask holds several lesions; None for all values above 0.

    Returns:
        A mask [box.height, box.width] and its half-open box, (row, col), stored px.

    Raises:
        MaskError: the mask has another size, several values, covers more than half of the image, or is only a line.
        RejectedError: the file cannot be read, or no pixel is inside.
    """
    found = raster_shape(path)
    if found != shape:
        sizes = f"the mask is {found[0]} x {found[1]}, but its image is {shape[0]} x {shape[1]}"
        raise MaskError(f"{sizes}; correct the path, or draw the mask on the stored image")
    values = _gray_values(path)
    if value is not None:
        return outline_of_mask(values == value)
    inside = inside_of(values)
    if inside.mean() > 0.5:
        raise MaskError(f"covers {inside.mean():.0%} of its image: the lesion must be white on black, or above 0")
    if _is_line(inside):
        raise MaskError("is only a line around the lesion: fill it, so that the pixels inside are above 0 too")
    return outline_of_mask(inside)


def _is_line(inside: NDArray[np.bool_]) -> bool:
    """Return whether the pixels inside, [H, W] bool, are a line around a larger area that is not filled."""
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(inside.shape, np.uint8), contours, -1, 1, cv2.FILLED)
    return int(filled.sum()) > 2 * int(inside.sum())


def inside_of(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels inside, [H, W] bool, of gray values or palette indices [H, W] with background 0.

    Raises:
        MaskError: several values have areas of their own.
    """
    rows, cols = (np.flatnonzero((values > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros(values.shape, dtype=np.bool_)
    part = values[max(rows[0] - 1, 0) : rows[-1] + 2, max(cols[0] - 1, 0) : cols[-1] + 2]  # all values lie there
    return np.asarray(values >= _smallest_inside(part))


def _smallest_inside(values: NDArray[Any]) -> float:
    """Return the smallest value inside, of values [h, w] that are not all 0.

    Raises:
        MaskError: several values have areas of their own.
    """
    levels = np.unique(values)
    levels = levels[levels > 0]
    if len(levels) == 1:
        return float(levels[0])
    most = float(levels[-1])
    areas = _levels_with_areas(values)
    areas = areas[areas > 0]
    if len(levels) > FEW and most >= SMALLEST_RANGE:
        areas = areas[areas > most / 4]
        if len(areas) and areas.min() >= most * 3 / 4:
            return most / 2
    elif len(areas) == 1:
        return float(areas[0]) / 2
    elif not len(areas) and most >= SMALLEST_RANGE:
        return most / 2
    named = ", ".join(f"{level:g}" for level in (areas if len(areas) > 1 else levels)[:FEW])
    raise MaskError(
        f"has the values {named} above 0: if they are several lesions, give one row for each with its value in the "
        "column segment; else make all of them one value"
    )


def _levels_with_areas(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values that fill a square of 3 x 3 px somewhere; those of blurred edges do not."""
    numbers = values.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    least = np.asarray(cv2.erode(numbers, kernel, borderType=cv2.BORDER_REPLICATE))
    most = np.asarray(cv2.dilate(numbers, kernel, borderType=cv2.BORDER_REPLICATE))
    return np.unique(values[least == most])


def _gray_values(path: Path) -> NDArray[Any]:
    """Return one value per pixel, [H, W], 0 outside: palette indices, gray values, or the brightest channel.

    Raises:
        MaskError: the lesions have several colors.
        RejectedError: the file cannot be read.
    """
    with Image.open(path) as image:
        if image.mode in ("P", "PA"):
            return np.asarray(image.getchannel(0) if image.mode == "PA" else image)
        alpha = np.asarray(image.getchannel("A")) if image.mode in ("LA", "RGBA") else None
    values = raster_values(path)
    if values.ndim == 2:
        return np.asarray(values)
    colors = values[..., :3] if values.shape[2] >= 3 else values[..., :1]
    brightest = np.asarray(colors.max(axis=2))
    if alpha is not None and alpha.min() < alpha.max():
        return _drawn(brightest, alpha)
    _check_one_color(colors, brightest)
    return brightest


def _drawn(brightest: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Return the opaque part of a drawing, [H, W]; its black pixels are background only if others are not black."""
    opaque = alpha >= OPAQUE
    black, bright = opaque & (brightest < OPAQUE), opaque & (brightest >= OPAQUE)
    inside = bright if black.any() and bright.any() else opaque
    return inside.astype(np.uint8)


def _check_one_color(colors: NDArray[Any], brightest: NDArray[Any]) -> None:
    """Check that pixels inside have one color [H, W, 3], apart from blurred edges.

    Raises:
        MaskError: there are several colors.
    """
    inside = colors[brightest >= max(float(brightest.max()) / 2, 1)].astype(np.int64)
    if not len(inside):
        return
    full = inside * 255 // inside.max(axis=1, keepdims=True)
    colors_used, counts = np.unique(full, axis=0, return_counts=True)
    if (np.abs(full - colors_used[counts.argmax()]).max(axis=1) > OPAQUE).mean() > SPURIOUS:
        raise MaskError("has several colors: give one mask for each lesion, white on black")


def outline_of_segment(root: Path, path: str, number: int | None, image: str, shape: tuple[int, int]) -> Outline:
    """Return the outline of one segment of a segmentation object on one image.

    Frames count if they name the image as their source (0008,1155), or no image at all. In fractional segments
    (0062,0001) pixels of at least half the largest value are inside.

    Args:
        root: the source folder.
        path: the segmentation object.
        number: Segment Number (0062,0004); None for the only one on the image.
        image: path of the image that it is drawn on.
        shape: (rows, cols) of the image.

    Returns:
        A mask [box.height, box.width] and its half-open box, (row, col), stored px.

    Raises:
        RejectedError: it is not a segmentation object, has another size, or has no pixel of the segment on the image;
            SEVERAL_SEGMENTS if no number is given and the image has several segments.
        MammoError: a decoder is not installed.
    """
    uid = str(stored_header(root, image, "SOPInstanceUID").get("SOPInstanceUID") or "")
    with quiet():
        dataset = open_dicom(regular_file(root, path))
        if dataset.get("SOPClassUID") != SEGMENTATION:
            raise RejectedError(Code.OUTLINE_BROKEN)
        if (dataset.get("Rows"), dataset.get("Columns")) != shape:
            raise RejectedError(Code.OUTLINE_SIZE)
        mask = np.zeros(shape, dtype=np.bool_)
        try:
            frames = list(_frames_of_image(dataset, uid))
            if number is None and len({segment for _, segment in frames}) > 1:
                raise RejectedError(Code.SEVERAL_SEGMENTS)
            for index, segment in frames:
                if number in (None, segment):
                    mask |= _frame(dataset, index, shape)
        except (RejectedError, MemoryError):
            raise
        except Exception:  # a damaged object may fail anywhere inside pydicom
            raise RejectedError(Code.OUTLINE_BROKEN) from None
    return outline_of_mask(mask)


def _frame(dataset: Dataset, index: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return one frame of a segmentation object, [rows, cols] bool.

    Frames of one bit per pixel follow each other without padding.
    """
    if int(dataset.BitsAllocated) > 1:
        least = (int(dataset.get("MaximumFractionalValue") or 1) + 1) // 2
        values = decode(dataset, index, int(dataset.get("NumberOfFrames") or 1)).astype(np.int64)
        return values >= (least if dataset.get("SegmentationType") == "FRACTIONAL" else 1)
    n_px = shape[0] * shape[1]
    first, start = divmod(index * n_px, 8)
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)[first : first + n_px // 8 + 2]
    bits = np.unpackbits(packed, bitorder="little")[start : start + n_px]
    return bits.reshape(shape) > 0


def _frames_of_image(dataset: Dataset, uid: str) -> Iterator[tuple[int, int]]:
    """Yield the index and the segment number of the frames on the image with this SOP Instance UID."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for index, own in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        identification = own.get("SegmentIdentificationSequence") or shared.SegmentIdentificationSequence
        derivations = own.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
        sources = {
            str(source.ReferencedSOPInstanceUID)
            for derivation in derivations
            for source in derivation.get("SourceImageSequence") or []
        }
        if not sources or uid in sources:
            yield index, int(identification[0].ReferencedSegmentNumber)
