"""Spicules: fine lines that leave a lesion, branch, bend into the tissue and fade."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.bright_shapes import Threads, Values, wander
from mammo.phantoms.canvas import Plane
from mammo.phantoms.placement import Site
from mammo.phantoms.polar import read_turn

VERTICES = 12


@dataclass(frozen=True)
class Habit:
    """How spicules grow; lengths in radii of the lesion.

    Attributes:
        count: stems at full strength; each may bear two branches.
        start: where stems begin, as a share of the contour.
        length: shortest and longest stem.
        width: half-width of a stem at its root, full-size px.
    """

    count: int
    start: float
    length: tuple[float, float]
    width: float


def grow_spicules(
    rng: np.random.Generator, habit: Habit, site: Site, contour: Plane, strength: float, bright: float
) -> Threads:
    """Spicules around a site: strength (0 to 1) sets how many there are and how long; every draw is made anyway."""
    n = habit.count
    place = (np.arange(n) + rng.uniform(-0.45, 0.45, n)) * (2 * np.pi / n) + rng.uniform(0, 2 * np.pi)
    order, size, tilt = rng.permutation(n), rng.random(n), 0.22 * rng.standard_normal(n)
    present = np.clip(strength * n - order, 0, 1)
    length = site.radius * (habit.length[0] + (habit.length[1] - habit.length[0]) * size) * (0.55 + 0.45 * strength)
    root = habit.start * site.radius * read_turn(contour, place)
    start = site.row + root * np.sin(place), site.col + root * np.cos(place)
    rows, cols, headings = wander(rng, start, place + tilt, length, VERTICES, 0.55)
    stems = rows, cols, present * (0.55 + 0.45 * rng.random(n))
    parts, widths = [stems], [habit.width * (0.7 + 0.6 * rng.random(n))]
    for side in (-1, 1):
        fork, angle, share = rng.integers(3, 9, n), rng.uniform(0.3, 0.75, n), rng.uniform(0.3, 0.75, n)
        born, each = rng.random(n) < 0.6, np.arange(n)
        at = rows[each, fork], cols[each, fork]
        twig_rows, twig_cols, _ = wander(rng, at, headings[each, fork] + side * angle, share * length, VERTICES, 0.6)
        parts.append((twig_rows, twig_cols, 0.6 * stems[2] * born))
        widths.append(0.6 * widths[0])
    return _threads(parts, widths, bright)


def _threads(parts: list[tuple[Values, Values, Values]], widths: list[Values], bright: float) -> Threads:
    """Stems and twigs as threads that taper and fade towards their tips."""
    t = np.linspace(0, 1, VERTICES)
    rows, cols, level = (np.concatenate([part[i] for part in parts]) for i in range(3))
    width = np.concatenate(widths)[:, None] * (1 - 0.65 * t)
    return Threads(rows, cols, width, bright * level[:, None] * np.minimum(2.5 * t, 1) * (1 - t) ** 0.8)
