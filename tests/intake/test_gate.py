from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Frame
from mammo.intake.adapters import table as table_adapter
from mammo.intake.gate import admit
from mammo.intake.object_type import TOMOSYNTHESIS
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code, RejectedError
from mammo.records import ImageRecord, Laterality, View

FRAME = Frame(368, 240, 8)


def test_documents_hidden_files_and_outlines_are_no_images(table: Path) -> None:
    (table / "notes.txt").touch()
    (table / ".DS_Store").touch()
    (table / "a" / "1.2.840.1").touch()
    found = [record.path for record in table_adapter.read(table).images]
    assert found == ["a/1.2.840.1", "a/L-CC.dcm", "a/R-CC.dcm"]


def test_an_image_is_placed(table: Path, half_disc: NDArray[np.uint16]) -> None:
    record = table_adapter.read(table).images[1]
    placed = admit(table, record, FRAME, 1)
    box = placed.chain.breast
    assert placed.chain.mirrored
    assert np.array_equal(placed.pixels, half_disc[box.row0 : box.row1, box.col0 : box.col1])


def test_a_wrong_side_is_refused(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, ImageLaterality="R").save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.RIGHT, View.CC)
    with pytest.raises(RejectedError, match=Code.SIDE_CONFLICT):
        admit(tmp_path, record, FRAME, 1)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"NumberOfFrames": 2}, Code.MULTI_FRAME),
        ({"SOPClassUID": TOMOSYNTHESIS}, Code.TOMOSYNTHESIS),
        ({"PresentationIntentType": "FOR PROCESSING"}, Code.FOR_PROCESSING),
        ({"PaddleDescription": "SPOT COMPRESSION"}, Code.SPOT),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, Code.MAGNIFICATION),
    ],
)
def test_no_table_makes_a_screening_view_of_what_is_none(
    make_dicom: Callable[..., Dataset],
    tmp_path: Path,
    half_disc: NDArray[np.uint16],
    tags: dict[str, object],
    code: Code,
) -> None:
    make_dicom(half_disc, **tags).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC, by_table=True)
    with pytest.raises(RejectedError, match=f"^{code}"):
        admit(tmp_path, record, FRAME, 1)


def test_what_a_header_doubts_is_flagged_whatever_a_table_says(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    tags = {"BreastImplantPresent": "YES", "PartialView": "YES", "BurnedInAnnotation": "YES"}
    make_dicom(half_disc, **tags).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC, by_table=True)
    assert admit(tmp_path, record, FRAME, 1).flags == (Flag.IMPLANT, Flag.PARTIAL)  # labels of films are no names


def test_a_refused_record_stays_refused(tmp_path: Path) -> None:
    record = ImageRecord("x.dcm", "", "", None, None, "why", Code.OTHER_VIEW)
    with pytest.raises(RejectedError, match=Code.OTHER_VIEW):
        admit(tmp_path, record, FRAME, 1)


def test_bytes_flipped_at_random_end_in_an_outcome(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, "1.2.840.10008.1.2.4.80").save_as(tmp_path / "x.dcm", enforce_file_format=True)
    content = np.frombuffer((tmp_path / "x.dcm").read_bytes(), np.uint8)
    record = ImageRecord("y.dcm", "p", "e", Laterality.LEFT, View.CC)
    rng = np.random.default_rng(0)
    for _ in range(60):
        mutant = content.copy()
        mutant[rng.integers(132, len(content), 4)] = rng.integers(0, 256, 4)
        (tmp_path / "y.dcm").write_bytes(mutant.tobytes())
        try:
            admit(tmp_path, record, FRAME, 1)
        except RejectedError:
            continue
