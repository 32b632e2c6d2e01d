import numpy as np

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.distortion import retract
from mammo.phantoms.placement import Site

CANVAS = Canvas(0.25, 0, 240, 240)
SITE = Site(480, 480, 110)
down, right = np.mgrid[:240, :240] + 0.5 - 120
RADIUS, ANGLE = np.hypot(down, right), np.arctan2(down, right)


def texture() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.05, (240, 240)).astype(np.float32)


def anisotropy(plane: np.ndarray) -> float:
    """Ratio of the energy of differences across rays to that along rays, in a ring around the center."""
    along_rows, along_cols = np.gradient(plane)
    ring = (RADIUS > 15) & (RADIUS < 40)
    outward = along_rows * np.sin(ANGLE) + along_cols * np.cos(ANGLE)
    across = along_rows * np.cos(ANGLE) - along_cols * np.sin(ANGLE)
    return float((across[ring] ** 2).mean() / (outward[ring] ** 2).mean())


def test_stronger_retraction_aligns_more_texture_with_the_center() -> None:
    found = []
    for strength in (0.0, 0.3, 0.6, 1.0):
        plane = texture()
        retract(CANVAS, plane, SITE, 2.0, strength, 0.0)
        found.append(anisotropy(plane))
    assert found == sorted(found)
    assert found[0] < 1.2
    assert found[-1] > 1.6


def test_retraction_keeps_the_mean_and_everything_out_of_reach() -> None:
    plane, before = texture(), texture()
    retract(CANVAS, plane, SITE, 2.0, 1.0, 0.1)
    far = RADIUS > 1.06 * 2.0 * 110 * 0.25
    assert np.array_equal(plane[far], before[far])
    assert abs(plane.mean() - before.mean()) < 0.002
