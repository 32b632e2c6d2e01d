import os
import random
import shutil
from pathlib import Path

import pytest
import torch

from mammo.cli.hydra_app import composed
from mammo.training.build import facts_of, network_of
from mammo.training.run_dir import RunDir
from mammo.training.train_config import store_defaults
from tests.hostile.checkpoints import checkpoint

N_SAMPLED = 120
"""Cases among those marked faults that run where FULL=1 does not ask for all."""

QUICK = ("model=floc", "backbone=small", "trainer=cpu", "trainer.max_epochs=1", "torch.threads=1", "test=false")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a seeded sample of the cases of this folder that are marked faults, unless FULL=1."""
    here = Path(__file__).parent
    cases = [
        item for item in items if here in item.path.parents and item.get_closest_marker("faults") and "[" in item.name
    ]
    if os.environ.get("FULL") == "1" or len(cases) <= N_SAMPLED:
        return
    left_out = {*cases} - {*random.Random(0).sample(cases, N_SAMPLED)}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder that a payload would change if it acted."""
    (tmp_path / "canary").mkdir()
    return tmp_path / "canary"


@pytest.fixture(scope="session")
def floc_root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a store and the folder of a small f_loc, which was never trained. Copied before it is changed."""
    root = tmp_path_factory.mktemp("floc")
    shutil.copytree(small_root / "store", root / "store")
    cfg = composed("train", [f"root={root}", *QUICK], store_defaults)
    run = RunDir.of(cfg, "floc-preact_resnet-s0", {"store": "5" * 64})
    run.start(cfg)
    network = network_of(cfg)
    content = checkpoint(network.state_dict()) | {"hyper_parameters": dict(network.hparams)}
    torch.save(content, run.path / "best.ckpt")
    run.finish({**facts_of(cfg), "val_auc": 0.5, "test_auc": 0.5, "seconds": 1.0})
    return root


@pytest.fixture
def run(floc_root: Path, tmp_path: Path) -> Path:
    """A run folder whose best.ckpt a test replaces."""
    root = shutil.copytree(floc_root, tmp_path / "root")
    (folder,) = (root / "runs").iterdir()
    return folder
