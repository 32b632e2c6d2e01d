"""Clusters of calcifications: the latent v chooses their morphology, their form the distribution.

Morphologies in the order of suspicion (BI-RADS, 5th edition): round and coarse, amorphous, fine pleomorphic, fine
linear branching.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.bright_shapes import Specks, Threads, Values, wander
from mammo.phantoms.canvas import Canvas, Plane, sigmoid
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import Distribution, Form
from mammo.phantoms.polar import Polar

MOST = 44
"""Calcifications that are drawn for a cluster, of which its morphology shows the first so many."""

RODS = 12


class Morphology(StrEnum):
    """What single calcifications look like."""

    ROUND = "round"
    COARSE = "coarse"
    AMORPHOUS = "amorphous"
    PLEOMORPHIC = "fine pleomorphic"
    BRANCHING = "fine linear branching"


def morphology(v: float, coin: float) -> Morphology:
    """The morphology of latent v; coin, uniform in 0 to 1, tells round from coarse and blurs the bounds a little."""
    seen = v + 0.08 * (coin - 0.5)
    if seen < 0.30:
        return Morphology.COARSE if coin < 0.4 else Morphology.ROUND
    if seen < 0.50:
        return Morphology.AMORPHOUS
    return Morphology.PLEOMORPHIC if seen < 0.78 else Morphology.BRANCHING


def draw_cluster(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, bright: float
) -> Plane:
    """What the cluster adds [height, width]; the tissue stays as it is."""
    coin, noise, turn = rng.random(), rng.standard_normal((4, MOST)), rng.uniform(-np.pi, np.pi, MOST)
    rows, cols = _places(rng, lesion, form)
    kind, added = morphology(lesion.latent, coin), np.zeros_like(tissue)
    rods = _rods(rng, lesion, form, (rows, cols), bright)
    grains = _grains(kind, lesion.latent, noise, turn, form, bright)
    Specks(rows, cols, *grains).draw(canvas, added)
    if kind is Morphology.COARSE:  # lumps that run together, like popcorn
        near = 1.1 * grains[0]
        Specks(rows + near * np.sin(turn), cols + near * np.cos(turn), 0.8 * grains[0], *grains[1:]).draw(canvas, added)
    if kind is Morphology.BRANCHING:
        rods.draw(canvas, added)
    polar = Polar.about(canvas, lesion.site, 1.6)
    haze = sigmoid((np.float32(0.72) * polar.turned(form.contour) - polar.radius) / np.float32(0.12))
    added[polar.at] += np.float32(bright * (0.5 if kind is Morphology.AMORPHOUS else 0.16)) * haze
    return added


def _places(rng: np.random.Generator, lesion: Lesion, form: Form) -> tuple[Values, Values]:
    """Where calcifications lie, (rows, cols) [MOST]: over the form, denser in the middle unless regional."""
    depth, turn = rng.random(MOST), rng.uniform(0, 2 * np.pi, MOST)
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
    kind: Morphology, v: float, noise: NDArray[np.float64], turn: Values, form: Form, bright: float
) -> tuple[Values, Values, Values, Values]:
    """Radius, stretch, angle and brightness of the cluster's specks [MOST]; noise is [4, MOST]."""
    count, size, spread, stretch, light, uneven = {
        Morphology.ROUND: (9, 6.6, 0.10, 0.0, 1.15, 0.10),
        Morphology.COARSE: (5, 10.0, 0.16, 0.15, 1.10, 0.08),
        Morphology.AMORPHOUS: (38, 4.8, 0.15, 0.1, 0.50, 0.25),
        Morphology.PLEOMORPHIC: (30, 4.2, 0.30, 0.6, 1.6, 0.40),
        Morphology.BRANCHING: (21, 3.6, 0.30, 0.8, 1.35, 0.40),
    }[kind]
    n = count * (0.8 + 0.4 * v) * np.exp(0.15 * noise[3, 0])
    present = np.clip(n - np.arange(MOST), 0, 1)
    radius = size * np.exp(spread * noise[0])
    return (
        radius,
        1 + stretch * np.abs(noise[1]),
        np.where(noise[2] > 0, turn, form.axis),
        present * light * (0.34 + bright) * np.exp(uneven * noise[3]),
    )


def _rods(
    rng: np.random.Generator, lesion: Lesion, form: Form, places: tuple[Values, Values], bright: float
) -> Threads:
    """Fine rods along the ducts, each broken here and there, every second one with a branch."""
    start = places[0][:RODS], places[1][:RODS]
    heading = form.axis + 0.35 * rng.standard_normal(RODS) + np.pi * (rng.random(RODS) < 0.5)
    length = lesion.site.radius * rng.uniform(0.20, 0.46, RODS)
    rows, cols, headings = wander(rng, start, heading, length, 9, 0.4)
    side = rng.choice([-1.0, 1.0], RODS) * rng.uniform(0.5, 0.9, RODS)
    twig = wander(rng, (rows[:, 4], cols[:, 4]), headings[:, 4] + side, 0.55 * length, 9, 0.4)
    level = 1.15 * (0.34 + bright) * np.exp(0.3 * rng.standard_normal((2 * RODS, 9)))
    level *= rng.random((2 * RODS, 9)) < 0.8
    level[RODS:] *= rng.random(RODS)[:, None] < 0.6
    radius = np.full((2 * RODS, 9), 2.8)
    return Threads(np.concatenate([rows, twig[0]]), np.concatenate([cols, twig[1]]), radius, level)
