import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas, sample_bilinear, sigmoid, smoothstep, stored_shape


def test_pixel_centers_are_given_in_full_size_pixels() -> None:
    canvas = Canvas(0.25, row0=10, height=3, width=2)
    assert canvas.rows.ravel().tolist() == [42, 46, 50]
    assert canvas.cols.ravel().tolist() == [2, 6]


def test_a_sampled_coordinate_grid_gives_the_coordinates() -> None:
    canvas = Canvas(0.125, row0=5, height=40, width=30)
    rows = (np.arange(832, dtype=np.float32)[:, None] + 0.5) * 4 + np.zeros((1, 640), dtype=np.float32)
    assert np.allclose(canvas.sample_grid(rows, 4), canvas.rows, atol=0.3)


def test_around_covers_every_pixel_within_reach() -> None:
    canvas = Canvas(0.125, row0=4, height=50, width=40)
    at = canvas.around(100, 30, 60)
    near = np.hypot(canvas.rows - 100, canvas.cols - 30) <= 60
    covered = np.zeros_like(near)
    covered[at] = True
    assert covered[near].all()


def test_in_frame_keeps_the_position_of_a_plane() -> None:
    canvas = Canvas(0.125, row0=4, height=5, width=6)
    whole = canvas.in_frame(np.ones((5, 6), dtype=np.uint16))
    assert whole.shape == stored_shape(0.125) == (416, 320)
    assert whole.sum() == 30
    assert whole[4:9, :6].all()


def test_sigmoid_and_smoothstep_are_monotonic_within_0_and_1() -> None:
    x = np.linspace(-500, 500, 1001, dtype=np.float32)
    for curve in (sigmoid, smoothstep):
        y = curve(x)
        assert y.min() >= 0
        assert y.max() <= 1
        assert (np.diff(y) >= 0).all()


@pytest.mark.parametrize("n", [0, 1, 512, 700])
def test_a_list_of_positions_gives_the_same_values_as_a_plane(n: int) -> None:
    rng = np.random.default_rng(n)
    source = rng.standard_normal((20, 30), dtype=np.float32)
    rows, cols = (rng.uniform(-40, 60, (28, 25)).astype(np.float32) for _ in range(2))
    for wrapped in (True, False):
        plane = sample_bilinear(source, rows, cols, wrapped)
        assert np.array_equal(sample_bilinear(source, rows.ravel()[:n], cols.ravel()[:n], wrapped), plane.ravel()[:n])
