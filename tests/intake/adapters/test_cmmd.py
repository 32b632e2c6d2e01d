"""An imitation of CMMD with TOMPEI-CMMD; quoted comments are the published facts that it reproduces."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Box, Frame
from mammo.intake.adapters.cmmd import read
from mammo.intake.gate import admit
from mammo.intake.rejections import Code
from mammo.records import Cohort, Density, LabelSource, Laterality, MammoError, Pathology, View
from tests.intake.adapters.conftest import ReadBombs, RenameFiles

VIEWS = {"CC": "399162004", "MLO": "399368009"}
POLYGON = [{"x": 5.0, "y": 20.0}, {"x": 15.0, "y": 20.0}, {"x": 15.0, "y": 30.0}, {"x": 5.0, "y": 30.0}]
MIRRORED = [point | {"x": 48 - point["x"]} for point in POLYGON]
"""Open polygons of pixels 20 to 29 down and 5 to 14 from the chest wall, on a left and on a right breast."""


def image(
    root: Path,
    write: Callable[..., None],
    breast: NDArray[np.uint16],
    patient: str,
    number: int,
    side: str,
    view: str,
    shown: str = "",
) -> None:
    """Write one file; shown is the side that the pixels show, if the header is wrong."""
    code = Dataset()
    # "ViewPosition is absent; use ViewCodeSequence (0054,0220) CodeValue 399162004 = CC, 399368009 = MLO"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = VIEWS[view], "SCT", view
    pixels = np.ascontiguousarray(breast if (shown or side) == "L" else breast[:, ::-1])
    depth = np.uint16 if patient == "D1-1343" else np.uint8  # "8-bit (all but the 2 images of D1-1343, 16-bit ...)"
    folder = root / "manifest-1" / "CMMD" / patient / "07-18-2010-NA-NA-49690" / "1.000000-NA-35817"
    tags = (
        {"WindowCenter": 32768, "WindowWidth": 65536}
        if depth is np.uint16
        else {"WindowCenter": 128, "WindowWidth": 256}
    )
    write(
        folder / f"1-{number}.dcm",
        (pixels // (1 if depth is np.uint16 else 8)).astype(depth),
        PatientID=patient,
        StudyInstanceUID=f"1.2.{patient[1]}.{int(patient[3:])}.49690",
        ImageLaterality=side,
        ViewPosition=None,
        ViewCodeSequence=[code],
        VOILUTFunction="SIGMOID",
        **tags,
    )


def annotation(root: Path, name: str, content: object) -> None:
    file = root / "TOMPEI-CMMD_v01_20250123" / f"{name}_AnnotationFile.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content))


def labels_of(cohort: Cohort) -> list[tuple[str, Pathology]]:
    return [(lesion.lesion_key, lesion.label) for lesion in cohort.lesions]


@pytest.fixture
def cmmd(tmp_path: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    return write_cmmd(tmp_path, write, breast)


def write_cmmd(folder: Path, write: Callable[..., None], breast: NDArray[np.uint16]) -> Path:
    # "2 files (949 patients) or 4 files (826)"; "one exception has 1-1 = R MLO"
    image(folder, write, breast, "D1-0001", 1, "R", "MLO")
    image(folder, write, breast, "D1-0001", 2, "R", "CC")
    for patient in ("D1-1343", "D2-0284"):
        for number, (side, view) in enumerate([("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")], 1):
            image(folder, write, breast, patient, number, side, view)
    # "sides reversed for all images: D1-0252"
    image(folder, write, breast, "D1-0252", 1, "L", "MLO", shown="R")
    # "the two MLO tags swapped: D1-0999"
    image(folder, write, breast, "D1-0999", 1, "L", "CC")
    image(folder, write, breast, "D1-0999", 2, "L", "MLO", shown="R")
    # "Known bad: D1-0951"; "Patients listed ... as having benign and malignant findings together in one breast"
    image(folder, write, breast, "D1-0951", 1, "L", "MLO")
    image(folder, write, breast, "D2-0033", 1, "L", "MLO")
    # "some CSV exports use `;` and a trailing separator. There may be zero-width spaces."
    rows = ["D1-0001;R", "D2-0284;R", "D1-0252;L", "D1-0999;R", "D1-0951;L", "D2-0033;L"]
    classes = ["Benign", "Malignant", "Malignant", "Benign", "Benign", "Malignant"]
    subtypes = ["", "Luminal A", "", "", "", "triple negative"]  # the last breast has findings of both classes
    lines = [f"{row};44;2;both;{word};{x};" for row, word, x in zip(rows, classes, subtypes, strict=True)]
    lines += [
        "D2-0284;L;44;2;mass;Benign\u200b;;",
        "D1-1343;L;44;2;mass;Malignant;;",
    ]  # "30 patients have one benign and one malignant breast"
    header = "ID1;LeftRight;Age;number;abnormality;classification;subtype;"
    (folder / "CMMD_clinicaldata_revision.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    # "70 values have a trailing space `"calc "`; strip"
    annotation(
        folder,
        "D1-0001_MLO_R",
        [{"type": "Draw", "label": "calc ", "cgPoints": MIRRORED}, {"label": "FAD", "cgPoints": MIRRORED[:3]}],
    )
    annotation(folder, "D2-0284_MLO_L", [{"label": "mass", "cgPoints": POLYGON}])
    annotation(folder, "D2-0284_MLO_R", [{"label": "mass", "cgPoints": MIRRORED}, {"label": "mass", "cgPoints": "?"}])
    annotation(folder, "D1-0252_MLO_R", [{"label": "mass", "cgPoints": MIRRORED}])
    annotation(folder, "D1-0999_MLO_R", [{"label": "mass", "cgPoints": MIRRORED}])
    annotation(folder, "D2-0033_MLO_L", [{"label": "mass", "cgPoints": POLYGON}])
    annotation(folder, "D1-0500_MLO_L", [{"label": "mass", "cgPoints": POLYGON}])
    # "The zip also has a `__MACOSX/` tree with 1,385 junk `._*` files: skip."
    junk = folder / "__MACOSX" / "._D1-0001_MLO_R_AnnotationFile.json"
    junk.parent.mkdir()
    junk.write_bytes(b"\0")
    return folder


def test_every_record(cmmd: Path) -> None:
    cohort = read(cmmd)
    found = [(i.patient_key, i.laterality, i.view, i.code, Path(i.path).name) for i in cohort.images]
    left, right, cc, mlo = Laterality.LEFT, Laterality.RIGHT, View.CC, View.MLO
    four = [
        (left, cc, "", "1-1.dcm"),
        (left, mlo, "", "1-2.dcm"),
        (right, cc, "", "1-3.dcm"),
        (right, mlo, "", "1-4.dcm"),
    ]
    assert found == [
        ("D1-0001", right, cc, "", "1-2.dcm"),
        ("D1-0001", right, mlo, "", "1-1.dcm"),
        ("D1-0252", right, mlo, "", "1-1.dcm"),
        ("D1-0951", left, mlo, Code.KNOWN_DEFECT, "1-1.dcm"),
        ("D1-0999", left, cc, "", "1-1.dcm"),
        ("D1-0999", right, mlo, "", "1-2.dcm"),
        *(("D1-1343", *rest) for rest in four),
        ("D2-0033", left, mlo, "", "1-1.dcm"),
        *(("D2-0284", *rest) for rest in four),
    ]
    malignant, benign, none = Pathology.MALIGNANT, Pathology.BENIGN, Pathology.NONE
    breast, whole = LabelSource.BREAST_LEVEL, Box(20, 30, 33, 43)
    lesions = [(x.lesion_key, x.label, x.label_source, x.finding) for x in cohort.lesions]
    assert lesions == [
        ("D1-0001_R_MLO_1", benign, breast, "calcification"),
        ("D1-0001_R_MLO_2", benign, breast, "focal_asymmetry"),
        ("D1-0252_R_MLO_1", malignant, breast, "mass"),  # its label is on the wrong breast too
        ("D1-0999_R_MLO_1", benign, breast, "mass"),
        ("D2-0033_L_MLO_1", none, LabelSource.NONE, "mass"),
        ("D2-0284_L_MLO_1", benign, breast, "mass"),
        ("D2-0284_R_MLO_1", malignant, breast, "mass"),
    ]
    boxes = [lesion.box for lesion in cohort.lesions if lesion.lesion_key != "D1-0001_R_MLO_2"]
    assert boxes == [whole, whole, whole, Box(20, 30, 5, 15), Box(20, 30, 5, 15), whole]
    assert sorted(lesion.code for lesion in cohort.left_out) == [Code.OUTLINE_BROKEN, Code.OUTLINE_UNLINKED]
    on = {lesion.code: lesion.image for lesion in cohort.left_out}
    assert "D2-0284" in on[Code.OUTLINE_BROKEN]
    assert on[Code.OUTLINE_UNLINKED] == ""
    assert {x.lesion_key: x.pathology_type for x in cohort.lesions if x.pathology_type} == {
        "D2-0284_R_MLO_1": "Luminal A"
    }
    outlined = {lesion.path for lesion in cohort.lesions} | {lesion.image for lesion in cohort.left_out}
    assert not outlined & {finding.path for finding in cohort.findings}
    labels = {(i.patient_key, i.laterality): i.path for i in cohort.images if i.view is cc}
    by_path = {finding.path: (finding.label, finding.label_source) for finding in cohort.findings}
    assert by_path[labels["D1-0001", right]] == (benign, breast)  # its outlines are on the MLO view
    assert by_path[labels["D2-0284", right]] == (malignant, breast)
    # "The other breast of a 4-image patient without a row is unlabelled ... it is not proven"
    assert not any(image.negative for image in cohort.images)
    counts = {count.what: count.found for count in cohort.counts}
    assert counts == {
        "patients": 7,
        "images": 15,
        "malignant breasts": 4,
        "benign breasts": 4,
        "outlined images": 6,
        "outlined lesions": 7,
    }


def test_images_with_corrected_sides_are_accepted(cmmd: Path) -> None:
    for record in read(cmmd).images:
        if not record.code:
            assert admit(cmmd, record, Frame(92, 60, 2), 1).chain.mirrored == (record.laterality == "R")


def test_excel_sheets_and_the_classes_of_tompei_are_read(cmmd: Path) -> None:
    # "xlsx sheets: `README`, `Imaging Diagnosis Details Sheet` (2 header rows; first cols ID, LeftRight, Age,
    # classification)"
    book = openpyxl.Workbook()
    book.active.title = "README"
    sheet = book.create_sheet("Imaging Diagnosis Details Sheet")
    for row in (
        [None, None, "clinical"],
        ["ID", "LeftRight", "Age", "classification", "Breast density"],
        ["D1-0001", "R", 44, "Malignant", "c"],
        ["D2-0284", "R", 50, "Invisible", None],
    ):
        sheet.append(row)
    book.save(cmmd / "TOMPEI-CMMD_clinical_data_v01_20250121.xlsx")
    csv = cmmd / "CMMD_clinicaldata_revision.csv"
    book = openpyxl.Workbook()
    for line in csv.read_text(encoding="utf-8").splitlines():
        book.active.append([int(cell) if cell.isdigit() else cell or None for cell in line.split(";")])
    book.save(csv.with_suffix(".xlsx"))
    csv.unlink()
    cohort = read(cmmd)
    dense = {(i.patient_key, i.laterality) for i in cohort.images if i.density is Density.C}
    assert (
        dense == {("D1-0001", Laterality.RIGHT)} == {(i.patient_key, i.laterality) for i in cohort.images if i.density}
    )
    labels = {lesion.lesion_key: lesion.label for lesion in cohort.lesions}
    # "use TOMPEI class if present, else CMMD"
    assert labels["D1-0001_R_MLO_1"] is Pathology.MALIGNANT
    assert labels["D2-0284_R_MLO_1"] is Pathology.MALIGNANT


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_revised_table_is_preferred_to_the_first_release(cmmd: Path, suffix: str) -> None:
    """ "CMMD_clinicaldata_revision.xlsx (first version: CMMD_clinicaldata.xlsx)"."""
    before = labels_of(read(cmmd))
    first, revision = cmmd / f"CMMD_clinicaldata.{suffix}", cmmd / "CMMD_clinicaldata_revision.csv"
    if suffix == "csv":
        first.write_text("ID1,LeftRight,classification\nD1-0001,L,Malignant\n")
    else:
        openpyxl.Workbook().save(first)
    assert labels_of(read(cmmd)) == before
    first.unlink()
    revision.rename(cmmd / "CMMD_clinicaldata.csv")
    assert labels_of(read(cmmd)) == before


def test_a_damaged_file_and_a_missing_table(cmmd: Path) -> None:
    file = next(cmmd.glob("manifest-1/CMMD/D1-0001/*/*/1-1.dcm"))
    file.write_text("no image")
    cohort = read(cmmd)
    assert [(i.patient_key, i.code) for i in cohort.images if i.code == Code.NOT_DICOM] == [("D1-0001", Code.NOT_DICOM)]
    assert not any(lesion.lesion_key.startswith("D1-0001") for lesion in cohort.lesions)
    (cmmd / "CMMD_clinicaldata_revision.csv").unlink()
    with pytest.raises(MammoError, match="holds no CMMD_clinicaldata"):
        read(cmmd)


def test_bombs_are_rejected(cmmd: Path, read_bombs: ReadBombs) -> None:
    cohort = read_bombs(read, cmmd)
    assert [image.code for image in cohort.images].count(Code.TOO_LARGE) == 2
    assert "D1-0001" not in {lesion.lesion_key[:7] for lesion in cohort.lesions}


def test_files_are_found_with_any_suffix(cmmd: Path, rename_files: RenameFiles) -> None:
    rename_files(read, cmmd)
