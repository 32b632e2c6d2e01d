"""The benchmarks of an epoch and of the loader: both loaders give the same patches, and the results are complete."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mammo.benchmarks.epoch_speed import H100_SECONDS, dataloader_of, loader_of, measure_epoch, measure_loader
from mammo.benchmarks.workload import breast, training_windows, write_store

SHAPE = (900, 800)


@pytest.fixture(autouse=True)
def _synthetic_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)


def test_the_result_of_an_epoch_is_complete() -> None:
    result = measure_epoch(1, SHAPE, n_lesions=2, n_windows=10)
    assert set(result["ratios"]) == {"png"}  # type: ignore[call-overload]
    assert result["h100_cores"] == pytest.approx(result["ours"] / H100_SECONDS, abs=0.01)  # type: ignore[operator]


def test_both_loaders_give_the_same_patches(tmp_path: Path) -> None:
    images = {"a": breast(0, SHAPE), "b": breast(1, SHAPE)}
    store, requests = write_store(tmp_path, images, in_memory=True), training_windows(images, 30)
    ours = torch.cat([batch["patch"] for batch in loader_of(store, requests)])
    baseline = torch.cat(list(dataloader_of(store, requests)))
    assert baseline.shape == (30, 3, 256, 256)
    assert torch.allclose(ours.float().expand(-1, 3, -1, -1) / 4095, baseline)


def test_the_result_of_the_loader_is_complete() -> None:
    result = measure_loader(1, SHAPE, n_images=1, n_windows=50)
    assert set(result["ratios"]) == {"dataloader"}  # type: ignore[call-overload]
    assert np.isfinite(result["limit_ratio"])  # type: ignore[call-overload]
