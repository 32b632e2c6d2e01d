"""The other images of each case of a folder, against the headers as pydicom reads them."""

import shutil
from pathlib import Path

import pydicom
import pytest

from mammo.inference.cases import Case
from mammo.inference.exam_images import with_other_images
from mammo.maps.view_sources import KINDS

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
    found = with_other_images([Case(folder, name, name) for name in paths], [folder], KINDS)
    for case in found:
        patient, study, side, view = headers[case.path]
        wanted = [
            (patient, study, side, "MLO" if view == "CC" else "CC"),
            (patient, study, "R" if side == "L" else "L", view),
        ]
        expected = [name for each in wanted for name in paths if headers[name] == each]
        assert [other.path for other in case.others] == expected
    assert sorted(len(case.others) for case in found)[:3] == [1, 1, 2]


def test_only_wanted_images_of_named_folders_are_looked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [Case(folder, "00.dcm", "00.dcm"), Case(folder, "broken.dcm", "broken.dcm", error="broken")]
    (one, broken) = with_other_images(cases, [folder], ["contra"])
    assert len(one.others) == 1
    assert not broken.others
    monkeypatch.setattr("mammo.inference.exam_images.isolated", pytest.fail)
    assert with_other_images(cases, [], KINDS) == cases
    assert with_other_images(cases, [folder], []) == cases
