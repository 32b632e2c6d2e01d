import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.quick_training import QUICK

if TYPE_CHECKING:
    from mammo.training.results import Run

WORDS = (*QUICK, "windows_per_lesion={val: 3, test: 100}")
MODELS = (
    # maps that start at 0.5 differ between images even if hardly trained
    ("model=context", "batch_size=8", "trainer.limit_train_batches=2", "gmic.map_logit=0"),
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


@pytest.fixture(scope="session")
def views_run(trained_root: Path, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """A finished f_agg run with all maps of images."""
    from mammo.cli import hydra_app
    from mammo.training.fit import train
    from mammo.training.results import read_run
    from mammo.training.train_config import store_defaults

    root = tmp_path_factory.mktemp("views")
    shutil.copytree(trained_root, root, dirs_exist_ok=True)
    words = (f"root={root}", *WORDS, "maps=[emb,sal,ipsi,contra]", "batch_size=10", "drop_views=0.3")
    train(hydra_app.composed("train", words, store_defaults))
    (folder,) = root.glob("runs/fagg-sal+ipsi+contra+emb-*")
    return read_run(folder)


@pytest.fixture(scope="session")
def views_bundle(views_run: "Run", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of that run."""
    from mammo import bundle

    path = tmp_path_factory.mktemp("bundle") / "views.bundle"
    assert bundle.main([str(views_run.folder), "-o", str(path), "--sensitivity-lesions", "1"]) == 0
    return path
