"""The cases of files, folders and lists: images, and outlines as tables, COCO files and segmentation objects give them.

Nothing is decoded here. A row that is wrong becomes a case with an error, so that it never stops the others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mammo.inference.cases import Case, CaseFolder, CaseList, LesionRequest, no_outline
from mammo.inference.not_used import OF_LESION, unused_columns, unused_keys
from mammo.inference.outlines import Drawn
from mammo.inference.segment_cases import folder_cases
from mammo.intake.adapters._table_columns import Entry, check_chosen, columns_of, entry_of_annotation, read_entries
from mammo.intake.adapters._table_files import SUFFIXES, usual_file
from mammo.intake.adapters._table_lesions import lesion_key
from mammo.intake.adapters._table_matching import ImageNames
from mammo.intake.adapters._table_outlines import (
    Given,
    given_outline,
    has_outlines,
    reaches_beyond,
    read_outline,
)
from mammo.intake.adapters._table_words import side_of, spacing_of, view_of
from mammo.intake.adapters.table import OUTLINES
from mammo.intake.coco import Annotation, coco_files, read_coco
from mammo.intake.extents import are_beyond, check_inside
from mammo.intake.source_folder import Folder
from mammo.intake.source_tables import read_header
from mammo.intake.stored_shape import Shape
from mammo.io import did_you_mean_path
from mammo.records import MammoError

TABLES = (*SUFFIXES, ".json")
"""Suffixes of a list of cases: a table of lesions, or a COCO file."""


def read_cases(words: Sequence[Path], columns: Mapping[str, str] | None = None) -> CaseList:
    """The cases of files, folders and lists, in order.

    Args:
        words: an image file; a folder of images with a table of lesions, COCO files or DICOM SEG objects; a table of
            lesions or a COCO file, whose paths are relative to its folder.
        columns: columns of tables by field (_table_columns.FIELDS), where the usual names do not decide.

    Raises:
        MammoError: one does not exist, a table cannot be read or lacks a column, or no table has a chosen one.
    """
    chosen, found = dict(columns or {}), CaseList([], [], [], [])
    headers: list[tuple[str, ...]] = []
    for word in words:
        if not word.exists():
            raise MammoError(f"{word} does not exist{did_you_mean_path(word)}: name an image, a folder or a table")
        if word.is_dir():
            table, annotations = usual_file(word, "lesions", "name the table in place of the folder"), coco_files(word)
            if table or annotations:
                headers += _add(found, word, [table] if table else [], annotations, chosen)
            else:
                found.cases.extend(folder_cases(word))
                found.folders.append(CaseFolder(word, columns=chosen))
        elif word.suffix.lower() in TABLES:
            headers += _add(found, word.parent, *_by_kind(word), chosen)
        else:
            found.cases.append(Case(word.parent, word.name, str(word), error=no_outline(str(word))))
    check_chosen(chosen, headers, "--columns")
    return found


def read_list(file: Path, images: Sequence[str]) -> list[Case]:
    """The cases of a table of lesions or a COCO file, of images that need not be there.

    Args:
        file: one of TABLES.
        images: paths of the images relative to the folder of the file; rows of others become cases with an error.

    Raises:
        MammoError: the file cannot be read or lacks a column.
    """
    found = CaseList([], [], [], [])
    _add(found, file.parent, *_by_kind(file), {}, images)
    return found.cases


def _by_kind(file: Path) -> tuple[list[Path], list[Path]]:
    """A file among the tables of lesions, or among the COCO files."""
    return ([], [file]) if file.suffix.lower() == ".json" else ([file], [])


def _add(
    found: CaseList,
    root: Path,
    tables: Sequence[Path],
    annotated: Sequence[Path],
    chosen: Mapping[str, str],
    images: Sequence[str] | None = None,
) -> list[tuple[str, ...]]:
    """Add the cases of tables; images: paths below the root, None for the files there.

    Returns:
        The columns of each table.
    """
    paths = Folder(root).candidates if images is None else images
    described = _image_table(root)
    headers = {file: read_header(file) for file in (*tables, *([described] if described else []))}
    for file, columns in headers.items():
        header = [column for column in columns if column]
        by_field = columns_of(header, chosen)
        _add_unused(found, file, partial(unused_columns, header, by_field, file in tables))
        _check_columns(file, header, by_field, is_list=file in tables)
    cases = list(_table_cases(root, ImageNames(root, paths), tables, annotated, chosen))
    for file in annotated:
        _add_unused(found, file, partial(unused_keys, file))
    found.cases.extend(case for case in cases if case.error or case.lesions)
    known = {case.path for case in cases} | {request.mask for case in cases for request in case.lesions}
    bare = tuple(path for path in paths if path not in known and not path.startswith(f"{OUTLINES}/"))
    found.folders.append(CaseFolder(root, tuple(tables), tuple(annotated), chosen, bare))
    return list(headers.values())


def _add_unused(found: CaseList, file: Path, unused: Callable[[bool], Sequence[str]]) -> None:
    """Add what is not used of a file: columns or keys, by whether the networks read the other images of an exam."""
    alone, with_others = unused(False), unused(True)
    found.not_used.extend(f"{name} ({file.name})" for name in alone)
    found.of_exams.extend(f"{name} ({file.name})" for name in alone if name not in with_others)


def _check_columns(file: Path, header: Sequence[str], by_field: Mapping[str, object], is_list: bool) -> None:
    """Check that a table names images, and a table of lesions outlines; MammoError where it cannot."""
    missing = [] if "image" in by_field else ["image"]
    if is_list and not has_outlines(header) and not {"mask", "outline"} & by_field.keys():
        missing.append("outline (or mask, or row0, row1, col0, col1)")
    if missing:
        raise MammoError(
            f"{file} lacks the column {' and '.join(missing)} (it has {', '.join(header)}): rename its columns, or "
            "give their names, as in --columns image=Picture"
        )


def _table_cases(
    root: Path, names: ImageNames, tables: Sequence[Path], annotated: Sequence[Path], chosen: Mapping[str, str]
) -> Iterator[Case]:
    """Yield the cases of tables of lesions and COCO files, by image in the order of their first rows."""
    entries = [entry for file in tables for entry in read_entries(file, chosen)]
    entries += [entry_of_annotation(annotation) for file in annotated for annotation in read_coco(file)]
    described: dict[str, Entry] = {}
    cases: dict[str, Case] = {}
    for row in _image_rows(root, chosen):
        try:
            path = _named_image(row, names)
        except MammoError as error:
            cases[f"{row.where}: wrong"] = _wrong(root, row, names, str(error))
            continue
        if described.setdefault(path, row) is not row:
            other = described[path].key
            raise row.error("image", f"{other} describes the same image: keep one row for every image")
    ids: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        try:
            path, request = _row(root, entry, names)
            for one in request:
                _check_id(entry, ids.setdefault((path, one.lesion_id), entry))
            said = described.get(path)
            case = cases.get(path) or _said(Case(root, path, str(root / path)), said)
            cases[path] = replace(_said(case, entry), lesions=(*case.lesions, *request))
        except MammoError as error:
            cases[f"{entry.where}: wrong, {len(cases)}"] = _wrong(root, entry, names, str(error))
    yield from cases.values()


def _check_id(entry: Entry, first: Entry) -> None:
    """Check that a row is the first that has its lesion's id on its image; MammoError where another one is."""
    if first is entry:
        return
    other = "an earlier one of the file" if first.where == entry.where else first.where
    given = next((f"{entry.names[field]} {entry.get(field)!r}" for field in OF_LESION if entry.get(field)), "its id")
    raise MammoError(
        f"{entry.where}: {given}: {other} has it too, on the same image: give each lesion an id of its own"
    )


