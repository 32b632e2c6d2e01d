"""Images that a caller gives: the others must show what their arguments say, and only wanted ones are opened."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from mammo.geometry import Frame
from mammo.inference.case_image import CaseImage, Image, Placing
from mammo.inference.given_images import GivenImages
from mammo.maps.view_sources import KINDS
from mammo.records import MammoError

PLACING = Placing(Frame(368, 240, 8), 1.0)


@pytest.fixture(scope="module")
def exam(small_root: Path) -> Path:
    """The folder of one patient."""
    return min(path for path in (small_root / "dicom").iterdir() if path.is_dir() and path.name != "outlines")


def given(exam: Path, other_view: Image | None = None, other_breast: Image | None = None) -> GivenImages:
    return GivenImages(exam / "L-CC.dcm", None, None, None, {"ipsi": other_view, "contra": other_breast})


def read(images: GivenImages) -> tuple[CaseImage, tuple[CaseImage, ...], tuple[str, ...]]:
    with images.files(KINDS) as files:
        return files.read(PLACING)


def test_the_others_are_read_with_what_their_arguments_say(exam: Path) -> None:
    plain = np.zeros((300, 200), np.uint16)
    plain[60:240, 120:] = 2000  # a right breast faces left
    own, others, warnings = read(given(exam, exam / "L-MLO.dcm", plain))
    assert (own.laterality, own.view) == ("L", "CC")
    assert [(other.laterality, other.view) for other in others] == [("L", "MLO"), ("R", "CC")]
    assert warnings == ()


def test_an_image_that_shows_something_else_is_an_error(exam: Path, tmp_path: Path) -> None:
    shown = r"other_view must show breast L in MLO: .*R-MLO\.dcm: laterality=L, but the header of the image states R"
    with pytest.raises(MammoError, match=shown):
        read(given(exam, other_view=exam / "R-MLO.dcm"))
    with pytest.raises(MammoError, match=r"other_breast must show breast R in CC: .*none\.dcm: no such file"):
        read(given(exam, other_breast=tmp_path / "none.dcm"))
    with pytest.raises(MammoError, match=r"^other_breast: image: got an array of float64"):
        read(given(exam, other_breast=np.zeros((3, 3))))


def test_an_image_of_another_study_is_used_with_a_warning(exam: Path) -> None:
    other = pydicom.dcmread(exam / "L-MLO.dcm")
    other.StudyInstanceUID = "1.2.3.4"
    _, others, warnings = read(given(exam, other_view=other))
    assert len(others) == 1
    assert warnings == ("other_view is of another patient or study than the image by their headers.",)


def test_only_wanted_images_are_opened_and_each_of_them_counts(exam: Path, tmp_path: Path) -> None:
    keys = []
    for other in (None, exam / "L-MLO.dcm", exam / "R-MLO.dcm"):
        with given(exam, other_view=other, other_breast=tmp_path / "none.dcm").files(["ipsi"]) as files:
            assert list(files.others) == (["ipsi"] if other else [])
            keys.append(files.key())
    assert len({*keys, ""}) == 4
    with given(exam, exam / "L-MLO.dcm").files(KINDS) as files:
        assert files.key() == keys[1]
