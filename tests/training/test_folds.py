"""Cross-validation through the commands' code: each run trains, validates and tests on its fold's patients only."""

import json
import shutil
from base64 import b64decode
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import DictConfig

from mammo import precompute, score
from mammo.cli import hydra_app
from mammo.inference.ensemble import Ensemble
from mammo.inference.store_scores import score_store
from mammo.records import MammoError, Split
from mammo.reporting.evaluation import evaluate
from mammo.reporting.gallery import build_gallery
from mammo.reporting.reported_runs import reported_runs
from mammo.store.manifest import Manifest
from mammo.store.splits import assign_folds
from mammo.training.build import datamodule_of
from mammo.training.fit import train
from mammo.training.precomputed import cached_saliency
from mammo.training.run_dir import Division, best_run
from mammo.training.saliency_source import saliency_cache
from mammo.training.train_config import store_defaults
from tests.quick_training import rewrite_result
from tests.training.test_fit import MODELS, QUICK

N_FOLDS = 3


def composed(root: Path, *overrides: str) -> DictConfig:
    return hydra_app.composed("train", [f"root={root}", *QUICK, *overrides], store_defaults)


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose store has three folds, with the context, f_loc and f_agg runs of the first two."""
    root = tmp_path_factory.mktemp("folds")
    shutil.copytree(small_root / "store", root / "store")
    assign_folds(Manifest.load(root / "store"), N_FOLDS, seed=0).save(root / "store")
    for fold in (0, 1):
        quick = (f"fold={fold}", "trainer.max_epochs=1")
        for model in MODELS.values():
            train(composed(root, *model, *quick))
        context = best_run(root, "context", division=Division(fold, Manifest.load(root / "store").digest()))
        cached_saliency(context / "best.ckpt", root, root / "store", "32-true")
        train(composed(root, "maps=[emb,sal]", "window_epochs=1", "batch_size=10", *quick))
    return root


def run_of(root: Path, name: str) -> Path:
    return next(root.glob(f"runs/{name}-*"))


def test_the_fold_is_in_name_result_and_tables_of_a_run(root: Path) -> None:
    for name in ("context-s0", "floc-preact_resnet-s0", "fagg-sal+emb-s0"):
        for fold in (0, 1):
            run = run_of(root, f"{name}-f{fold}")
            result = json.loads((run / "result.json").read_text())
            assert (result["fold"], result["n_folds"]) == (fold, N_FOLDS)
            for table in run.glob("lesions*.parquet"):
                assert (pd.read_parquet(table)["fold"] == fold).all()


def test_each_run_is_tested_on_its_fold_and_validated_on_the_next(root: Path) -> None:
    images = Manifest.load(root / "store").images
    for fold in (0, 1):
        run = run_of(root, f"fagg-sal+emb-s0-f{fold}")
        for table, expected in (("lesions", fold), ("lesions-val", (fold + 1) % N_FOLDS)):
            image_ids = pd.read_parquet(run / f"{table}.parquet")["image_id"]
            assert set(images.loc[image_ids, "fold"]) == {expected}
        data = datamodule_of(composed(root, f"fold={fold}", *MODELS["floc"]))
        trained = data.split_data(Split.TRAIN).manifest.images
        assert set(trained["fold"]) == set(range(N_FOLDS)) - {fold, (fold + 1) % N_FOLDS}


def test_an_f_agg_run_reads_the_f_loc_and_the_context_network_of_its_fold(root: Path) -> None:
    for fold in (0, 1):
        run = run_of(root, f"fagg-sal+emb-s0-f{fold}")
        reads = json.loads((run / "result.json").read_text())["reads"]
        assert (run / reads["floc"]).resolve() == run_of(root, f"floc-preact_resnet-s0-f{fold}").resolve()
        assert (run / reads["context"]).resolve().parent == run_of(root, f"context-s0-f{fold}").resolve()


def test_an_input_of_another_fold_is_rejected(root: Path) -> None:
    floc, context = run_of(root, "floc-preact_resnet-s0-f1"), run_of(root, "context-s0-f1")
    for override in (f"model.floc={floc}", f"context.run={context}", f"context.run={context / 'best.ckpt'}"):
        with pytest.raises(MammoError, match="is a run of fold=1, so that it may have been trained on test"):
            train(composed(root, "maps=[emb,sal]", "fold=0", override))
    with pytest.raises(MammoError, match="is of a run of fold=1, which may have been trained on test patients"):
        train(composed(root, *MODELS["floc"], "fold=0", f"ckpt_path={floc / 'best.ckpt'}"))
    with pytest.raises(MammoError, match=r"^model\.global_trunk=.* is of a run of fold=1, which may have been trained"):
        train(composed(root, *MODELS["context"], "fold=0", f"model.global_trunk={context / 'best.ckpt'}"))
    with pytest.raises(MammoError, match="no finished run of floc with fold=2"):
        train(composed(root, "maps=[emb]", "fold=2"))


def test_a_run_without_its_fold_is_rejected(root: Path, small_root: Path) -> None:
    with pytest.raises(MammoError, match="no fold= is given"):
        train(composed(root, *MODELS["floc"]))
    with pytest.raises(MammoError, match="the store has no folds"):
        train(hydra_app.composed("train", [f"root={small_root}", *MODELS["floc"], "fold=0"], store_defaults))


def test_scores_of_the_runs_own_store_name_the_split_of_each_lesion(root: Path) -> None:
    run = run_of(root, "fagg-sal+emb-s0-f1")
    table = score_store(Ensemble.load(run), root / "store", n_windows=2).table
    images = Manifest.load(root / "store").images.loc[table["image_id"]]
    assert set(table["fold"]) == {1}
    assert (table["split"].to_numpy() == images["fold"].map({0: "train", 1: "test", 2: "val"}).to_numpy()).all()


def test_each_lesion_is_scored_by_the_network_of_its_own_fold(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    root = tmp_path / "root"
    cfg = hydra_app.composed("score", [f"root={root}", f"out={tmp_path / 'out'}", "n_windows=2", "n_pictures=1"])
    with pytest.raises(MammoError, match=r"no finished run of fagg with fold=2 .* fold=2; or score .* run=FOLDER"):
        score.check(cfg)
    # A run of fold 2, validated on fold 0 as such a run is, that is better on validation than the others.
    copied = shutil.copytree(run_of(root, "fagg-sal+emb-s0-f1"), root / "runs" / "fagg-2")
    validation = pd.read_parquet(run_of(root, "fagg-sal+emb-s0-f0") / "lesions.parquet")
    validation.assign(fold=2, split="val").to_parquet(copied / "lesions-val.parquet")
    rewrite_result(copied, fold=2, val_auc=1.0)
    score.task(cfg)
    table = pd.read_parquet(tmp_path / "out" / "lesions.parquet").set_index("lesion_id")
    manifest = Manifest.load(root / "store")
    folds = manifest.images.loc[table["image_id"], "fold"].to_numpy()
    assert list(table.index) == [key for key, label in manifest.lesions["label"].items() if label != "none"]
    assert (table["fold"] == folds).all()
    assert set(table["split"]) == {"test"}
    assert (tmp_path / "out" / "lesion-1-saliency.png").is_file()
    for fold, run in ((0, run_of(root, "fagg-sal+emb-s0-f0")), (1, run_of(root, "fagg-sal+emb-s0-f1")), (2, copied)):
        alone = score_store(Ensemble.load(run), root / "store", n_windows=2).table.set_index("lesion_id")
        keys = table.index[folds == fold]
        np.testing.assert_allclose(table.loc[keys, "score"], alone.loc[keys, "score"], atol=1e-6)


def test_the_gallery_shows_the_maps_of_the_network_that_an_image_was_a_test_image_of(root: Path) -> None:
    evaluation = evaluate(reported_runs(root / "runs"))
    assert any(warning.startswith("Fold 2 of 3 is missing") for warning in evaluation.warnings)
    gallery = build_gallery(evaluation, root, root / "store", 5)
    manifest = Manifest.load(root / "store")
    folds = set()
    for image_id, values in gallery["images"].items():
        fold = int(manifest.images.at[image_id, "fold"])
        checkpoint = run_of(root, f"context-s0-f{fold}") / "best.ckpt"
        maps = saliency_cache(checkpoint, root, manifest)([image_id])[0]
        assert (
            np.frombuffer(b64decode(values["malignant"]), np.uint8).tolist()
            == np.round(maps[0] * 255).flatten().tolist()
        )
        folds.add(fold)
    assert folds == {0, 1}
    assert all(len(lesion["windows"]) == 4 for lesion in gallery["lesions"])


def test_the_advice_on_missing_saliency_maps_runs_as_printed(root: Path, tmp_path: Path) -> None:
    """It names the run, so that no fold is needed."""
    checkpoint = run_of(root, "context-s0-f0") / "best.ckpt"
    advice = saliency_cache(checkpoint, root, Manifest.load(root / "store")).advice.split()
    assert advice[:3] == ["python", "-m", "mammo.precompute"]
    precompute.task(hydra_app.composed("precompute", [*advice[3:], "trainer=cpu"], store_defaults))
    without = [word for word in advice[3:] if not word.startswith("run=")]
    with pytest.raises(MammoError, match=r"no fold= is given"):
        precompute.task(hydra_app.composed("precompute", [*without, "trainer=cpu"], store_defaults))
