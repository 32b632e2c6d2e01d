from dataclasses import replace

import cv2
import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas, stored_shape
from mammo.phantoms.detector import DETECTORS, Detector
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.image import Phantom, draw_image, draw_lesion, draw_marker, plan_image
from mammo.phantoms.lesion_shape import outline
from mammo.phantoms.placement import Site
from mammo.phantoms.spec import CohortSpec, Key, Mix
from mammo.records import Laterality, Pathology, View

SPEC = CohortSpec(seed=9, mix=Mix(0.0, 0.5, 0.5))
IMAGES = [(p, side, view) for p in range(1, 6) for side in Laterality for view in View]


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return [draw_image(plan_image(SPEC, *image)) for image in IMAGES]


def test_pixels_have_12_bits_a_black_background_and_the_chest_wall_at_the_edge(phantoms: list[Phantom]) -> None:
    for (patient, side, view), phantom in zip(IMAGES, phantoms, strict=True):
        assert phantom.pixels.shape == stored_shape(plan_image(SPEC, patient, side, view).scale)
        assert phantom.pixels.dtype == np.uint16
        assert phantom.pixels.max() <= 4095
        wall, open_side = (0, -1) if side is Laterality.LEFT else (-1, 0)
        assert (phantom.pixels[:, wall] > 0).mean() > 0.4
        assert (phantom.pixels[:, open_side] == 0).all()  # the marker does not touch it either
        assert 0.1 < (phantom.pixels > 0).mean() < 0.55


