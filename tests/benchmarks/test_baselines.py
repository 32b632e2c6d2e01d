"""Baselines do the same work: the same windows give the same patches, up to rounding of positions."""

from pathlib import Path

import numpy as np
import pytest

from mammo.benchmarks import baselines
from mammo.benchmarks.patch_speed import available_baselines
from mammo.benchmarks.workload import breast, training_windows, write_store
from mammo.data.crops import crop

IMAGES = {"a": breast(0, (900, 800))}
REQUESTS = training_windows(IMAGES, 3)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return crop(write_store(tmp_path_factory.mktemp("store"), IMAGES, in_memory=True), REQUESTS, 256, antialias=False)


@pytest.mark.parametrize(
    ("reader", "prebuilt"), [("memory", True), ("memory", False), ("png", False), ("pydicom_j2k", False)]
)
def test_albumentations_cuts_the_same_windows(ours: np.ndarray, tmp_path: Path, reader: str, prebuilt: bool) -> None:
    readers = {
        "memory": lambda: IMAGES.__getitem__,
        "png": lambda: baselines.png(tmp_path, IMAGES),
        "pydicom_j2k": lambda: baselines.pydicom_j2k(IMAGES),
    }
    method = baselines.albumentations(readers[reader](), REQUESTS, prebuilt)
    baseline = np.stack(method.work())  # type: ignore[call-overload]
    assert baseline.shape == ours.shape
    assert method.units == len(ours)
    for patch, other in zip(ours.astype(float), baseline.astype(float), strict=True):
        assert np.corrcoef(patch.ravel(), other.ravel())[0, 1] > 0.9


def test_monai_gives_patches_of_the_right_size() -> None:
    pytest.importorskip("monai", reason="the extra bench is not installed")
    method = baselines.monai(IMAGES, 3)
    found = method.work()
    assert [tuple(each["image"].shape) for each in found] == [(1, 256, 256)] * 3  # type: ignore[attr-defined]
    assert method.units == 3


def test_torchio_samples_its_patches_from_one_rotated_volume() -> None:
    pytest.importorskip("torchio", reason="the extra bench is not installed")
    method = baselines.torchio(IMAGES, 1)
    method.work()
    assert method.units == baselines.PER_VOLUME


def test_a_missing_library_is_reported() -> None:
    def setup() -> baselines.Method:
        raise ImportError("No module named 'nothing'")

    methods, missing = available_baselines({"nothing": setup})
    assert not methods
    assert missing == {"nothing": "No module named 'nothing': pip install -c constraints.txt -e '.[bench]'"}
