"""Columns of a user's tables: the fields that they give, under the usual names, and rows as fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo.intake.coco import Annotation, attributes_of
from mammo.intake.source_folder import standardized_path
from mammo.intake.source_tables import Row, cell_text, further_tables, read_header, read_rows
from mammo.records import MammoError, did_you_mean

FIELDS: Mapping[str, tuple[str, str]] = {
    "image": (
        "image imagefile imagepath imagename imagefilename imagefilepath file filename filepath path "
        "dicom dicomfile dicompath",
        "the image's file: its path, or its name where only one file has it; the suffix can be missing",
    ),
    "patient": (
        "patient patientid patientno patientnumber patientkey subject subjectid pid mrn",
        "the patient; all images of one belong to one split",
    ),
    "exam": (
        "exam examid examno examnumber examination study studyid studyuid studyinstanceuid accession accessionnumber",
        "the exam of the patient",
    ),
    "date": (
        "date examdate studydate acquisitiondate",
        "the exam's date, where no exam is named",
    ),
    "laterality": (
        "laterality side breast breastside imagelaterality leftright leftorrightbreast",
        "L or R, left or right; also with the view in one cell, as in R-MLO",
    ),
    "view": (
        "view viewposition viewpos imageview projection proj",
        "CC or MLO, also written out",
    ),
    "label": (
        "label pathology class classification diagnosis malignant malignancy ismalignant cancer outcome "
        "severity biopsyresult groundtruth target",
        "malignant, benign, high risk, none or normal; also M and B; others by data.labels",
    ),
    "label_source": (
        "labelsource biopsy biopsied proof verification",
        "biopsy, breast_level, birads_proxy or unknown; in a column biopsy also yes or no",
    ),
    "high_risk": (
        "highrisk",
        "yes or no: benign, but called high-risk by pathology",
    ),
    "lesion_id": (
        "lesionid lesionkey",
        "your own id of the lesion",
    ),
    "finding_id": (
        "findingid findingkey",
        "your own id of the finding, the same for all outlines of one lesion, in every view of its breast; unique "
        "among all patients; a word for a missing value (unknown, -, n/a, null, ...) is none",
    ),
    "lesion": (
        "lesion lesionno lesionnumber roi roiid roinumber abnormality abnormalityid",
        "the number of the lesion on its image, where it has no id",
    ),
    "finding": (
        "finding findingtype lesiontype abnormalitytype type",
        "mass, calcification, distortion, asymmetry or other words, which become other",
    ),
    "birads": (
        "birads biradscategory biradsassessment assessment",
        "BI-RADS category before biopsy: 0 to 6, 4A to 4C",
    ),
    "pathology_type": (
        "pathologytype histology histologytype histologictype histologicaltype histopathologytype "
        "cancertype tumortype tumourtype subtype molecularsubtype",
        "IDC, ILC, DCIS, fibroadenoma and so on; other words become other",
    ),
    "density": (
        "density breastdensity acrdensity",
        "BI-RADS density: A to D, 1 to 4, or in words",
    ),
    "pixel_spacing": (
        "pixelspacing pixelspacingmm spacing spacingmm imagerpixelspacing detectorspacing mmperpixel",
        "mm between pixels, for data.scale=auto, of an image whose file states none",
    ),
    "split": (
        "split subset partition",
        "your own split: train, val or test",
    ),
    "mask": (
        "mask maskfile maskpath maskfilename maskfilepath roimask roimaskfilepath",
        "the mask's file: a PNG of the image's size or a DICOM SEG object, above 0, colored or opaque inside",
    ),
    "segment": (
        "segment segmentnumber maskvalue",
        "the number of the segment, or the value of the mask, that is this lesion",
    ),
    "outline": (
        "outline",
        "row,col;row,col;... of a polygon, px; none for a finding without an outline",
    ),
}
"""For each field, the column names that give it, in lower case without spaces and punctuation, and what a cell is."""

FIELD_OF = {name: field for field, (names, _) in FIELDS.items() for name in names.split()}

FORMAT_KEYS = ("area", "id", "image_id", "category_id", "iscrowd", "bbox", "segmentation", "attributes")
"""Keys of a COCO annotation that are not fields of the lesion."""

ABSENT = frozenset({"", "NA", "N/A", "nan", "NaN", "<NA>"})
"""Cells that stand for a missing value; not None, which can also mean no outline."""


@dataclass(frozen=True)
class Entry:
    """A row of a user's table, or a COCO annotation, as fields.

    Attributes:
        file: the table or COCO file.
        key: row number or annotation id, in words.
        fields: cells by field; absent and empty fields are left out.
        names: the column of each field, as the table writes it.
        others: cells of all other columns, by name in lower case without spaces and punctuation.
        annotation: the COCO annotation, None for a row.
    """

    file: Path
    key: str
    fields: Mapping[str, str]
    names: Mapping[str, str]
    others: Mapping[str, str]
    annotation: Annotation | None = None

    @property
    def where(self) -> str:
        """File and row, or file and annotation."""
        return f"{self.file} {self.key}"

    def get(self, field: str) -> str:
        """Return the cell of a field, empty if it is empty or absent."""
        return self.fields.get(field, "")

    def path(self, field: str) -> str:
        """Return the cell as a path in the form of Folder.paths, empty for an empty cell."""
        return standardized_path(self.get(field))

    def error(self, field: str, remedy: str) -> MammoError:
        """Return an error that names file, row, column and cell, with the remedy.

        A row that names no image has it by patient, side and view: an error about its image names these.
        """
        name = self.names.get(field, field)
        cell = f"{name} {self.get(field)!r}" if self.get(field) else f"{name} is empty"
        known = [
            f"{self.names[each]} {self.get(each)!r}" for each in ("patient", "laterality", "view") if self.get(each)
        ]
        if field == "image" and not self.get(field) and known:
            cell = f"the image of {', '.join(known)}"
        return MammoError(f"{self.where}: {cell}: {remedy}")


def squeezed(name: str) -> str:
    """Return a column name in lower case without spaces and punctuation, as in FIELDS."""
    return "".join(sign for sign in name.lower() if sign.isalnum())


def read_entries(file: Path, chosen: Mapping[str, str]) -> list[Entry]:
    """Return the rows of a table as fields.

    Args:
        file: .csv, .tsv, .xlsx or .parquet.
        chosen: columns by field, where the usual names do not decide (data.columns).

    Raises:
        MammoError: the file is not a table, it has a column twice, cells beyond its header or rows in further sheets,
            or two columns give one field and differ.
    """
    header = read_header(file)
    for column in header:
        if column and header.count(column) > 1:
            raise MammoError(f"{file} has the column {column} twice: rename or remove one of them")
    further = further_tables(file)
    if further:
        raise MammoError(
            f"{file} has rows of the same columns in the sheet {further[0]!r} too: only the first sheet is read; put "
            "all rows into it, or save the one that you mean as CSV"
        )
    columns = columns_of(header, chosen)
    return [_entry(row, columns) for row in read_rows(file, absent=ABSENT, aligned=True)]


def columns_of(header: Iterable[str], chosen: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the columns of a table that give each field.

    Raises:
        MammoError: a chosen field does not exist.
    """
    header = list(header)
    for field in chosen:
        if field not in FIELDS:
            guess = did_you_mean(field, FIELDS)
            raise MammoError(f"data.columns: {field!r} is not a field{guess}: use one of {', '.join(FIELDS)}")
    wanted = {squeezed(str(column)): field for field, column in chosen.items()}
    fields = {column: wanted.get(squeezed(column), FIELD_OF.get(squeezed(column), "")) for column in header}
    decided = {fields[column] for column in header if squeezed(column) in wanted}
    columns: dict[str, list[str]] = {}
    for column, field in fields.items():
        if field and (field not in decided or squeezed(column) in wanted):
            columns.setdefault(field, []).append(column)
    return columns