def test_nothing_is_saturated(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert (phantom.pixels == 4095).mean() < 1e-4
        assert np.quantile(phantom.pixels[phantom.pixels > 0], 0.999) < 4000


def test_the_nipple_is_the_tip_of_the_drawn_breast(phantoms: list[Phantom]) -> None:
    for image, phantom in zip(IMAGES, phantoms, strict=True):
        row, col = plan_image(SPEC, *image).nipple
        breast = np.flatnonzero(phantom.pixels[int(row)])
        tip = breast.max() + 1 if image[1] is Laterality.LEFT else breast.min()
        assert col == pytest.approx(tip, abs=2)
        rows = np.flatnonzero(phantom.pixels.any(axis=1))
        assert rows.min() < row < rows.max()


def test_outlines_lie_on_the_breast_and_apart(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert 1 <= len(phantom.masks) <= 3
        for i, mask in enumerate(phantom.masks):
            assert (phantom.pixels[mask] > 0).all()
            assert 400 < mask.sum() < 1900
            grown = np.argwhere(mask)
            for other in phantom.masks[:i]:
                apart = np.hypot(*(grown[:, None] - np.argwhere(other)[None]).transpose(2, 0, 1)).min()
                assert apart >= 20 / 8


def test_drawing_is_repeatable(phantoms: list[Phantom]) -> None:
    again = draw_image(plan_image(SPEC, *IMAGES[3]))
    assert np.array_equal(again.pixels, phantoms[3].pixels)


def test_at_full_size_the_breast_ends_at_its_outline() -> None:
    plan = plan_image(CohortSpec(seed=9, scale=1, mix=SPEC.mix), 1, Laterality.LEFT, View.CC)
    shown = draw_image(plan).pixels > 0
    rows = np.arange(round(plan.shape.nipple_row) - 400, round(plan.shape.nipple_row) + 400)
    end = (shown[np.round(rows * plan.scale).astype(int)].cumsum(axis=1).argmax(axis=1) + 1) / plan.scale
    assert np.abs(np.median(end - plan.shape.edge(rows.astype(np.float32)))) < 1


@pytest.mark.parametrize("image", [IMAGES[0], IMAGES[3]])
def test_a_finer_scale_shows_the_same_anatomy(image: tuple[int, Laterality, View]) -> None:
    coarse = draw_image(plan_image(SPEC, *image))
    fine = draw_image(plan_image(CohortSpec(seed=9, scale=0.25, mix=SPEC.mix), *image))
    for a, b in zip(coarse.masks, fine.masks, strict=True):
        assert np.allclose((np.argwhere(a).mean(0) + 0.5) * 8, (np.argwhere(b).mean(0) + 0.5) * 4, atol=4)
    rows, cols = coarse.pixels.shape
    halved = cv2.resize(fine.pixels.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    breast = coarse.pixels > 0
    assert np.corrcoef(halved[breast], coarse.pixels[breast])[0, 1] > 0.9


KEY = Key(0, 1, Laterality.LEFT, View.CC)
CANVAS = Canvas(0.125, 0, 140, 140)
LESION = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(560, 560, 115), 0.33)


def drawn(lesion: Lesion, patient: int = 1, level: float = 0.3) -> np.ndarray:
    tissue = np.full((CANVAS.height, CANVAS.width), level, dtype=np.float32)
    draw_lesion(replace(KEY, patient=patient), lesion, CANVAS, tissue)
    return tissue


@pytest.mark.parametrize("finding", Finding)
def test_appearance_depends_on_the_latent_and_not_on_the_label(finding: Finding) -> None:
    lesion = replace(LESION, finding=finding)
    assert np.array_equal(drawn(lesion), drawn(lesion))
    assert np.array_equal(drawn(lesion), drawn(replace(lesion, label=Pathology.MALIGNANT)))
    assert not np.array_equal(drawn(lesion), drawn(replace(lesion, latent=0.9)))


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("latent", [0.05, 0.4, 0.65, 0.95])
def test_the_outline_contains_most_of_the_brightness(finding: Finding, latent: float) -> None:
    for patient in range(1, 9):
        lesion = replace(LESION, finding=finding, latent=latent)
        light = np.clip(drawn(lesion, patient) - 0.3, 0, None)
        inside = outline(replace(KEY, patient=patient), lesion, CANVAS)
        least = 0.9 if finding is Finding.CALCIFICATION else 0.8  # spicules leave the outline, as in hand-drawn ones
        assert light[inside].sum() > least * light.sum()


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("level", [0.15, 0.5, 0.8, 0.95])
def test_lesions_are_visible_and_never_saturated(finding: Finding, level: float) -> None:
    for latent in (0.05, 0.5, 0.95):
        strong = drawn(replace(LESION, finding=finding, latent=latent, contrast=0.42), level=level)
        assert strong.max() < 1 - 0.2 * (1 - level)
        assert strong.max() > level + 0.1 * (1 - level)


def test_contrast_grows_with_the_brightness_of_the_surroundings() -> None:
    added = [drawn(LESION, level=level)[70, 70] - level for level in (0.15, 0.3, 0.45)]
    assert added[0] < added[1] < added[2]


def marked(side: Laterality, view: View, detector: Detector, scale: float) -> np.ndarray:
    image = np.zeros(stored_shape(detector.scale(scale)), np.uint16)
    draw_marker(Key(0, 1, side, view), detector, image, detector.scale(scale))
    return image


@pytest.mark.parametrize("scale", [0.125, 1.0])
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.manufacturer)
def test_the_marker_lies_in_the_upper_corner_off_the_chest_wall(detector: Detector, scale: float) -> None:
    for side in Laterality:
        for view in View:
            rows, cols = np.nonzero(marked(side, view, detector, scale))
            height, width = stored_shape(detector.scale(scale))
            if side is Laterality.RIGHT:
                cols = width - 1 - cols
            assert rows.min() > 0.02 * height
            assert rows.max() < 0.2 * height
            assert cols.min() > 0.74 * width  # deeper than any breast
            assert cols.max() < width - 1


def test_letters_are_not_mirrored_for_right_breasts() -> None:
    detector = DETECTORS[0]
    left, right = marked(Laterality.LEFT, View.CC, detector, 1), marked(Laterality.RIGHT, View.CC, detector, 1)
    found = cv2.matchTemplate(
        (right > 0).astype(np.float32), cut(left, last=True).astype(np.float32), cv2.TM_CCORR_NORMED
    ).max()
    mirrored = cv2.matchTemplate(
        (right[:, ::-1] > 0).astype(np.float32), cut(left, last=True).astype(np.float32), cv2.TM_CCORR_NORMED
    ).max()
    assert found > 0.99
    assert mirrored < 0.9


def cut(image: np.ndarray, last: bool) -> np.ndarray:
    """Cut the right half of a marker, which is its view, in a tight box."""
    rows, cols = np.nonzero(image)
    middle = (cols.min() + cols.max()) // 2 if last else cols.min()
    return (image[rows.min() : rows.max() + 1, middle : cols.max() + 1] > 0).astype(np.uint8)


def test_a_marker_never_covers_the_breast() -> None:
    for patient in range(1, 13):
        for view in View:
            plan = plan_image(CohortSpec(seed=3), patient, Laterality.LEFT, view)
            pixels = draw_image(plan).pixels
            count, parts = cv2.connectedComponents((pixels > 0).astype(np.uint8))
            sizes = np.bincount(parts.ravel())[1:]
            assert count > 2
            assert sizes.max() > 20 * np.delete(sizes, sizes.argmax()).sum()