def _wrong(root: Path, entry: Entry, names: ImageNames, error: str) -> Case:
    """A case for a row that cannot be scored, with the image that it names as far as that is clear."""
    found = names.find(entry.path("image"), entry.file) if entry.get("image") else []
    path = found[0] if len(found) == 1 else ""
    name = str(root / (path or entry.get("image"))) if entry.get("image") else entry.where
    return Case(root, path, name, error=error)


def _image_table(root: Path) -> Path | None:
    return usual_file(root, "images", "rename it")


def _image_rows(root: Path, chosen: Mapping[str, str]) -> list[Entry]:
    """The rows of images.csv; none without the file."""
    file = _image_table(root)
    return read_entries(file, chosen) if file else []


def _named_image(entry: Entry, names: ImageNames) -> str:
    """The image that a row names; MammoError where it is not in the folder."""
    if path := names.path(entry, "image"):
        return path
    guess = names.guess(entry.path("image"))
    raise entry.error("image", f"not an image below the folder{guess}; correct the path")


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
    path = _named_image(entry, names)
    key = lesion_key(entry, path)
    if entry.annotation:
        if not entry.annotation.has_outline:
            raise entry.error("segmentation", "has no segmentation and no bbox")
        return path, (LesionRequest(key, partial(_draw_annotation, entry.annotation), entry.where),)
    given = given_outline(entry)
    if not given.kind:
        return path, ()
    mask = (names.path(entry, "mask") or entry.path("mask")) if given.kind == "mask" else ""
    return path, (LesionRequest(key, partial(_draw_entry, root, entry, given, mask, path), entry.where, mask),)


def _draw_entry(root: Path, entry: Entry, given: Given, mask: str, image: str, shape: Shape) -> Drawn:
    outline = read_outline(root, entry, given, mask, image, shape)
    return Drawn(*outline, clipped=reaches_beyond(entry, given, shape))


def _draw_annotation(annotation: Annotation, shape: Shape) -> Drawn:
    outline, edges = annotation.outline(shape), annotation.edges(shape)
    if edges:
        check_inside(edges, shape)
    return Drawn(*outline, clipped=edges is not None and are_beyond(edges, shape))
