"""Mammography units: pixel size, blur, quantum noise, processing and display curve.

Brightness before the detector is that of a thickness-equalized image of log exposure: more attenuation, fewer photons,
brighter. The units are fictitious, and a patient's unit is independent of her findings.
"""

from dataclasses import dataclass
from math import ceil, exp

import numpy as np

from mammo.phantoms.canvas import PIXEL_MM, Plane, sigmoid
from mammo.phantoms.spec import Key, Purpose
from mammo.records import FULL_SCALE

ATTENUATION = 1.5
"""Decrease of the logarithm of the number of photons from brightness 0 to 1."""

MID_BRIGHTNESS = 0.4
"""Brightness at which Detector.noise is specified."""

NOISE_SPREAD, NOISE_SPREAD_MM = 1.8, 0.077
"""Weight of the blurred copy of the noise that is added to the white noise, and the SD of that blur, mm.

Noise power falls to about a seventh of its value at low frequencies towards one cycle in two pixels, most of it below
one in five, as on real images. Images finer than FINE_SCALE use FINE_SPREAD_VARIANCES instead.
"""

EXPOSURE_SD = 0.22
"""SD of the logarithm of an image's noise factor: doses and breast thicknesses differ."""

MAX_PASS_VARIANCE = 0.5
"""Largest variance that one pass of a kernel of three pixels adds, px squared."""

APERTURE = 0.22
"""Variance of the blur that a pixel coarser than a full-size one adds by its own area, px squared."""

MIN_BLUR = 0.01
"""Weight of a neighbor below which blur is skipped."""

FINE_SCALE = 0.5
"""Stored pixels per full-size pixel above which an image shows the fine noise and processing of the constants below."""

FINE_NOISE_VARIANCE = 0.045
"""Variance of the blur of the narrow component of the noise in fine images, px squared."""

FINE_SPREAD_VARIANCES = (2.3, 1.3)
"""Variances of the blur of its wide component along rows and columns, px squared: they differ on real images."""

DETAIL_VARIANCE = 1.0
"""Variance of the blur that separates fine detail from the rest, px squared."""

DETAIL_FALL, DETAIL_MIN = 3.2, 0.85
"""Decrease of the detail gain with the squared distance from MID_BRIGHTNESS, and the smallest gain."""

LOG_LEVELS = 2730
"""Quantization levels of log exposure from brightness 0 to 1: 12 bits from 0 to 1.5.

Where the display curve is steep about one gray value in two stays unused, as on real images.
"""


@dataclass(frozen=True)
class Detector:
    """One mammography unit.

    Attributes:
        manufacturer: (0008,0070).
        model: (0008,1090).
        pixel_mm: pixel spacing at full size, mm.
        blur_mm: SD of its point spread function, mm.
        noise: SD of the white component of the quantum noise of a full-size pixel at MID_BRIGHTNESS.
        gain: steepness of the display curve.
        center: brightness at which the display curve is steepest.
        detail_gain: factor of its processing on fine detail at MID_BRIGHTNESS.
        letter_boxed: whether its side letter has a box around it and stands above the view.
    """

    manufacturer: str
    model: str
    pixel_mm: float
    blur_mm: float
    noise: float
    gain: float
    center: float
    detail_gain: float
    letter_boxed: bool

    def scale(self, scale: float) -> float:
        """Return this unit's stored pixels per full-size pixel of 0.07 mm, in a cohort of this scale."""
        return scale * PIXEL_MM / self.pixel_mm

    def display(self, brightness: Plane) -> Plane:
        """Map brightness to gray in [0, 1), same shape: a sigmoid from 0, steepest at center."""
        foot = np.float32(1 / (1 + exp(self.gain * self.center)))
        rising = sigmoid(np.float32(self.gain) * (brightness - np.float32(self.center)))
        return np.asarray((rising - foot) / (1 - foot), dtype=np.float32)


DETECTORS = (
    Detector("mammo phantom A", "synthetic 70", 0.070, 0.035, 0.020, 4.0, 0.42, 1.22, False),
    Detector("mammo phantom B", "synthetic 64", 0.064, 0.045, 0.0215, 5.0, 0.43, 1.25, True),
)
"""Units of a cohort; none has larger pixels than the full-size frame, so distances in px are lower bounds for all."""


