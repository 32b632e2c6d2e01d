"""What a mammography unit makes of a breast: pixel size, blur, quantum noise, processing, and the display curve.

Brightness before the detector is that of a thickness-equalised image of log exposure: more attenuation, fewer photons,
brighter. Units are invented; who examines a patient has nothing to do with her findings.
"""

from dataclasses import dataclass
from math import ceil, exp

import numpy as np

from mammo.phantoms.canvas import PIXEL_MM, Plane, sigmoid
from mammo.phantoms.randomness import Key, Purpose
from mammo.records import FULL_SCALE

ATTENUATION = 1.5
"""By how much the logarithm of the photons' number falls from brightness 0 to 1."""

MID = 0.4
"""Brightness at which Detector.noise is told."""

SPREAD, SPREAD_MM = 1.8, 0.077
"""Share of the noise that spreads to neighbouring pixels beside that which does not, and the SD of that spread.

So the noise power falls to about a seventh of its lowest frequencies' towards one cycle in two pixels, most of it
below one in five, as it does on real images. Fine pixels have a spread of their own, FINE_SPREAD.
"""

EXPOSURE = 0.22
"""SD of the logarithm of what an image's noise is multiplied with: doses differ, and so does a breast's thickness."""

MOST_BLUR = 0.5
"""Variance that one pass of a kernel of three pixels may add, px squared."""

APERTURE = 0.22
"""Blur of a pixel that is coarser than a full-size one by its own area, px squared."""

LEAST_BLUR = 0.01
"""Weight of a neighbour below which blur is not drawn."""

FINE = 0.5
"""Pixels per full-size pixel above which an image shows what coarser ones average away: all that FINE_... tells of."""

FINE_NEAR = 0.045
"""Variance of the spread of that noise which a coarser pixel keeps, px squared."""

FINE_SPREAD = (2.3, 1.3)
"""Variance of the wider spread from row to row and from column to column, px squared: real noise differs in the two."""

FINE_DETAIL = 1.0
"""Variance of the blur beside which detail is told, px squared."""

FINE_FALL, FINE_LEAST = 3.2, 0.85
"""How the factor of detail falls with the square of the distance from brightness MID, and where it ends."""

FINE_LEVELS = 2730
"""Whole values of log exposure from brightness 0 to 1, 12 bits from 0 to 1.5.

Where the display curve is steep it leaves about one grey value in two unused, as that of real images does.
"""


@dataclass(frozen=True)
class Detector:
    """One mammography unit.

    Attributes:
        manufacturer: (0008,0070).
        model: (0008,1090).
        pixel_mm: spacing of its pixels at full size.
        blur_mm: SD of its point spread.
        noise: SD of the quantum noise of one full-size pixel at brightness MID that stays in its pixel.
        gain: steepness of the display curve.
        centre: brightness at which that curve is steepest.
        detail: what its processing multiplies the detail of fine pixels with at brightness MID.
        framed: whether its side letter stands in a frame, above the view.
    """

    manufacturer: str
    model: str
    pixel_mm: float
    blur_mm: float
    noise: float
    gain: float
    centre: float
    detail: float
    framed: bool

    def scale(self, scale: float) -> float:
        """This unit's pixels per full-size pixel of 0.07 mm, in a cohort of that scale."""
        return scale * PIXEL_MM / self.pixel_mm

    def shown(self, bright: Plane) -> Plane:
        """The display curve, from brightness to grey in [0, 1): a sigmoid from 0, steepest at centre."""
        foot = np.float32(1 / (1 + exp(self.gain * self.centre)))
        rising = sigmoid(np.float32(self.gain) * (bright - np.float32(self.centre)))
        return np.asarray((rising - foot) / (1 - foot), dtype=np.float32)


