import numpy as np
import pytest

from mammo.phantoms.bright_shapes import Curves, Ellipses, random_walks
from mammo.phantoms.canvas import Canvas


def line(scale: float, radius: float, brightness: float = 0.4, to: float = 500) -> np.ndarray:
    size = round(640 * scale)
    plane = np.zeros((size, size), dtype=np.float32)
    rows, cols = np.array([[320.0, 320.0, 320.0]]), np.array([[100.0, 260.0, to]])
    Curves(rows, cols, np.full((1, 3), radius), np.full((1, 3), brightness)).draw(Canvas(scale, 0, size, size), plane)
    return plane


def test_a_curve_is_even_along_its_length_and_gaussian_across() -> None:
    plane = line(0.5, radius=8)
    ridge = plane[160, 70:230]
    assert ridge == pytest.approx(0.4 * np.exp(-((0.5 / 4) ** 2)), rel=0.02)
    assert plane[160 + 4, 150] == pytest.approx(0.4 * np.exp(-((4.5 / 4) ** 2)), rel=0.05)


def test_a_curve_has_the_same_total_brightness_at_every_scale() -> None:
    light = [line(scale, radius=6).sum() / scale**2 for scale in (0.125, 0.25, 0.5)]
    assert np.ptp(light) < 0.02 * np.mean(light)
    assert light[0] == pytest.approx(400 * 0.4 * 6 * np.sqrt(np.pi), rel=0.03)


def test_curves_are_clipped_to_the_canvas() -> None:
    whole, cut = line(0.25, 6), line(0.25, 6, to=900)
    assert np.isfinite(cut).all()
    assert np.allclose(cut[:, 30:100], whole[:, 30:100], atol=0.01)
    assert cut[79:81, -1].max() > 0.3


def test_random_walks_keep_their_length_and_change_direction() -> None:
    n = 400
    zero = np.zeros(n)
    rows, cols, headings = random_walks(np.random.default_rng(0), (zero, zero), zero, np.full(n, 100.0), 21, 0.5)
    assert np.hypot(np.diff(rows), np.diff(cols)).sum(axis=1) == pytest.approx(100)
    assert 0.3 < headings[:, -1].std() < 0.7
    straight = random_walks(np.random.default_rng(0), (zero, zero), zero, np.full(n, 100.0), 21, 0.0)
    assert np.allclose(straight[1][:, -1], 100)


def one(scale: float, radius: float = 40.0) -> np.ndarray:
    plane = np.zeros((round(400 * scale), round(400 * scale)), dtype=np.float32)
    canvas = Canvas(scale, 0, *plane.shape)
    values = [np.array([x]) for x in (210.0, 170.0, radius, 2.0, np.pi / 2, 0.5)]
    Ellipses(*values).draw(canvas, plane)
    return plane


def test_an_ellipse_is_brightest_at_its_center_and_long_along_its_angle() -> None:
    plane = one(0.25)
    assert np.unravel_index(plane.argmax(), plane.shape) == (52, 42)
    rows, cols = np.nonzero(plane > 0.25)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(cols), abs=3)


def test_an_ellipse_has_the_same_total_brightness_at_every_scale() -> None:
    light = [one(scale).sum() / scale**2 for scale in (0.125, 0.25, 0.5)]
    assert np.ptp(light) < 0.02 * np.mean(light)
    assert one(0.125, radius=2).sum() > 0
