"""The exams of images, as headers and tables state them; and the other images of each, against pydicom's headers."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from mammo.inference.cases import Case, CaseFolder, CaseList
from mammo.inference.exams import ExamImage, read_exam_images, with_given_images, with_other_images
from mammo.maps.view_sources import KINDS, Kind
from mammo.records import Laterality, MammoError, View
from tests.intake.conftest import mammogram

PIXELS = np.zeros((8, 8), np.uint16)
L, CC = Laterality.LEFT, View.CC


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, tags in {
        "a": {"StudyDate": "20200301"},
        "b": {"StudyInstanceUID": "1.2.4"},
        "c": {"Modality": "CT"},
    }.items():
        mammogram(PIXELS, **tags).save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    for name in ("d.png", "e.png"):
        cv2.imwrite(str(tmp_path / name), PIXELS)
    return tmp_path


def test_headers_state_the_exam_of_a_mammogram(root: Path) -> None:
    expected = {"a.dcm": ExamImage("P1", "1.2.3", L, CC, "20200301"), "b.dcm": ExamImage("P1", "1.2.4", L, CC)}
    assert read_exam_images(CaseFolder(root)) == expected


def test_a_table_states_it_for_images_without_a_header_and_outranks_headers(root: Path) -> None:
    rows = ["a.dcm,P1,1,L,CC,2020-04-01", "d.png,P1,2,R,MLO,2019-03-01", "e.png,P1,3,R,MLO,unknown"]
    (root / "images.csv").write_text("image,patient,exam,laterality,view,date\n" + "\n".join(rows))
    found = read_exam_images(CaseFolder(root))
    assert found == {
        "a.dcm": ExamImage("P1", "1", L, CC, "20200401"),
        "b.dcm": ExamImage("P1", "1.2.4", L, CC),
        "d.png": ExamImage("P1", "2", Laterality.RIGHT, View.MLO, "20190301"),
        "e.png": ExamImage("P1", "3", Laterality.RIGHT, View.MLO),
    }


def test_a_table_of_lesions_states_it_where_there_is_no_table_of_images(root: Path) -> None:
    rows = ["d.png,P9,2021-01-02,R,CC,0.1", "e.png,P9,2021-01-02,L,CC,0.1", "a.dcm,P8,2000-01-01,L,CC,"]
    (root / "mine.csv").write_text("picture,patient,date,side,view,spacing\n" + "\n".join(rows))
    found = read_exam_images(CaseFolder(root, (root / "mine.csv",), columns={"image": "picture"}))
    assert found["d.png"] == ExamImage("P9", "2021-01-02", Laterality.RIGHT, CC, spacing_mm=0.1)
    assert found["e.png"].place == found["d.png"].other("contra")
    assert (found["a.dcm"].patient, found["a.dcm"].exam) == ("P1", "1.2.3"), "a header outranks a table of lesions"


def asked(cases: list[Case], *folders: Path) -> CaseList:
    return CaseList(cases, ["label (lesions.csv)"], [CaseFolder(folder) for folder in folders], [])


EXAM = [
    f"{name}.png,P1,{exam},{side},{view}"
    for name, exam, side, view in (
        ("own", "1", "L", "CC"),
        ("mlo2", "1", "L", "MLO"),
        ("mlo1", "1", "L", "MLO"),
        ("right", "1", "R", "CC"),
        ("far", "1", "R", "MLO"),
        ("other", "2", "L", "MLO"),
        ("lone", "3", "L", "MLO"),
    )
]


def test_other_images_are_all_of_the_exam_in_the_wanted_views_in_the_order_of_the_folder(tmp_path: Path) -> None:
    for row in EXAM:
        cv2.imwrite(str(tmp_path / row.partition(",")[0]), PIXELS)
    (tmp_path / "images.csv").write_text("image,patient,exam,laterality,view\n" + "\n".join(EXAM))
    cases = [Case(tmp_path, f"{name}.png", name) for name in ("own", "lone")]
    (own, lone) = with_other_images(asked(cases, tmp_path), KINDS).cases
    assert [other.path for other in own.others] == ["mlo1.png", "mlo2.png", "right.png"]
    assert [(other.laterality, other.view) for other in own.others] == [(L, "MLO"), (L, "MLO"), ("R", "CC")]
    assert lone.others == ()
    assert [other.path for other in with_other_images(asked(cases, tmp_path), ["contra"]).cases[0].others] == [
        "right.png"
    ]


Header = tuple[str, str, str, str]


def header(path: Path) -> Header:
    """Patient, study, laterality and view."""
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    return dataset.PatientID, dataset.StudyInstanceUID, dataset.ImageLaterality, dataset.ViewPosition


@pytest.fixture(scope="module")
def folder(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DICOM files of three patients, of the last of whom one image is missing, and files that are no images."""
    folder = tmp_path_factory.mktemp("exams")
    by_patient: dict[str, list[Path]] = {}
    for path in sorted((small_root / "dicom").rglob("*.dcm")):
        by_patient.setdefault(header(path)[0], []).append(path)
    for paths in list(by_patient.values())[:3]:
        for path in paths:
            shutil.copy(path, folder / f"{len(list(folder.iterdir())):02d}.dcm")
    sorted(folder.iterdir())[-1].unlink()
    (folder / "broken.dcm").write_bytes(b"no DICOM file")
    return folder