def draw_detector(key: Key) -> Detector:
    """Draw a patient's unit, the same for her four images and independent of labels."""
    return DETECTORS[int(Key(key.seed, key.patient).rng(Purpose.DETECTOR).integers(len(DETECTORS)))]


def draw_exposure(key: Key) -> float:
    """Draw the noise factor of one image, about 1, independent of labels."""
    return exp(EXPOSURE_SD * float(key.rng(Purpose.DETECTOR).standard_normal()))


def expose(detector: Detector, brightness: Plane, noise: Plane, scale: float) -> Plane:
    """Simulate one exposure.

    Poisson noise is approximated as Gaussian: the number of photons falls as exp(-ATTENUATION * brightness), so the SD
    of its logarithm rises as the root of the inverse. A coarser pixel averages photons in proportion to its area.

    Args:
        detector: the unit.
        brightness: [height, width], 0 outside the breast.
        noise: normal noise [height, width] with the SD of draw_exposure().
        scale: stored pixels per full-size pixel.

    Returns:
        Gray values 1 to 4095 [height, width].
    """
    coarseness = APERTURE * max(1 - scale**2, 0)
    blur = (detector.blur_mm / PIXEL_MM * scale) ** 2 + coarseness
    detected = _blurred(brightness, blur, blur)
    grain = np.float32(detector.noise * scale) * np.exp(
        np.float32(ATTENUATION / 2) * (detected - np.float32(MID_BRIGHTNESS))
    )
    if scale > FINE_SCALE:
        detected = _fine(detector, detected, grain, noise)
    else:
        wide = (NOISE_SPREAD_MM / PIXEL_MM * scale) ** 2 + coarseness
        detected = detected + grain * (noise + np.float32(NOISE_SPREAD) * _blurred(noise, wide, wide))
    return np.asarray(np.clip(np.round(detector.display(detected) * FULL_SCALE), 1, FULL_SCALE), dtype=np.float32)


def _fine(detector: Detector, detected: Plane, grain: Plane, noise: Plane) -> Plane:
    """Return the brightness of an exposure with fine pixels [height, width]; grain is the SD of its noise.

    Brightness is the negative logarithm of the number of photons, here to second order: equal relative changes up and
    down give unequal steps, which makes bright pixels rarer and sharper than dark ones. Processing then enhances fine
    detail, most at middle brightness, and quantizes.
    """
    speckle = grain * (
        _blurred(noise, FINE_NOISE_VARIANCE, FINE_NOISE_VARIANCE)
        + np.float32(NOISE_SPREAD) * _blurred(noise, *FINE_SPREAD_VARIANCES)
    )
    detected = detected + speckle + np.float32(ATTENUATION / 2) * speckle * speckle
    smooth = _blurred(detected, DETAIL_VARIANCE, DETAIL_VARIANCE)
    off = smooth - np.float32(MID_BRIGHTNESS)
    factor = np.maximum(np.float32(detector.detail_gain) - np.float32(DETAIL_FALL) * off * off, np.float32(DETAIL_MIN))
    processed = smooth + factor * (detected - smooth)
    return np.asarray(np.round(processed * np.float32(LOG_LEVELS)) / np.float32(LOG_LEVELS), dtype=np.float32)


def _blurred(plane: Plane, down: float, across: float) -> Plane:
    """Blur a plane [height, width] by kernels of three pixels along rows and columns; variances in px squared."""
    passes = ceil(max(down, across) / MAX_PASS_VARIANCE)
    sides = [np.float32(variance / max(passes, 1) / 2) for variance in (down, across)]
    if max(sides) < MIN_BLUR:
        return plane
    for side in sides * passes:
        inner = plane[1:-1] + side * (plane[:-2] + plane[2:] - 2 * plane[1:-1])
        plane = np.concatenate([plane[:1], inner, plane[-1:]]).T
    return np.ascontiguousarray(plane)
