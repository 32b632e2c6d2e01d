import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.spec import Key, Purpose
from mammo.phantoms.texture import PERIOD, line, polar_coordinates, power_law_pair, smooth_pair
from mammo.records import Laterality, View

KEY = Key(0, 1, Laterality.LEFT, View.CC)


def whole(scale: float) -> Canvas:
    return Canvas(scale, 0, round(PERIOD[0] * scale), round(PERIOD[1] * scale))


def test_a_power_law_field_has_unit_sd_and_the_given_slope() -> None:
    field, other = power_law_pair(KEY, whole(0.125), beta=3.1)
    assert abs(np.corrcoef(field.ravel(), other.ravel())[0, 1]) < 0.3
    power = np.abs(np.fft.fft2(field)) ** 2
    f = np.hypot(np.fft.fftfreq(384, 8)[:, None], np.fft.fftfreq(256, 8)[None])
    band = (f > 0.003) & (f < 0.05) & (power > 0)
    slope = np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0]
    assert slope == pytest.approx(-3.1, abs=0.1)
    assert 0.5 < field.std() < 2


@pytest.mark.parametrize("scale", [0.2, 0.25])
def test_a_finer_canvas_adds_detail_to_the_same_field(scale: float) -> None:
    coarse, _ = power_law_pair(KEY, whole(0.125), beta=3.1)
    fine, _ = power_law_pair(KEY, whole(scale), beta=3.1)
    low = np.fft.fft2(coarse)[1:40, 1:40] / coarse.size
    assert np.allclose(low, np.fft.fft2(fine)[1:40, 1:40] / fine.size, atol=1e-4)


def test_smooth_field_has_its_wavelength_on_any_canvas() -> None:
    smooth, _ = smooth_pair(KEY.rng(Purpose.STRUCTURE), 400)
    field = smooth.on(whole(0.125))
    assert field.std() == pytest.approx(1, abs=0.3)
    power = np.abs(np.fft.fft2(field - field.mean())) ** 2
    f = np.hypot(np.fft.fftfreq(field.shape[0], 8)[:, None], np.fft.fftfreq(field.shape[1], 8)[None])
    assert 1 / ((f * power).sum() / power.sum()) == pytest.approx(400, rel=0.25)
    finer = smooth.on(whole(0.25))
    assert np.abs(finer.reshape(384, 2, 256, 2).mean(axis=(1, 3)) - field).mean() < 0.01


def test_smooth_field_repeats_after_its_period_without_a_seam() -> None:
    smooth, _ = smooth_pair(KEY.rng(Purpose.STRUCTURE), 60, (1200, 900))
    height, width = (n * smooth.cell_px for n in smooth.values.shape)
    assert height == pytest.approx(1200, rel=0.05)
    assert width == pytest.approx(900, rel=0.05)
    rows, cols = np.mgrid[0:1200:7, 0:900:7].astype(np.float32)
    here = smooth.at(rows, cols)
    assert np.allclose(smooth.at(rows + np.float32(height), cols + np.float32(width)), here, atol=0.02)
    steps = np.abs(np.diff(smooth.at(*np.mgrid[0:1:1, 0 : 3 * width : 5].astype(np.float32))))
    assert steps.max() < 8 * steps.mean()


def test_polar_coordinates_are_relative_to_the_point() -> None:
    angle, radius = polar_coordinates(Canvas(0.125, 0, 50, 40), 100, 500)
    assert radius[12, 0] == pytest.approx(496)
    assert angle[12, 0] == pytest.approx(0)
    assert angle[40, 20] == pytest.approx(np.arctan2(324 - 100, 500 - 164))


def test_breasts_of_a_patient_share_their_coarse_structure() -> None:
    def alike(other: Key) -> float:
        fields = [power_law_pair(key, whole(0.125), beta=3.1)[0] for key in (KEY, other)]
        return float(np.corrcoef(fields[0].ravel(), fields[1].ravel())[0, 1])

    assert alike(Key(0, 1, Laterality.RIGHT, View.CC)) > 0.4
    assert abs(alike(Key(0, 2, Laterality.LEFT, View.CC))) < 0.35


def test_a_line_peaks_at_the_zeros_and_halves_at_its_width() -> None:
    x = np.linspace(-4, 4, 321, dtype=np.float32)[None]
    drawn = line(x, 0.25)[0]
    assert drawn.argmax() == 160
    assert drawn[160] == 1
    assert drawn[150] == pytest.approx(0.5)
    assert drawn[0] < 0.01
