import numpy as np
import pytest

from mammo.realism.slope import slope


def noise(beta: float, n: int, seed: int) -> np.ndarray:
    """A block [n, n] cut from a larger field whose power falls as 1 / f^beta."""
    rng, size = np.random.default_rng(seed), 4 * n
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((size, size)))
    return np.fft.irfft2(white * frequency ** (-beta / 2))[:n, :n]


@pytest.mark.parametrize("beta", [0.0, 1.5, 2.5, 3.2])
def test_the_exponent_of_power_law_noise_is_recovered(beta: float) -> None:
    found = [slope(noise(beta, 128, seed)) for seed in range(12)]
    assert np.mean(found) == pytest.approx(beta, abs=0.1)


def test_brightness_and_contrast_do_not_matter() -> None:
    block = noise(2.8, 64, 1)
    assert slope(7 * block + 1000) == pytest.approx(slope(block), abs=1e-9)


def test_a_block_without_structure_has_no_slope() -> None:
    assert np.isnan(slope(np.full((64, 64), 0.4)))
