import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from mammo.intake.dicom_header import Header, read_header, vendor_of
from mammo.intake.object_type import TOMOSYNTHESIS
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import regular_file
from mammo.records import Laterality, View

PIXELS = np.zeros((4, 6), np.uint16)


def code(value: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue = value
    return [item]


@pytest.fixture
def header(make_dicom: Callable[..., Dataset], tmp_path: Path) -> Callable[..., Header]:
    def read(**tags: object) -> Header:
        make_dicom(PIXELS, **tags).save_as(tmp_path / "x.dcm", enforce_file_format=True)
        return read_header(tmp_path / "x.dcm")

    return read


def test_every_code_has_a_reason_and_a_remedy() -> None:
    assert [code for code in Code if not (code.reason and code.remedy)] == []
    assert [flag for flag in Flag if not flag.reason] == []


def test_patient_exam_laterality_view_and_shape_are_read(header: Callable[..., Header]) -> None:
    result = header()
    assert (result.patient, result.exam, result.laterality, result.view) == ("P1", "1.2.3", Laterality.LEFT, View.CC)
    assert result.shape == (4, 6)


def test_laterality_of_the_series_is_the_fallback(header: Callable[..., Header]) -> None:
    assert header(ImageLaterality=None, Laterality="R").laterality is Laterality.RIGHT


@pytest.mark.parametrize(
    ("value", "view"), [("R-10242", "CC"), ("399162004", "CC"), ("R-10226", "MLO"), ("399368009", "MLO")]
)
def test_view_codes_replace_a_missing_view_position(header: Callable[..., Header], value: str, view: str) -> None:
    assert header(ViewPosition=None, ViewCodeSequence=code(value)).view == view


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"SOPClassUID": TOMOSYNTHESIS}, Code.TOMOSYNTHESIS),
        ({"Modality": "US"}, Code.WRONG_MODALITY),
        ({"Modality": None}, Code.WRONG_MODALITY),
        ({"PresentationIntentType": "FOR PROCESSING"}, Code.FOR_PROCESSING),
        ({"NumberOfFrames": 2}, Code.MULTI_FRAME),
        ({"PhotometricInterpretation": "RGB"}, Code.NOT_GRAY),
        ({"PatientID": ""}, Code.NO_PATIENT),
        ({"StudyInstanceUID": None}, Code.NO_PATIENT),
        ({"ImageLaterality": None}, Code.NO_LATERALITY),
        ({"ImageLaterality": "B"}, Code.NO_LATERALITY),
        ({"ViewPosition": None}, Code.NO_VIEW),
        ({"ViewPosition": "XCCL"}, Code.OTHER_VIEW),
        ({"ViewPosition": "ML"}, Code.OTHER_VIEW),
        ({"ViewCodeSequence": code("R-10226")}, Code.VIEW_CONFLICT),
        ({"ViewCodeSequence": code("R-10228")}, Code.OTHER_VIEW),
        ({"Rows": None}, Code.BAD_SHAPE),
    ],
)
def test_other_headers_are_rejected(header: Callable[..., Header], tags: dict[str, object], expected: Code) -> None:
    with pytest.raises(RejectedError) as rejected:
        header(**tags)
    assert rejected.value.code == expected


@pytest.mark.parametrize("content", [b"", b"\0" * 128 + b"DICM", b"<html>log in</html>", b"\x89PNG" * 50])
def test_other_files_are_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.dcm").write_bytes(content)
    with pytest.raises(RejectedError):
        read_header(tmp_path / "x.dcm")


def test_a_header_truncated_anywhere_is_read_or_rejected(make_dicom: Callable[..., Dataset], tmp_path: Path) -> None:
    make_dicom(PIXELS).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    content = (tmp_path / "x.dcm").read_bytes()
    for length in range(132, len(content), 7):
        (tmp_path / "y.dcm").write_bytes(content[:length])
        try:
            read_header(tmp_path / "y.dcm")
        except RejectedError:
            continue


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.dcm")
    with pytest.raises(RejectedError, match=Code.NOT_REGULAR):
        regular_file(tmp_path, "x.dcm")


def test_paths_outside_the_source_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.dcm").touch()
    (tmp_path / "in" / "link.dcm").symlink_to(tmp_path / "out.dcm")
    for path in ("../out.dcm", "link.dcm", str(tmp_path / "out.dcm")):
        with pytest.raises(RejectedError, match=Code.NOT_REGULAR):
            regular_file(tmp_path / "in", path)


def test_header_values_never_reach_the_log(
    make_dicom: Callable[..., Dataset],
    tmp_path: Path,
    recwarn: pytest.WarningsRecorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = make_dicom(PIXELS, Modality="US")
    dataset.add_new("PatientAge", "LO", "ZZCANARY, not an age")
    dataset["PatientAge"].VR = "AS"
    dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    recwarn.clear()
    caplog.clear()
    with pytest.raises(RejectedError) as rejected:
        read_header(tmp_path / "x.dcm")
    assert not recwarn.list
    assert "ZZCANARY" not in caplog.text + rejected.value.code.reason


@pytest.mark.parametrize(
    ("manufacturer", "vendor"),
    [
        ("HOLOGIC, Inc.", "hologic"),
        ("GE MEDICAL SYSTEMS", "ge"),
        ("FUJIFILM Corporation", "fujifilm"),
        ("mammo phantom B", "phantom_b"),
        ("ZZCANARY", "other"),
        (" ", ""),
    ],
)
def test_vendors_come_from_a_closed_list(manufacturer: str, vendor: str) -> None:
    assert vendor_of(manufacturer) == vendor
