from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Frame
from mammo.intake.adapters import table as table_adapter
from mammo.intake.gate import admit, presentation_values
from mammo.intake.gray_values import PixelOptions
from mammo.intake.object_type import TOMOSYNTHESIS
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code, RejectedError
from mammo.records import ImageRecord, Laterality, View

FRAME = Frame(368, 240, 8)


def test_documents_hidden_files_and_outlines_are_not_images(table: Path) -> None:
    (table / "notes.txt").touch()
    (table / ".DS_Store").touch()
    (table / "a" / "1.2.840.1").touch()
    paths = [record.path for record in table_adapter.read(table).images]
    assert paths == ["a/1.2.840.1", "a/L-CC.dcm", "a/R-CC.dcm"]


def test_an_accepted_image_is_placed(table: Path, half_disc: NDArray[np.uint16]) -> None:
    record = table_adapter.read(table).images[1]
    placed = admit(table, record, FRAME, 1)
    box = placed.chain.breast
    assert placed.chain.mirrored
    assert np.array_equal(placed.pixels, half_disc[box.row0 : box.row1, box.col0 : box.col1])


def test_the_whole_image_has_the_values_that_are_placed(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    """Also where the background was white, as in a file that states the wrong photometric interpretation."""
    make_dicom(4095 - half_disc).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    placed = admit(tmp_path, ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC), FRAME, 1, whole=True)
    assert Flag.INVERTED in placed.flags
    whole, box = presentation_values(tmp_path, "x.dcm"), placed.chain.breast
    assert np.array_equal(whole, half_disc)
    assert np.array_equal(placed.whole, half_disc)
    assert np.array_equal(whole[box.row0 : box.row1, box.col0 : box.col1], placed.pixels)


def test_a_breast_on_the_wrong_side_is_rejected(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, ImageLaterality="R").save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.RIGHT, View.CC)
    with pytest.raises(RejectedError, match=Code.SIDE_CONFLICT):
        admit(tmp_path, record, FRAME, 1)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
@pytest.mark.parametrize("laterality", Laterality)
def test_the_side_of_the_breast_is_checked_in_every_format(
    tmp_path: Path, half_disc: NDArray[np.uint16], suffix: str, laterality: Laterality
) -> None:
    cv2.imwrite(str(tmp_path / f"x.{suffix}"), half_disc)
    record = ImageRecord(f"x.{suffix}", "p", "e", laterality, View.CC)
    if laterality is Laterality.LEFT:
        assert not admit(tmp_path, record, FRAME, 1).chain.mirrored
    else:
        with pytest.raises(RejectedError, match=Code.SIDE_CONFLICT):
            admit(tmp_path, record, FRAME, 1)
    assert not admit(tmp_path, replace(record, by_table=True), FRAME, 1).chain.mirrored


def test_eight_bits_are_noted_without_a_flag(tmp_path: Path, half_disc: NDArray[np.uint16]) -> None:
    bytes_ = (half_disc // 16).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), bytes_)
    record = ImageRecord("x.png", "p", "e", Laterality.LEFT, View.CC)
    admitted = admit(tmp_path, record, FRAME, 1, options=PixelOptions(eight_bit=True))
    assert (admitted.flags, admitted.notes) == ((), ("eight_bit",))
    assert admitted.pixels.max() == round(int(bytes_.max()) * 4095 / 255)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"NumberOfFrames": 2}, Code.MULTI_FRAME),
        ({"SOPClassUID": TOMOSYNTHESIS}, Code.TOMOSYNTHESIS),
        ({"PresentationIntentType": "FOR PROCESSING"}, Code.FOR_PROCESSING),
        ({"PaddleDescription": "SPOT COMPRESSION"}, Code.SPOT),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, Code.MAGNIFICATION),
        ({"PixelSpacing": [0.07, 0.08]}, Code.NOT_SQUARE),
    ],
)
def test_other_views_are_rejected_whatever_a_table_calls_them(
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


def test_flags_of_the_header_are_kept_whatever_a_table_states(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    tags = {"BreastImplantPresent": "YES", "PartialView": "YES", "BurnedInAnnotation": "YES"}
    make_dicom(half_disc, **tags).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC, by_table=True)
    assert admit(tmp_path, record, FRAME, 1).flags == (Flag.IMPLANT, Flag.PARTIAL)  # labels on films are not names


@pytest.mark.parametrize(
    ("orientation", "flags"),
    [(["P", "L"], (Flag.UPSIDE_DOWN, Flag.CHEST_WALL)), (["A", "R"], ()), (["P", "R"], (Flag.CHEST_WALL,))],
)
def test_orientations_are_compared_with_pixels_and_the_view_of_the_table(
    make_dicom: Callable[..., Dataset],
    tmp_path: Path,
    half_disc: NDArray[np.uint16],
    orientation: list[str],
    flags: tuple[Flag, ...],
) -> None:
    make_dicom(half_disc, PatientOrientation=orientation, ImageLaterality="").save_as(tmp_path / "x.dcm")
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC, by_table=True)
    assert admit(tmp_path, record, FRAME, 1).flags == flags


