import os
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Box, Frame
from mammo.intake.adapters.nyu import FULL, read
from mammo.intake.breast import BUFFER_PX, best_center, find_breast
from mammo.intake.gate import admit
from mammo.intake.rasters import read_raster
from mammo.intake.rejections import Code
from mammo.records import Finding, LabelSource, Laterality, MammoError, Pathology, View
from tests.intake.adapters.conftest import ReadBombs

EXAM = {"horizontal_flip": "NO", "L-CC": ["l"], "R-CC": ["r"], "L-MLO": [], "R-MLO": []}


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    """One exam of two 800 x 600 px images."""
    return write_exam(tmp_path)


def write_exam(folder: Path) -> Path:
    rows, cols = np.mgrid[:800, :600]
    pixels = np.where(((rows - 400) / 350) ** 2 + (cols / 500) ** 2 < 1, 2000, 0).astype(np.uint16)
    (folder / "images").mkdir()
    (folder / "segmentation").mkdir()
    cv2.imwrite(str(folder / "images" / "l.png"), pixels)
    cv2.imwrite(str(folder / "images" / "r.png"), pixels[:, ::-1])
    with (folder / "exam_list_before_cropping.pkl").open("wb") as stream:
        pickle.dump([EXAM], stream)
    return folder


def paint(exam: Path, name: str, *boxes: tuple[int, int, int, int]) -> None:
    mask = np.zeros((2944, 1920), np.uint8)
    for r0, r1, c0, c1 in boxes:
        mask[r0:r1, c0:c1] = 255
    cv2.imwrite(str(exam / "segmentation" / f"{name}.png"), mask)


def test_masks_in_the_network_frame_become_lesions_in_the_stored_frame(exam: Path) -> None:
    paint(exam, "r_malignant", (1400, 1450, 100, 130), (1500, 1520, 200, 260), (1452, 1454, 110, 112))
    cohort = read(exam)
    assert [(image.path, image.laterality) for image in cohort.images] == [
        ("images/l.png", Laterality.LEFT),
        ("images/r.png", Laterality.RIGHT),
    ]
    chain = admit(exam, cohort.images[1], FULL, 1).chain
    assert chain.mirrored
    boxes = [chain.mask_to_network(lesion.mask, lesion.box)[1] for lesion in cohort.lesions]
    assert boxes == [Box(1400, 1454, 100, 130), Box(1500, 1520, 200, 260)]  # a small part belongs to its neighbor
    assert {lesion.label for lesion in cohort.lesions} == {Pathology.MALIGNANT}


def test_a_mask_of_unknown_size_is_left_out_with_its_image(exam: Path) -> None:
    cv2.imwrite(str(exam / "segmentation" / "r_malignant.png"), np.ones((77, 70), np.uint8))
    cohort = read(exam)
    assert [lesion.code for lesion in cohort.left_out] == [Code.OUTLINE_SIZE]
    assert [lesion.image for lesion in cohort.left_out] == ["images/r.png"]  # whose breast is therefore not negative