DETECTORS = (
    Detector("mammo phantom A", "synthetic 70", 0.070, 0.035, 0.020, 4.0, 0.42, 1.22, False),
    Detector("mammo phantom B", "synthetic 64", 0.064, 0.045, 0.0215, 5.0, 0.43, 1.25, True),
)
"""The units of a cohort; none has larger pixels than the full-size frame, so that its distances in px are the least."""


def draw_detector(key: Key) -> Detector:
    """The unit that examines a patient, the same for her four images; drawn without looking at any label."""
    return DETECTORS[int(Key(key.seed, key.patient).rng(Purpose.DETECTOR).integers(len(DETECTORS)))]


def draw_exposure(key: Key) -> float:
    """What the noise of one image is multiplied with, about 1; drawn without looking at any label."""
    return exp(EXPOSURE * float(key.rng(Purpose.DETECTOR).standard_normal()))


def exposed(detector: Detector, bright: Plane, noise: Plane, scale: float) -> Plane:
    """Grey values 1 to 4095 [height, width] of one exposure.

    Quantum noise is Gaussian for Poisson: photons fall by exp(-ATTENUATION * brightness), so the SD of their logarithm
    rises by the root. A coarser pixel averages as many more photons as its area is larger.

    Args:
        detector: the unit.
        bright: brightness [height, width], 0 outside of the breast.
        noise: normal [height, width], its SD what draw_exposure() says.
        scale: pixels per full-size pixel.
    """
    coarseness = APERTURE * max(1 - scale**2, 0)
    blur = (detector.blur_mm / PIXEL_MM * scale) ** 2 + coarseness
    seen = _blurred(bright, blur, blur)
    grain = np.float32(detector.noise * scale) * np.exp(np.float32(ATTENUATION / 2) * (seen - np.float32(MID)))
    if scale > FINE:
        seen = _fine(detector, seen, grain, noise)
    else:
        wide = (SPREAD_MM / PIXEL_MM * scale) ** 2 + coarseness
        seen = seen + grain * (noise + np.float32(SPREAD) * _blurred(noise, wide, wide))
    return np.asarray(np.clip(np.round(detector.shown(seen) * FULL_SCALE), 1, FULL_SCALE), dtype=np.float32)


def _fine(detector: Detector, seen: Plane, grain: Plane, noise: Plane) -> Plane:
    """The brightness of an exposure with fine pixels [height, width], grain being the SD of its noise.

    Brightness is the negative logarithm of the photons' number, here to second order: as large a share of photons more
    or less is not as large a step, which leaves bright pixels rarer and sharper than dark ones. Processing then raises
    the finest detail, most where brightness is middling, and keeps whole values.
    """
    speckle = grain * (_blurred(noise, FINE_NEAR, FINE_NEAR) + np.float32(SPREAD) * _blurred(noise, *FINE_SPREAD))
    seen = seen + speckle + np.float32(ATTENUATION / 2) * speckle * speckle
    smooth = _blurred(seen, FINE_DETAIL, FINE_DETAIL)
    off = smooth - np.float32(MID)
    factor = np.maximum(np.float32(detector.detail) - np.float32(FINE_FALL) * off * off, np.float32(FINE_LEAST))
    processed = smooth + factor * (seen - smooth)
    return np.asarray(np.round(processed * np.float32(FINE_LEVELS)) / np.float32(FINE_LEVELS), dtype=np.float32)


def _blurred(plane: Plane, down: float, across: float) -> Plane:
    """The plane blurred by kernels of three pixels in rows and columns; variances in px squared."""
    passes = ceil(max(down, across) / MOST_BLUR)
    sides = [np.float32(variance / max(passes, 1) / 2) for variance in (down, across)]
    if max(sides) < LEAST_BLUR:
        return plane
    for side in sides * passes:
        inner = plane[1:-1] + side * (plane[:-2] + plane[2:] - 2 * plane[1:-1])
        plane = np.concatenate([plane[:1], inner, plane[-1:]]).T
    return np.ascontiguousarray(plane)