def test_a_spacing_of_the_table_must_be_that_of_the_header(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc, ImagerPixelSpacing=[0.07, 0.07]).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC, spacing_mm=0.0705)
    assert admit(tmp_path, record, FRAME, 1).spacing_mm == pytest.approx(0.07)
    with pytest.raises(RejectedError, match=Code.SPACING_CONFLICT):
        admit(tmp_path, replace(record, spacing_mm=0.072), FRAME, 1)
    for_others = PixelOptions(pixel_spacing=0.05)
    assert admit(tmp_path, replace(record, spacing_mm=0.0), FRAME, 1, options=for_others).spacing_mm == 0.07
    make_dicom(half_disc).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert admit(tmp_path, record, FRAME, 1, options=for_others).spacing_mm == 0.0705
    assert admit(tmp_path, replace(record, spacing_mm=0.0), FRAME, 1, options=for_others).spacing_mm == 0.05


def test_a_rejected_record_stays_rejected(tmp_path: Path) -> None:
    record = ImageRecord("x.dcm", "", "", None, None, "reason", Code.OTHER_VIEW)
    with pytest.raises(RejectedError, match=Code.OTHER_VIEW):
        admit(tmp_path, record, FRAME, 1)


def test_randomly_changed_bytes_are_read_or_rejected(
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


@pytest.mark.parametrize(
    ("tags", "scale"),
    [
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.05, 0.05]}, 0.5),
        ({"PixelSpacing": [0.05, 0.05]}, 0.25),
        ({"ImagerPixelSpacing": [0.07, 0.07]}, 0.35),
    ],
)
def test_images_are_brought_to_one_spacing(
    make_dicom: Callable[..., Dataset],
    tmp_path: Path,
    half_disc: NDArray[np.uint16],
    tags: dict[str, object],
    scale: float,
) -> None:
    make_dicom(half_disc, **tags).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    record = ImageRecord("x.dcm", "p", "e", Laterality.LEFT, View.CC)
    chain = admit(tmp_path, record, FRAME, 1, options=PixelOptions(spacing_mm=0.2)).chain
    assert chain.scale == scale


@pytest.mark.parametrize(("name", "scale"), [("silent.dcm", 0.25), ("x.png", 0.25)], ids=["no header", "png"])
def test_the_spacing_of_a_record_counts_where_the_file_states_none(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16], name: str, scale: float
) -> None:
    make_dicom(half_disc).save_as(tmp_path / "silent.dcm", enforce_file_format=True)
    cv2.imwrite(str(tmp_path / "x.png"), half_disc)
    record = ImageRecord(name, "p", "e", Laterality.LEFT, View.CC, spacing_mm=0.05)
    assert admit(tmp_path, record, FRAME, 1, options=PixelOptions(spacing_mm=0.2)).chain.scale == scale
    assert admit(tmp_path, record, FRAME, 1).chain.scale == 1, "a number as data.scale is not changed"


def test_without_a_spacing_there_is_none_to_bring_an_image_to(
    make_dicom: Callable[..., Dataset], tmp_path: Path, half_disc: NDArray[np.uint16]
) -> None:
    make_dicom(half_disc).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    cv2.imwrite(str(tmp_path / "x.png"), half_disc)
    for name in ("x.dcm", "x.png"):
        record = ImageRecord(name, "p", "e", Laterality.LEFT, View.CC)
        with pytest.raises(RejectedError, match=Code.NO_SPACING):
            admit(tmp_path, record, FRAME, 1, options=PixelOptions(spacing_mm=0.2))