def test_each_image_gets_the_other_view_and_the_other_breast_of_its_exam(folder: Path) -> None:
    paths = [path.name for path in sorted(folder.glob("[0-9]*.dcm"))]
    headers = {name: header(folder / name) for name in paths}
    found = with_other_images(asked([Case(folder, name, name) for name in paths], folder), KINDS).cases
    for case in found:
        patient, study, side, view = headers[case.path]
        wanted = (
            (patient, study, side, "MLO" if view == "CC" else "CC"),
            (patient, study, "R" if side == "L" else "L", view),
        )
        assert [other.path for other in case.others] == [name for name in paths if headers[name] in wanted]
    assert sorted(len(case.others) for case in found)[:3] == [1, 1, 2]


def test_only_wanted_images_of_named_folders_are_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [Case(folder, "00.dcm", "00.dcm"), Case(folder, "broken.dcm", "broken.dcm", error="broken")]
    (one, broken) = with_other_images(asked(cases, folder), ["contra"]).cases
    assert len(one.others) == 1
    assert not broken.others
    monkeypatch.setattr("mammo.inference.exams.find_images", pytest.fail)
    assert with_other_images(asked(cases), KINDS).cases == cases
    assert with_other_images(asked(cases, folder), []) == asked(cases, folder)


def files_of_first_exam(folder: Path) -> dict[str, Path]:
    """By breast and view, as LCC."""
    files = {path: header(path) for path in sorted(folder.glob("[0-9]*.dcm"))}
    first = min(files.values())[:2]
    return {side + view: path for path, (*exam, side, view) in files.items() if tuple(exam) == first}


def case_of(file: Path) -> Case:
    return Case(file.parent, file.name, str(file))


def test_a_single_image_gets_the_other_images_that_are_named(folder: Path, tmp_path: Path) -> None:
    exam = files_of_first_exam(folder)
    (tmp_path / "link.dcm").symlink_to(exam["LCC"])
    for own in (exam["LCC"], tmp_path / "link.dcm"):
        case = with_given_images(case_of(own), {"ipsi": exam["LMLO"], "contra": exam["RCC"]})
        found = [(other.root / other.path, other.laterality, other.view) for other in case.others]
        assert found == [(exam["LMLO"], "L", "MLO"), (exam["RCC"], "R", "CC")]
        assert with_other_images(asked([case]), KINDS).cases == [case]


def test_so_does_an_image_without_a_header(root: Path) -> None:
    case = replace(case_of(root / "d.png"), laterality=Laterality.RIGHT, view=CC, spacing_mm=0.1)
    (other,) = with_given_images(case, {"contra": root / "e.png"}).others
    assert (other.laterality, other.view, other.spacing_mm) == (L, CC, 0.1)
    unknown = case_of(root / "d.png")
    assert with_given_images(unknown, {"contra": root / "e.png"}) == unknown, "it is an error when it is read"


@pytest.mark.parametrize(
    ("kind", "shown", "message"),
    [
        ("ipsi", "RCC", "shows breast R in CC by its header: give the image of breast L in MLO"),
        ("contra", "LMLO", "shows breast L in MLO by its header: give the image of breast R in CC"),
        ("contra", "LCC", "shows breast L in CC by its header: give the image of breast R in CC"),
    ],
)
def test_another_image_than_the_named_one_is_an_error(folder: Path, kind: Kind, shown: str, message: str) -> None:
    exam = files_of_first_exam(folder)
    with pytest.raises(MammoError, match=f"^{re.escape(str(exam[shown]))} {message}$"):
        with_given_images(case_of(exam["LCC"]), {kind: exam[shown]})


def test_an_image_of_another_study_is_an_error(folder: Path, tmp_path: Path) -> None:
    exam = files_of_first_exam(folder)
    other = pydicom.dcmread(exam["RCC"])
    other.StudyInstanceUID = "1.2.3"
    other.save_as(tmp_path / "other.dcm")
    with pytest.raises(
        MammoError, match=r"other\.dcm is of another patient or study than .* by its header: give one of"
    ):
        with_given_images(case_of(exam["LCC"]), {"contra": tmp_path / "other.dcm"})