def test_an_exam_list_with_imports_is_rejected_without_running_them(exam: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (exam / "owned",))

    with (exam / "exam_list_before_cropping.pkl").open("wb") as stream:
        pickle.dump([Payload()], stream)
    with pytest.raises(MammoError, match="asks to import"):
        read(exam)
    assert not (exam / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": 1}), pickle.dumps([1])])
def test_a_damaged_exam_list_is_named(exam: Path, content: bytes) -> None:
    (exam / "exam_list_before_cropping.pkl").write_bytes(content)
    with pytest.raises(MammoError, match=r"exam_list_before_cropping\.pkl .* data\.source"):
        read(exam)


def test_masks_that_do_not_fit_are_left_out(exam: Path) -> None:
    cv2.imwrite(str(exam / "segmentation" / "l_benign.png"), np.ones((800, 500), np.uint8))
    paint(exam, "l_malignant", (0, 50, 1800, 1850))
    paint(exam, "r_benign")
    cohort = read(exam)
    assert [image.code for image in cohort.images] == ["", ""]
    codes = {lesion.path.split("/")[1]: lesion.code for lesion in cohort.left_out}
    assert codes == {
        "l_benign.png": Code.OUTLINE_SIZE,
        "l_malignant.png": Code.OUTLINE_EMPTY,
        "r_benign.png": Code.OUTLINE_EMPTY,
    }


def write_list(exam: Path, *exams: dict[str, object]) -> None:
    with (exam / "exam_list_before_cropping.pkl").open("wb") as stream:
        pickle.dump(list(exams), stream)


def test_masks_are_placed_by_their_size(exam: Path) -> None:
    # "never assume equality of sizes"; "decide by size against window_location"
    mask = np.zeros((900, 700), np.uint8)
    mask[410:430, 120:160] = 255
    cv2.imwrite(str(exam / "segmentation" / "l_benign.png"), mask)
    cv2.imwrite(str(exam / "segmentation" / "l_malignant.png"), mask[10:810, 20:620])
    write_list(exam, EXAM | {"window_location": {"L-CC": [(10, 810, 20, 620)]}})
    assert [lesion.box for lesion in read(exam).lesions] == [Box(400, 420, 100, 140)] * 2
    write_list(exam, EXAM)
    assert [lesion.code for lesion in read(exam).left_out] == [Code.OUTLINE_SIZE]


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("window", [None, (100, 900, 50, 650), (0, 800, 0, 600)])
def test_masks_are_placed_at_the_best_center_of_the_list(
    exam: Path, side: str, window: tuple[int, int, int, int] | None
) -> None:
    """A best center is relative to the cropped image: the file itself or, in a larger file, its window."""
    rows, cols = np.mgrid[:800, :600]
    faces_right = np.where(((rows - 250) / 150) ** 2 + (cols / 500) ** 2 < 1, 2000, 0).astype(np.uint16)
    cropped = faces_right if side == "L" else faces_right[:, ::-1]  # wide margins around the breast, the largest below
    file = np.zeros((1000, 700), np.uint16) if window == (100, 900, 50, 650) else np.zeros((800, 600), np.uint16)
    top, left = (100, 50) if file.shape == (1000, 700) else (0, 0)
    file[top : top + 800, left : left + 600] = cropped
    cv2.imwrite(str(exam / "images" / f"{side.lower()}.png"), file)
    # 2944 x 1920 px around an image of 800 x 600: rows above and below a CC image alike, columns on its right alone
    paint(exam, f"{side.lower()}_benign", (1072 + 200, 1072 + 240, 100, 130))
    placed = {"best_center": {f"{side}-CC": [(400, 250)]}} | (
        {"window_location": {f"{side}-CC": [window]}} if window else {}
    )
    write_list(exam, EXAM | placed)
    col0 = 100 if side == "L" else 600 - 130
    assert [lesion.box for lesion in read(exam).lesions] == [Box(top + 200, top + 240, left + col0, left + col0 + 30)]


def test_three_exams_with_every_irregularity(exam: Path) -> None:
    # "list of 3 exams, one view with 2 images, one horizontal_flip YES, one with both benign and malignant segs, one
    # without segs, `best_center` present/absent"; "listed even when the PNG does not exist"
    (exam / "images" / "m.png").write_bytes((exam / "images" / "l.png").read_bytes())
    (exam / "images" / "q.png").write_bytes((exam / "images" / "l.png").read_bytes())
    paint(exam, "l_benign", (1400, 1450, 100, 130))
    paint(exam, "l_malignant", (1500, 1520, 200, 260))
    paint(exam, "q_malignant", (1400, 1450, 100, 130))
    healthy = {"left_benign": 0, "left_malignant": 0, "right_benign": 0, "right_malignant": 1, "unknown": 0}
    write_list(
        exam,
        EXAM | {"L-CC": ["l", "m"], "L-CC_benign_seg": ["l_benign", "m_benign"]},
        {"horizontal_flip": "YES", "R-CC": ["q"], "cancer_label": healthy},
        {"horizontal_flip": "NO", "L-MLO": ["m"], "R-MLO": ["gone"], "cancer_label": healthy},
    )
    cohort = read(exam)
    assert [(Path(i.path).stem, i.exam_key, i.laterality, i.view, i.negative, i.code) for i in cohort.images] == [
        ("l", "0", "L", "CC", None, ""),
        ("m", "0", "L", "CC", None, ""),
        ("r", "0", "R", "CC", None, ""),
        ("q", "1", "R", "CC", False, ""),
        ("m", "2", "L", "MLO", True, ""),
        ("gone", "2", "R", "MLO", False, Code.MISSING),
    ]
    found = [(Path(x.lesion_key).name, x.label, x.label_source) for x in cohort.lesions]
    assert found == [
        ("l_benign.png#0", Pathology.BENIGN, LabelSource.BIOPSY),
        ("l_malignant.png#0", Pathology.MALIGNANT, LabelSource.BIOPSY),
        ("q_malignant.png#0", Pathology.MALIGNANT, LabelSource.BIOPSY),
    ]


def biopsied(**labels: int) -> dict[str, object]:
    every = dict.fromkeys(("left_benign", "left_malignant", "right_benign", "right_malignant"), 0)
    return EXAM | {"R-MLO": ["m"], "cancer_label": every | labels}


def test_a_biopsied_breast_without_a_mask_on_any_view_has_a_finding_without_a_place(exam: Path) -> None:
    (exam / "images" / "m.png").write_bytes((exam / "images" / "r.png").read_bytes())
    paint(exam, "r_benign", (1400, 1450, 100, 130))
    write_list(exam, biopsied(right_benign=1, right_malignant=1))
    biopsy = LabelSource.BIOPSY
    assert read(exam).findings == tuple(Finding(f"images/{x}.png", Pathology.MALIGNANT, biopsy) for x in "rm")
    (exam / "segmentation" / "m_malignant.png").write_bytes(b"damaged")  # it is on this view, not on the other
    cohort = read(exam)
    assert not cohort.findings
    assert [(lost.image, lost.label) for lost in cohort.left_out] == [("images/m.png", Pathology.MALIGNANT)]


def test_the_lesions_of_a_missing_image_make_its_breast_not_negative(exam: Path) -> None:
    paint(exam, "r_malignant", (1400, 1450, 100, 130))
    (exam / "images" / "r.png").unlink()
    (lost,) = read(exam).left_out
    assert (lost.code, lost.image, lost.label) == (Code.OUTLINE_UNLINKED, "images/r.png", Pathology.MALIGNANT)


def test_an_image_that_faces_the_other_way_than_listed_is_rejected(exam: Path) -> None:
    paint(exam, "r_benign", (1400, 1450, 100, 130))
    with (exam / "exam_list_before_cropping.pkl").open("wb") as stream:
        pickle.dump([EXAM | {"horizontal_flip": "YES"}], stream)
    cohort = read(exam)
    assert [image.code for image in cohort.images] == ["", Code.SIDE_CONFLICT]
    assert not cohort.lesions
    assert [(lost.image, lost.label) for lost in cohort.left_out] == [("images/r.png", Pathology.BENIGN)]


REAL = pytest.mark.skipif(not os.environ.get("MAMMO_REAL_EXAM"), reason="MAMMO_REAL_EXAM is not set")

CENTERS = {"R-CC": (1072, -210), "R-MLO": (1126, -5), "L-CC": (1011, -211), "L-MLO": (1206, -31)}
"""Best centers that the group's own code gives for its sample exam."""

BOXES = {"R-CC": Box(1785, 1951, 362, 537), "R-MLO": Box(1766, 1961, 455, 647)}
"""Half-open boxes of its lesions in the network frame."""


@REAL
@pytest.mark.parametrize("name", CENTERS)
def test_the_real_exams_best_centers(name: str) -> None:
    pixels = read_raster(Path(os.environ["MAMMO_REAL_EXAM"]) / "images" / f"0_{name}.png").values
    breast, flipped = find_breast(pixels, 1), name.startswith("R")
    assert breast is not None
    if flipped:
        pixels, breast = pixels[:, ::-1], breast.mirrored()
    box = breast.box(BUFFER_PX)
    assert box == Box(0, pixels.shape[0], 0, pixels.shape[1])
    assert best_center(pixels, breast, box, View(name[2:]), (2944, 1920), flipped) == CENTERS[name]


@REAL
def test_the_real_exams_lesions_map_back_to_their_masks() -> None:
    root = Path(os.environ["MAMMO_REAL_EXAM"])
    cohort = read(root)
    images = {image.path: image for image in cohort.images}
    assert len(cohort.images) == 4
    assert len(cohort.lesions) == 2
    for lesion in cohort.lesions:
        name = Path(lesion.path).stem.removeprefix("0_")
        chain = admit(root, images[lesion.path], FULL, 1).chain
        mask, box = chain.mask_to_network(lesion.mask, lesion.box)
        assert box == BOXES[name]
        whole = cv2.imread(str(root / "segmentation" / f"0_{name}_benign.png"), cv2.IMREAD_GRAYSCALE) > 0
        assert np.array_equal(whole[box.row0 : box.row1, box.col0 : box.col1], mask)


@REAL
def test_the_real_exam_agrees_at_an_eighth_of_its_size() -> None:
    root = Path(os.environ["MAMMO_REAL_EXAM"])
    small = Frame(368, 240, 8)
    for image in read(root).images:
        full, eighth = admit(root, image, FULL, 1), admit(root, image, small, 0.125)
        assert np.abs(np.array(full.chain.origin) / 8 - eighth.chain.origin).max() < 1
        assert np.abs(full.tissue - eighth.tissue).mean() < 0.01


def test_an_exam_list_with_another_name_is_found_in_a_subfolder(
    exam: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paint(exam, "l_benign", (1400, 1450, 100, 130))
    above = tmp_path_factory.mktemp("above")
    exam.rename(above / "sample_data")
    (above / "sample_data" / "exam_list_before_cropping.pkl").rename(above / "sample_data" / "data.pkl")
    cohort = read(above)
    assert [image.path for image in cohort.images] == ["sample_data/images/l.png", "sample_data/images/r.png"]
    assert [lesion.lesion_key for lesion in cohort.lesions] == ["sample_data/segmentation/l_benign.png#0"]


def test_only_the_outlines_of_bombs_are_left_out(exam: Path, read_bombs: ReadBombs) -> None:
    paint(exam, "r_malignant", (1400, 1450, 100, 130))
    cohort = read_bombs(read, exam)
    assert not cohort.lesions
    assert [lesion.code for lesion in cohort.left_out] == [Code.TOO_LARGE]