def check_chosen(chosen: Mapping[str, str], headers: Iterable[Iterable[str]], key: str = "data.columns") -> None:
    """Check that every chosen column is in one of the tables.

    Args:
        chosen: columns by field.
        headers: the columns of each table.
        key: where they were chosen, for the message.

    Raises:
        MammoError: one is in none of them.
    """
    names = {squeezed(column) for header in headers for column in header}
    for field, column in chosen.items():
        if squeezed(str(column)) not in names:
            guess = did_you_mean(squeezed(str(column)), names)
            raise MammoError(f"{key}: no table has a column {column!r} for {field}{guess}")


def _entry(row: Row, columns: Mapping[str, list[str]]) -> Entry:
    fields, names = {}, {}
    for field, candidates in columns.items():
        given = [column for column in candidates if row.get(column) and _means_something(field, row.get(column))]
        names[field] = (given or candidates)[0]
        if len({row.get(column).lower() for column in given}) > 1:
            cells = " and ".join(f"{column} {row.get(column)!r}" for column in given)
            raise MammoError(
                f"{row.file} row {row.number}: {cells} could both be the {field.replace('_', ' ')}: "
                f"choose one with data.columns={{{field}: {given[0]}}} (predict: --columns {field}={given[0]})"
            )
        if given:
            fields[field] = row.get(given[0])
    used = {column for candidates in columns.values() for column in candidates}
    unread = {squeezed(column): cell for column, cell in row.values.items() if column not in used}
    others = {name: cell for name, cell in unread.items() if cell and _means_something(name, cell)}
    return Entry(row.file, f"row {row.number}", fields, names, others)


def _means_something(field: str, cell: str) -> bool:
    """Return whether a cell is more than the word None, which programs write for a missing value."""
    return cell.lower() != "none" or field in ("outline", "label", "label_source")


def entry_of_annotation(annotation: Annotation) -> Entry:
    """Return a COCO annotation as fields: its own keys, and those of its attributes.

    A category is the label, unless the annotation has a label of its own; then the category is the kind of finding.

    Raises:
        MammoError: two keys give one field and differ.
    """
    cells = {key: cell_text(value, ABSENT) for key, value in _scalars(annotation.values).items()}
    where = f"{annotation.file} annotation {annotation.key}"
    fields: dict[str, str] = {}
    names: dict[str, str] = {}
    for key, cell in cells.items():
        field = FIELD_OF.get(squeezed(key), "")
        if not field or not cell or field == "image":
            continue
        if fields.get(field, cell).lower() != cell.lower():
            both = f"{names[field]} {fields[field]!r} and {key} {cell!r}"
            raise MammoError(f"{where}: {both} could both be the {field.replace('_', ' ')}: keep one of them")
        fields[field], names[field] = cell, key
    category = "finding" if "label" in fields else "label"
    fields.setdefault(category, annotation.category)
    names.setdefault(category, "category")
    fields["image"] = annotation.image
    return Entry(annotation.file, f"annotation {annotation.key}", fields, names, {}, annotation)


def _scalars(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an annotation's own keys and its attributes, without those of the COCO format."""
    both = {**attributes_of(values), **{key: value for key, value in values.items() if key not in FORMAT_KEYS}}
    return {key: value for key, value in both.items() if isinstance(value, (str, int, float))}
