from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import skew

from mammo.phantoms.canvas import PIXEL_MM
from mammo.phantoms.detector import (
    ATTENUATION,
    DETAIL_VARIANCE,
    DETECTORS,
    EXPOSURE_SD,
    FINE_NOISE_VARIANCE,
    FINE_SCALE,
    FINE_SPREAD_VARIANCES,
    LOG_LEVELS,
    MAX_PASS_VARIANCE,
    MID_BRIGHTNESS,
    NOISE_SPREAD,
    Detector,
    draw_detector,
    draw_exposure,
    expose,
)
from mammo.phantoms.findings import draw_breast
from mammo.phantoms.spec import CohortSpec, Key
from mammo.records import Laterality, Pathology, View

ANY = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.manufacturer)


def even(detector: Detector, brightness: float, scale: float, seed: int = 0) -> np.ndarray:
    """Expose an even field; gray as a share of white."""
    noise = np.random.default_rng(seed).standard_normal((300, 300), dtype=np.float32)
    return expose(detector, np.full((300, 300), brightness, np.float32), noise, scale)[5:-5, 5:-5] / 4095


@ANY
def test_the_display_curve_rises_from_black_and_never_reaches_white(detector: Detector) -> None:
    brightness = np.linspace(0, 1.5, 400, dtype=np.float32)
    shown = detector.display(brightness)
    slope = np.diff(shown)
    assert shown[0] == pytest.approx(0, abs=1e-6)
    assert shown[-1] < 1
    assert (slope > 0).all()
    assert brightness[slope.argmax()] == pytest.approx(detector.center, abs=0.01)
    assert shown[(brightness > 0.15) & (brightness < 0.7)] == pytest.approx(
        brightness[(brightness > 0.15) & (brightness < 0.7)], abs=0.11
    )


@ANY
def test_noise_grows_with_attenuation_like_photon_noise(detector: Detector) -> None:
    # Before processing and display: variance of log exposure goes as 1 / photons, and photons fall exponentially.
    step = 1e-3
    spread = {}
    for brightness in (0.2, MID_BRIGHTNESS, 0.7):
        gain = float(np.diff(detector.display(np.float32([brightness - step, brightness + step])))[0]) / (2 * step)
        spread[brightness] = even(detector, brightness, FINE_SCALE).std() / gain
    assert np.log(spread[0.7] ** 2 / spread[0.2] ** 2) == pytest.approx(ATTENUATION * 0.5, rel=0.1)


@ANY
def test_the_noise_power_spectrum_matches_blur_and_processing(detector: Detector) -> None:
    step = np.float32([MID_BRIGHTNESS - 1e-3, MID_BRIGHTNESS + 1e-3])
    gain = float(np.diff(detector.display(step))[0]) / 2e-3
    fields = [even(detector, MID_BRIGHTNESS, 1, seed)[:288, :288] / gain for seed in range(8)]
    power = np.mean([np.abs(np.fft.fft2(field - field.mean())) ** 2 for field in fields], axis=0) / 288**2
    cycles = np.fft.fftfreq(288)
    near, wide, coarse = (
        np.outer(passed(down, cycles), passed(across, cycles))
        for down, across in (
            (FINE_NOISE_VARIANCE, FINE_NOISE_VARIANCE),
            FINE_SPREAD_VARIANCES,
            (DETAIL_VARIANCE, DETAIL_VARIANCE),
        )
    )
    expected = (detector.noise * (near + NOISE_SPREAD * wide) * (coarse + detector.detail_gain * (1 - coarse))) ** 2
    away = np.hypot(cycles[:, None], cycles[None])
    for low, high in ((0, 0.03), (0.1, 0.15), (0.2, 0.25), (0.3, 0.35), (0.45, 0.5), (0.6, 0.7)):
        ring = (away > low) & (away < high)
        assert power[ring].mean() == pytest.approx(expected[ring].mean(), rel=0.1)
    assert power[(away > 0) & (away < 0.03)].mean() == pytest.approx(
        ((1 + NOISE_SPREAD) * detector.noise) ** 2, rel=0.1
    )
    assert power[29:72, :9].mean() < 0.8 * power[:9, 29:72].mean()


def passed(variance: float, cycles: np.ndarray) -> np.ndarray:
    """Transfer function of repeated three-pixel kernels whose variances sum to a variance."""
    passes = max(int(np.ceil(variance / MAX_PASS_VARIANCE)), 1)
    return (1 - variance / passes * (1 - np.cos(2 * np.pi * cycles))) ** passes


@ANY
def test_fine_noise_is_skewed_like_the_logarithm_of_photon_numbers(detector: Detector) -> None:
    flat = replace(detector, detail_gain=1.0)  # the display curve is straight around its center
    gain = detector.gain / 4 / (1 - 1 / (1 + np.exp(detector.gain * detector.center)))
    field = np.concatenate([even(flat, detector.center, 1, seed) for seed in range(8)]) / gain
    share = np.random.default_rng(1).standard_normal(10**6) * field.std() * ATTENUATION
    expected = skew(-np.log1p(-share))
    assert skew(field.ravel()) == pytest.approx(expected, rel=0.2)
    assert expected > 0.1


