"""The picture of a prediction: outline, windows and saliency lie where they are in the file, and nothing names it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box, Frame
from mammo.inference.bundle_facts import BundleName, Rate, ThresholdFacts
from mammo.inference.case_image import CaseImage, Placing, read_image
from mammo.inference.lesion_panels import OUTLINE, DrawnImage
from mammo.inference.outlines import draw
from mammo.inference.overlay import overlay_figure, overlay_pixels
from mammo.inference.prediction import LesionPrediction, ThresholdResult

FACTS = ThresholdFacts(0.02, 0.4, Rate(0.23), Rate(0.019), Rate(0.2), Rate(None))
BUNDLE = BundleName("ab" * 32, "demo", "0.9.0", ("phantom",), "f_agg sal+emb", 2)
FRAME = Frame(368, 240, 8)


@pytest.fixture(params=["L-CC.dcm", "R-CC.dcm"])
def image(request: pytest.FixtureRequest, small_root: Path) -> CaseImage:
    path = min((small_root / "dicom").rglob(request.param))
    return read_image(path, None, None, Placing(FRAME, 1.0), path)


def prediction(image: CaseImage, box: Box) -> LesionPrediction:
    """A prediction for a box in the file, with one window around it and saliency in its cell alone."""
    chain = image.admitted.chain
    drawn = draw(box, chain.stored_shape)
    _, place = chain.mask_to_network(drawn.mask, drawn.box)
    center = ((place.row0 + place.row1) / 2, (place.col0 + place.col1) / 2)
    saliency = np.zeros((2, 46, 30), np.float32)
    saliency[0, int(center[0]) // 8, int(center[1]) // 8] = 1
    windows = np.array([(*center, 40.0, 0.0)])
    thresholds = (ThresholdResult(FACTS, True),)
    return LesionPrediction(
        "secret-id", drawn, chain, 0.3, 0.01, 0.02, 0.2, 0.4, 0.25, thresholds, {}, ("A warning.",), windows, saliency
    )


def inside(image: CaseImage) -> Box:
    """A box in the breast, in pixels of the file."""
    chain = image.admitted.chain
    col = 40 if not chain.mirrored else chain.stored_shape[1] - 70
    return Box(180, 200, col, col + 30)


def test_outline_window_and_saliency_lie_on_the_same_place_of_the_file(image: CaseImage) -> None:
    chain, box = image.admitted.chain, inside(image)
    col = box.col0
    figure = overlay_figure(prediction(image, box), image, BUNDLE)
    breast = chain.breast
    left = breast.col0 if not chain.mirrored else chain.stored_shape[1] - breast.col1
    middle = (190 - breast.row0, col + 15 - left)
    whole, near, saliency = figure.axes[:3]
    for axes in (whole, near, saliency):
        (path,) = axes.collections[0].get_paths()
        extents = path.get_extents()
        assert (extents.y0 + extents.y1) / 2 == pytest.approx(middle[0], abs=1)
        assert (extents.x0 + extents.x1) / 2 == pytest.approx(middle[1], abs=1)
    (window,) = near.patches
    ring = window.get_path().get_extents()
    assert ((ring.y0 + ring.y1) / 2, (ring.x0 + ring.x1) / 2) == pytest.approx(middle, abs=1)
    shown = saliency.images[1]
    right_edge, left_edge = sorted(shown.get_extent()[:2], reverse=True)
    array = shown.get_array()
    row, cell = np.argwhere(array == array.max())[0]
    start, stop, bottom, top = shown.get_extent()
    at = (top + (row + 0.5) / 46 * (bottom - top), start + (cell + 0.5) / 30 * (stop - start))
    assert at == pytest.approx(middle, abs=8)
    assert right_edge - left_edge == FRAME.width


@pytest.mark.parametrize(("row", "col"), [(0.0, 4.0), (366.0, 2.0), (180.0, 100.0)])
def test_the_enlarged_part_lies_on_the_image_and_holds_the_middle_of_the_windows(
    image: CaseImage, row: float, col: float
) -> None:
    chain, size = image.admitted.chain, image.admitted.pixels.shape
    one = replace(prediction(image, inside(image)), windows=np.array([(row, col, 60.0, 0.0)]))
    near = overlay_figure(one, image, BUNDLE).axes[1]
    (left, right), (bottom, top) = near.get_xlim(), near.get_ylim()
    assert 0 <= left < right <= size[1]
    assert 0 <= top < bottom <= size[0]
    middle = np.clip(DrawnImage(image.admitted.pixels, chain, chain.mirrored).points(np.array([row, col])), 0, size)
    assert top <= middle[0] <= bottom
    assert left <= middle[1] <= right


def test_pixels_are_shown_as_a_viewer_shows_the_file(image: CaseImage, small_root: Path) -> None:
    figure = overlay_figure(prediction(image, inside(image)), image, BUNDLE)
    shown = figure.axes[0].images[0].get_array()
    pixels = image.admitted.pixels
    assert np.array_equal(shown, pixels[:, ::-1] if image.admitted.chain.mirrored else pixels)


def test_it_says_what_the_score_means_and_not_whose_it_is(image: CaseImage) -> None:
    one = prediction(image, inside(image))
    figure = overlay_figure(one, image, BUNDLE)
    text = " ".join(str(each.get_text()) for part in figure.subfigs for each in part.texts)
    for words in (
        "Score 0.300",
        "Calibrated probability of cancer: 20.0 %",
        "(if 40.0 % of such lesions are cancers)",
        "below",
        " 2 % 0.400",
        "23.0 %",
        "1.9 %",
        "A warning.",
        "research use",
        "0.250",
        "abababababab",
    ):
        assert words in text, words
    assert "secret-id" not in text
    without = overlay_figure(replace(one, saliency=None), image, BUNDLE)
    assert len(without.axes) == 2


def test_the_picture_is_1000_pixels_wide_and_shows_the_outline_in_its_color(image: CaseImage) -> None:
    pixels = overlay_pixels(prediction(image, inside(image)), image, BUNDLE)
    assert pixels.shape[1] == 1000
    color = np.array([int(OUTLINE[start : start + 2], 16) for start in (1, 3, 5)])
    assert (np.abs(pixels.astype(int) - color).sum(axis=2) < 30).sum() > 50
