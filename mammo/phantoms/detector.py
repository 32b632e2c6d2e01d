"""What a mammography unit makes of a breast: pixel size, blur, quantum noise, and the display curve of its images.

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

So the noise power falls to a ninth of its lowest frequencies' towards one cycle in two pixels, most of it below one in
five, as it does on real images.
"""

EXPOSURE = 0.22
"""SD of the logarithm of what an image's noise is multiplied with: doses differ, and so does a breast's thickness."""

MOST_BLUR = 0.5
"""Variance that one pass of a kernel of three pixels may add, px squared."""

APERTURE = 0.22
"""Blur of a pixel that is coarser than a full-size one by its own area, px squared."""

LEAST_BLUR = 0.01
"""Weight of a neighbour below which blur is not drawn."""


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
        framed: whether its side letter stands in a frame, above the view.
    """

    manufacturer: str
    model: str
    pixel_mm: float
    blur_mm: float
    noise: float
    gain: float
    centre: float
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
    Detector("mammo phantom A", "synthetic 70", 0.070, 0.035, 0.020, 4.0, 0.42, False),
    Detector("mammo phantom B", "synthetic 64", 0.064, 0.045, 0.0215, 5.0, 0.43, True),
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
    seen = _blurred(bright, (detector.blur_mm / PIXEL_MM * scale) ** 2 + coarseness)
    spread = _blurred(noise, (SPREAD_MM / PIXEL_MM * scale) ** 2 + coarseness)
    grain = np.exp(np.float32(ATTENUATION / 2) * (seen - np.float32(MID)))
    seen = seen + np.float32(detector.noise * scale) * grain * (noise + np.float32(SPREAD) * spread)
    return np.asarray(np.clip(np.round(detector.shown(seen) * FULL_SCALE), 1, FULL_SCALE), dtype=np.float32)


def _blurred(plane: Plane, variance: float) -> Plane:
    """The plane blurred by kernels of three pixels in rows and columns; variance in px squared."""
    passes = ceil(variance / MOST_BLUR)
    side = np.float32(variance / max(passes, 1) / 2)
    if side < LEAST_BLUR:
        return plane
    for _ in range(2 * passes):
        inner = plane[1:-1] + side * (plane[:-2] + plane[2:] - 2 * plane[1:-1])
        plane = np.concatenate([plane[:1], inner, plane[-1:]]).T
    return np.ascontiguousarray(plane)
