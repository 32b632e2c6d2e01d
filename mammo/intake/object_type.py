"""Object type: which DICOM objects are screening mammograms, and their flags (PS3.3 A.26, C.8.11).

Rejected are objects that pydicom would open without complaint: tomosynthesis and other volumes, raw images FOR
PROCESSING, secondary captures, projections, specimens, contrast-enhanced images, magnification and spot views.
"""

from collections.abc import Iterable, Iterator
from math import isfinite

from pydicom.dataset import Dataset

from mammo.intake.laterality_view import code_string, items, text
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code, RejectedError

MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"
"""Digital Mammography X-Ray Image Storage, For Presentation; For Processing is this UID with .1 appended."""

TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
"""Breast Tomosynthesis Image Storage, SOP Class UID (0008,0016)."""

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

SYNTHETIC_WORDS = ("GENERATED_2D", "GENERATED 2D", "TOMO_2D", "C-VIEW", "CVIEW", "SYNTHETIC", "SYNTHESIZED_2D")
VOLUME_WORDS = ("TOMOSYNTHESIS", "TOMO", "VOLUME")
PROJECTION_WORDS = ("TOMO_PROJ", "PROJECTION", "STEREO", "STEREO_SCOUT", "STEREO_PLUS", "STEREO_MINUS", "TOMO_SCOUT")
CONTRAST_WORDS = ("LOW_ENERGY", "HIGH_ENERGY", "RECOMBINED", "SUBTRACTION", "CONTRAST", "DES")
"""Image Type (0008,0008), value 3 and later, as vendors write it."""

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
"""Photometric Interpretation (0028,0004) of grayscale images: small values are bright, or dark."""

SPOT_CODES = ("R-102D7", "399055006")
MAGNIFICATION_CODES = ("R-102D6", "399163009")
IMPLANT_CODES = ("R-102D5", "399209000")
HARMLESS_CODES = ("442581004", "442580003", "442593008")
"""View Modifier Code Sequence (0054,0222), CID 4015. Harmless: nipple in profile, axillary tissue or inframammary fold
shown. Any other modifier means that the view is not a screening view."""

SPECIMEN_CODES = ("G-8310", "127457009")
"""View Code Sequence (0054,0220), CID 4014: tissue specimen from breast."""

MAX_MAGNIFICATION = 1.2
"""Estimated Radiographic Magnification Factor (0018,1114): contact views of a thick breast reach about 1.1."""

MAX_SPACING_MM = 1.0

SAME_SPACING = 0.01
"""Spacings that differ by at most this share are the same."""

PROGRAMS = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
"""First bytes of executable programs: a preamble can make a DICOM file executable (CVE-2019-11687)."""


def check_kind(dataset: Dataset) -> None:
    """Check that an object is a screening mammogram for presentation.

    Raises:
        RejectedError: it is not.
    """
    _reject_any((*_objects(dataset), *_images(dataset), *_views(dataset)))


def check_view(dataset: Dataset) -> None:
    """Check that an image is a screening view, whatever a data set's table calls it.

    Raises:
        RejectedError: it is a volume, a raw image, a magnification, spot or otherwise modified view, or its pixels are
            not square.
    """
    volume = (_class(dataset) == TOMOSYNTHESIS, Code.TOMOSYNTHESIS)
    _reject_any((volume, (_is_raw(dataset), Code.FOR_PROCESSING), _frames(dataset), *_views(dataset)))


def header_flags(dataset: Dataset) -> Iterator[Flag]:
    """Return the flags that a header raises, except for laterality."""
    stated = (
        (code_string(dataset, "BreastImplantPresent") == "YES" or _modifiers(dataset) & {*IMPLANT_CODES}, Flag.IMPLANT),
        (code_string(dataset, "PartialView") == "YES", Flag.PARTIAL),
        (_words(dataset) & {*SYNTHETIC_WORDS}, Flag.SYNTHETIC),
        (code_string(dataset, "BurnedInAnnotation") == "YES", Flag.BURNED_IN),
        (text(dataset, "LossyImageCompression") == "01", Flag.LOSSY),
        (not all(_plausible(dataset, name) for name in ("ImagerPixelSpacing", "PixelSpacing")), Flag.SPACING),
        ((getattr(dataset, "preamble", None) or b"").startswith(PROGRAMS), Flag.PREAMBLE),
    )
    return (flag for found, flag in stated if found)


def _reject_any(reasons: Iterable[tuple[bool, Code]]) -> None:
    for applies, code in reasons:
        if applies:
            raise RejectedError(code)


