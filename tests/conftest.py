"""The same quiet surroundings for every test: one thread each, no network, no clock in hypothesis."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports numpy, torch or a plugin; processes that a test starts inherit them.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLOSC_NTHREADS"):
    os.environ[threads] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["WANDB_MODE"] = "offline"

settings.register_profile("mammo", deadline=None, derandomize=True)
settings.load_profile("mammo")


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose store holds twelve phantom patients in the small frame, split; made from DICOM files. Read only."""
    from mammo.geometry import Frame  # only now: the surroundings above must be set before numpy is imported
    from mammo.intake.adapters import read_cohort
    from mammo.phantoms.cohort import write_cohort
    from mammo.phantoms.spec import CohortSpec, Dials, Mix
    from mammo.store.filling import fill
    from mammo.store.splits import assign
    from mammo.store.taking import Recipe

    root = tmp_path_factory.mktemp("small")
    spec = CohortSpec(seed=3, scale=0.125, n_patients=12, dials=Dials(2.0, 1.5), mix=Mix(0.3, 0.35, 0.35))
    write_cohort(spec, root / "dicom", processes=1)
    cohort = read_cohort("table", root / "dicom")
    manifest = fill(Recipe(root / "dicom", root / "store", Frame(368, 240, 8), 1.0), cohort, 1).manifest
    assign(manifest, seed=0, fractions=[0.4, 0.3, 0.3], allow_empty=True).save(root / "store")
    return root
