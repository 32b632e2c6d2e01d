"""Training windows satisfy the definitions of the four classes (Figure 3); lesion windows overlap their lesion."""

from dataclasses import replace

import numpy as np
import pytest

from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import MIN_TISSUE_FRACTION, CropSizes, evaluation_windows, training_windows
from mammo.geometry import CropWindow, Frame
from mammo.records import MammoError, PatchClass, Pathology

FRAME = Frame(96, 80, 8)
CROPS = CropSizes((12.0, 30.0), 16)


def disc(row: float, col: float, radius: float) -> np.ndarray:
    grid = np.argwhere(np.ones((FRAME.height, FRAME.width), dtype=bool)) + 0.5
    return grid[np.hypot(grid[:, 0] - row, grid[:, 1] - col) < radius]


@pytest.fixture(scope="module")
def index() -> SamplingIndex:
    """Image 0: a malignant and a benign lesion close together; 1: a benign and an unlabeled lesion; 2: negative."""
    tissue = np.zeros((3, *FRAME.grid), np.uint8)
    tissue[:, 1:11, 0:8] = 255
    return SamplingIndex(
        frame=FRAME,
        pixels=[disc(30, 20, 6), disc(48, 26, 5), disc(60, 30, 6), disc(30, 30, 5)],
        labels=[Pathology.MALIGNANT, Pathology.BENIGN, Pathology.BENIGN, Pathology.NONE],
        image_of=np.array([0, 0, 1, 1]),
        negative=np.array([False, False, True]),
        shows=np.array([[1, 1], [0, 1], [0, 0]]),
        breasts=np.array([[1, 1], [0, 1], [0, 0]]),
        unplaced=np.zeros(3, dtype=bool),
        extents=np.tile([[0.0, FRAME.height], [0.0, FRAME.width]], (3, 1, 1)),
        mlo=np.array([False, True, False]),
        tissue=tissue,
    )


def holds(window: CropWindow, pixels: np.ndarray) -> bool:
    """Whether any pixel center is inside, by rotating the pixels into the window one by one."""
    angle = np.deg2rad(window.angle)
    for row, col in pixels:
        down, right = row - window.row, col - window.col
        along = (down * np.cos(angle) - right * np.sin(angle), down * np.sin(angle) + right * np.cos(angle))
        if all(-window.side / 2 <= value < window.side / 2 for value in along):
            return True
    return False


@pytest.mark.parametrize("patch_class", list(PatchClass))
def test_windows_overlap_only_the_lesions_of_their_class(index: SamplingIndex, patch_class: PatchClass) -> None:
    expected = {PatchClass.MALIGNANT: {Pathology.MALIGNANT}, PatchClass.BENIGN: {Pathology.BENIGN}}.get(
        patch_class, set()
    )
    rngs = [np.random.default_rng((0, number)) for number in range(40)]
    drawn = training_windows(rngs, index, patch_class, CROPS)
    for image, values, lesion in zip(drawn.image, drawn.windows, drawn.lesion, strict=True):
        window = CropWindow(*values)
        touched = {
            index.labels[row] for row in range(4) if index.image_of[row] == image and holds(window, index.pixels[row])
        }
        assert touched == expected
        assert (lesion >= 0) == bool(expected)
        assert index.negative[image] == (patch_class == PatchClass.NEGATIVE)
        assert CROPS.side_px[0] <= window.side <= CROPS.side_px[1]
        assert abs(window.angle) <= 30


@pytest.mark.parametrize("patch_class", [PatchClass.OUTSIDE, PatchClass.NEGATIVE])
def test_windows_lie_on_the_breast(index: SamplingIndex, patch_class: PatchClass) -> None:
    drawn = training_windows([np.random.default_rng((1, number)) for number in range(40)], index, patch_class, CROPS)
    for number, (image, values) in enumerate(zip(drawn.image, drawn.windows, strict=True)):
        window = CropWindow(*values)
        points = window.to_frame(np.random.default_rng(number).uniform(-0.5, 0.5, (4000, 2)))
        cells = np.floor(points / FRAME.cell_px).astype(int)
        on_breast = [
            0 <= row < FRAME.grid[0] and 0 <= col < FRAME.grid[1] and index.tissue[image][row, col]
            for row, col in cells
        ]
        assert np.mean(on_breast) > MIN_TISSUE_FRACTION - 0.1