def _class(dataset: Dataset) -> str:
    meta = getattr(dataset, "file_meta", Dataset())
    return text(dataset, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID")


def _is_raw(dataset: Dataset) -> bool:
    return _class(dataset) == f"{MAMMOGRAPHY}.1" or code_string(dataset, "PresentationIntentType") == "FOR PROCESSING"


def _frames(dataset: Dataset) -> tuple[bool, Code]:
    return int(dataset.get("NumberOfFrames") or 1) != 1, Code.MULTI_FRAME


def _objects(dataset: Dataset) -> Iterator[tuple[bool, Code]]:
    kind = _class(dataset)
    yield kind == MEDIA_DIRECTORY, Code.MEDIA_DIRECTORY
    yield kind == TOMOSYNTHESIS, Code.TOMOSYNTHESIS
    yield kind == SECONDARY_CAPTURE or kind.startswith(f"{SECONDARY_CAPTURE}."), Code.SECONDARY_CAPTURE
    yield code_string(dataset, "Modality") != "MG", Code.WRONG_MODALITY
    yield _is_raw(dataset), Code.FOR_PROCESSING
    yield kind not in ("", MAMMOGRAPHY), Code.WRONG_MODALITY


def _images(dataset: Dataset) -> Iterator[tuple[bool, Code]]:
    words = _words(dataset)
    yield _frames(dataset)
    yield "SECONDARY" in _values(dataset)[1:2] or "SCREEN SAVE" in words, Code.SECONDARY_CAPTURE
    yield bool(words & {*PROJECTION_WORDS}), Code.PROJECTION
    yield bool(words & {*VOLUME_WORDS}) and not words & {*SYNTHETIC_WORDS}, Code.TOMOSYNTHESIS
    yield bool(words & {*CONTRAST_WORDS}) or bool(text(dataset, "ContrastBolusAgent")), Code.CONTRAST_ENHANCED
    specimen = "SPECIMEN" in words or any(items(dataset, "SpecimenDescriptionSequence"))
    viewed = {text(item, "CodeValue") for item in items(dataset, "ViewCodeSequence")}
    yield specimen or bool(viewed & {*SPECIMEN_CODES}), Code.SPECIMEN
    is_gray = code_string(dataset, "PhotometricInterpretation") in MONOCHROME
    yield not is_gray or int(dataset.get("SamplesPerPixel") or 1) != 1, Code.NOT_GRAY


def _views(dataset: Dataset) -> Iterator[tuple[bool, Code]]:
    modifiers = _modifiers(dataset)
    factor = float(dataset.get("EstimatedRadiographicMagnificationFactor") or 1)
    yield bool(modifiers & {*MAGNIFICATION_CODES}) or factor > MAX_MAGNIFICATION, Code.MAGNIFICATION
    paddle = code_string(dataset, "PaddleDescription")
    yield bool(modifiers & {*SPOT_CODES}) or "SPOT" in paddle, Code.SPOT
    yield bool(modifiers - {*IMPLANT_CODES, *HARMLESS_CODES}), Code.MODIFIED_VIEW
    yield not _is_square(dataset), Code.NOT_SQUARE


def _values(dataset: Dataset) -> list[str]:
    value = dataset.get("ImageType") or []
    return [str(word).strip().upper() for word in ([value] if isinstance(value, str) else value)]


def _words(dataset: Dataset) -> set[str]:
    return {*_values(dataset)[2:]}


def _modifiers(dataset: Dataset) -> set[str]:
    """Return the codes of the view's modifiers, which the standard nests in the item of the view code."""
    nested = [item for view in items(dataset, "ViewCodeSequence") for item in items(view, "ViewModifierCodeSequence")]
    return {text(item, "CodeValue") for item in (*nested, *items(dataset, "ViewModifierCodeSequence"))} - {""}


def spacing_mm(dataset: Dataset) -> float:
    """Return the spacing of pixels at the detector, mm, or in the image if that is absent; 0 if unknown."""
    return sum(_spacings(dataset)) / 2


def is_same_spacing(one: float, other: float) -> bool:
    """Return whether two spacings, mm, differ by at most SAME_SPACING."""
    return abs(one - other) <= SAME_SPACING * max(one, other)


def _spacings(dataset: Dataset) -> list[float]:
    """Return the spacing between rows and between columns, mm; empty if unknown."""
    for name in ("ImagerPixelSpacing", "PixelSpacing"):
        value = dataset.get(name)
        if value not in (None, "") and _plausible(dataset, name):
            return [float(number) for number in value]
    return []


def _is_square(dataset: Dataset) -> bool:
    """Return whether height and width of a pixel are the same, by spacing or else Pixel Aspect Ratio (0028,0034)."""
    sides = _spacings(dataset) or [float(number) for number in dataset.get("PixelAspectRatio") or []]
    return len(sides) != 2 or is_same_spacing(*sides)


def _plausible(dataset: Dataset, name: str) -> bool:
    value = dataset.get(name)
    if value is None or value == "":
        return True
    numbers = [float(number) for number in value] if not isinstance(value, float | int | str) else [float(value)]
    return len(numbers) == 2 and all(isfinite(number) and 0 < number <= MAX_SPACING_MM for number in numbers)
