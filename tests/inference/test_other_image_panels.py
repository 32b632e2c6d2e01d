"""Pictures of other images of the exam: what lies in the drawn arc and at the drawn place is what the maps read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from mammo.geometry import Box
from mammo.inference.case_image import CaseImage, Placing, read_image
from mammo.inference.case_store import IMAGE_ID, CaseStore
from mammo.inference.lesion_panels import DrawnImage
from mammo.inference.other_image import OtherImage, other_images_of
from mammo.inference.outlines import draw
from mammo.inference.overlay import overlay_figure
from mammo.inference.prediction import LesionPrediction
from mammo.maps.view_geometry import cell_centers
from mammo.maps.view_sources import KINDS
from mammo.records import Floats
from tests.inference.test_overlay import BUNDLE, FRAME, prediction

CELL = (25, 12)
"""The cell in whose middle the lesion lies."""

CENTERS = cell_centers(FRAME)


def exam(root: Path, first: str, n: int = 4) -> list[CaseImage]:
    """The first n images of an exam, beginning with one of these four names."""
    names = [first, *(name for name in ("L-CC", "L-MLO", "R-CC", "R-MLO") if name != first)]
    folder = min((root / "dicom").glob("PHANTOM-*"))
    files = [folder / f"{name}.dcm" for name in names[:n]]
    return [read_image(file, None, None, Placing(FRAME, 1.0), file) for file in files]


def lesion_box(image: CaseImage) -> Box:
    """A box of the file in the middle of CELL."""
    row, col = image.admitted.chain.network_to_stored(CENTERS[CELL])
    return Box(round(row) - 10, round(row) + 10, round(col) - 8, round(col) + 8)


def others_with(
    images: Sequence[CaseImage], saliency: Floats
) -> tuple[LesionPrediction, dict[str, OtherImage], Figure]:
    """The prediction, its other images by kind, each with this S [2, rows, cols], and the picture."""
    image, store = images[0], CaseStore(images[0], FRAME, images[1:])
    one = prediction(image, lesion_box(image))
    outline = draw(lesion_box(image), image.admitted.chain.stored_shape)
    maps = dict.fromkeys(store.images, saliency.astype(np.float32)) | {IMAGE_ID: np.zeros((2, *FRAME.grid), np.float32)}
    others = tuple(other_images_of(store, store.tables([outline]), KINDS, [maps], outline))
    one = replace(one, others=others)
    return one, {other.place.kind: other for other in others}, overlay_figure(one, image, BUNDLE)


def panels(figure: Figure) -> list[Axes]:
    """The other view, its saliency, the other breast, its saliency."""
    return figure.subfigs[1].axes


def drawn_centers(other: OtherImage, is_mirrored: bool) -> tuple[Floats, np.ndarray]:
    """Where the centers of cells [rows, cols, 2] are drawn, and whether they lie on the image: bool [rows, cols]."""
    assert other.image is not None
    admitted = other.image.admitted
    drawn, facing_right = (
        DrawnImage(admitted.pixels, admitted.chain, flipped).points(CENTERS) for flipped in (is_mirrored, False)
    )
    return drawn, ((facing_right >= 0) & (facing_right < admitted.pixels.shape)).all(axis=-1)  # half-open, facing right


@pytest.mark.parametrize("name", ["L-CC", "R-CC", "R-MLO"])
def test_the_drawn_arc_holds_the_cells_that_the_map_reads(small_root: Path, name: str) -> None:
    images = exam(small_root, name)
    saliency = np.random.default_rng(0).random((2, *FRAME.grid))
    _, others, figure = others_with(images, saliency)
    drawn, on_image = drawn_centers(others["ipsi"], name[0] == "R")
    for axes in panels(figure)[:2]:
        (band,) = [patch for patch in axes.patches if isinstance(patch, Wedge)]
        distance = np.hypot(*np.moveaxis(drawn - np.array(band.center)[::-1], -1, 0))
        held = on_image & (distance <= band.r) & (distance >= band.r - band.width)
        assert 20 < held.sum() < 600
        assert others["ipsi"].place.read == pytest.approx((saliency[0][held].max(), saliency[0][held].mean()), abs=1e-5)
        assert band.get_facecolor()[3] == 0, "tissue under it is seen as it is"
        (nipple,) = axes.lines
        assert (nipple.get_xdata(), nipple.get_ydata()) == pytest.approx(band.center)


@pytest.mark.parametrize("name", ["L-CC", "R-MLO"])
def test_the_drawn_place_of_the_other_breast_is_where_the_map_reads(small_root: Path, name: str) -> None:
    """S that rises evenly over rows or columns says where it was read."""
    images, place = exam(small_root, name), []
    for axis in (0, 1):
        rising = CENTERS[..., axis] / 1000
        _, others, figure = others_with(images, np.stack([rising, rising]))
        read = others["contra"].place.read
        assert read is not None
        assert read[1] == pytest.approx(-read[0]), "the lesion's own S is 0 here"
        place.append(1000 * read[0])
    other = others["contra"]
    assert other.image is not None
    admitted = other.image.admitted
    assert admitted.chain.mirrored != images[0].admitted.chain.mirrored
    is_mirrored = images[0].admitted.chain.mirrored
    row, col = DrawnImage(admitted.pixels, admitted.chain, is_mirrored).points(np.array(place))
    for axes in panels(figure)[2:]:
        (contour,) = [each for each in axes.collections if isinstance(each, QuadContourSet)]
        extents = contour.get_paths()[0].get_extents()
        assert ((extents.y0 + extents.y1) / 2, (extents.x0 + extents.x1) / 2) == pytest.approx((row, col), abs=1)
    plain, shown = panels(figure)[2].images[0].get_array(), admitted.pixels
    assert np.array_equal(plain, shown[:, ::-1] if is_mirrored else shown), "it faces as the lesion's breast"
    assert panels(figure)[2].get_title(loc="left").startswith(f"{'R' if name[0] == 'L' else 'L'} {name[2:]}, mirrored")


@pytest.mark.parametrize(("name", "view", "breast"), [("L-CC", "L MLO", "R CC"), ("R-MLO", "R CC", "L MLO")])
def test_titles_name_the_image_and_the_place_of_every_number(
    small_root: Path, name: str, view: str, breast: str
) -> None:
    saliency = np.random.default_rng(1).random((2, *FRAME.grid))
    _, others, figure = others_with(exam(small_root, name), saliency)
    titles = [axes.get_title(loc="left") for axes in panels(figure)]
    most, mean = others["ipsi"].place.read or (0, 0)
    there, difference = others["contra"].place.read or (0, 0)
    assert titles[0].startswith(f"{view}\n")
    assert titles[1] == f"{view}, malignant saliency\narc: maximum {most:.2f}, mean {mean:.2f}"
    assert there + difference == pytest.approx(0, abs=1e-6), "the lesion's own S is 0 here"
    own = name.replace("-", " ")
    numbers = f"{own} at the lesion: 0.00\n{breast} at this place: {there:.2f}"
    assert titles[3] == f"{breast}, malignant saliency\n{numbers}"
    upper = figure.subfigs[0].subfigs[0].axes
    assert [axes.get_title(loc="left").partition("\n")[0] for axes in upper] == [
        own,
        "1 of 1 windows",
        f"{own}, malignant saliency",
    ]


def test_the_panels_of_a_row_begin_at_one_height_below_the_text(small_root: Path) -> None:
    *_, figure = others_with(exam(small_root, "L-CC"), np.zeros((2, *FRAME.grid)))
    figure.draw_without_rendering()
    pictures, words = figure.subfigs[0].subfigs
    for row in (pictures.axes, panels(figure)):
        assert np.ptp([axes.get_window_extent().y1 for axes in row]) < 1
    first, below = (axes[0].get_window_extent().x0 for axes in (pictures.axes, panels(figure)))
    assert first == pytest.approx(below, abs=1)
    text = min(each.get_window_extent().y0 for each in words.texts)
    title = max(axes._left_title.get_window_extent().y1 for axes in panels(figure))
    assert text > title
    lowest = min(text, *(axes.get_window_extent().y0 for axes in pictures.axes))
    assert lowest - title < 60, "px between the rows"


def test_missing_images_are_named_in_their_panels(small_root: Path) -> None:
    for name, words in (
        ("L-CC", {"L MLO not given", "R CC not given"}),
        ("R-MLO", {"R CC not given", "L MLO not given"}),
    ):
        _, others, figure = others_with(exam(small_root, name, n=1), np.zeros((2, *FRAME.grid)))
        assert {text.get_text() for axes in panels(figure) for text in axes.texts} == words
        assert not any(axes.images for axes in panels(figure))
        assert all(other.place.read is None for other in others.values())


def test_an_image_without_a_nipple_is_shown_and_says_so(small_root: Path) -> None:
    one, others, _ = others_with(exam(small_root, "L-CC"), np.zeros((2, *FRAME.grid)))
    place = others["ipsi"].place
    assert place.pair is not None
    pair = replace(place.pair, others=replace(place.pair.others, nipple=None))
    lost = replace(others["ipsi"], place=replace(place, pair=pair, missing="no nipple found on this image", read=None))
    image = exam(small_root, "L-CC", n=1)[0]
    slots = panels(overlay_figure(replace(one, others=(lost, others["contra"])), image, BUNDLE))
    assert [text.get_text() for text in slots[0].texts] == ["no nipple found on this image"]
    assert slots[0].images
    assert not slots[0].patches
    assert not slots[0].lines
