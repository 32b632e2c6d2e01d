"""The cases of a folder without a table: images, with the DICOM segmentation objects that name them."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from mammo.inference.cases import Case, LesionRequest, no_outline
from mammo.inference.outlines import Drawn
from mammo.intake.adapters._table_files import SUFFIXES
from mammo.intake.dicom_seg import Segments, outline_of_segment, read_segments, sop_instance_uid
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import Folder, regular_file
from mammo.intake.stored_shape import Shape
from mammo.records import MammoError

UNLINKED = "this segmentation object names no image of the folder: put its image beside it, or export it again"


def folder_cases(root: Path) -> list[Case]:
    """The cases of a folder without a table of lesions: images, with the segmentation objects that name them.

    Raises:
        MammoError: there is no image; or there is neither such an object nor a usual table, but another one.
    """
    paths = list(Folder(root).candidates)
    segments = dict(zip(paths, isolated(partial(read_segments, root), paths, path_of=str), strict=True))
    if not any(isinstance(found, Segments) and found.is_object for found in segments.values()):
        tables = [file.name for file in sorted(root.iterdir()) if file.suffix.lower() in SUFFIXES and file.is_file()]
        if tables:
            raise MammoError(
                f"{root} has no lesions.csv and no segmentation object, its tables are: {', '.join(tables)}: name your "
                f"table of lesions, as in {root / tables[0]}"
            )
    known, found = {own.uid for own in segments.values() if isinstance(own, Segments) and not own.is_object}, []
    for path, own in segments.items():
        if isinstance(own, Segments) and not own.is_object:
            requests = tuple(_segment_requests(root, own.uid, segments))
            name = str(root / path)
            found.append(Case(root, path, name, lesions=requests, error="" if requests else no_outline(name)))
        elif isinstance(own, Segments) and not known.intersection(own.numbers):
            found.append(Case(root, path, str(root / path), error=f"{root / path}: {UNLINKED}"))
        elif not isinstance(own, Segments):
            found.append(Case(root, path, str(root / path), error=f"{root / path}: {own.reason}: {own.remedy}"))
    if not found:
        raise MammoError(f"{root} contains no image: name a folder with DICOM, PNG or TIFF files")
    return found


def _segment_requests(root: Path, uid: str, segments: Mapping[str, Segments | Code]) -> Iterator[LesionRequest]:
    """Yield the segments of all segmentation objects on one image."""
    for path, found in segments.items():
        if isinstance(found, Segments) and found.is_object and uid:
            for number in found.numbers.get(uid, ()):
                yield LesionRequest(
                    f"{path} segment {number}",
                    partial(draw_segment, root, path, number, uid),
                    path,
                )


def segments_on(files: tuple[Path, Path]) -> tuple[str, tuple[int, ...]]:
    """SOP Instance UID of an image, and the numbers of the segments on it: of its file and a segmentation object.

    Raises:
        RejectedError: a file cannot be read, or the second is no segmentation object.
    """
    image, outlines = files
    uid = sop_instance_uid(image.parent, image.name)
    found = read_segments(outlines.parent, outlines.name)
    if not found.is_object:
        raise RejectedError(Code.OUTLINE_BROKEN)
    return uid, found.numbers.get(uid, ())


def draw_segment(root: Path, path: str, number: int | None, uid: str, shape: Shape) -> Drawn:
    """Draw a segment of an object below a folder on an image with this SOP Instance UID and shape (rows, cols).

    Without a number it is the only one on the image.

    Raises:
        RejectedError: as outline_of_segment; the mask is [box.height, box.width].
    """
    return Drawn(*outline_of_segment(regular_file(root, path), number, uid, shape), clipped=False)
