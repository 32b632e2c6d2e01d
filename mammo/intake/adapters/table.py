"""A user's own images: anywhere below a folder, with a table of lesions, and if needed a table of images.

    lesions    a label and an outline for each finding, and its image: the file name, or patient, side and view;
               optional lesion_id, finding_id, label_source, birads, high_risk, finding, pathology_type
    images     image, patient, exam, laterality, view: required for PNG and TIFF, which have no header, and for what a
               DICOM header lacks; optional density, A to D, pixel_spacing, mm, and split, the same for all images of
               a patient

Tables are CSV, TSV, Excel or Parquet files. Columns are found by their usual names (_table_columns), words are read in
any case (_table_words). An outline is one of
    mask                      a PNG or TIFF of the stored image's size, above 0 inside, or a DICOM SEG object; the
                              column segment names one of several values or segments
    outline                   a polygon "row,col;row,col;..." in stored pixels; none for a finding without an outline
    a box or circle           in stored pixels, in one of the forms of _table_outlines
or an annotation in a COCO JSON file (intake.coco). Outlines are clipped to their image. A table without any column for
outlines gives the labels of whole images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mammo.intake.adapters._table_columns import Entry, check_chosen, entry_of_annotation, read_entries
from mammo.intake.adapters._table_files import image_file, lesion_files
from mammo.intake.adapters._table_findings import check_findings, finding_key
from mammo.intake.adapters._table_images import (
    FoundImage,
    copies_of,
    described_images,
    descriptions_by_lesions,
    find_images,
    qualified_exams,
)
from mammo.intake.adapters._table_lesions import (
    WITHOUT,
    Drawn,
    TableLesion,
    check_lesion,
    distinct_lesions,
    draw_lesions,
)
from mammo.intake.adapters._table_matching import SKIP, ImageMatcher, ImageNames
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.adapters._table_notes import identity_notes, label_notes, row_notes
from mammo.intake.adapters._table_outlines import has_outlines
from mammo.intake.adapters._table_required import check_image_columns, check_lesion_columns
from mammo.intake.adapters._table_words import Meaning, label_map, side_of, unknown_labels, view_of
from mammo.intake.coco import read_coco
from mammo.intake.rejections import Code
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.intake.source_folder import Folder
from mammo.intake.source_tables import read_header
from mammo.records import Cohort, ImageRecord, LeftOut, LesionRecord, MammoError

OUTLINES = "outlines"
"""Folder of masks, which contains no images."""

FEW = 500
"""Images that are opened even if a table is wrong already, so that all wrong rows are listed at once: rows without an
image and wrong outlines too."""


def read(
    root: Path,
    workers: Workers = DEFAULT_WORKERS,
    lesions: str | None = None,
    images: str | None = None,
    labels: Mapping[object, object] | None = None,
    columns: Mapping[str, str] | None = None,
    label_source: str | None = None,
    skip_absent: bool = False,
) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.
        lesions: file of the table of lesions, or a COCO file; None for the usual names.
        images: file of the table of images; None for the usual names.
        labels: the meaning of label words (malignant, benign, high risk, none, normal); None for the usual words.
        columns: columns by field (_table_columns.FIELDS); None for the usual names.
        label_source: the source of malignant and benign labels whose row states none; None for unknown.
        skip_absent: whether rows whose image is not in the folder are left out, instead of an error.

    Raises:
        MammoError: the folder contains no image, or rows of a table are wrong; the first 20 are listed.
    """
    candidates, chosen, problems = Folder(root).candidates, dict(columns or {}), Problems()
    paths = [path for path in candidates if not path.startswith(f"{OUTLINES}/")]
    if not paths:
        raise MammoError(f"{root} contains no image: add DICOM, PNG or TIFF files, or set another data.source")
    tables, annotated = lesion_files(root, lesions)
    described_in = image_file(root, images)
    read_here = [*tables, *([described_in] if described_in else [])]
    check_chosen(chosen, [read_header(file) for file in read_here])
    paths = [path for path in paths if root / path not in read_here]
    described = _image_entries(described_in, chosen)
    rows = _checked_rows(tables, annotated, chosen, label_map(labels or {}), problems)
    rows = [row.with_source(label_source) for row in rows] if label_source else rows
    rows = _with_masks(rows, ImageNames(root, candidates), problems)
    masks = {row.mask for row in rows}
    files = [path for path in paths if path not in masks]
    names = ImageNames(root, files)
    rows = _with_named_images(rows, names, skip_absent, problems)
    strong = described_images(described, names, problems)
    weak = descriptions_by_lesions([(row.entry, row.image) for row in rows if row.image], problems)
    if len(files) > FEW:
        problems.check()
    unique, exam_note = qualified_exams(weak | strong)
    matching = any(not row.image and not row.entry.get("image") for row in rows)
    found = list(find_images(root, files, unique, workers, matching))
    rows = _with_matched_images(rows, found, skip_absent or workers.wanted is not None, problems)
    records = {image.record.path: image.record for image in found}
    _check_breasts(rows, records, problems)
    check_findings(rows, records, problems)
    if len(files) > FEW:
        problems.check()
    notes = [note for note in (exam_note, *identity_notes([image.record for image in found])) if note]
    return _cohort(root, rows, found, workers, notes, problems)


