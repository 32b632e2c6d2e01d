"""The exams of images: as headers state them, and as a table of images does, which outranks them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.inference.exams import ExamImage, read_exam_images
from mammo.records import Laterality, View
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


PATHS = ["a.dcm", "b.dcm", "c.dcm", "d.png", "e.png"]


def test_headers_state_the_exam_of_a_mammogram(root: Path) -> None:
    expected = [ExamImage("P1", "1.2.3", L, CC, "20200301"), ExamImage("P1", "1.2.4", L, CC)]
    assert read_exam_images(root, PATHS) == [*expected, None, None, None]


def test_a_table_states_it_for_images_without_a_header_and_outranks_headers(root: Path) -> None:
    rows = ["a.dcm,P1,1,L,CC,2020-04-01", "d.png,P1,2,R,MLO,2019-03-01", "e.png,P1,3,R,MLO,unknown"]
    (root / "images.csv").write_text("image,patient,exam,laterality,view,date\n" + "\n".join(rows))
    found = read_exam_images(root, PATHS)
    assert found[0] == ExamImage("P1", "1", L, CC, "20200401")
    assert found[3:] == [
        ExamImage("P1", "2", Laterality.RIGHT, View.MLO, "20190301"),
        ExamImage("P1", "3", Laterality.RIGHT, View.MLO),
    ]
