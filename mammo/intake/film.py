"""Film air: separates the breast from a background that is not exactly 0, as on scanned film.

Air is even and dark, so that its gray values pile up far above the flat histogram of dark tissue. Digital mammograms
have a background of a single value, show no such pile, and are left as they are.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.intake.gray_values import rim

STEP_PX = 8
"""Air is found on one pixel in this many, each way, full-size pixels."""

BINS = 64
"""Bins of the histogram from the darkest value to bright tissue (BRIGHT)."""

BRIGHT = 0.9
"""Share of the pixels above the darkest value that are darker than bright tissue."""

DARK = 3 / 8
"""Air is darker than this share of bright tissue."""

USUAL = slice(4, BINS // 2)
"""Bins of dark tissue, whose median is the usual number of pixels in a bin."""

PILE = 2.5
"""Air fills bins with this many times the usual number of pixels."""

GAP = 3
"""Largest distance of two piles of air, in bins, as of film and of the table under it."""

FLANK = 0.2
"""Bins of a pile with less than this share of its peak are dark tissue at the skin."""

MIN_EXCESS = 0.03
"""Smallest share of the pixels in the pile that counts as air."""

MIN_ON_FILM = 0.65
"""Mean tissue share under an outline on film below which it lies in air: on mini-MIAS the circle in air covers
0.44, and the lowest of the others 0.87."""

MIN_RIM = 0.2
"""Smallest share of the image's rim that is air, which surrounds the breast."""

OUTER = 0.05
"""A dark region along at least this share of the image's first and last row lies outside the breast; the breast itself
lies along a first or last column."""

MIN_OUTER = 0.5
"""Smallest share of the pile outside the breast; the even fat of a digital image piles up inside the skin instead."""

REACH = 12
"""The skin lies within this many steps of tissue that is clearly brighter than air; labels narrower than twice it are
not the breast."""

MIN_AIR = 50
"""Smallest number of samples of air that show its level near the breast."""

SIGMAS, SKIN = 3.0, 0.0375
"""Skin is brighter than the air beside it by this many standard deviations, and by this share of bright tissue."""


@dataclass(frozen=True)
class Air:
    """The gray level of film air.

    Attributes:
        level: the largest value of air.
        skin: skin is brighter than the air beside it by at least this much.
    """

    level: int
    skin: float


def find_air(pixels: NDArray[np.uint16], fineness: float) -> Air | None:
    """Return the level of air, None if the background is a single value or there is none.

    Args:
        pixels: [H, W] uint16, presentation values 0 to 4095, stored frame.
        fineness: pixels here per full-size pixel.
    """
    step = _step(fineness)
    sample = pixels[::step, ::step]
    values = np.bincount(sample.ravel())
    darkest = int(np.flatnonzero(values)[0])
    below = np.append(0, np.cumsum(values[darkest + 1 :]))
    if below[-1] == 0:
        return None
    bright = int(np.searchsorted(below, BRIGHT * below[-1]))
    edges = np.linspace(0, bright, BINS + 1)
    levels = np.append(0, 1 + np.flatnonzero(values[darkest + 1 :]))  # few and far between in images of 8 bits
    numbers = np.diff(np.interp(edges, levels, below[levels]))
    usual = max(float(np.median(numbers[USUAL])), 1.0)
    end = _pile_end(numbers, usual)
    if (numbers[:end] - usual).clip(0).sum() < MIN_EXCESS * below[-1]:
        return None
    level = darkest + int(edges[end])
    return Air(level, SKIN * bright) if _surrounds(sample <= level, sample > darkest) else None


def _surrounds(dark: NDArray[np.bool_], lit: NDArray[np.bool_]) -> bool:
    """Return whether dark samples lie around the breast rather than in it.

    Args:
        dark: [h, w], whether the sample is as dark as air.
        lit: [h, w], whether it is brighter than the darkest value.
    """
    count, parts = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    ends = np.concatenate([parts[0], parts[-1]])
    outer = np.bincount(ends, minlength=count) >= OUTER * len(ends)
    piled = np.bincount(parts[dark & lit], minlength=count)
    return bool((rim(parts) > 0).mean() > MIN_RIM and piled[1:][outer[1:]].sum() > MIN_OUTER * piled[1:].sum())


