"""DICOM results: their values read back equal, they belong to the study of the mammogram, and a repeat is the same."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from matplotlib.path import Path as Polygon
from pydicom.dataset import Dataset

from mammo.dicom_out.results import dicom_results, write_dicom_results
from mammo.geometry import Box
from mammo.inference.prediction import RESEARCH_USE
from mammo.intake.dicom_seg import outline_of_segment
from mammo.intake.outlines import outline_of_mask, outline_of_polygon
from mammo.records import MammoError
from tests.dicom_out.predictions import BUNDLE, asymmetric, case, lesion, segment_mask
from tests.intake.conftest import mammogram

pytest.importorskip("highdicom", reason="the extra dicom is not installed")

WHEN = datetime(2026, 1, 2, 3, 4, 5)
PIXELS = np.zeros((400, 300), np.uint16)
PICTURE = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)


def source(**tags: object) -> Dataset:
    """A mammogram as patient, study and series attributes; a tag of None is left out."""
    whole = {"SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5", "PatientOrientation": ["A", "FR"]}
    return mammogram(PIXELS, **(whole | tags))


def made(path: Path, mammo: Dataset | None = None, **lesions: Any) -> list[Dataset]:
    two = case(lesion(asymmetric(), **lesions), lesion(np.ones((6, 9), np.bool_), 200, 100, "b", 0.1))
    paths = write_dicom_results(two, mammo or source(), BUNDLE, [PICTURE, PICTURE[:40]], path, WHEN)
    return [pydicom.dcmread(each) for each in paths]


def items(dataset: Dataset, *names: str) -> Iterator[Dataset]:
    """Content items of a report, at any depth, whose concept has one of these code values; all without names."""
    for item in dataset.get("ContentSequence", []):
        if not names or item.ConceptNameCodeSequence[0].CodeValue in names:
            yield item
        yield from items(item, *names)


def numbers(report: Dataset, name: str) -> list[tuple[float, str]]:
    values = [item.MeasuredValueSequence[0] for item in items(report, name)]
    return [(float(value.FloatingPointValue), value.MeasurementUnitsCodeSequence[0].CodeValue) for value in values]


def texts(report: Dataset, name: str) -> list[str]:
    return [item.TextValue for item in items(report, name)]


def test_the_report_states_every_value(tmp_path: Path) -> None:
    report = made(tmp_path, lesion_id="Ä\\1")[0]
    assert numbers(report, "111047") == [(100 * 0.171234567, "%")] * 2
    assert numbers(report, "SCORE") == [(0.3, "1"), (0.1, "1")]
    assert numbers(report, "SCORE_SD") == [(0.0123, "1")] * 2
    assert numbers(report, "SCORE_ALONE") == [(0.25, "1")] * 2
    assert texts(report, "112039") == ["Ä/1", "b"]
    above, below = texts(report, "THRESHOLD")
    assert "not below 0.234568" in above
    assert "is below 0.234568" in below
    assert "false negative rate of 2 %" in below
    assert "23.0 % of benign biopsies avoided, 1.9 % of cancers missed" in below
    assert texts(report, "WARNING") == ["The networks were trained on synthetic phantoms."] * 2
    holds_for = "The probability holds where 0.4 of the outlined lesions are malignant."
    assert texts(report, "121106") == [RESEARCH_USE, holds_for] * 2
    assert [item.ConceptCodeSequence[0].CodeValue for item in items(report, "INTENDED_USE")] == ["RESEARCH"] * 2


def test_highdicom_reads_the_report(tmp_path: Path) -> None:
    """As viewers do that follow the template."""
    from highdicom.sr import srread

    made(tmp_path)
    groups = srread(tmp_path / "report.dcm").content.get_planar_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == ["a", "b"]
    assert [group.roi.value.shape[1] for group in groups] == [2, 2]
    assert [group.get_measurements()[0].value for group in groups] == [100 * 0.171234567] * 2
    assert [group.finding_type.value for group in groups] == ["52988006"] * 2


def test_the_report_identifies_the_algorithm_and_its_bundle(tmp_path: Path) -> None:
    report = made(tmp_path)[0]
    assert texts(report, "111001") == ["mammo"] * 2
    assert texts(report, "111003") == [BUNDLE.version] * 2
    assert f"bundle SHA-256 {BUNDLE.digest}" in texts(report, "111002")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.DeviceSerialNumber == BUNDLE.digest


@pytest.mark.parametrize(("side", "code"), [("L", "7771000"), ("R", "24028007")])
def test_outlines_lie_on_the_pixels_as_they_are_stored(tmp_path: Path, side: str, code: str) -> None:
    """The outline of a right breast, which mammo mirrors for its networks, is not mirrored here."""
    image = source(ImageLaterality=side, PatientOrientation=["A" if side == "L" else "P", "F"])
    report, outlines, *_ = made(tmp_path, image)
    points = np.reshape(next(items(report, "111030")).GraphicData, (-1, 2))  # column, row
    assert points.min(axis=0).tolist() == [25, 40]
    assert points.max(axis=0).tolist() == [45, 70]
    assert Polygon(points).contains_points([(27, 45), (43, 68), (43, 45)]).tolist() == [True, True, False]
    whole = np.zeros((400, 300), np.bool_)
    whole[40:70, 25:45] = asymmetric()
    assert np.array_equal(segment_mask(outlines, 1), whole)
    assert segment_mask(outlines, 2).nonzero()[0].size == 54
    sites = [item.ContentSequence[0].ConceptCodeSequence[0].CodeValue for item in items(report, "363698007")]
    assert sites == [code] * 2
    assert outlines.PatientOrientation == image.PatientOrientation


def test_mammo_reads_its_own_outlines(tmp_path: Path) -> None:
    image = source()
    image.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    made(tmp_path, image)
    mask, box = outline_of_segment(tmp_path / "outlines.dcm", 1, image.SOPInstanceUID, (400, 300))
    assert np.array_equal(mask, asymmetric())
    assert box == Box(40, 70, 25, 45)


def test_pictures_keep_their_pixels(tmp_path: Path) -> None:
    first, second = made(tmp_path)[2:]
    assert np.array_equal(first.pixel_array, PICTURE)
    assert np.array_equal(second.pixel_array, PICTURE[:40])
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SourceImageSequence[0].ReferencedSOPInstanceUID == source().SOPInstanceUID


def test_results_stand_in_the_study_in_series_of_their_own_and_refer_to_the_image(tmp_path: Path) -> None:
    image = source(StudyID="7", AccessionNumber="A1", PatientSex="F", StudyDate="20200101", StudyDescription="x")
    results = made(tmp_path, image)
    for name in ("PatientID", "PatientName", "PatientSex", "StudyInstanceUID", "StudyID", "StudyDate"):
        assert {str(each[name].value) for each in results} == {str(image[name].value)}
    assert {each.AccessionNumber for each in results} == {"A1"}
    assert {each.StudyDescription for each in results} == {"x"}
    assert len({each.SeriesInstanceUID for each in results} | {image.SeriesInstanceUID}) == 4
    assert len({each.SOPInstanceUID for each in results}) == 4
    assert all("research use only" in each.SeriesDescription for each in results)
    (study,) = results[0].CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.SeriesInstanceUID
    assert [each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence] == [image.SOPInstanceUID]
    (series,) = results[1].ReferencedSeriesSequence
    assert [each.ReferencedSOPInstanceUID for each in series.ReferencedInstanceSequence] == [image.SOPInstanceUID]


def all_uids(results: list[Dataset]) -> set[str]:
    return {element.value for each in results for element in each.iterall() if element.VR == "UI"}


def test_a_repeat_gives_the_same_bytes(tmp_path: Path) -> None:
    made(tmp_path / "a")
    made(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.stat().st_mode & 0o77 == 0  # it names a patient


def test_another_time_changes_no_identifier() -> None:
    one = dicom_results(case(lesion(asymmetric())), source(), BUNDLE, [PICTURE], WHEN)
    now = dicom_results(case(lesion(asymmetric())), source(), BUNDLE, [PICTURE])
    assert all_uids(list(one.values())) == all_uids(list(now.values()))


@pytest.mark.parametrize("change", ["image", "bundle", "outline", "place", "score", "picture"])
def test_results_of_other_content_have_other_identifiers(change: str) -> None:
    mask = asymmetric()[::-1] if change == "outline" else asymmetric()
    found = lesion(mask, row=41 if change == "place" else 40, score=0.31 if change == "score" else 0.3)
    image = source(SOPInstanceUID="1.2.3.4.6" if change == "image" else "1.2.3.4.5")
    bundle = BUNDLE if change != "bundle" else type(BUNDLE)(**{**vars(BUNDLE), "digest": "cd" * 32})
    picture = PICTURE[::-1] if change == "picture" else PICTURE
    before = dicom_results(case(lesion(asymmetric())), source(), BUNDLE, [PICTURE])
    after = dicom_results(case(found), image, bundle, [picture])
    own = [{each.SOPInstanceUID for each in results.values()} for results in (before, after)]
    assert len(own[0] & own[1]) == (2 if change == "picture" else 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("StudyInstanceUID", ["1.2.3", "1.2.4"]),
        ("SeriesInstanceUID", ["1.2.3", "1.2.4"]),
        ("SOPInstanceUID", ["1.2.3", "1.2.4"]),
        ("SOPClassUID", "1.2.3"),
    ],
)
def test_an_identifier_that_no_result_can_repeat_is_an_error(name: str, value: object) -> None:
    with pytest.raises(MammoError, match=f"the image's {name} is several or unknown"):
        dicom_results(case(lesion(asymmetric())), source(**{name: value}), BUNDLE)


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Rows"])
def test_an_image_that_nothing_can_refer_to_is_named(name: str) -> None:
    image = source()
    del image[name]
    with pytest.raises(MammoError, match=f"has no {name}"):
        dicom_results(case(lesion(asymmetric())), image, BUNDLE)


def test_an_outline_of_another_image_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"lesion 1: its outline ends at row 430 .* 400 rows"):
        dicom_results(case(lesion(asymmetric(), 400)), source(), BUNDLE)


@pytest.mark.parametrize("pixels", [PICTURE[..., 0], PICTURE.astype(np.float64), PICTURE[:0]])
def test_a_picture_of_another_form_is_rejected(pixels: Any) -> None:
    with pytest.raises(MammoError, match="picture 1: got"):
        dicom_results(case(lesion(asymmetric())), source(), BUNDLE, [pixels])


def test_a_case_without_lesions_has_no_results(tmp_path: Path) -> None:
    assert write_dicom_results(case(), source(), BUNDLE, [], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM names no folder of a real exam")
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_outlines_that_a_radiologist_drew(tmp_path: Path, view: str) -> None:
    path = Path(os.environ["MAMMO_REAL_EXAM"]) / "segmentation" / f"0_R-{view}_benign.png"
    drawn = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:, ::-1] > 0  # they are mirrored there
    pixels = np.zeros(drawn.shape, np.uint16)
    image = mammogram(pixels, ImageLaterality="R", ViewPosition=view, SeriesInstanceUID="1.2.3.4")
    image.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    mask, box = outline_of_mask(drawn)
    report, _ = (
        pydicom.dcmread(each)
        for each in write_dicom_results(case(lesion(mask, box.row0, box.col0)), image, BUNDLE, [], tmp_path)
    )
    read = outline_of_segment(tmp_path / "outlines.dcm", 1, image.SOPInstanceUID, drawn.shape)
    assert np.array_equal(read[0], mask)
    assert read[1] == box
    points = np.reshape(next(items(report, "111030")).GraphicData, (-1, 2))[:, ::-1]
    polygon, _ = outline_of_polygon(points, drawn.shape)
    assert 0.9 * mask.sum() < polygon.sum() <= box.height * box.width  # its largest part, without holes


UNUSUAL = {
    "PatientSex": "X",
    "PatientBirthDate": "1950.01.01",
    "StudyDate": "yesterday",
    "StudyTime": "25:99",
    "PatientID": "A" * 80,
    "AccessionNumber": "B" * 40,
    "StudyID": None,
    "PatientName": "M\u00fcller^\u00c4nne",
    "SpecificCharacterSet": "ISO_IR 100",
}


@pytest.mark.filterwarnings("ignore:The value length")
def test_values_of_patient_and_study_are_repeated_as_they_are(tmp_path: Path) -> None:
    """Also values that the standard forbids: an archive must find the results beside the image."""
    image = source(PatientName=None)
    with pydicom.config.disable_value_validation():
        for name, value in UNUSUAL.items():
            if value is not None:
                setattr(image, name, value)
        for each in made(tmp_path, image):
            assert {name: str(each.get(name) or "") for name in UNUSUAL if name != "SpecificCharacterSet"} == {
                name: value or "" for name, value in UNUSUAL.items() if name != "SpecificCharacterSet"
            }
            assert each.SpecificCharacterSet == "ISO_IR 192"
