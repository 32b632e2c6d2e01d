"""The store benchmark measures like with like: all ways read the same pixels of the same windows."""

from pathlib import Path

import numpy as np

from mammo.benchmarks.store import SIDE_PX, breast, chosen, measure, written

SHAPE = (448, 416)


def test_every_way_reads_the_same_pixels(tmp_path: Path) -> None:
    images = {f"image{index}": breast(index, SHAPE) for index in range(2)}
    reads = written(tmp_path, images)
    for name, box in chosen(list(images), SHAPE, 6):
        expected = images[name][box.row0 : box.row1, box.col0 : box.col1]
        for read in reads.values():
            assert np.array_equal(read(name, box), expected)


def test_images_are_twelve_bit_with_a_black_background() -> None:
    pixels = breast(0, SHAPE)
    assert pixels.dtype == np.uint16
    assert pixels.max() <= 4095
    assert 0.2 < (pixels == 0).mean() < 0.8
    assert not np.array_equal(pixels, breast(1, SHAPE))


def test_windows_lie_inside_and_never_change() -> None:
    windows = chosen(["a", "b"], SHAPE, 50)
    assert windows == chosen(["a", "b"], SHAPE, 50)
    assert {name for name, _ in windows} == {"a", "b"}
    for _, box in windows:
        assert (box.height, box.width) == (SIDE_PX, SIDE_PX)
        assert min(box.row0, box.col0) >= 0
        assert box.row1 <= SHAPE[0]
        assert box.col1 <= SHAPE[1]


def test_figures_are_complete() -> None:
    told = measure(1, SHAPE, n_images=1, n_windows=8)
    assert told["benchmark"] == "store"
    assert set(told["ratios"]) == {"png"}  # type: ignore[call-overload]
    assert all(isinstance(told[key], float) for key in ("ours", "limit_ratio"))
