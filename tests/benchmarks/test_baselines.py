"""Rivals do the same work: the same windows give the same patches, up to how each library rounds places."""

from pathlib import Path

import numpy as np
import pytest

from mammo.benchmarks import baselines as rivals
from mammo.benchmarks.patch_speed import installed
from mammo.benchmarks.sample_images import breast
from mammo.benchmarks.workload import stored, training_windows
from mammo.data.crops import crop

IMAGES = {"a": breast(0, (900, 800))}
REQUESTS = training_windows(IMAGES, 3)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return crop(stored(tmp_path_factory.mktemp("store"), IMAGES, hot=True), REQUESTS, 256, antialias=False)


@pytest.mark.parametrize(
    ("source", "prebuilt"), [("memory", True), ("memory", False), ("png", False), ("pydicom_j2k", False)]
)
def test_albumentations_cuts_the_same_windows(ours: np.ndarray, tmp_path: Path, source: str, prebuilt: bool) -> None:
    reads = {
        "memory": lambda: IMAGES.__getitem__,
        "png": lambda: rivals.png(tmp_path, IMAGES),
        "pydicom_j2k": lambda: rivals.pydicom_j2k(IMAGES),
    }
    way = rivals.albumentations(reads[source](), REQUESTS, prebuilt)
    theirs = np.stack(way.work())  # type: ignore[call-overload]
    assert theirs.shape == ours.shape
    assert way.units == len(ours)
    for patch, other in zip(ours.astype(float), theirs.astype(float), strict=True):
        assert np.corrcoef(patch.ravel(), other.ravel())[0, 1] > 0.9


def test_monai_gives_patches_of_the_size() -> None:
    pytest.importorskip("monai", reason="the extra bench is not installed")
    way = rivals.monai(IMAGES, 3)
    found = way.work()
    assert [tuple(each["image"].shape) for each in found] == [(1, 256, 256)] * 3  # type: ignore[attr-defined]
    assert way.units == 3


def test_torchio_takes_its_patches_of_one_rotated_volume() -> None:
    pytest.importorskip("torchio", reason="the extra bench is not installed")
    way = rivals.torchio(IMAGES, 1)
    way.work()
    assert way.units == rivals.PER_VOLUME


def test_a_missing_library_is_told() -> None:
    def missing() -> rivals.Way:
        raise ImportError("No module named 'nothing'")

    ways, told = installed({"nothing": missing})
    assert not ways
    assert "pip install" in told["nothing"]