def _pile_end(numbers: NDArray[np.float64], usual: float) -> int:
    """Return the number of bins up to the end of the darkest pile in a histogram [BINS]; 0 without one."""
    piled = np.flatnonzero(numbers[: round(DARK * BINS)] > PILE * usual)
    if not piled.size:
        return 0
    breaks = np.flatnonzero(np.diff(piled) > GAP)
    pile = numbers[: piled[breaks[0] if breaks.size else -1] + 1]
    return 1 + int(np.flatnonzero(pile > FLANK * pile.max())[-1])


def above_air(pixels: NDArray[np.uint16], air: Air, fineness: float) -> NDArray[np.bool_]:
    """Return which pixels [H, W] are breast: brighter than the air beside it, and near tissue brighter than all air.

    Args:
        pixels: [H, W] uint16, presentation values 0 to 4095, stored frame.
        air: its level of air.
        fineness: pixels here per full-size pixel.
    """
    step = _step(fineness)
    side = max(3, step | 1)
    smooth = cv2.blur(pixels, (side, side), borderType=cv2.BORDER_REPLICATE)  # over the grain of the film
    samples = smooth[::step, ::step]
    levels = _levels(samples.astype(np.float32), samples > pixels.min(), air)
    shape = (pixels.shape[1], pixels.shape[0])
    return np.asarray(smooth > cv2.resize(levels, shape, interpolation=cv2.INTER_LINEAR))


def _levels(smooth: NDArray[np.float32], lit: NDArray[np.bool_], air: Air) -> NDArray[np.float32]:
    """Return the least value of the breast at every sample [h, w]; infinity far from it.

    Args:
        smooth: [h, w] samples of the smoothed image.
        lit: [h, w], whether the sample is brighter than the darkest value.
        air: the level of air.
    """
    side = 2 * REACH + 1
    disk = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)
    core = _largest_opened(smooth > air.level, disk)
    near = cv2.dilate(core, disk) > 0
    known = (~near & (smooth <= air.level) & lit).astype(np.float32)
    if known.sum() < MIN_AIR:
        return np.where(near | (not core.any()), np.float32(air.level), np.float32(np.inf))
    weight, total = (cv2.GaussianBlur(values, (0, 0), REACH) for values in (known, known * smooth))
    beside = np.where(weight > 1e-4, total / np.maximum(weight, 1e-4), air.level)
    sigma = 1.4826 * float(np.median(np.abs(smooth - beside)[known > 0]))
    skin = np.minimum(beside + max(SIGMAS * sigma, air.skin), np.maximum(air.level, beside + air.skin))
    return np.where(near, skin, np.inf).astype(np.float32)


def _largest_opened(mask: NDArray[np.bool_], disk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the largest part of a mask [h, w] opened by a disk, as 0 and 1; the image's edge is no edge."""
    rim = disk.shape[0]
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), rim, rim, rim, rim, cv2.BORDER_REPLICATE)
    opened = np.ascontiguousarray(cv2.morphologyEx(padded, cv2.MORPH_OPEN, disk)[rim:-rim, rim:-rim])
    count, parts, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return np.asarray(opened, dtype=np.uint8)
    return np.asarray(parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax(), dtype=np.uint8)


def _step(fineness: float) -> int:
    return max(1, round(STEP_PX * fineness))


def lies_in_air(
    mask: NDArray[np.bool_], box: Box, chain: FrameChain, tissue: NDArray[np.floating], on_film: bool
) -> bool:
    """Return whether an outline lies in the network window, but not on the breast.

    Args:
        mask: [box.height, box.width], True inside the outline.
        box: half-open, stored frame.
        chain: of the outline's image.
        tissue: [grid rows, grid cols], share of each grid cell covered by breast tissue, 0 to 1.
        on_film: whether the breast was separated from air, whose edge is less certain.
    """
    inside, place = chain.mask_to_network(mask, box)
    points = np.argwhere(inside) + np.array((place.row0, place.col0))
    points = points[((points >= 0) & (points < (chain.frame.height, chain.frame.width))).all(axis=1)]
    if not len(points):
        return False
    share = float(tissue[tuple((points // chain.frame.cell_px).T)].mean())
    return share < MIN_ON_FILM if on_film else share == 0
