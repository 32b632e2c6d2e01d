"""Masses: circumscribed or obscured, then microlobulated and indistinct, then spiculated, as the latent v grows.

The latent v changes fine detail (margin, spicules, texture) and hardly the brightness of the mass or the tissue around
it, so that a patch shows it and a whole image shows it less.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane, sample_bilinear, sigmoid, smoothstep
from mammo.phantoms.distortion import SpiculeStyle, grow_spicules, retract
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import ANGLES, Form, PolarCoordinates, random_contour

SPICULES = SpiculeStyle(count=20, start=0.1, length=(0.75, 1.3), width=4.8)


@dataclass(frozen=True)
class Margin:
    """Parameters of a margin as functions of v. All grow with v, but lobes peak at v = 0.5 and the halo falls.

    Attributes:
        irregular: SD of the border's radius, as a share of it.
        lobes: height of the small lobes of a microlobulated margin, radii.
        softness: width of the border, radii.
        spiculated: strength of the spicules and of the retraction of the tissue around, 0 to 1.
        halo: depth of the dark rim around a circumscribed margin.
    """

    irregular: float
    lobes: float
    softness: float
    spiculated: float
    halo: float

    @classmethod
    def of(cls, v: float) -> "Margin":
        """Return the margin of latent v in (0, 1)."""
        spiculated = float(smoothstep(np.array((v - 0.30) / 0.60)))
        lobes = 0.10 * float(np.exp(-(((v - 0.5) / 0.2) ** 2)))
        return cls(0.015 + 0.185 * v, lobes, 0.03 + 0.17 * v**1.3, spiculated, 0.24 * (1 - v) ** 2)


def draw_mass(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, brightness: float
) -> Plane:
    """Return the brightness that a mass adds [height, width]; retracts and evens tissue [height, width] in place."""
    v, site = lesion.latent, lesion.site
    margin = Margin.of(v)
    uneven, scallops, grain = random_contour(rng, 3, 9), np.abs(random_contour(rng, 7, 11)), rng.standard_normal((9, 9))
    behind, twist = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.05)
    hidden = float(rng.random() < 0.5) * np.clip(1.6 * np.cos(ANGLES - behind) - 0.5, 0, 1)
    retract(canvas, tissue, site, 1.8, 0.25 * margin.spiculated, twist)
    polar = PolarCoordinates.around(canvas, site, 1.9)
    edge = _edge(form.contour, v, margin, uneven, scallops)
    border = polar.lookup(edge)
    obscured = polar.lookup(np.asarray((1 - v) * hidden, dtype=np.float32))
    softness = np.float32(margin.softness) + np.float32(0.22) * obscured
    body = sigmoid((border - polar.radius) / softness) * (1 - np.float32(0.4) * obscured)
    dome = np.sqrt(np.clip(1 - (polar.radius / border) ** 2, 0, 1))
    core = np.exp(-((polar.radius / np.float32(0.45)) ** 2))
    level = np.float32(0.80 - 0.14 * v) + np.float32(0.30) * dome + np.float32(0.35 * v) * core
    level = level * (1 + np.float32(0.04 + 0.26 * v) * np.clip(_interpolated(grain, polar), -1, 1))
    part = tissue[polar.at]
    part += np.float32(0.85 * (1 - v)) * body * (part.mean() - part)  # an even mass hides the tissue's texture
    rim = np.exp(-(((polar.radius - border) / np.float32(0.13) - np.float32(1.1)) ** 2))
    added = np.zeros_like(tissue)
    added[polar.at] = np.float32(brightness) * (body * level - np.float32(margin.halo) * rim * (1 - obscured))
    grow_spicules(rng, SPICULES, site, edge, margin.spiculated, 0.95 * brightness).draw(canvas, added)
    return added


def _edge(contour: Plane, v: float, margin: Margin, uneven: Plane, scallops: Plane) -> Plane:
    """Return the border of the mass [721] over polar.ANGLES, radii; it lies within the form."""
    bumps = 1 + margin.irregular * uneven + margin.lobes * (scallops - 0.8)
    return np.asarray(contour * (0.96 - 0.08 * v) * bumps, dtype=np.float32)


def _interpolated(grain: np.ndarray, polar: PolarCoordinates) -> Plane:
    """Interpolate a coarse random field [9, 9] over the surroundings [h, w] of the mass."""
    height, width = polar.radius.shape
    rows = np.linspace(0, 8, height, dtype=np.float32)[:, None] + np.zeros((1, width), dtype=np.float32)
    cols = np.linspace(0, 8, width, dtype=np.float32)[None] + np.zeros((height, 1), dtype=np.float32)
    return sample_bilinear(grain.astype(np.float32), rows, cols)