def _image_entries(file: Path | None, chosen: Mapping[str, str]) -> list[Entry]:
    if file is None:
        return []
    check_image_columns(file, chosen)
    return read_entries(file, chosen)


def _checked_rows(
    tables: Sequence[Path],
    annotated: Sequence[Path],
    chosen: Mapping[str, str],
    meanings: Mapping[str, Meaning],
    problems: Problems,
) -> list[TableLesion]:
    """Return the rows of the table of lesions and the annotations of COCO files; their images are still to be found.

    Raises:
        MammoError: a table lacks a column, so that each of its rows would be wrong.
    """
    found: list[TableLesion] = []
    for file in (*tables, *annotated):
        if file in tables:
            check_lesion_columns(file, chosen, meanings)
            entries, outlines = read_entries(file, chosen), has_outlines(read_header(file))
        else:
            entries, outlines = [entry_of_annotation(annotation) for annotation in read_coco(file)], True
        unknown = unknown_labels(entries, meanings)
        if unknown:
            problems.add(str(unknown))
        found += [check_lesion(entry, meanings, outlines, problems) for entry in entries]
    return found


def _with_masks(rows: Sequence[TableLesion], names: ImageNames, problems: Problems) -> list[TableLesion]:
    """Return the rows with the paths of their masks; a mask that does not exist keeps the path of its row."""
    found = []
    for row in rows:
        placed = replace(row, given=WITHOUT)  # an outline that is not clear is not drawn
        with problems.collected():
            mask = row.given.kind == "mask" and (names.path(row.entry, "mask") or row.entry.path("mask"))
            placed = replace(row, mask=mask or "")
        found.append(placed)
    return found


def _with_named_images(
    rows: Sequence[TableLesion], names: ImageNames, skip_absent: bool, problems: Problems
) -> list[TableLesion]:
    """Return the rows with the images that they name."""
    found = []
    for row in rows:
        image = ""
        with problems.collected():
            image = names.path(row.entry, "image") if row.entry.get("image") else ""
            if row.entry.get("image") and not image and not skip_absent:
                what = f"not an image below the folder{names.guess(row.entry.path('image'))}"
                for check in (side_of, view_of):  # its image would be compared with them
                    with problems.collected():
                        check(row.entry)
                raise row.entry.error("image", f"{what}; correct the path{SKIP}")
        found.append(replace(row, image=image))
    return found


def _with_matched_images(
    rows: Sequence[TableLesion], found: Sequence[FoundImage], skip_absent: bool, problems: Problems
) -> list[TableLesion]:
    """Return the rows with the images of those that name patient, side and view instead of a file."""
    matcher = ImageMatcher([image.record for image in found], {image.record.path: image.keys for image in found})
    matched = []
    for row in rows:
        with problems.collected():
            image = row.image or ("" if row.entry.get("image") else matcher.path(row.entry))
            if not image and not row.entry.get("image") and not skip_absent:
                raise MammoError(f"{row.entry.where}: {matcher.reason(row.entry)}")
            matched.append(replace(row, image=image))
    return matched


