"""The gate: turns every file of a source into a placed image, with or without flags, or rejects it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import SCALES, Frame, FrameChain
from mammo.intake.dicom_header import parse_dicom, quiet, vendor_of
from mammo.intake.frames import place
from mammo.intake.gray_values import ANY_DEPTH, PixelOptions
from mammo.intake.laterality_view import orientation_flags, read_orientation, text
from mammo.intake.object_type import check_view, header_flags, is_same_spacing, spacing_mm
from mammo.intake.outcomes import Flag
from mammo.intake.pixel_checks import looks_inverted, shows_text
from mammo.intake.presentation import Presentation, presentation
from mammo.intake.rasters import is_raster, read_raster
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file, regular_file
from mammo.records import FULL_SCALE, ImageRecord, MammoError

FILM = "film"
"""Note of an image whose background is not a single value, so that its breast was separated from air."""


@dataclass(frozen=True, eq=False)
class Admitted:
    """One accepted image.

    Attributes:
        chain: the frames from stored pixels to the grid.
        pixels: [H, W] uint16 = chain.store_shape, presentation values 0 to 4095, store frame.
        tissue: [grid rows, grid cols], share of each grid cell covered by breast tissue, 0 to 1.
        flags: in the order of Flag.
        voi: the rule that turned stored values into presentation values (Presentation.voi); empty for a PNG or TIFF.
        uid: SOP Instance UID (0008,0018), empty for a PNG or TIFF.
        vendor: manufacturer of the detector (intake.dicom_header.VENDORS), empty for a PNG or TIFF.
        notes: what was done to the pixels and keeps nothing out of training (Presentation.notes).
        spacing_mm: mm between stored pixels, by the file, or else by the record or the options; 0 if unknown.
        whole: [Rows, Columns] uint16, the values of the whole image as presentation_values returns them, if asked for.
    """

    chain: FrameChain
    pixels: NDArray[np.uint16]
    tissue: NDArray[np.float64]
    flags: tuple[Flag, ...]
    voi: str
    uid: str
    vendor: str
    notes: tuple[str, ...] = ()
    spacing_mm: float = 0.0
    whole: NDArray[np.uint16] | None = None


def admit(
    root: Path,
    record: ImageRecord,
    frame: Frame,
    scale: float,
    content: bytes | None = None,
    options: PixelOptions = ANY_DEPTH,
    whole: bool = False,
) -> Admitted:
    """Return an image that its adapter accepted, decoded and placed.

    Args:
        root: the source folder.
        record: the image, as its adapter found it.
        frame: the network window.
        scale: store pixels per mirrored pixel, unless the options ask for a spacing.
        content: the file's bytes, if they were already read.
        options: how gray values are read where no header states it, and the spacing to bring images to.
        whole: whether the values of the whole image are asked for, too.

    Raises:
        RejectedError: its adapter rejected the image, its pixels are unusable, or the record's spacing is not that of
            the header.
        MammoError: a decoder is not installed.
    """
    if record.code:
        raise RejectedError(Code(record.code))
    if record.laterality is None or record.view is None:
        raise RejectedError(Code.NOT_DESCRIBED)
    # Published data sets are free of names, but their films show labels.
    raster = replace(options, eight_bit=options.eight_bit or record.by_table)
    image = _decoded(regular_file(root, record.path), content, raster, look_for_text=not record.by_table)
    if image.spacing_mm and record.spacing_mm and not is_same_spacing(image.spacing_mm, record.spacing_mm):
        raise RejectedError(Code.SPACING_CONFLICT)
    shown, spacing = image.shown, image.spacing_mm or record.spacing_mm or options.pixel_spacing or 0.0
    if options.spacing_mm is not None:
        scale = scale_to(options.spacing_mm, spacing)
    values, inverted = _dark_background(shown.values)
    side = record.laterality, record.view
    placed = place(values, *side, frame, scale, check_side=not record.by_table, faces_left=record.faces_left)
    found = {*record.flags, *shown.flags}
    found |= {flag for flag, raised in ((Flag.BLANK, placed.blank), (Flag.INVERTED, inverted)) if raised}
    found |= {*orientation_flags(image.orientation, *side, placed.chain.mirrored)}
    flags = tuple(flag for flag in Flag if flag in found)
    notes = (*shown.notes, *([FILM] if placed.film else []))
    kept = placed.chain, placed.pixels, placed.tissue
    return Admitted(*kept, flags, shown.voi, image.uid, image.vendor, notes, spacing, whole=values if whole else None)


def scale_to(wanted_mm: float, spacing: float) -> float:
    """Return the store pixels per mirrored pixel that bring a spacing, mm, to the wanted one.

    Raises:
        RejectedError: the spacing is unknown (0), or no mammogram's (the scale is not within SCALES).
    """
    if not spacing or not SCALES[0] <= spacing / wanted_mm <= SCALES[1]:
        raise RejectedError(Code.NO_SPACING)
    return round(spacing / wanted_mm, 4)


@dataclass(frozen=True, eq=False)
class _Decoded:
    """What a file shows, and what its header says; a PNG or TIFF has none.

    Attributes:
        shown: the presentation.
        uid: SOP Instance UID.
        vendor: as in Admitted.
        spacing_mm: mm between pixels, 0 if unknown.
        orientation: directions of rows and columns (laterality_view.read_orientation).
    """

    shown: Presentation
    uid: str = ""
    vendor: str = ""
    spacing_mm: float = 0.0
    orientation: tuple[str, str] = ("", "")


def presentation_values(root: Path, path: str, options: PixelOptions = ANY_DEPTH) -> NDArray[np.uint16]:
    """The whole image of a file as a viewer shows it: the values [Rows, Columns] uint16, 0 to 4095, that admit places.

    Args:
        root: the source folder.
        path: of the file below it.
        options: how gray values are read where no header states it.

    Raises:
        RejectedError: the file cannot be read, or its pixels are unusable.
        MammoError: a decoder is not installed.
    """
    file = regular_file(root, path)
    return _dark_background(_decoded(file, None, options, look_for_text=False).shown.values)[0]


def _decoded(file: Path, content: bytes | None, options: PixelOptions, look_for_text: bool) -> _Decoded:
    if is_raster(file.name):
        return _Decoded(read_raster(file, options))
    return _of_dicom(read_file(file) if content is None else content, look_for_text)


def _dark_background(values: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], bool]:
    """Presentation values [Rows, Columns] with a dark background, and whether they were inverted for that."""
    inverted = looks_inverted(values)
    return (np.asarray(FULL_SCALE - values, dtype=np.uint16) if inverted else values), inverted


def _of_dicom(content: bytes, look_for_text: bool) -> _Decoded:
    """Return what a DICOM file's bytes hold."""
    with quiet():
        dataset = parse_dicom(content)
        try:
            check_view(dataset)  # adapters with tables do not read headers
            shown = presentation(dataset)
            flags = {*shown.flags, *header_flags(dataset)} - (set() if look_for_text else {Flag.BURNED_IN})
            if look_for_text and "BurnedInAnnotation" not in dataset and shows_text(shown.values):
                flags.add(Flag.BURNED_IN)
            shown = replace(shown, flags=tuple(flags))
            vendor = vendor_of(text(dataset, "Manufacturer"))
            uid, spacing = text(dataset, "SOPInstanceUID"), spacing_mm(dataset)
            return _Decoded(shown, uid, vendor, spacing, read_orientation(dataset))
        except (RejectedError, MammoError, MemoryError):
            raise
        except Exception:  # a value that its type does not allow fails wherever pydicom first reads it
            raise RejectedError(Code.NOT_DICOM) from None