def test_lesion_windows_hold_a_lesion_pixel_and_vary_in_size_and_position(index: SamplingIndex) -> None:
    windows = [CropWindow(*values) for values in windows_of_lesion(index, CROPS, 200)]
    assert all(holds(window, index.pixels[0]) for window in windows)
    assert {window.angle for window in windows} == {0.0}
    sides = np.array([window.side for window in windows])
    assert sides.min() < 14
    assert sides.max() > 28
    assert np.std([window.row for window in windows]) > 3


def windows_of_lesion(index: SamplingIndex, crops: CropSizes, n: int) -> np.ndarray:
    return evaluation_windows(np.random.default_rng(0), index.pixels[0], n, crops)


def test_windows_on_whole_pixels_are_close_to_the_unrounded_ones(index: SamplingIndex) -> None:
    free, whole = windows_of_lesion(index, CROPS, 300), windows_of_lesion(index, replace(CROPS, whole_px=True), 300)
    assert np.abs(free - whole).max() <= 1.5
    assert np.median(np.abs(free - whole)[:, :3]) < 0.3
    edges = whole[:, :2] - whole[:, 2:3] / 2
    assert np.array_equal(edges, np.rint(edges))
    assert np.array_equal(whole[:, 2], np.rint(whole[:, 2]))
    assert all(holds(CropWindow(*values), index.pixels[0]) for values in whole)


@pytest.mark.parametrize("patch_class", list(PatchClass))
def test_a_window_does_not_depend_on_the_other_windows_drawn(index: SamplingIndex, patch_class: PatchClass) -> None:
    def rngs() -> list[np.random.Generator]:
        return [np.random.default_rng((5, number)) for number in range(30)]

    together = training_windows(rngs(), index, patch_class, CROPS)
    alone = [training_windows([rng], index, patch_class, CROPS) for rng in rngs()]
    for name in ("image", "windows", "lesion"):
        assert np.array_equal(getattr(together, name), np.concatenate([getattr(one, name) for one in alone]))


def test_a_class_without_images_is_rejected_by_name(index: SamplingIndex) -> None:
    alone = replace(
        index,
        pixels=index.pixels[:1],
        labels=index.labels[:1],
        image_of=index.image_of[:1],
        negative=np.array([False]),
        tissue=index.tissue[:1],
    )
    with pytest.raises(MammoError, match=r"quota\.negative=0"):
        training_windows([np.random.default_rng(0)], alone, PatchClass.NEGATIVE, CROPS)


def test_lesions_that_leave_no_room_are_rejected(index: SamplingIndex) -> None:
    crowded = replace(
        index,
        pixels=[disc(40, 40, 200)],
        labels=[Pathology.BENIGN],
        image_of=np.array([0]),
        negative=np.array([False]),
        tissue=index.tissue[:1],
    )
    with pytest.raises(MammoError, match=r"no outside window found in 200 draws, .* set quota\.outside=0"):
        training_windows([np.random.default_rng(0)], crowded, PatchClass.OUTSIDE, CROPS)


def test_sides_in_the_wrong_order_are_rejected() -> None:
    with pytest.raises(MammoError, match=r"crops\.side_px=\[30\.0, 12\.0\]: give the smallest and the largest side"):
        CropSizes((30.0, 12.0), 16)


@pytest.mark.parametrize("patch_class", list(PatchClass))
def test_further_windows_show_the_same_lesion_or_image_and_are_of_the_class(
    index: SamplingIndex, patch_class: PatchClass
) -> None:
    first = training_windows([np.random.default_rng((2, number)) for number in range(40)], index, patch_class, CROPS)
    before = first.windows.copy()
    rngs = [np.random.default_rng((3, number)) for number in range(40)]
    again = training_windows(rngs, index, patch_class, CROPS, first)
    assert np.array_equal(first.windows, before)
    assert np.array_equal(again.image, first.image)
    assert np.array_equal(again.lesion, first.lesion)
    assert (again.windows != first.windows).any(axis=1).all()
    allowed = {PatchClass.MALIGNANT: {Pathology.MALIGNANT}, PatchClass.BENIGN: {Pathology.BENIGN}}
    assert index.overlapped_pathologies(again.image, again.windows) == [allowed.get(patch_class, set())] * 40


def test_a_window_stays_where_its_lesion_gives_no_other(index: SamplingIndex) -> None:
    first = training_windows([np.random.default_rng(0)], index, PatchClass.MALIGNANT, CROPS)
    crowded = replace(index, pixels=[index.pixels[0], disc(40, 40, 200), *index.pixels[2:]])
    again = training_windows([np.random.default_rng(1)], crowded, PatchClass.MALIGNANT, CROPS, first)
    assert np.array_equal(again.windows, first.windows)
