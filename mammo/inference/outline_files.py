"""The outlines that a file gives for one image that is open already: a table, a COCO file, a DICOM SEG or a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mammo.inference.case_list import TABLES, read_list
from mammo.inference.case_reading import Request, drawn
from mammo.inference.cases import Case, LesionRequest, outlined
from mammo.inference.segment_cases import draw_segment
from mammo.intake.adapters._table_columns import read_entries
from mammo.intake.adapters._table_matching import ImageNames
from mammo.intake.coco import read_coco
from mammo.intake.dicom_seg import read_segments
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import RejectedError
from mammo.intake.source_folder import standardized_path
from mammo.intake.stored_shape import Shape
from mammo.records import MammoError

MOST_BYTES = 1 << 26
"""Bytes of the masks of all outlines of an image."""


@dataclass(frozen=True)
class OutlineFile:
    """A file with outlines, and the image that they are wanted for.

    Attributes:
        path: of the file; its suffix says what it is, and one that is not known a DICOM SEG object.
        image: the image's path or name, as a table or a COCO file can have it.
        uid: SOP Instance UID of the image; empty for a PNG or TIFF.
        shape: (rows, cols) of the image, stored px.
    """

    path: Path
    image: str
    uid: str
    shape: Shape


def read_outlines(file: OutlineFile) -> tuple[tuple[Request, ...], tuple[str, ...]]:
    """The outlines that a file gives for the image, and why others cannot be used, a sentence each.

    Raises:
        MammoError: the file cannot be read, or names no outline on the image, or more than MOST_BYTES.
    """
    lesions, errors = _lesions(file)
    requests, wrong = drawn(lesions, file.shape)
    check_size(requests)
    return requests, (*errors, *wrong)


def check_size(requests: Sequence[Request]) -> None:
    """Check that the masks of outlines fit into memory; MammoError where they do not."""
    if sum(one.outline.mask.nbytes for one in requests) > MOST_BYTES:
        raise MammoError(f"The outlines of this image take more than {MOST_BYTES >> 20} MiB: load fewer of them.")


def _lesions(file: OutlineFile) -> tuple[Sequence[LesionRequest], list[str]]:
    """The lesions that the file has on the image, not drawn yet, and the errors of their rows."""
    if is_raster(file.path.name):
        return outlined(Case(file.path.parent, file.image, file.image), [file.path]).lesions, []
    if file.path.suffix.lower() not in TABLES:
        return _segments(file), []
    cases = _cases(file.path, file.image) or _cases(file.path, _same_name(file.path, file.image))
    return [one for case in cases for one in case.lesions], [case.error for case in cases if case.error]


def _segments(file: OutlineFile) -> list[LesionRequest]:
    root, name = file.path.parent, file.path.name
    try:
        found = read_segments(root, name)
    except RejectedError as error:
        raise MammoError(f"{name}: {error.code.reason}: {error.code.remedy}") from None
    if not found.is_object:
        raise MammoError(f"{name}: not a DICOM SEG object: choose one, or a table or COCO file with its usual suffix")
    numbers = found.numbers.get(file.uid, ()) if file.uid else ()
    keys: dict[int | None, str] = {number: f"segment {number}" for number in numbers} or {None: "segment"}
    return [LesionRequest(key, partial(draw_segment, root, name, n, file.uid), key) for n, key in keys.items()]


def _cases(file: Path, image: str) -> list[Case]:
    return [case for case in read_list(file, [image]) if case.path == image]


def _same_name(file: Path, image: str) -> str:
    """The path in a table or COCO file, whatever its folders, that has the file name of the image.

    Raises:
        MammoError: there is none, or there are several.
    """
    if file.suffix.lower() == ".json":
        named = {standardized_path(annotation.image) for annotation in read_coco(file)}
    else:
        named = {entry.path("image") for entry in read_entries(file, {})}
    own = PurePosixPath(image).name
    found = ImageNames(file.parent, sorted(named - {""})).find(own, file)
    if len(found) == 1:
        return found[0]
    if found:
        raise MammoError(f"{file.name} names {found[0]} and {found[1]}, and either can be this image: keep one of them")
    raise MammoError(f"{file.name} names no image {own}: correct its column of images, or open the image it names")
