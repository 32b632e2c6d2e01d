"""The paper's full size on a CPU: 2944 x 1920 images, 256 px patches, DenseNet-161, batches of 25, 100 windows."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from mammo.geometry import Frame
from mammo.ingestion.run import ingest_cohort
from mammo.ingestion.worker import Recipe
from mammo.intake.adapters import read_cohort
from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.store.splits import assign_splits
from mammo.store.store_header import DataSet

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent.parent
ONE = (
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=1",
    "trainer.limit_val_batches=1",
    "test=false",
    "quota={malignant: 8, benign: 8, outside: 5, negative: 4}",
    "windows_per_lesion={val: 100, test: 1}",
    "window_epochs=1",
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six full-size phantom patients, ingested and split."""
    root = tmp_path_factory.mktemp("full")
    spec = CohortSpec(seed=22, scale=1.0, n_patients=6, dials=Dials(2.0, 1.5), mix=Mix(0.34, 0.33, 0.33))
    write_cohort(spec, root / "dicom", processes=2)
    cohort = read_cohort("table", root / "dicom")
    data_set = DataSet("phantom", "table", "full")
    recipe = Recipe(root / "dicom", root / "store", Frame(2944, 1920, 64), 1.0, data_set=data_set)
    manifest = ingest_cohort(recipe, cohort, 2).manifest
    assign_splits(manifest, seed=0, fractions=[0.4, 0.3, 0.3]).save(root / "store")
    return root


def run(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=HERE, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=floc", "backbone=densenet161", "batch_size=25", "eval_batch_size=100"),
        ("model=context", "batch_size=1", "eval_batch_size=1"),
        ("maps=[emb,sal]", "batch_size=25", "eval_batch_size=100"),
    ],
    ids=("floc", "context", "fagg"),
)
def test_one_step_and_one_lesion(root: Path, overrides: tuple[str, ...]) -> None:
    if overrides[0].startswith("maps="):
        run("mammo.precompute", "what=saliency", f"root={root}", "trainer=cpu")
    run("mammo.train", f"root={root}", *overrides, *ONE)
    name = overrides[0].removeprefix("model=").replace("maps=[emb,sal]", "fagg")
    (result,) = [json.loads(path.read_text()) for path in root.glob(f"runs/{name}-*/result.json")]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{name}: {result['seconds']} s, peak memory of the largest child so far {peak:.2f} GB")
