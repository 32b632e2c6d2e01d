"""How a lesion is drawn: its outline, and what it adds to the tissue, from a mass or from calcifications.

Every random number is drawn before the latent v is looked at, so two lesions with equal draws and equal v are equal,
whatever their labels. Angles are in radians, lengths in full-size px.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.placement import REACH
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.specks import Specks

TURN = np.linspace(-np.pi, np.pi, 721, dtype=np.float32)
"""Angles at which contours are tabulated."""

SPICULES = 13
CALCIFICATIONS = 22


@dataclass(frozen=True, eq=False)
class Patchwork:
    """Part of the canvas in polar coordinates about a lesion.

    Attributes:
        at: rows and columns of the canvas.
        radius: distance to the centre over the lesion's radius [h, w].
        angle: direction [h, w].
    """

    at: tuple[slice, slice]
    radius: Plane
    angle: Plane

    @classmethod
    def about(cls, canvas: Canvas, lesion: Lesion, reach: float) -> "Patchwork":
        """The pixels within reach (in radii) of a lesion's centre."""
        at = canvas.around(lesion.site.row, lesion.site.col, reach * lesion.site.radius)
        down, right = canvas.rows[at[0]] - lesion.site.row, canvas.cols[:, at[1]] - lesion.site.col
        radius = np.hypot(down, right) / lesion.site.radius
        return cls(at, radius.astype(np.float32), np.arctan2(down, right).astype(np.float32))

    def turned(self, table: Plane, bend: Plane | float = 0.0) -> Plane:
        """A contour tabulated over TURN, read at each pixel's angle plus bend."""
        step = np.float32(720 / (2 * np.pi))
        index = ((self.angle + bend + np.float32(np.pi)) * step).astype(np.int32) % 720
        return np.asarray(table[index], dtype=np.float32)


def outline(key: Key, lesion: Lesion, canvas: Canvas) -> NDArray[np.bool_]:
    """The lesion's outline [height, width]: a smooth, slightly generous contour that never depends on v."""
    contour = _generous(key, lesion)
    patch = Patchwork.about(canvas, lesion, 1.4)
    mask = np.zeros((canvas.height, canvas.width), dtype=bool)
    mask[patch.at] = patch.radius < patch.turned(contour)
    return mask


def outline_reach(key: Key, lesion: Lesion) -> float:
    """Radius of the circle about the centre that holds the outline, full-size px."""
    return lesion.site.radius * float(_generous(key, lesion).max())


def _generous(key: Key, lesion: Lesion) -> Plane:
    """The outline's contour over TURN, in radii."""
    contour = 1.12 * _contour(key.rng(Purpose.APPEARANCE, lesion.number))
    return np.asarray(np.minimum(contour, REACH), dtype=np.float32)


def draw_lesion(key: Key, lesion: Lesion, canvas: Canvas, tissue: Plane) -> None:
    """Add a lesion to the tissue [height, width], in place."""
    rng = key.rng(Purpose.APPEARANCE, lesion.number)
    contour = _contour(rng)
    local = float(tissue[canvas.around(lesion.site.row, lesion.site.col, lesion.site.radius)].mean())
    bright = lesion.contrast * (0.40 + 0.65 * local)
    if lesion.finding is Finding.MASS:
        _draw_mass(rng, lesion, canvas, tissue, contour, bright, local)
    else:
        _draw_calcifications(rng, lesion, canvas, tissue, contour, bright)


def _contour(rng: np.random.Generator) -> Plane:
    """Radius over TURN of a smooth closed curve around 1."""
    amplitude, phase = rng.uniform(0.02, 0.07, 3), rng.uniform(0, 2 * np.pi, 3)
    waves = amplitude[:, None] * np.cos(np.arange(2, 5)[:, None] * TURN + phase[:, None])
    return np.asarray(1 + waves.sum(axis=0), dtype=np.float32)


