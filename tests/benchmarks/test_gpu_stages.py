"""The stages of the GPU benchmark on a CPU, in small."""

import shutil
from pathlib import Path

import pytest

from mammo.benchmarks.gpu_stages import FULL, SMALL, compare_forward, train_context, train_fagg, train_floc
from mammo.benchmarks.stage_process import Job


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gpu")
    shutil.copytree(small_root / "store", root / "store")
    return root


def job(root: Path, name: str) -> Job:
    return Job(name, root, 1, 100.0)


def test_forward_passes_on_the_same_device_are_equal(root: Path) -> None:
    compare_forward(SMALL, job(root, "forward"))
    facts = job(root, "forward").result()
    assert facts["device"]["type"] == "cpu"  # type: ignore[index]
    for name in ("floc", "context", "fagg"):
        assert facts[name]["32-true"] == 0.0  # type: ignore[index]
        assert facts[name]["is_equal"]  # type: ignore[index]


def test_all_networks_are_trained_and_timed(root: Path) -> None:
    train_floc(SMALL, job(root, "floc"))
    train_context(SMALL, job(root, "context"))
    train_fagg(SMALL, job(root, "fagg"))
    floc, context, fagg = (job(root, name).result() for name in ("floc", "context", "fagg"))
    assert floc["steps"] == fagg["steps"] == 16 // 4 - SMALL.warm_up
    assert fagg["saliency_images_per_s"] > 0  # type: ignore[operator]
    for facts in (floc, context, fagg):
        assert facts["rows_per_s"] > 0  # type: ignore[operator]
        assert 0 <= facts["data_wait"] <= 1  # type: ignore[operator]
        assert facts["gpu_utilization"] is None


def test_the_full_sizes_have_only_full_batches(root: Path) -> None:
    """A last batch of another size would be compiled anew, and its time would be counted as a full one's."""
    for words, batch_size in ((FULL.floc, 25), (FULL.fagg, 100)):
        (quota,) = [word.removeprefix("quota=") for word in words if word.startswith("quota=")]
        counts = [int(part.split(":")[1]) for part in quota.strip("{}").split(",")]
        assert sum(counts) % batch_size == 0
