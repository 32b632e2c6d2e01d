"""The same environment for every test: one thread, no network, no deadline in hypothesis; shared roots."""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from mammo.store.manifest import Manifest

# Set before anything imports numpy, torch or a plugin; processes that a test starts inherit them.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLOSC_NTHREADS"):
    os.environ[threads] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["WANDB_MODE"] = "offline"
os.environ.pop("MAMMO_ROOT", None)
NO_NETWORK = str(Path(__file__).parent / "no_network")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [NO_NETWORK, os.environ.get("PYTHONPATH")]))
sys.path.insert(0, NO_NETWORK)
sys.modules.pop("sitecustomize", None)
import sitecustomize  # noqa: E402, F401

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background, where Ctrl-C is ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("mammo", deadline=None, derandomize=True)
settings.load_profile("mammo")


def pytest_configure(config: pytest.Config) -> None:
    """Start the list of connections that tests try to make; the processes of a test inherit its name."""
    if not hasattr(config, "workerinput"):
        handle, os.environ["MAMMO_CONNECTIONS"] = tempfile.mkstemp(prefix="mammo-connections-")
        os.close(handle)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if a test, or a process that it started, tried to reach another machine."""
    if hasattr(session.config, "workerinput"):
        return
    log = Path(os.environ.pop("MAMMO_CONNECTIONS"))
    if attempts := log.read_text(encoding="utf-8"):
        print(f"\nconnections to other machines were tried:\n{attempts}", file=sys.stderr)
        session.exitstatus = 1
    log.unlink()


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose store holds twelve phantom patients in the small frame, split; made from DICOM files. Read only.

    In half of the breasts both views show the same findings. Each split has at least two patients with malignant and
    two with benign lesions, images with lesions of both labels and of none, and views that differ from their breast.
    """
    from mammo.geometry import Frame  # imports numpy, so only after the environment is set
    from mammo.ingestion.run import ingest_cohort
    from mammo.ingestion.worker import PRELOAD, Recipe
    from mammo.intake.adapters import read_cohort
    from mammo.intake.sandbox import Workers
    from mammo.phantoms.cohort import write_cohort
    from mammo.phantoms.spec import CohortSpec, Dials, Mix
    from mammo.store.splits import assign_splits
    from mammo.store.store_header import DataSet

    root = tmp_path_factory.mktemp("small")
    dials = Dials(local=2.0, context=1.5, ipsi=0.5, contra=0.5)
    spec = CohortSpec(seed=60, scale=0.125, n_patients=12, dials=dials, mix=Mix(0.3, 0.35, 0.35))
    write_cohort(spec, root / "dicom", processes=1)
    cohort = read_cohort("table", root / "dicom", Workers(preload=PRELOAD))
    data_set = DataSet("phantom", "table", "eighth")
    recipe = Recipe(root / "dicom", root / "store", Frame(368, 240, 8), 1.0, data_set=data_set)
    manifest = ingest_cohort(recipe, cohort, 1).manifest
    manifest = assign_splits(manifest, seed=0, fractions=[0.4, 0.3, 0.3])
    check_splits(manifest)
    manifest.save(root / "store")
    return root


def check_splits(manifest: "Manifest") -> None:
    """Fail if a split lacks what small_root promises: its phantoms then need another seed."""
    labels = ["malignant", "benign"]
    for split, images in manifest.images.groupby("split"):
        assert (images.groupby("patient_id")[labels].any().sum() >= 2).all(), split
        assert images[labels].all(axis=1).any(), split
        assert images["negative"].any(), split
        of_breast = images.groupby(["exam_id", "laterality"])[labels].transform("any")
        assert (of_breast != images[labels]).any(axis=None), split
        lesions = manifest.lesions[manifest.lesions["image_id"].isin(images.index)]
        assert set(lesions["finding_id"] != "") == {True, False}, split


@pytest.fixture(scope="session")
def reported_root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root to report on: the small store with f_agg runs with and without context, scored at random. Read only."""
    import numpy as np
    import torch

    from mammo.records import Split
    from mammo.store.manifest import Manifest
    from mammo.training.saliency_source import saliency_cache

    root = tmp_path_factory.mktemp("reported")
    shutil.copytree(small_root / "store", root / "store")
    manifest = Manifest.load(root / "store")
    checkpoint = root / "table3" / "context-s0-0" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    torch.save({"state_dict": {}}, checkpoint)
    ids, rng = list(manifest.images.index), np.random.default_rng(0)
    saliency_cache(checkpoint, root, manifest).append(ids, rng.random((len(ids), 2, 46, 30)).astype(np.float32))
    for seed, maps in enumerate(("emb", "sal+emb")):
        folder = root / "table3" / f"fagg-{maps}-s0-0"
        folder.mkdir()
        for split, ending in ((Split.TEST, ""), (Split.VAL, "-val")):
            write_scores(folder, manifest.of_split(split), ending, seed)
        reads = {"context": "../context-s0-0/best.ckpt"} if "sal" in maps else {}
        write_result(folder, maps, reads)
    return root


def write_scores(folder: Path, manifest: "Manifest", ending: str, seed: int) -> None:
    """The lesion and window tables of a run that scored at random."""
    import numpy as np

    from mammo.data.plans import lesion_plan
    from mammo.data.sampling_index import SamplingIndex
    from mammo.data.window_sampler import CropSizes
    from mammo.scoring.score_tables import write_lesion_table, write_window_table
    from mammo.scoring.trivial_predictors import PREDICTORS
    from mammo.training.export_scores import IMAGE_COLUMNS, OWN_COLUMNS

    plan = lesion_plan(SamplingIndex.from_manifest(manifest), CropSizes((16, 48), 32, 30), 4, seed=0)
    windows = manifest.lesions.index[plan.lesion].to_frame(index=False, name="lesion_id")
    windows = windows.assign(window=plan.repeat, **dict(zip(("row", "col", "side"), plan.windows.T, strict=False)))
    windows = windows.assign(score=np.random.default_rng((seed, len(plan))).random(len(plan)))
    write_window_table(windows, folder / f"windows{ending}.parquet")
    scores = windows.groupby("lesion_id", sort=False)["score"]
    lesions = manifest.lesions.loc[scores.mean().index].reset_index()
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    facts = lesions[[name for name in OWN_COLUMNS if name != "high_risk"]].assign(
        **{name: images[name] for name in IMAGE_COLUMNS},
        malignant=(lesions["label"] == "malignant").astype(int),
        high_risk=lesions["high_risk"].astype(int),
        size_px=100.0,
        fold=-1,
        score=scores.mean().to_numpy(),
        score_sd=scores.std(ddof=0).to_numpy(),
        n_windows=4,
        **dict.fromkeys(PREDICTORS, 0.5),
    )
    write_lesion_table(facts, folder / f"lesions{ending}.parquet")


def write_result(folder: Path, maps: str, reads: dict[str, str]) -> None:
    """Write result.json, and the configuration that figures of the cohort read."""
    result = {"name": folder.name, "model": "fagg", "maps": maps, "context": "", "seed": 0, "val_auc": 0.6}
    result |= {"test_auc": 0.5, "command": "c", "commit": "abc", "versions": {"torch": "2"}, "seconds": 1.0}
    (folder / "result.json").write_text(
        json.dumps(result | {"digest": "d", "reads": reads, "read_digests": {"store": "5" * 64}})
    )
    crops = "{crops: {side_px: [16, 48], whole_px: false, patch_px: 32}}"
    (folder / "config.yaml").write_text(f"data: {{name: phantom}}\nframe: {crops}\nmax_angle_deg: 30\n")
