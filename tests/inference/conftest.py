import shutil
from pathlib import Path

import pytest

from tests.quick_training import QUICK

WORDS = (*QUICK, "windows_per_lesion={val: 3, test: 100}")
MODELS = (
    ("model=context", "batch_size=8", "trainer.limit_train_batches=2"),
    ("model=floc", "backbone=small", "batch_size=10"),
    ("maps=[emb,sal]", "batch_size=10"),
)


@pytest.fixture(scope="session")
def trained_root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a finished context, f_loc and f_agg run (sal+emb), and the DICOM files of its store. Read only."""
    from mammo.cli import hydra_app  # imports torch, so only after the environment is set
    from mammo.training.fit import train
    from mammo.training.precomputed import cached_saliency
    from mammo.training.run_dir import best_run
    from mammo.training.train_config import store_defaults

    root = tmp_path_factory.mktemp("inference")
    shutil.copytree(small_root, root, dirs_exist_ok=True)
    for words in MODELS:
        train(hydra_app.composed("train", [f"root={root}", *WORDS, *words], store_defaults))
        if "model=context" in words:
            cached_saliency(best_run(root, "context") / "best.ckpt", root, root / "store", "32-true")
    return root


@pytest.fixture(scope="session")
def fagg(trained_root: Path) -> Path:
    """The folder of the f_agg run."""
    (run,) = trained_root.glob("runs/fagg-*")
    return run
