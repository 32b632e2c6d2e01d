import cv2
import numpy as np
import pytest

from mammo.phantoms.canvas import stored_shape
from mammo.phantoms.image import Phantom, draw_image, plan_image
from mammo.phantoms.spec import CohortSpec, Mix
from mammo.records import Laterality, View

SPEC = CohortSpec(seed=9, mix=Mix(0.0, 0.5, 0.5))
IMAGES = [(p, side, view) for p in range(1, 6) for side in Laterality for view in View]


@pytest.fixture(scope="module")
def phantoms() -> list[Phantom]:
    return [draw_image(plan_image(SPEC, *image)) for image in IMAGES]


def test_pixels_are_twelve_bit_on_black_with_the_chest_wall_at_the_edge(phantoms: list[Phantom]) -> None:
    for (patient, side, view), phantom in zip(IMAGES, phantoms, strict=True):
        assert phantom.pixels.shape == stored_shape(plan_image(SPEC, patient, side, view).scale)
        assert phantom.pixels.dtype == np.uint16
        assert phantom.pixels.max() <= 4095
        wall, open_side = (0, -1) if side is Laterality.LEFT else (-1, 0)
        assert (phantom.pixels[:, wall] > 0).mean() > 0.4
        assert (phantom.pixels[:, open_side] == 0).all()  # nor does the marker touch it
        assert 0.1 < (phantom.pixels > 0).mean() < 0.55


def test_nothing_is_burnt_out(phantoms: list[Phantom]) -> None:
    for phantom in phantoms:
        assert (phantom.pixels == 4095).mean() < 1e-4
        assert np.quantile(phantom.pixels[phantom.pixels > 0], 0.999) < 4000


def test_outlines_lie_on_the_breast_apart_from_each_other(phantoms: list[Phantom]) -> None:
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


def test_at_full_size_the_breast_ends_where_its_outline_does() -> None:
    plan = plan_image(CohortSpec(seed=9, scale=1, mix=SPEC.mix), 1, Laterality.LEFT, View.CC)
    shown = draw_image(plan).pixels > 0
    rows = np.arange(round(plan.shape.nipple_row) - 400, round(plan.shape.nipple_row) + 400)
    end = (shown[np.round(rows * plan.scale).astype(int)].cumsum(axis=1).argmax(axis=1) + 1) / plan.scale
    assert np.abs(np.median(end - plan.shape.edge(rows.astype(np.float32)))) < 1


@pytest.mark.parametrize("image", [IMAGES[0], IMAGES[3]])
def test_the_same_anatomy_at_a_finer_scale(image: tuple[int, Laterality, View]) -> None:
    coarse = draw_image(plan_image(SPEC, *image))
    fine = draw_image(plan_image(CohortSpec(seed=9, scale=0.25, mix=SPEC.mix), *image))
    for a, b in zip(coarse.masks, fine.masks, strict=True):
        assert np.allclose((np.argwhere(a).mean(0) + 0.5) * 8, (np.argwhere(b).mean(0) + 0.5) * 4, atol=4)
    rows, cols = coarse.pixels.shape
    halved = cv2.resize(fine.pixels.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    breast = coarse.pixels > 0
    assert np.corrcoef(halved[breast], coarse.pixels[breast])[0, 1] > 0.9