def _draw_mass(
    rng: np.random.Generator,
    lesion: Lesion,
    canvas: Canvas,
    tissue: Plane,
    contour: Plane,
    bright: float,
    local: float,
) -> None:
    """From round, even, sharp and haloed by a dark rim (v = 0) to uneven, blurred and spiculated (v = 1)."""
    v = lesion.latent
    patch = Patchwork.about(canvas, lesion, 2.3)
    rough, spikes, bend = _roughness(rng), _spikes(rng, v), rng.uniform(-0.25, 0.25)
    clumps, phases = rng.uniform(4.0, 7.0, 2), rng.uniform(0, 2 * np.pi, 2)
    border = patch.turned(contour * (0.97 - 0.07 * v + (0.02 + 0.17 * v) * rough))
    softness = np.float32(0.03 + 0.20 * v)
    body = sigmoid((border - patch.radius) / softness)
    uneven = np.sin(clumps[0] * patch.radius * np.cos(patch.angle) + phases[0])
    uneven = uneven * np.sin(clumps[1] * patch.radius * np.sin(patch.angle) + phases[1])
    rays = patch.turned(spikes, np.float32(bend) * (patch.radius - 1))
    halo = sigmoid((np.float32(0.75) + rays - patch.radius) / np.float32(0.10)) * smoothstep(rays * 4)
    rim = np.exp(-(((patch.radius - border) / np.float32(0.12) - 1.2) ** 2))
    added = body * (1 + 0.7 * v * uneven) + 1.2 * halo * (1 - body) - 0.55 * (1 - v) * rim
    part = tissue[patch.at]
    part += np.float32(bright) * added.astype(np.float32) + np.float32(0.5) * body * (np.float32(local) - part)


def _roughness(rng: np.random.Generator) -> Plane:
    """Lobes over TURN, SD near 1, from harmonics 3 to 9."""
    amplitude, phase = rng.standard_normal(7), rng.uniform(0, 2 * np.pi, 7)
    waves = amplitude[:, None] * np.cos(np.arange(3, 10)[:, None] * TURN + phase[:, None])
    return np.asarray(waves.sum(axis=0) / np.sqrt(3.5), dtype=np.float32)


def _spikes(rng: np.random.Generator, v: float) -> Plane:
    """How far spicules reach past the body over TURN, in radii: none for v below .25, up to SPICULES for v = 1."""
    direction, length = rng.uniform(-np.pi, np.pi, SPICULES), rng.uniform(0.6, 1.2, SPICULES)
    width = rng.uniform(0.05, 0.11, SPICULES)
    present = np.clip((v - 0.25) / 0.7 * SPICULES - np.arange(SPICULES), 0, 1)
    turn = np.abs((TURN - direction[:, None] + np.pi) % (2 * np.pi) - np.pi)
    peaks = (present * length)[:, None] * np.clip(1 - turn / (2 * width[:, None]), 0, 1)
    return np.asarray(peaks.max(axis=0), dtype=np.float32)


def _draw_calcifications(
    rng: np.random.Generator, lesion: Lesion, canvas: Canvas, tissue: Plane, contour: Plane, bright: float
) -> None:
    """From a few even round calcifications (v = 0) to many uneven, elongated ones in a drawn-out cluster (v = 1)."""
    v, site = lesion.latent, lesion.site
    axis, turn, reach = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, CALCIFICATIONS), rng.random(CALCIFICATIONS)
    size, tilt, level = (rng.standard_normal(CALCIFICATIONS) for _ in range(3))
    present = np.clip(7 + 15 * v - np.arange(CALCIFICATIONS), 0, 1)
    along, across = np.sqrt(reach) * np.cos(turn), np.sqrt(reach) * np.sin(turn) * (1 - 0.5 * v)
    specks = Specks(
        rows=site.row + 0.85 * site.radius * (along * np.sin(axis) + across * np.cos(axis)),
        cols=site.col + 0.85 * site.radius * (along * np.cos(axis) - across * np.sin(axis)),
        radius=(11.0 - 3.5 * v) * np.exp((0.10 + 0.35 * v) * size),
        stretch=1 + 1.4 * v * np.clip(0.6 + 0.5 * np.abs(tilt), 0, 1.5),
        angle=axis + 0.5 * tilt,
        bright=present * (0.20 + 1.0 * bright) * np.exp((0.08 + 0.30 * v) * level),
    )
    specks.draw(canvas, tissue)
    patch = Patchwork.about(canvas, lesion, 1.6)
    haze = sigmoid((np.float32(0.7) * patch.turned(contour) - patch.radius) / np.float32(0.2))
    tissue[patch.at] += np.float32(0.25 * bright) * haze
