"""Clusters of calcifications: the latent v sets their morphology, the lesion's form their distribution.

Morphologies in the order of suspicion (BI-RADS, 5th edition): round and coarse, amorphous, fine pleomorphic, fine
linear branching.
"""

from enum import StrEnum

import numpy as np

from mammo.phantoms.bright_shapes import Curves, Ellipses, random_walks
from mammo.phantoms.canvas import Canvas, Plane, sigmoid
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import Distribution, Form, PolarCoordinates
from mammo.records import Floats

MAX_CALCIFICATIONS = 44
"""Calcifications drawn for a cluster; its morphology decides how many of them are shown."""

RODS = 12


class Morphology(StrEnum):
    """Morphology of single calcifications."""

    ROUND = "round"
    COARSE = "coarse"
    AMORPHOUS = "amorphous"
    PLEOMORPHIC = "fine pleomorphic"
    BRANCHING = "fine linear branching"


def morphology(v: float, coin: float) -> Morphology:
    """Return the morphology of latent v.

    Args:
        v: the latent, in (0, 1).
        coin: uniform in [0, 1); chooses between round and coarse, and blurs the class bounds a little.
    """
    blurred = v + 0.08 * (coin - 0.5)
    if blurred < 0.30:
        return Morphology.COARSE if coin < 0.4 else Morphology.ROUND
    if blurred < 0.50:
        return Morphology.AMORPHOUS
    return Morphology.PLEOMORPHIC if blurred < 0.78 else Morphology.BRANCHING


def draw_cluster(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, brightness: float
) -> Plane:
    """Return the brightness that a cluster adds [height, width]; tissue [height, width] stays unchanged."""
    rng.random()  # form.coin, where no other view shows the cluster
    noise = rng.standard_normal((4, MAX_CALCIFICATIONS))
    turn = rng.uniform(-np.pi, np.pi, MAX_CALCIFICATIONS)
    rows, cols = _positions(rng, lesion, form)
    kind, added = morphology(lesion.latent, form.coin), np.zeros_like(tissue)
    rods = _rods(rng, lesion, form, (rows, cols), brightness)
    grains = _grains(kind, lesion.latent, noise, turn, form, brightness)
    Ellipses(rows, cols, *grains).draw(canvas, added)
    if kind is Morphology.COARSE:  # lumps that run together, like popcorn
        away = 1.1 * grains[0]
        lumps = rows + away * np.sin(turn), cols + away * np.cos(turn)
        Ellipses(*lumps, 0.8 * grains[0], *grains[1:]).draw(canvas, added)
    if kind is Morphology.BRANCHING:
        rods.draw(canvas, added)
    polar = PolarCoordinates.around(canvas, lesion.site, 1.6)
    haze = sigmoid((np.float32(0.72) * polar.lookup(form.contour) - polar.radius) / np.float32(0.12))
    added[polar.at] += np.float32(brightness * (0.5 if kind is Morphology.AMORPHOUS else 0.16)) * haze
    return added


def _positions(rng: np.random.Generator, lesion: Lesion, form: Form) -> tuple[Floats, Floats]:
    """Draw positions (rows, cols) [MAX_CALCIFICATIONS] within the form, denser in the middle unless regional."""
    depth, turn = rng.random(MAX_CALCIFICATIONS), rng.uniform(0, 2 * np.pi, MAX_CALCIFICATIONS)
    bow = rng.uniform(-0.25, 0.25)
    out = 0.9 * depth ** (0.5 if form.distribution is Distribution.REGIONAL else 0.65)
    along, across = form.long * out * np.cos(turn), form.short * out * np.sin(turn)
    if form.distribution is Distribution.LINEAR:
        across = 0.55 * across + bow * (along**2 - 0.4)
    if form.distribution is Distribution.SEGMENTAL:
        across = across * (1 - 0.45 * along)
    c, s = np.cos(form.axis), np.sin(form.axis)
    site = lesion.site
    return site.row + site.radius * (along * s + across * c), site.col + site.radius * (along * c - across * s)


def _grains(
    kind: Morphology, v: float, noise: Floats, turn: Floats, form: Form, brightness: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return radius, stretch, angle and brightness of the calcifications, each [MAX_CALCIFICATIONS].

    Args:
        kind: their morphology.
        v: the latent.
        noise: normal draws [4, MAX_CALCIFICATIONS].
        turn: random angles [MAX_CALCIFICATIONS], radians.
        form: the lesion's form.
        brightness: brightness of the lesion.
    """
    count, size, spread, stretch, level, uneven = {
        Morphology.ROUND: (9, 6.6, 0.10, 0.0, 1.15, 0.10),
        Morphology.COARSE: (5, 10.0, 0.16, 0.15, 1.10, 0.08),
        Morphology.AMORPHOUS: (38, 4.8, 0.15, 0.1, 0.50, 0.25),
        Morphology.PLEOMORPHIC: (30, 4.2, 0.30, 0.6, 1.6, 0.40),
        Morphology.BRANCHING: (21, 3.6, 0.30, 0.8, 1.35, 0.40),
    }[kind]
    n = count * (0.8 + 0.4 * v) * np.exp(0.15 * noise[3, 0])
    present = np.clip(n - np.arange(MAX_CALCIFICATIONS), 0, 1)
    radius = size * np.exp(spread * noise[0])
    return (
        radius,
        1 + stretch * np.abs(noise[1]),
        np.where(noise[2] > 0, turn, form.axis),
        present * level * (0.34 + brightness) * np.exp(uneven * noise[3]),
    )


def _rods(
    rng: np.random.Generator, lesion: Lesion, form: Form, positions: tuple[Floats, Floats], brightness: float
) -> Curves:
    """Return fine broken rods along the ducts, 60 % of them with a branch."""
    start = positions[0][:RODS], positions[1][:RODS]
    heading = form.axis + 0.35 * rng.standard_normal(RODS) + np.pi * (rng.random(RODS) < 0.5)
    length = lesion.site.radius * rng.uniform(0.20, 0.46, RODS)
    rows, cols, headings = random_walks(rng, start, heading, length, 9, 0.4)
    side = rng.choice([-1.0, 1.0], RODS) * rng.uniform(0.5, 0.9, RODS)
    twig = random_walks(rng, (rows[:, 4], cols[:, 4]), headings[:, 4] + side, 0.55 * length, 9, 0.4)
    level = 1.15 * (0.34 + brightness) * np.exp(0.3 * rng.standard_normal((2 * RODS, 9)))
    level *= rng.random((2 * RODS, 9)) < 0.8
    level[RODS:] *= rng.random(RODS)[:, None] < 0.6
    radius = np.full((2 * RODS, 9), 2.8)
    return Curves(np.concatenate([rows, twig[0]]), np.concatenate([cols, twig[1]]), radius, level)
