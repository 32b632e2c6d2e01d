"""The cases that a caller asks to score: files and outlines, as words on the command line or as tables give them.

Nothing is decoded here. A row that is wrong becomes a case with an error, so that it never stops the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mammo.inference.outlines import Drawn, Outline, draw
from mammo.intake.adapters._table_columns import Entry, columns_of, entry_of_annotation, read_entries, squeezed
from mammo.intake.adapters._table_files import SUFFIXES, image_file, usual_file
from mammo.intake.adapters._table_lesions import lesion_key
from mammo.intake.adapters._table_matching import ImageNames
from mammo.intake.adapters._table_outlines import (
    FORM_OF,
    Given,
    are_beyond,
    check_inside,
    given_outline,
    reaches_beyond,
    read_outline,
)
from mammo.intake.adapters._table_words import side_of, spacing_of, view_of
from mammo.intake.coco import Annotation, coco_files, read_coco
from mammo.intake.dicom_seg import Segments, outline_of_segment, read_segments, sop_instance_uid
from mammo.intake.masks import outline_of_mask_file
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code
from mammo.intake.sandbox import isolated
from mammo.intake.source_folder import Folder, regular_file
from mammo.intake.source_tables import read_header
from mammo.intake.stored_shape import Shape
from mammo.io import did_you_mean_path
from mammo.records import Laterality, MammoError, View

Draw = Callable[[Shape], Drawn]
"""Draws an outline on an image of (rows, cols), stored px; a partial of a function of this module, for other
processes."""

HOW = "give one in lesions.csv or a COCO file beside the images, as a DICOM SEG object, or with --box, --circle, --mask"
NO_OUTLINE = f"it has no outline of a lesion: {HOW}"
TABLES = (*SUFFIXES, ".json")
"""Suffixes of a list of cases: a table of lesions, or a COCO file."""


USED = ("image", "lesion_id", "lesion", "laterality", "view", "pixel_spacing", "mask", "segment", "outline")
"""Fields of own tables (adapters._table_columns.FIELDS) that a prediction depends on."""

OUTLINE_WORDS = frozenset(word for names in FORM_OF for word in names)
"""Columns of boxes and circles, in lower case without spaces and punctuation."""


@dataclass(frozen=True)
class LesionRequest:
    """A lesion to score: the user's id, how its outline is drawn, and where that is given, for messages."""

    lesion_id: str
    draw: Draw
    where: str


@dataclass(frozen=True)
class Case:
    """One image to score.

    Attributes:
        root: the folder that the path is relative to.
        path: of the file.
        name: the file as the user named it.
        laterality: as the user gives it; None to take it from the header.
        view: likewise.
        spacing_mm: mm between pixels, for a file that states none; None if unknown.
        lesions: its outlines.
        error: why it cannot be scored; empty if it can.
    """

    root: Path
    path: str
    name: str
    laterality: Laterality | None = None
    view: View | None = None
    spacing_mm: float | None = None
    lesions: tuple[LesionRequest, ...] = ()
    error: str = ""


class CaseList(NamedTuple):
    """The cases that a caller asks to score, in order."""

    cases: list[Case]
    not_used: list[str]
    """Columns of the caller's tables that say nothing about where a lesion is, as in "label (lesions.csv)"."""


def read_cases(words: Sequence[Path]) -> CaseList:
    """The cases of files, folders and lists, in order.

    Args:
        words: an image file; a folder of images with a table of lesions, COCO files or DICOM SEG objects; a table of
            lesions or a COCO file, whose paths are relative to its folder.

    Raises:
        MammoError: one does not exist, or a table cannot be read.
    """
    found, not_used = list[Case](), list[str]()
    for word in words:
        if not word.exists():
            raise MammoError(f"{word} does not exist{did_you_mean_path(word)}: name an image, a folder or a table")
        if word.is_dir():
            table, described = usual_file(word, "lesions"), image_file(word, None)
            not_used += [name for file in (table, described) if file for name in _not_used(file)]
            found += _folder_cases(word)
        elif word.suffix.lower() in TABLES:
            coco = word.suffix.lower() == ".json"
            not_used += [] if coco else _not_used(word)
            found += _table_cases(word.parent, [] if coco else [word], [word] if coco else [])
        else:
            found.append(Case(word.parent, word.name, str(word), error=NO_OUTLINE))
    return CaseList(found, not_used)


def _not_used(file: Path) -> list[str]:
    """The columns of a table that no prediction depends on."""
    header = [column for column in read_header(file) if column]
    used = {column for field, columns in columns_of(header, {}).items() if field in USED for column in columns}
    return [
        f"{column} ({file.name})" for column in header if column not in used and squeezed(column) not in OUTLINE_WORDS
    ]


def outlined(case: Case, outlines: Sequence[Outline | Path]) -> Case:
    """A case with outlines from the command line, such as polygons [N, 2] (row, col), or files of masks or segments."""
    image = case.root / case.path
    draws = [partial(_draw_file, one, image) if isinstance(one, Path) else partial(draw, one) for one in outlines]
    requests = [LesionRequest(f"lesion-{n}", one, f"outline {n}") for n, one in enumerate(draws, start=1)]
    return replace(case, lesions=tuple(requests), error="" if requests else NO_OUTLINE)


