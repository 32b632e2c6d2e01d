"""Whole folders: images whose headers say little, labels without outlines, rows without images."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Box
from mammo.intake.adapters.table import read
from mammo.intake.rejections import Code
from mammo.records import Cohort, Finding, LabelSource, Laterality, MammoError, Pathology, View

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, make_dicom: Callable[..., Dataset], half_disc: NDArray[np.uint16]) -> Folder:
    """A function that writes one DICOM file for each dictionary of tags, 0.dcm, 1.dcm, ..., and a table of lesions."""

    def write(lesions: str, *headers: dict[str, str]) -> Path:
        for number, tags in enumerate(headers):
            make_dicom(half_disc, **tags).save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        (tmp_path / "lesions.csv").write_text(lesions)
        return tmp_path

    return write


def described(cohort: Cohort) -> list[tuple[str, str, Laterality | None, View | None]]:
    return [(image.code, image.patient_key, image.laterality, image.view) for image in cohort.images]


LEFT, RIGHT, CC, MLO = Laterality.LEFT, Laterality.RIGHT, View.CC, View.MLO
NOTHING = {"PatientID": "", "ImageLaterality": "", "ViewPosition": ""}
BOX = "image,label,x,y,w,h\n0,benign,30,90,20,20\n"


def test_the_table_of_images_completes_headers_and_never_contradicts_them(folder: Folder) -> None:
    root = folder(BOX, NOTHING, {"PatientID": ""}, {"ImageLaterality": ""}, {"ImageLaterality": "B"})
    assert [code for code, *_ in described(read(root))] == ["no_patient", "no_patient", *["no_laterality"] * 2]
    (root / "images.csv").write_text("file,PatientID,Side,View\n0,7,right,mlo\n1,8,R,CC\n2,9,l,cc\n3,9,l,cc\n")
    assert described(read(root)) == [
        ("", "7", RIGHT, MLO),
        (Code.LATERALITY_CONFLICT, "8", RIGHT, CC),
        ("", "9", LEFT, CC),
        (Code.NO_LATERALITY, "9", LEFT, CC),
    ]


def test_patients_and_exams_that_cannot_be_right_are_named_with_numbers_and_the_remedy(folder: Folder) -> None:
    exams = [{"PatientID": "ANONYMOUS", "StudyInstanceUID": f"1.{number}"} for number in range(3)]
    note, *_ = read(folder(BOX, *exams)).notes
    assert note.startswith("caution: 3 images of 3 exams have the placeholder of a missing patient ID")
    assert note.endswith("give patient and exam in images.csv")
    note, *_ = read(folder(BOX, *({"PatientID": f"{number}"} for number in range(3)))).notes
    assert note.startswith("caution: exams of more than one patient: 1; their 3 patients will stay in one split")
    note, *_ = read(folder(BOX, {}, {"PatientID": ""}, {"PatientID": ""})).notes
    assert note.startswith("caution: files without a patient ID or exam in their header, rejected: 2; give patient")


def test_exam_numbers_that_repeat_across_patients_stay_apart(folder: Folder) -> None:
    root = folder(BOX, {}, {}, {})
    (root / "images.csv").write_text("image,patient,exam,side,view\n0,7,1,L,CC\n1,8,1,L,CC\n2,8,2,L,CC\n")
    cohort = read(root)
    assert [image.exam_key for image in cohort.images] == ["7 1", "8 1", "8 2"]
    assert "exam numbers that your table uses for more than one patient: 1;" in cohort.notes[0]


def test_labels_of_whole_images_need_no_outlines(folder: Folder) -> None:
    root = folder("image,diagnosis\n0,malignant\n1,B\n2,normal\n", {}, {"ViewPosition": "MLO"}, {}, {})
    cohort = read(root)
    malignant, benign = Pathology.MALIGNANT, Pathology.BENIGN
    assert cohort.lesions == ()
    assert cohort.findings == (
        Finding("0.dcm", malignant, LabelSource.UNKNOWN),
        Finding("1.dcm", benign, LabelSource.UNKNOWN),
    )
    assert [image.negative for image in cohort.images] == [None, None, None, False]
    assert "images without a row in the table of lesions, not counted as normal: 1" in cohort.notes
    (root / "lesions.csv").write_text("image,diagnosis\n0,none\n")
    with pytest.raises(MammoError, match="diagnosis 'none': is not clear without an outline"):
        read(root)


def test_a_finding_without_an_outline_keeps_its_label_beside_outlined_ones(folder: Folder) -> None:
    rows = "image,label,biopsy,outline,x,y,w,h\n0,malignant,yes,None,,,,\n0,benign,no,,30,90,20,20\n"
    cohort = read(folder(rows, {}))
    assert cohort.findings == (Finding("0.dcm", Pathology.MALIGNANT, LabelSource.BIOPSY),)
    assert [(lesion.label, lesion.label_source, lesion.box) for lesion in cohort.lesions] == [
        (Pathology.BENIGN, LabelSource.UNKNOWN, Box(90, 110, 30, 50))
    ]


def test_all_wrong_rows_are_listed_at_once(folder: Folder) -> None:
    rows = [f"{number},benign,30,90,20,20" for number in range(1, 31)]
    root = folder("\n".join(["image,label,x,y,w,h", "0,benign,30,90,0,20", *rows, "0,,30,90,20,20"]), {})
    with pytest.raises(MammoError) as error:
        read(root)
    lines = str(error.value).splitlines()
    assert lines[0] == "32 rows are wrong:"
    assert "row 33: label is empty: must be malignant" in lines[1]
    assert (len(lines), lines[-1].strip()) == (22, "and 12 more")


def test_unknown_words_and_rows_without_an_image_are_listed_together(folder: Folder) -> None:
    rows = "P1,left,MLO,no biopsy,30,90,20,20\nP1,letf,MLO,benign,30,90,20,20\nP7,L,MLO,benign,30,90,20,20\n"
    root = folder(f"patient,side,view,pathology,x,y,w,h\n{rows}", {"ViewPosition": "MLO", "PatientID": "P1"})
    with pytest.raises(MammoError) as error:
        read(root)
    first, *lines = str(error.value).splitlines()
    assert first == "3 rows are wrong:"
    assert "'no biopsy' (first in row 2, 1 in all)" in lines[0]
    assert "row 3: side 'letf': must be L or R" in lines[1]
    assert "row 4: the folder has no image of this patient; correct" in lines[2]


def test_wrong_words_places_and_outlines_of_one_table_are_listed_together(folder: Folder) -> None:
    header = "lesion_id,image,side,view,pathology,birads,x,y,w,h"
    rows = [
        "a,0,L,CC,no biopsy,9,30,90,20,20",  # a word without a meaning, and no such category
        "b,0,letf,CD,benign,,30,90,20,20",  # no such side and view
        "c,0,L,CC,benign,,900,900,20,20",  # outside the image
        "d,1,L,XX,benign,,30,90,20,20",  # no such image and view
        "e,0,L,CC,benign,,30,90,,",  # half an outline
        "f,0,L,CC,malignant,,30,90,20,20",
        "f,0,L,CC,benign,,40,80,20,20",  # the id of another lesion
        "g,0,L,CC,nothing seen,,,,,",  # a word without a meaning, and rightly no outline
    ]
    root = folder("\n".join([header, *rows]), {})
    with pytest.raises(MammoError) as error:
        read(root)
    lines = sorted(str(error.value).splitlines()[1:])
    expected = [
        "pathology has words without a known meaning: 'no biopsy' (first in row 2, 1 in all), 'nothing seen'",
        "row 2: birads '9': must be a BI-RADS category",
        "row 3: side 'letf': must be L or R",
        "row 3: view 'CD': must be CC or MLO",
        "row 4: image '0': covers rows 900",
        "row 5: image '1': not an image below the folder",
        "row 5: view 'XX': must be CC or MLO",
        "row 6: image '0': the outline cannot be read from x, y alone",
        "row 8: lesion_id 'f': row 7 has it too, for another outline, image, finding or label",
    ]
    missing = [text for text in expected if not any(text in line for line in lines)]
    assert not missing
    assert len(lines) == len(expected), lines


def test_all_wrong_cells_of_a_table_of_images_are_listed_together(folder: Folder) -> None:
    root = folder(BOX, {})
    (root / "images.csv").write_text("image,side,view,density,split\n0.dcm,X,Y,Z,W\n9.dcm,L,V,A,\n")
    with pytest.raises(MammoError) as error:
        read(root)
    lines = str(error.value).splitlines()[1:]
    for text in ("side 'X'", "view 'Y'", "density 'Z'", "split 'W'", "'9.dcm': not an image", "row 3: view 'V'"):
        assert sum(text in line for line in lines) == 1, text
    assert len(lines) == 6


def test_a_missing_table_of_lesions_names_the_tables_with_labels(folder: Folder) -> None:
    root = folder("image,pathology,x,y,w,h\n0,benign,30,90,20,20\n", {})
    (root / "lesions.csv").rename(root / "findings.csv")
    (root / "duty roster.csv").write_text("name,shift\nA,early\n")
    with pytest.raises(MammoError, match=r"in findings\.csv: name .* data\.lesions=findings\.csv"):
        read(root)


def test_the_spacing_of_images_comes_from_the_tables(folder: Folder, half_disc: NDArray[np.uint16]) -> None:
    root = folder(BOX, {}, {})
    cv2.imwrite(str(root / "one.png"), half_disc)
    rows = "image,patient,side,view,Pixel spacing (mm)\none.png,7,L,CC,{}\n1,,,,\n"
    for cell in ("0.085", "0,085", r"0.08\0.09", "[0.08, 0.09]", ""):
        (root / "images.csv").write_text(rows.format(f'"{cell}"'))
        found = [image.spacing_mm for image in read(root).images]
        assert found == [0, 0, pytest.approx(0.085 if cell else 0)], cell
    for cell in ("70", "0", "-0.07", "fine", "0.1 0.1 0.1"):
        (root / "images.csv").write_text(rows.format(cell))
        with pytest.raises(MammoError, match=r"row 2: pixel_spacing_mm '.*': must be mm between pixels, above 0"):
            read(root)


def test_a_table_is_looked_for_in_the_source_folder_and_then_in_the_working_directory(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, here = folder(BOX, {}), tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    (here / "own.csv").write_text(BOX.replace("benign", "malignant"))
    assert [lesion.label for lesion in read(root, lesions="own.csv").lesions] == [Pathology.MALIGNANT]
    (root / "own.csv").write_text(BOX)
    assert [lesion.label for lesion in read(root, lesions="own.csv").lesions] == [Pathology.BENIGN]
    with pytest.raises(MammoError, match=rf"neither in data\.source \({root}\).* nor in .* \({here}\)"):
        read(root, lesions="gone.csv")


def test_rows_without_an_image_are_an_error_or_left_out_and_their_breasts_are_not_negative(folder: Folder) -> None:
    rows = "patient,side,view,pathology,x,y,w,h\nP1,left,MLO,malignant,30,90,20,20\nP1,L,CC,benign,30,90,20,20\n"
    root = folder(rows, {}, {"ViewPosition": "MLO", "PatientID": "P2"})
    with pytest.raises(MammoError, match="row 2: the folder has no L MLO image of this patient"):
        read(root)
    cohort = read(root, skip_absent=True)
    assert [lesion.path for lesion in cohort.lesions] == ["0.dcm"]
    assert "rows whose image is not in the folder, left out: 1 (the first: row 2)" in cohort.notes
    assert "read as benign: benign (1)" in cohort.notes, "the words of the stored rows"
    assert not cohort.left_out
    assert [image.negative for image in cohort.images] == [False, None]


def test_an_absent_image_of_unknown_side_leaves_neither_breast_negative(folder: Folder) -> None:
    rows = "image,patient,pathology,x,y,w,h\ngone.dcm,P1,malignant,30,90,20,20\n"
    cohort = read(folder(rows, {}, {"ImageLaterality": "R"}, {"PatientID": "P2"}), skip_absent=True)
    assert [(image.patient_key, image.negative) for image in cohort.images] == [
        ("P1", False),
        ("P1", False),
        ("P2", None),
    ]


def test_one_table_describes_png_images_and_their_lesions(tmp_path: Path, half_disc: NDArray[np.uint16]) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), half_disc)
    (tmp_path / "my data.tsv").write_text(
        "image\tpatient\tside\tview\tlabel\tBI-RADS\tx\ty\tw\th\none\t7\tL\tCC\tM\t4b\t30\t90\t20\t20\n"
    )
    with pytest.raises(MammoError, match=r"for example 'data\.lesions=my data\.tsv'"):
        read(tmp_path)
    cohort = read(tmp_path, lesions="my data.tsv")
    assert described(cohort) == [("", "7", LEFT, CC)]
    assert [(lesion.path, lesion.birads) for lesion in cohort.lesions] == [("one.png", "4B")]


def test_repeated_rows_count_once_and_contradicting_ones_are_an_error(folder: Folder) -> None:
    root = folder(f"{BOX}0,benign,30,90,20,20\n", {})
    cohort = read(root)
    assert len(cohort.lesions) == 1
    assert "rows that repeat the outline and label of another row, counted once: 1" in cohort.notes
    (root / "lesions.csv").write_text(f"{BOX}0,malignant,30,90,20,20\n")
    with pytest.raises(MammoError, match="is malignant here and benign in row 2, with the same outline"):
        read(root)


def test_cells_out_of_line_are_an_error(folder: Folder) -> None:
    """A decimal comma would move a box without notice."""
    with pytest.raises(MammoError, match="row 3: has more cells than the 6 columns of the header"):
        read(folder(f"{BOX}0,benign,30,5,90,20,20\n", {}))
    with pytest.raises(MammoError, match="has the column label twice"):
        read(folder("image,label,Label\n0,benign,malignant\n", {}))


def test_the_word_none_is_no_patient_and_no_place(folder: Folder) -> None:
    root = folder("image,label,mask,x,y,w,h\n0,benign,None,30,90,20,20\n", {"PatientID": ""})
    (root / "images.csv").write_text("image,patient\n0,None\n")
    cohort = read(root)
    assert [lesion.box for lesion in cohort.lesions] == [Box(90, 110, 30, 50)]
    assert described(cohort) == [(Code.NO_PATIENT, "", LEFT, CC)]


def test_a_row_that_contradicts_its_image_is_an_error(folder: Folder) -> None:
    for column, cell, message in (("side", "R", "its image is of the L breast"), ("view", "MLO", "its image is a CC")):
        with pytest.raises(MammoError, match=f"row 2: {column} '{cell}': but {message}"):
            read(folder(f"image,{column},label,x,y,w,h\n0,{cell},benign,30,90,20,20\n", {}))
    with pytest.raises(MammoError, match="row 3: label 'normal': but another row gives a finding on the same image"):
        read(folder(f"{BOX}0,normal,,,,\n", {}))