@ANY
def test_the_display_curve_skips_gray_values_where_it_is_steep(detector: Detector) -> None:
    ramp = np.broadcast_to(np.linspace(0.05, 1.1, 40000, dtype=np.float32), (12, 40000))
    quiet = np.zeros_like(ramp)
    for scale, finest in ((1, LOG_LEVELS), (FINE_SCALE, np.inf)):
        levels = np.unique(expose(detector, ramp, quiet, scale)[6])
        near = levels[(levels > 0.45 * 4095) & (levels < 0.55 * 4095)]
        brightness = np.linspace(0, 1.5, 15001, dtype=np.float32)
        inside = brightness[np.abs(detector.display(brightness) - 0.5) < 0.05]
        assert near.size == pytest.approx(min((inside[-1] - inside[0]) * finest, 0.1 * 4095), rel=0.02)


@ANY
def test_detail_processing_changes_only_fine_images(detector: Detector) -> None:
    other = replace(detector, detail_gain=3.0)
    assert all(
        np.array_equal(even(detector, 0.4, scale), even(other, 0.4, scale)) for scale in (0.125, 0.25, FINE_SCALE)
    )
    assert even(other, 0.4, 1).std() > even(detector, 0.4, 1).std()


@ANY
def test_a_coarse_pixel_averages_the_noise_of_the_fine_pixels_it_covers(detector: Detector) -> None:
    fine, coarse = even(detector, 0.4, 1), even(detector, 0.4, 0.25, seed=1)
    averaged = fine[:288, :288].reshape(72, 4, 72, 4).mean(axis=(1, 3))
    assert coarse.std() == pytest.approx(averaged.std(), rel=0.12)  # a coarse pixel also has its own spread


@ANY
def test_a_point_is_blurred_by_the_detector_and_keeps_its_total_brightness(detector: Detector) -> None:
    detector = replace(detector, detail_gain=1.0)
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 5e-2
    quiet = np.zeros_like(point)
    seen = expose(detector, point + np.float32(detector.center), quiet, 1) - expose(
        detector, quiet + np.float32(detector.center), quiet, 1
    )
    away = np.arange(41) - 20.0
    variance = (seen * away**2).sum() / seen.sum()
    assert np.sqrt(variance) * PIXEL_MM == pytest.approx(detector.blur_mm, rel=0.1)
    assert np.array_equal(seen, seen.T)


@ANY
def test_processing_enhances_only_fine_detail_of_middle_brightness(detector: Detector) -> None:
    left = passed(DETAIL_VARIANCE, np.array(1 / 4))
    assert raised(detector, MID_BRIGHTNESS, 4) == pytest.approx(left + detector.detail_gain * (1 - left), rel=0.05)
    assert raised(detector, MID_BRIGHTNESS, 100) == pytest.approx(1, abs=0.02)
    assert (
        raised(detector, MID_BRIGHTNESS - 0.3, 4)
        < 1
        < raised(detector, MID_BRIGHTNESS - 0.15, 4)
        < raised(detector, MID_BRIGHTNESS, 4)
    )


def raised(detector: Detector, brightness: float, wavelength: int) -> float:
    """Factor by which processing multiplies a faint wave."""
    wave = np.cos(2 * np.pi * np.arange(400, dtype=np.float32) / wavelength)
    quiet = np.zeros((400, 400), np.float32)
    bare = expose(
        replace(detector, detail_gain=1.0), quiet + np.float32(MID_BRIGHTNESS) + np.float32(0.02) * wave, quiet, 1
    )
    seen, flat = (expose(detector, quiet + np.float32(brightness) + np.float32(x) * wave, quiet, 1) for x in (0.02, 0))
    slope = np.diff(detector.display(np.float32([brightness - 0.02, brightness + 0.02])))
    at_middle = np.diff(detector.display(np.float32([MID_BRIGHTNESS - 0.02, MID_BRIGHTNESS + 0.02])))
    inner = slice(100, 300)
    return float((seen - flat)[inner, inner].std() / bare[inner, inner].std() * (at_middle / slope)[0])


def test_a_patient_has_one_detector_independent_of_her_findings() -> None:
    patients = range(1, 1201)
    kinds = np.array([DETECTORS.index(draw_detector(Key(4, patient))) for patient in patients])
    keys = [Key(4, 7, side, view) for side in Laterality for view in View]
    assert {draw_detector(key) for key in keys} == {DETECTORS[kinds[6]]}
    spec = CohortSpec(seed=4)
    breasts = [draw_breast(spec, patient, Laterality.LEFT, View.CC) for patient in patients]
    worst = np.array([breast.worst == Pathology.MALIGNANT for breast in breasts])
    shares = [worst[kinds == kind].mean() for kind in (0, 1)]
    error = np.sqrt(sum(share * (1 - share) / (kinds == kind).sum() for kind, share in enumerate(shares)))
    assert abs(shares[0] - shares[1]) < 3 * error
    assert kinds.mean() == pytest.approx(0.5, abs=0.05)


def test_exposures_vary_between_images_with_the_stated_sd() -> None:
    keys = [Key(4, patient, side, view) for patient in range(1, 301) for side in Laterality for view in View]
    logs = np.log([draw_exposure(key) for key in keys])
    assert logs.mean() == pytest.approx(0, abs=4 * EXPOSURE_SD / np.sqrt(len(keys)))
    assert logs.std() == pytest.approx(EXPOSURE_SD, rel=0.1)
    assert draw_exposure(keys[5]) == np.exp(logs[5])


def test_detectors_differ_and_none_is_coarser_than_the_full_size_frame() -> None:
    first, second = DETECTORS
    for name in ("manufacturer", "model", "pixel_mm", "blur_mm", "noise", "gain", "center", "detail_gain"):
        assert getattr(first, name) != getattr(second, name)
    assert all(detector.scale(0.125) >= 0.125 for detector in DETECTORS)
