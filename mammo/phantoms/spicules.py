"""Spicules: fine lines that radiate from a lesion, branch, bend and fade."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.bright_shapes import Curves, random_walks
from mammo.phantoms.canvas import Plane
from mammo.phantoms.placement import Site
from mammo.phantoms.polar import contour_at
from mammo.records import Floats

VERTICES = 12


@dataclass(frozen=True)
class SpiculeStyle:
    """Parameters of a kind of spicules.

    Attributes:
        count: stems at full strength, each with up to two branches.
        start: radius at which stems begin, as a share of the contour.
        length: shortest and longest stem, in radii of the lesion.
        width: half-width of a stem at its root, full-size px.
    """

    count: int
    start: float
    length: tuple[float, float]
    width: float


def grow_spicules(
    rng: np.random.Generator, style: SpiculeStyle, site: Site, contour: Plane, strength: float, brightness: float
) -> Curves:
    """Draw spicules around a site.

    Args:
        rng: source of random numbers; the number of draws does not depend on strength.
        style: kind of spicules.
        site: the lesion's center and radius.
        contour: radius of the lesion [721] over polar.ANGLES, in radii of the site.
        strength: 0 to 1; sets the number of stems and their length.
        brightness: brightness of a stem at its root.
    """
    n = style.count
    angles = (np.arange(n) + rng.uniform(-0.45, 0.45, n)) * (2 * np.pi / n) + rng.uniform(0, 2 * np.pi)
    order, size, tilt = rng.permutation(n), rng.random(n), 0.22 * rng.standard_normal(n)
    present = np.clip(strength * n - order, 0, 1)
    length = site.radius * (style.length[0] + (style.length[1] - style.length[0]) * size) * (0.55 + 0.45 * strength)
    root = style.start * site.radius * contour_at(contour, angles)
    start = site.row + root * np.sin(angles), site.col + root * np.cos(angles)
    rows, cols, headings = random_walks(rng, start, angles + tilt, length, VERTICES, 0.55)
    stems = rows, cols, present * (0.55 + 0.45 * rng.random(n))
    parts, widths = [stems], [style.width * (0.7 + 0.6 * rng.random(n))]
    for side in (-1, 1):
        fork, angle, share = rng.integers(3, 9, n), rng.uniform(0.3, 0.75, n), rng.uniform(0.3, 0.75, n)
        born, each = rng.random(n) < 0.6, np.arange(n)
        at = rows[each, fork], cols[each, fork]
        twig_rows, twig_cols, _ = random_walks(
            rng, at, headings[each, fork] + side * angle, share * length, VERTICES, 0.6
        )
        parts.append((twig_rows, twig_cols, 0.6 * stems[2] * born))
        widths.append(0.6 * widths[0])
    return _tapered(parts, widths, brightness)


def _tapered(parts: list[tuple[Floats, Floats, Floats]], widths: list[Floats], brightness: float) -> Curves:
    """Return stems and twigs as curves that taper and fade towards their tips."""
    t = np.linspace(0, 1, VERTICES)
    rows, cols, level = (np.concatenate([part[i] for part in parts]) for i in range(3))
    width = np.concatenate(widths)[:, None] * (1 - 0.65 * t)
    return Curves(rows, cols, width, brightness * level[:, None] * np.minimum(2.5 * t, 1) * (1 - t) ** 0.8)
