import numpy as np

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.distortion import draw_in
from mammo.phantoms.placement import Site

CANVAS = Canvas(0.25, 0, 240, 240)
SITE = Site(480, 480, 110)
down, right = np.mgrid[:240, :240] + 0.5 - 120
RADIUS, ANGLE = np.hypot(down, right), np.arctan2(down, right)


def texture() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.05, (240, 240)).astype(np.float32)


def anisotropy(plane: np.ndarray) -> float:
    """Energy of the differences across rays over that along them, in a ring around the centre."""
    along_rows, along_cols = np.gradient(plane)
    ring = (RADIUS > 15) & (RADIUS < 40)
    outward = along_rows * np.sin(ANGLE) + along_cols * np.cos(ANGLE)
    across = along_rows * np.cos(ANGLE) - along_cols * np.sin(ANGLE)
    return float((across[ring] ** 2).mean() / (outward[ring] ** 2).mean())


def test_texture_runs_to_the_point_the_more_the_stronger_the_pull() -> None:
    found = []
    for strength in (0.0, 0.3, 0.6, 1.0):
        plane = texture()
        draw_in(CANVAS, plane, SITE, 2.0, strength, 0.0)
        found.append(anisotropy(plane))
    assert found == sorted(found)
    assert found[0] < 1.2
    assert found[-1] > 1.6


def test_nothing_changes_out_of_reach_nor_on_average() -> None:
    plane, before = texture(), texture()
    draw_in(CANVAS, plane, SITE, 2.0, 1.0, 0.1)
    far = RADIUS > 1.06 * 2.0 * 110 * 0.25
    assert np.array_equal(plane[far], before[far])
    assert abs(plane.mean() - before.mean()) < 0.002
