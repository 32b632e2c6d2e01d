"""The loader benchmark: both loaders hand out the same patches, one raw, one as float32 in three channels."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mammo.benchmarks.loader_speed import dataloader_of, loader_of, measure
from mammo.benchmarks.sample_images import breast
from mammo.benchmarks.workload import stored, training_windows

SHAPE = (900, 800)


def test_both_loaders_hand_out_the_same_patches(tmp_path: Path) -> None:
    images = {"a": breast(0, SHAPE), "b": breast(1, SHAPE)}
    store, requests = stored(tmp_path, images, hot=True), training_windows(images, 30)
    ours = torch.cat([batch["patch"] for batch in loader_of(store, requests)])
    theirs = torch.cat(list(dataloader_of(store, requests)))
    assert theirs.shape == (30, 3, 256, 256)
    assert torch.allclose(ours.float().expand(-1, 3, -1, -1) / 4095, theirs)


def test_figures_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    told = measure(1, SHAPE, n_images=1, n_windows=50)
    assert set(told["ratios"]) == {"dataloader"}  # type: ignore[call-overload]
    assert np.isfinite(told["limit_ratio"])  # type: ignore[call-overload]
