"""Benchmarks of patches read their images from a store of their own, which goes when they are done."""

import numpy as np
import pytest

from mammo.benchmarks.windows import training_windows
from mammo.benchmarks.workload import cutting, setting
from mammo.geometry import Box

SHAPE = (900, 800)


@pytest.mark.parametrize("hot", [True, False])
def test_the_store_holds_the_images_while_the_benchmark_lasts(hot: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    with setting(2, SHAPE, hot) as at:
        assert at.kind == "made"
        assert at.store.hot == (set(at.pixels) if hot else set())
        for image_id, pixels in at.pixels.items():
            assert np.array_equal(at.store.read(image_id, Box(0, 900, 0, 800)), pixels)
    assert not at.folder.exists()


def test_every_window_is_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    with setting(1, SHAPE, hot=True) as at:
        sizes: list[int] = []
        monkeypatch.setattr("mammo.benchmarks.workload.crop", lambda store, part, *rest: sizes.append(len(part)))
        way = cutting(at.store, training_windows(at.pixels, 23), antialias=True, at_once=10)
        way.work()
    assert sizes == [10, 10, 3]
    assert way.units == 23