def _check_breasts(rows: Sequence[TableLesion], records: Mapping[str, ImageRecord], problems: Problems) -> None:
    """Check that a row's own patient, side and view are those of its image, and that no image is both normal and not.

    A patient whom no image has is another name for the same one, as after de-identification.
    """
    patients = {record.patient_key for record in records.values()}
    with_finding = {row.image for row in rows if row.meaning is not Meaning.NORMAL and row.is_known}
    for row in rows:
        record = records.get(row.image)
        if record is None:
            continue
        with problems.collected():
            side, view, patient = side_of(row.entry), view_of(row.entry), row.entry.get("patient")
            if patient and record.patient_key and patient != record.patient_key and patient in patients:
                raise row.entry.error("patient", "but its image is of another patient; correct one of them")
            if side and record.laterality and side != record.laterality:
                raise row.entry.error("laterality", f"but its image is of the {record.laterality} breast; correct one")
            if view and record.view and view != record.view:
                raise row.entry.error("view", f"but its image is a {record.view}; correct one of them")
            if row.is_known and row.meaning is Meaning.NORMAL and row.image in with_finding:
                raise row.entry.error("label", "but another row gives a finding on the same image; correct one of them")


def _cohort(
    root: Path,
    rows: Sequence[TableLesion],
    found: Sequence[FoundImage],
    workers: Workers,
    notes: list[str],
    problems: Problems,
) -> Cohort:
    shapes = {image.record.path: image.shape for image in found}
    findings = [row for row in rows if row.meaning is not Meaning.NORMAL]
    absent = [row for row in findings if not row.image] if workers.wanted is None else []
    outlined = [row for row in findings if row.image and row.given.kind]
    drawn = list(draw_lesions(root, outlined, shapes, workers, problems))
    lesions, n_repeated = distinct_lesions(
        [(row, _record(row, one)) for row, one in drawn if isinstance(one, Drawn)], problems
    )
    problems.check()
    order = {image.record.path: number for number, image in enumerate(found)}
    lesions.sort(key=lambda lesion: order[lesion.path])
    without = tuple(row.finding() for row in findings if row.image and not row.given.kind)
    outlines = [one for _, one in drawn if isinstance(one, Drawn)]
    notes += [*row_notes(absent, outlines, n_repeated, len(without)), *label_notes([row for row in rows if row.image])]
    records = _with_negatives([image.record for image in found], rows, absent, notes)
    copies = tuple(copies_of(found))
    return Cohort(
        tuple(records), tuple(lesions), tuple(_left_out(drawn)), notes=tuple(notes), findings=without, copies=copies
    )


def _with_negatives(
    records: Sequence[ImageRecord], rows: Sequence[TableLesion], absent: Sequence[TableLesion], notes: list[str]
) -> list[ImageRecord]:
    """Return the images, those not negative whose breast has an absent image with a finding; without a side, both.

    Where a table states which images are normal, the images without a row are not known to be.
    """
    listed, states_normal = {row.image for row in rows}, any(row.meaning is Meaning.NORMAL for row in rows)
    positive = {(row.entry.get("patient"), side_of(row.entry)) for row in absent}
    unlisted = {image.path for image in records if states_normal and image.path not in listed}
    if unlisted:
        notes.append(f"images without a row in the table of lesions, not counted as normal: {len(unlisted)}")
    return [
        replace(image, negative=False)
        if image.path in unlisted or positive & {(image.patient_key, image.laterality), (image.patient_key, None)}
        else image
        for image in records
    ]


def _left_out(drawn: Sequence[tuple[TableLesion, Drawn | Code]]) -> list[LeftOut]:
    return [row.left_out(one) for row, one in drawn if isinstance(one, Code)]


def _record(row: TableLesion, drawn: Drawn) -> LesionRecord:
    mask, box = drawn.outline
    label, finding, kind = row.meaning.pathology, row.entry.get("finding"), row.entry.get("pathology_type")
    facts = (row.key(), row.image, label, row.source, box, mask, row.high_risk, finding, row.birads, kind)
    return LesionRecord(*facts, finding_key=finding_key(row.entry))
