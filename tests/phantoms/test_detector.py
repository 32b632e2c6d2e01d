import numpy as np
import pytest

from mammo.phantoms.canvas import PIXEL_MM
from mammo.phantoms.detector import (
    ATTENUATION,
    DETECTORS,
    EXPOSURE,
    MID,
    SPREAD,
    Detector,
    draw_detector,
    draw_exposure,
    exposed,
)
from mammo.phantoms.findings import draw_breast
from mammo.phantoms.randomness import Key
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, Pathology, View

ANY = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.manufacturer)


def even(detector: Detector, bright: float, scale: float, seed: int = 0) -> np.ndarray:
    """An exposure of an even field, grey as a share of white."""
    noise = np.random.default_rng(seed).standard_normal((300, 300), dtype=np.float32)
    return exposed(detector, np.full((300, 300), bright, np.float32), noise, scale)[5:-5, 5:-5] / 4095


@ANY
def test_the_display_curve_rises_from_black_and_never_reaches_white(detector: Detector) -> None:
    bright = np.linspace(0, 1.5, 400, dtype=np.float32)
    shown = detector.shown(bright)
    slope = np.diff(shown)
    assert shown[0] == pytest.approx(0, abs=1e-6)
    assert shown[-1] < 1
    assert (slope > 0).all()
    assert bright[slope.argmax()] == pytest.approx(detector.centre, abs=0.01)
    assert shown[(bright > 0.15) & (bright < 0.7)] == pytest.approx(bright[(bright > 0.15) & (bright < 0.7)], abs=0.11)


@ANY
def test_noise_grows_with_attenuation_as_that_of_photons_does(detector: Detector) -> None:
    # Before the display curve: variance of log exposure goes as 1 / photons, and photons fall exponentially.
    step = 1e-3
    spread = {}
    for bright in (0.2, MID, 0.7):
        gain = float(np.diff(detector.shown(np.float32([bright - step, bright + step])))[0]) / (2 * step)
        spread[bright] = even(detector, bright, 1).std() / gain
    assert np.log(spread[0.7] ** 2 / spread[0.2] ** 2) == pytest.approx(ATTENUATION * 0.5, rel=0.1)


@ANY
def test_noise_power_falls_from_low_to_high_frequencies(detector: Detector) -> None:
    step = np.float32([MID - 1e-3, MID + 1e-3])
    gain = float(np.diff(detector.shown(step))[0]) / 2e-3
    fields = [even(detector, MID, 1, seed)[:288, :288] / gain for seed in range(4)]
    power = np.mean([np.abs(np.fft.fft2(field - field.mean())) ** 2 for field in fields], axis=0) / 288**2
    cycles = np.fft.fftfreq(288)
    away = np.hypot(cycles[:, None], cycles[None])
    assert power[(away > 0.45) & (away < 0.5)].mean() == pytest.approx(detector.noise**2, rel=0.2)
    assert power[(away > 0) & (away < 0.03)].mean() == pytest.approx(((1 + SPREAD) * detector.noise) ** 2, rel=0.1)


@ANY
def test_a_coarser_pixel_averages_the_noise_of_those_it_covers(detector: Detector) -> None:
    fine, coarse = even(detector, 0.4, 1), even(detector, 0.4, 0.25, seed=1)
    averaged = fine[:288, :288].reshape(72, 4, 72, 4).mean(axis=(1, 3))
    assert coarse.std() == pytest.approx(averaged.std(), rel=0.12)  # a coarse pixel holds its own spread, too


@ANY
def test_a_point_is_blurred_to_the_detectors_spread_and_keeps_its_light(detector: Detector) -> None:
    point = np.zeros((41, 41), np.float32)
    point[20, 20] = 1e-2
    quiet = np.zeros_like(point)
    seen = exposed(detector, point + np.float32(detector.centre), quiet, 1) - exposed(
        detector, quiet + np.float32(detector.centre), quiet, 1
    )
    away = np.arange(41) - 20.0
    variance = (seen * away**2).sum() / seen.sum()
    assert np.sqrt(variance) * PIXEL_MM == pytest.approx(detector.blur_mm, rel=0.1)
    assert np.array_equal(seen, seen.T)


def test_a_patient_has_one_detector_which_tells_nothing_of_her_findings() -> None:
    patients = range(1, 1201)
    kinds = np.array([DETECTORS.index(draw_detector(Key(4, patient))) for patient in patients])
    keys = [Key(4, 7, side, view) for side in Laterality for view in View]
    assert {draw_detector(key) for key in keys} == {DETECTORS[kinds[6]]}
    spec = CohortSpec(seed=4)
    worst = np.array([draw_breast(spec, patient, Laterality.LEFT).worst == Pathology.MALIGNANT for patient in patients])
    shares = [worst[kinds == kind].mean() for kind in (0, 1)]
    error = np.sqrt(sum(share * (1 - share) / (kinds == kind).sum() for kind, share in enumerate(shares)))
    assert abs(shares[0] - shares[1]) < 3 * error
    assert kinds.mean() == pytest.approx(0.5, abs=0.05)


def test_exposures_differ_from_image_to_image_as_told() -> None:
    keys = [Key(4, patient, side, view) for patient in range(1, 301) for side in Laterality for view in View]
    logs = np.log([draw_exposure(key) for key in keys])
    assert logs.mean() == pytest.approx(0, abs=4 * EXPOSURE / np.sqrt(len(keys)))
    assert logs.std() == pytest.approx(EXPOSURE, rel=0.1)
    assert draw_exposure(keys[5]) == np.exp(logs[5])


def test_detectors_differ_and_none_is_coarser_than_the_full_size_frame() -> None:
    first, second = DETECTORS
    for name in ("manufacturer", "model", "pixel_mm", "blur_mm", "noise", "gain", "centre"):
        assert getattr(first, name) != getattr(second, name)
    assert all(detector.scale(0.125) >= 0.125 for detector in DETECTORS)
