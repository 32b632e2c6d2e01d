"""Lesions of soft tissue: masses and architectural distortions, with the spicules and the retraction of both.

Masses are circumscribed or obscured, then microlobulated and indistinct, then spiculated, as the latent v grows. It
changes fine detail (margin, spicules, texture) and hardly the brightness of the mass or the tissue around it, so that a
patch shows it and a whole image shows it less. A distortion is tissue pulled towards a point, with lines that radiate
from it. Spicules are the fine lines that radiate from a lesion; they branch, bend and fade.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from mammo.phantoms.bright_shapes import Curves, random_walks
from mammo.phantoms.canvas import Canvas, Plane, sample_bilinear, sigmoid, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import ANGLES, Form, PolarCoordinates, contour_at, random_contour
from mammo.phantoms.placement import Site
from mammo.records import Floats

VERTICES = 12
"""Points of a stem or twig."""

COMB = 0.24
"""Half-length over which texture is averaged along a streak, as a share of the distance to the point."""

PULL = 0.30
"""Texture at distance r comes from distances up to r * (1 + PULL)."""


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


MASS_SPICULES = SpiculeStyle(count=20, start=0.1, length=(0.75, 1.3), width=4.8)
DISTORTION_SPICULES = SpiculeStyle(count=26, start=0.10, length=(0.8, 1.35), width=7.5)


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
    grow_spicules(rng, MASS_SPICULES, site, edge, margin.spiculated, 0.95 * brightness).draw(canvas, added)
    return added


def _edge(contour: Plane, v: float, margin: Margin, uneven: Plane, scallops: Plane) -> Plane:
    """Return the border of the mass [721] over lesion_shape.ANGLES, radii; it lies within the form."""
    bumps = 1 + margin.irregular * uneven + margin.lobes * (scallops - 0.8)
    return np.asarray(contour * (0.96 - 0.08 * v) * bumps, dtype=np.float32)


def _interpolated(grain: np.ndarray, polar: PolarCoordinates) -> Plane:
    """Interpolate a coarse random field [9, 9] over the surroundings [h, w] of the mass."""
    height, width = polar.radius.shape
    rows = np.linspace(0, 8, height, dtype=np.float32)[:, None] + np.zeros((1, width), dtype=np.float32)
    cols = np.linspace(0, 8, width, dtype=np.float32)[None] + np.zeros((height, 1), dtype=np.float32)
    return sample_bilinear(grain.astype(np.float32), rows, cols)


def draw_distortion(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, brightness: float
) -> Plane:
    """Return the brightness that a distortion adds [height, width]; retracts tissue [height, width] in place.

    Retraction and lines grow with v; at low v little is left but an even asymmetry with a paler middle. There is no
    central mass.
    """
    v, site = lesion.latent, lesion.site
    twist = rng.normal(0, 0.06)
    retract(canvas, tissue, site, 2.2, 0.15 + 0.85 * v, twist)
    polar = PolarCoordinates.around(canvas, site, 2.0)
    asymmetry = np.exp(-((polar.radius / (0.85 * polar.lookup(form.contour))) ** 4))
    middle = np.exp(-((polar.radius / np.float32(0.42)) ** 2))
    part = tissue[polar.at]
    part += np.float32(0.8 * (1 - v)) * asymmetry * (part.mean() - part)
    added = np.zeros_like(tissue)
    added[polar.at] = np.float32(brightness) * (
        np.float32(0.8 - 0.5 * v) * asymmetry + np.float32(1.2 * v - 0.4) * middle
    )
    grow_spicules(rng, DISTORTION_SPICULES, site, form.contour, v, (0.3 + 0.9 * v) * brightness).draw(canvas, added)
    return added


def retract(canvas: Canvas, plane: Plane, site: Site, reach: float, strength: float, twist: float) -> None:
    """Pull the tissue around a site towards its center, in place, and comb it into streaks that run to the center.

    Args:
        canvas: canvas of the plane.
        plane: brightness [height, width].
        site: its center is the point of retraction.
        reach: radius of the retracted region, in radii of the site.
        strength: 0 (none) to 1.
        twist: deviation of the streaks from straight lines, radians.
    """
    if strength <= 0:
        return
    at = canvas.around(site.row, site.col, reach * site.radius)
    part = plane[at]
    down, right = (canvas.rows[at[0]] - site.row) * canvas.scale, (canvas.cols[:, at[1]] - site.col) * canvas.scale
    away = np.hypot(down, right) / np.float32(reach * site.radius * canvas.scale)
    pull = smoothstep(np.float32(1.6) - np.float32(1.52) * away)
    pull = pull * np.float32(strength)
    center_row = site.row * canvas.scale - 0.5 - canvas.row0 - at[0].start
    center_col = site.col * canvas.scale - 0.5 - at[1].start
    combed = np.zeros_like(part)
    for along in np.linspace(-1, 1, 7):
        length = 1 + np.float32(PULL) * pull + np.float32(COMB * along)
        c, s = np.float32(np.cos(twist * along)), np.float32(np.sin(twist * along))
        rows, cols = (down * c + right * s) * length, (right * c - down * s) * length
        combed += sample_bilinear(part, rows + np.float32(center_row), cols + np.float32(center_col)) / np.float32(7)
    even = uniform_filter(combed, size=max(round(0.35 * site.radius * canvas.scale), 3), mode="nearest")
    part += pull * (combed - part + np.float32(1.3) * (combed - even))


def grow_spicules(
    rng: np.random.Generator, style: SpiculeStyle, site: Site, contour: Plane, strength: float, brightness: float
) -> Curves:
    """Draw spicules around a site.

    Args:
        rng: source of random numbers; the number of draws does not depend on strength.
        style: kind of spicules.
        site: the lesion's center and radius.
        contour: radius of the lesion [721] over lesion_shape.ANGLES, in radii of the site.
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