def _folder_cases(root: Path) -> list[Case]:
    table, annotations = usual_file(root, "lesions"), coco_files(root)
    if table or annotations:
        return list(_table_cases(root, [table] if table else [], annotations))
    paths = list(Folder(root).candidates)
    segments = dict(zip(paths, isolated(partial(read_segments, root), paths, path_of=str), strict=True))
    found = []
    for path, own in segments.items():
        if isinstance(own, Segments) and not own.is_object:
            requests = tuple(_segment_requests(root, own.uid, segments))
            found.append(Case(root, path, path, lesions=requests, error="" if requests else NO_OUTLINE))
        elif not isinstance(own, Segments):
            found.append(Case(root, path, path, error=f"{path}: {own.reason}: {own.remedy}"))
    if not found:
        raise MammoError(f"{root} contains no image: name a folder with DICOM, PNG or TIFF files")
    return found


def _segment_requests(root: Path, uid: str, segments: Mapping[str, Segments | Code]) -> Iterator[LesionRequest]:
    """Yield the segments of all segmentation objects on one image."""
    for path, found in segments.items():
        if isinstance(found, Segments) and found.is_object and uid:
            for number in found.numbers.get(uid, ()):
                yield LesionRequest(
                    f"{Path(path).stem} segment {number}", partial(_draw_segment, root, path, number, uid), path
                )


def _table_cases(root: Path, tables: Sequence[Path], annotated: Sequence[Path]) -> Iterator[Case]:
    """Yield the cases of tables of lesions and COCO files, by image in the order of their first rows."""
    entries = [entry for file in tables for entry in read_entries(file, {})]
    entries += [entry_of_annotation(annotation) for file in annotated for annotation in read_coco(file)]
    names = ImageNames(Folder(root).candidates)
    described = _described(root, names)
    cases: dict[str, Case] = {}
    for entry in entries:
        try:
            path, request = _row(root, entry, names)
            said = described.get(path)
            case = cases.get(path) or _said(Case(root, path, path), said)
            cases[path] = replace(_said(case, entry), lesions=(*case.lesions, *request))
        except MammoError as error:
            name = entry.get("image") or entry.where
            cases[f"{entry.where}: wrong"] = Case(root, "", name, error=str(error))
    for case in cases.values():
        if case.error or case.lesions:
            yield case


def _described(root: Path, names: ImageNames) -> dict[str, Entry]:
    """The rows of images.csv, by path."""
    file = image_file(root, None)
    rows = read_entries(file, {}) if file else []
    return {names.path(row, "image"): row for row in rows}


def _said(case: Case, entry: Entry | None) -> Case:
    """A case with what a row says about its image.

    Raises:
        MammoError: a word is unknown, or contradicts an earlier row.
    """
    if entry is None:
        return case
    side, view, spacing = side_of(entry), view_of(entry), spacing_of(entry) or None
    for name, value, known in (
        ("laterality", side, case.laterality),
        ("view", view, case.view),
        ("pixel_spacing", spacing, case.spacing_mm),
    ):
        if value and known and value != known:
            raise entry.error(name, f"another row gives its image {known}; correct one of them")
    return replace(
        case,
        laterality=side or case.laterality,
        view=view or case.view,
        spacing_mm=spacing or case.spacing_mm,
    )


def _row(root: Path, entry: Entry, names: ImageNames) -> tuple[str, tuple[LesionRequest, ...]]:
    """The image of a row, and its lesion; none where the row says that it has no outline.

    Raises:
        MammoError: the image is not named or does not exist, or the outline is not clear.
    """
    if not entry.get("image"):
        raise entry.error("image", "name the file of each row in a column image")
    path = names.path(entry, "image")
    if not path:
        raise entry.error("image", f"not an image below the folder{names.guess(entry.path('image'))}; correct the path")
    key = lesion_key(entry, path)
    if entry.annotation:
        if not entry.annotation.has_outline:
            raise entry.error("segmentation", "has no segmentation and no bbox")
        return path, (LesionRequest(key, partial(_draw_annotation, entry.annotation), entry.where),)
    given = given_outline(entry)
    if not given.kind:
        return path, ()
    mask = (names.path(entry, "mask") or entry.path("mask")) if given.kind == "mask" else ""
    return path, (LesionRequest(key, partial(_draw_entry, root, entry, given, mask, path), entry.where),)


def _draw_entry(root: Path, entry: Entry, given: Given, mask: str, image: str, shape: Shape) -> Drawn:
    outline = read_outline(root, entry, given, mask, image, shape)
    return Drawn(*outline, clipped=reaches_beyond(entry, given, shape))


def _draw_annotation(annotation: Annotation, shape: Shape) -> Drawn:
    outline, edges = annotation.outline(shape), annotation.edges(shape)
    if edges:
        check_inside(edges, shape)
    return Drawn(*outline, clipped=edges is not None and are_beyond(edges, shape))


def _draw_segment(root: Path, path: str, number: int, uid: str, shape: Shape) -> Drawn:
    return Drawn(*outline_of_segment(regular_file(root, path), number, uid, shape), clipped=False)


def _draw_file(file: Path, image: Path, shape: Shape) -> Drawn:
    """Draw a file of the command line: a mask of the image's size, or a segmentation object with one segment on it."""
    if is_raster(file.name):
        return Drawn(*outline_of_mask_file(file, shape), clipped=False)
    return Drawn(*outline_of_segment(file, None, sop_instance_uid(image.parent, image.name), shape), clipped=False)
