"""From a store to scores through the commands' code: runs are found again, resumed, loaded safely and scored."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import DictConfig
from sklearn.metrics import roc_auc_score

from mammo.cli import hydra_app
from mammo.geometry import CropWindow
from mammo.inference.ensemble import Ensemble
from mammo.inference.store_scores import score_store
from mammo.models import precision
from mammo.models.floc import FLoc
from mammo.records import MammoError, PatchClass, Split
from mammo.scoring.score_tables import read_image_table
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.training.build import datamodule_of
from mammo.training.fit import train
from mammo.training.inputs import Inputs
from mammo.training.precomputed import cached_saliency
from mammo.training.results import read_run, read_runs
from mammo.training.run_dir import best_run
from mammo.training.saliency_source import saliency_cache
from mammo.training.train_config import store_defaults
from mammo.training.trained_networks import load_context_network
from tests.quick_training import rewrite_result

HERE = Path(__file__).resolve().parents[2]
QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=2",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 4}",
)
MODELS = {
    "context": ("model=context", "batch_size=8", "trainer.limit_train_batches=2"),
    "floc": ("model=floc", "backbone=small", "batch_size=10"),
}
AVERAGED = ("callbacks=[early_stopping,weight_averaging]", "callbacks.weight_averaging.decay=0.9")
COMBINATIONS = ("[loc]", "[sal]", "[emb]", "[emb,sal]")


def composed(root: Path, *overrides: str) -> DictConfig:
    return hydra_app.composed("train", [f"root={root}", *QUICK, *overrides], store_defaults)


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a finished context, f_loc and four f_agg runs."""
    root = tmp_path_factory.mktemp("trained")
    shutil.copytree(small_root / "store", root / "store")
    for overrides in MODELS.values():
        train(composed(root, *overrides))
    cached_saliency(best_run(root, "context") / "best.ckpt", root, root / "store", "32-true")
    for maps in COMBINATIONS:
        train(composed(root, f"maps={maps}", "batch_size=10"))
    return root


def results(root: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(root.glob("runs/*/result.json"))]


def test_every_run_is_finished_and_records_its_origin(root: Path) -> None:
    found = results(root)
    assert {(run["model"], run["maps"]) for run in found} == {
        ("context", ""),
        ("floc", ""),
        *(("fagg", maps) for maps in ("loc", "sal", "emb", "sal+emb")),
    }
    for run in found:
        assert 0 <= float(str(run["val_auc"])) <= 1
        assert run["versions"]["torch"] == torch.__version__.split("+")[0]  # type: ignore[index]


def test_an_undefined_auc_is_null_and_the_run_is_finished(small_root: Path, tmp_path: Path) -> None:
    shutil.copytree(small_root / "store", tmp_path / "store")
    one_image = ("eval_batch_size=1", "trainer.limit_val_batches=1", "trainer.max_epochs=1", "test=false")
    assert np.isnan(train(composed(tmp_path, *MODELS["context"], *one_image)))
    (result,) = results(tmp_path)
    assert result["val_auc"] is None
    assert best_run(tmp_path, "context").name.startswith("context-s0")
    (folder,) = tmp_path.glob("runs/*")
    assert (folder / "best.ckpt").read_bytes() == (folder / "last.ckpt").read_bytes()


def test_the_tables_auc_is_the_reported_one(root: Path) -> None:
    for path in root.glob("runs/f*/result.json"):
        table = pd.read_parquet(path.parent / "lesions.parquet")
        assert (table["n_windows"] == 4).all()
        reference = roc_auc_score(table["malignant"], table["score"])
        result = json.loads(path.read_text())
        assert result["test_auc"] == pytest.approx(reference, abs=1e-6)
        assert result["test_lesions"]["auc"] == pytest.approx(reference, abs=1e-6)
        findings = table.groupby(table["finding_id"].where(table["finding_id"] != "", table["lesion_id"]))
        reference = roc_auc_score(findings["malignant"].first(), findings["score"].mean())
        assert result["test_findings"]["n"] == len(findings) < len(table)
        assert result["test_findings"]["auc"] == pytest.approx(reference, abs=1e-6)


def test_every_model_was_scored_by_the_same_windows_whose_mean_is_the_score(root: Path) -> None:
    tables = [pd.read_parquet(path) for path in sorted(root.glob("runs/f*/windows.parquet"))]
    assert len(tables) == 5
    for path, windows in zip(sorted(root.glob("runs/f*/windows.parquet")), tables, strict=True):
        lesions = pd.read_parquet(path.parent / "lesions.parquet").set_index("lesion_id")
        scores = windows.groupby("lesion_id")["score"]
        np.testing.assert_allclose(scores.mean().loc[lesions.index], lesions["score"], atol=1e-12)
        np.testing.assert_allclose(scores.std(ddof=0).loc[lesions.index], lesions["score_sd"], atol=1e-12)
        pd.testing.assert_frame_equal(windows.drop(columns="score"), tables[0].drop(columns="score"))


def test_the_windows_overlap_their_lesions(root: Path) -> None:
    windows = pd.read_parquet(next(root.glob("runs/fagg-emb-*/windows.parquet")))
    manifest = Manifest.load(root / "store")
    for lesion_id, row, col, side in windows[["lesion_id", "row", "col", "side"]].itertuples(index=False):
        mask, box = manifest.network_outline(lesion_id)
        inside = np.argwhere(mask) + 0.5 + (box.row0, box.col0)
        assert CropWindow(row, col, side).contains(inside).any()


def test_validation_lesions_are_scored_by_the_best_checkpoint(root: Path) -> None:
    paths = list(root.glob("runs/f*/lesions-val.parquet"))
    assert len(paths) == 4  # every f_agg, no f_loc
    for path in paths:
        table = pd.read_parquet(path)
        assert set(table["split"]) == {"val"}
        reported = json.loads((path.parent / "result.json").read_text())["val_auc"]
        assert reported == pytest.approx(roc_auc_score(table["malignant"], table["score"]), abs=1e-6)


def test_the_same_request_is_not_run_again(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.glob("runs/*/best.ckpt")}
    train(composed(root, *MODELS["floc"]))
    assert "already done" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in root.glob("runs/*/best.ckpt")}


def test_another_request_is_another_run(root: Path, tmp_path: Path) -> None:
    root, n_runs = shutil.copytree(root, tmp_path / "root"), len(results(root))
    train(composed(root, *MODELS["floc"], "seed=5"))
    assert len(results(root)) == n_runs + 1
    assert json.loads((best_run(root, "floc", seed=5) / "result.json").read_text())["seed"] == 5


def test_an_interrupted_run_resumes_to_the_same_weights(root: Path, small_root: Path, tmp_path: Path) -> None:
    shutil.copytree(small_root / "store", tmp_path / "store")
    cfg = composed(tmp_path, *MODELS["floc"])
    stopped = composed(tmp_path, *MODELS["floc"])
    train(cfg)
    (run,) = tmp_path.glob("runs/floc-*")
    whole = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    first = tmp_path / "first"
    stopped.root, stopped.trainer.max_epochs = str(first), 1
    shutil.copytree(small_root / "store", first / "store")
    train(stopped)
    (half,) = first.glob("runs/floc-*")
    for name in ("result.json", "last.ckpt", "best.ckpt"):
        (run / name).unlink()
    for name in ("last.ckpt", "best.ckpt"):
        shutil.copy(half / name, run / name)
    train(cfg)
    resumed = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_weights_do_not_depend_on_which_run_computed_h(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    (run,) = (tmp_path / "root").glob("runs/fagg-emb-s0-*")
    first = torch.load(run / "best.ckpt", weights_only=True)["state_dict"]  # the first that needed h
    shutil.rmtree(run)
    train(composed(tmp_path / "root", "maps=[emb]", "batch_size=10"))
    again = torch.load(run / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_h_of_every_epoch_is_computed_once_for_all_combinations_and_seeds(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    cache = best_run(tmp_path / "root", "floc", seed=0) / "embeddings"
    before = {path: path.stat().st_mtime_ns for path in cache.glob("*.npz")}
    assert len(before) == 4, "two epochs of training, validation and test"
    train(composed(tmp_path / "root", "maps=[loc,emb]", "seed=7", "batch_size=10", f"model.floc={cache.parent}"))
    assert before == {path: path.stat().st_mtime_ns for path in cache.glob("*.npz")}
    train(composed(tmp_path / "root", "maps=[emb]", "batch_size=10", "trainer.max_epochs=3"))
    assert len(list(cache.glob("*.npz"))) == 5, "of the third epoch only when a training reaches it"


def test_two_processes_that_share_h_give_the_results_of_one(root: Path, tmp_path: Path) -> None:
    requests = (("maps=[emb]", "seed=5"), ("maps=[loc,emb]", "seed=6"))
    for name in ("together", "alone"):
        shutil.copytree(root, tmp_path / name)
        for cache in (tmp_path / name).glob("runs/floc-*/embeddings"):
            shutil.rmtree(cache)
    command = [sys.executable, "-m", "mammo.train", *QUICK, "batch_size=10", f"root={tmp_path / 'together'}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]])}
    both = [
        subprocess.Popen([*command, *words], env=environment, stderr=subprocess.PIPE, text=True) for words in requests
    ]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert "".join(errors).count("windows computed") == 4, "two epochs of training, validation and test, each once"
    for words in requests:
        train(composed(tmp_path / "alone", "batch_size=10", *words))
    for seed in (5, 6):
        first, second = (next((tmp_path / name).glob(f"runs/fagg-*-s{seed}-*")) for name in ("alone", "together"))
        weights = [torch.load(run / "best.ckpt", weights_only=True)["state_dict"] for run in (first, second)]
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
        pd.testing.assert_frame_equal(read_run(first).lesions(), read_run(second).lesions())


def test_an_interrupted_f_agg_resumes_to_the_same_weights_without_a_cache(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    words = ("maps=[emb]", "seed=6", "batch_size=10")
    train(composed(tmp_path / "root", *words))
    (run,) = (tmp_path / "root").glob("runs/fagg-emb-s6-*")
    whole = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    train(composed(tmp_path / "root", *words, "trainer.max_epochs=1", "group=half"))
    (half,) = (tmp_path / "root").glob("half/fagg-emb-s6-*")
    for name in ("last.ckpt", "best.ckpt"):
        shutil.copy(half / name, run / name)
    (run / "result.json").unlink()
    for cache in (tmp_path / "root").glob("runs/floc-*/embeddings"):
        shutil.rmtree(cache)
    train(composed(tmp_path / "root", *words))
    resumed = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_another_precision_is_another_run_with_h_of_its_own(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    cache = best_run(tmp_path / "root", "floc") / "embeddings"
    train(composed(tmp_path / "root", "maps=[emb]", "batch_size=10", "trainer.precision=bf16-mixed"))
    runs = [read_run(run) for run in (tmp_path / "root").glob("runs/fagg-emb-s0-*")]
    assert {run.precision for run in runs} == {"32-true", "bf16-mixed"}
    assert len({run.digest for run in runs}) == 2
    assert len(list(cache.glob("*.npz"))) == 8


def test_machines_of_different_precision_share_no_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(root / "store", tmp_path / "store")
    for has_bf16 in (False, True):
        monkeypatch.setattr(precision, "_cpu_has_bf16", lambda has=has_bf16: has)
        train(composed(tmp_path, "maps=[loc]", "batch_size=10", "trainer.precision=auto", "test=false"))
    assert {run.precision for run in read_runs(tmp_path / "runs")} == {"32-true", "bf16-mixed"}


def test_checkpoints_hold_plain_values_only(root: Path) -> None:
    paths = list(root.glob("runs/*/*.ckpt"))
    assert len(paths) >= 12
    for path in paths:
        torch.load(path, weights_only=True)


def test_scoring_a_store_gives_the_scores_of_the_test(root: Path) -> None:
    run = next(path for path in root.glob("runs/fagg-sal+emb-*"))
    reading = score_store(Ensemble.load(run), root / "store", n_windows=4)
    own = pd.read_parquet(run / "lesions.parquet").set_index("lesion_id")
    again = reading.table.set_index("lesion_id").loc[own.index]
    assert np.abs(again["score"] - own["score"]).max() < 1e-6
    assert len(reading.table) > len(own)


def test_controls_are_runs_of_their_own(root: Path) -> None:
    for source in ("zeros", "shuffled"):
        train(composed(root, "maps=[sal]", f"context={source}", "seed=9", "batch_size=10"))
        (run,) = root.glob(f"runs/fagg-sal-{source}-s9-*")
        assert json.loads((run / "result.json").read_text())["context"] == source
        with pytest.raises(MammoError, match=f"context={source}"):
            score_store(Ensemble.load(run), root / "store", n_windows=2)
    (run,) = root.glob("runs/fagg-sal-zeros-s9-*")
    table = pd.read_parquet(run / "lesions.parquet")
    assert table["score"].nunique() == 1, "without context every lesion looks alike to sal"


def test_external_maps_are_read_and_their_content_names_the_run(root: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for image_id in Manifest.load(root / "store").images.index:
        np.save(tmp_path / f"{image_id}.npy", rng.uniform(size=(2, 46, 30)).astype(np.float32))
    words = ("maps=[sal]", "context=external", f"context.folder={tmp_path}", "batch_size=10")
    train(composed(root, *words))
    np.save(tmp_path / f"{image_id}.npy", np.zeros((2, 46, 30)))
    train(composed(root, *words))
    assert len(list(root.glob("runs/fagg-sal-external-s0-*"))) == 2
    (tmp_path / f"{image_id}.npy").unlink()
    with pytest.raises(MammoError, match=f"{image_id}"):
        train(composed(root, *words))


def test_missing_and_stale_maps_stop_f_agg_and_name_the_command(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    shutil.rmtree(tmp_path / "root" / "saliency")
    cfg = composed(tmp_path / "root", "maps=[sal]", "seed=4", "batch_size=10")
    with pytest.raises(MammoError, match=r"is missing in .*python -m mammo\.precompute what=saliency"):
        train(cfg)
    checkpoint = best_run(tmp_path / "root", "context") / "best.ckpt"
    cached_saliency(checkpoint, tmp_path / "root", tmp_path / "root" / "store", "32-true")
    train(cfg)
    manifest = Manifest.load(tmp_path / "root" / "store")
    manifest.images.loc[manifest.images.index[3], "sha256"] = "0" * 64
    manifest.save(tmp_path / "root" / "store")
    with pytest.raises(MammoError, match=r"stale.*1 of 48"):
        train(composed(tmp_path / "root", "maps=[sal]", "seed=5", f"context.run={checkpoint.parent}"))


def test_precomputing_resumes_where_it_stopped(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "root")
    whole = saliency_cache(best_run(root, "context") / "best.ckpt", root, Manifest.load(root / "store"))
    manifest = Manifest.load(tmp_path / "root" / "store")
    checkpoint = best_run(tmp_path / "root", "context") / "best.ckpt"
    shutil.rmtree(tmp_path / "root" / "saliency")
    half = list(manifest.images.index[:20])
    saliency_cache(checkpoint, tmp_path / "root", manifest).append(half, whole(half))
    made = cached_saliency(checkpoint, tmp_path / "root", tmp_path / "root" / "store", "32-true")
    assert made.missing() == []
    assert len(list(made.folder.glob("*.npy"))) == 2
    assert np.abs(made(manifest.images.index) - whole(manifest.images.index)).max() < 2e-3


def test_an_imported_checkpoint_can_give_the_maps(root: Path, tmp_path: Path) -> None:
    shutil.copy(best_run(root, "context") / "best.ckpt", tmp_path / "mine.ckpt")
    cached_saliency(tmp_path / "mine.ckpt", root, root / "store", "32-true")
    train(composed(root, "maps=[sal]", f"context.run={tmp_path}/mine.ckpt", "seed=6"))
    (run,) = root.glob("runs/fagg-sal-s6-*")
    assert len(score_store(Ensemble.load(run), root / "store", n_windows=2).table) > 0


def test_the_context_networks_images_are_scored(root: Path) -> None:
    run = best_run(root, "context")
    table = read_image_table(run / "images.parquet")
    manifest = Manifest.load(root / "store").of_split(Split.TEST)
    assert table["image_id"].tolist() == list(manifest.images.index)
    of_breast = manifest.labeled_images.groupby(["exam_id", "laterality"])[["malignant", "benign"]].transform("max")
    assert (table[["malignant", "benign"]].to_numpy() == of_breast.to_numpy()).all(), "labels=breast"
    reference = roc_auc_score(table["malignant"], table["score_malignant"])
    result = json.loads((run / "result.json").read_text())
    assert result["test_auc"] == pytest.approx(reference, abs=1e-6)
    assert "test_lesions" not in result


def test_mixed_precision_trains_the_context_network(small_root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(small_root / "store")
    train(composed(tmp_path, *MODELS["context"], "trainer.precision=bf16-mixed", "seed=8"))
    (run,) = tmp_path.glob("runs/context-s8-*")
    scores = read_image_table(run / "images.parquet")["score_malignant"]
    assert scores.nunique() > 1


def test_activation_checkpointing_and_averaged_weights_train(small_root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(small_root / "store")
    words = ("model.checkpoint_activations=true", *AVERAGED, "image_sampling=balanced", "seed=3")
    train(composed(tmp_path, *MODELS["context"], *words, "trainer.accumulate_grad_batches=2"))
    (run,) = tmp_path.glob("runs/context-s3-*")
    network = load_context_network(run / "best.ckpt")
    manifest = Manifest.load(tmp_path / "store")
    table = pd.read_parquet(run / "images.parquet")
    pixels = ImageStore(tmp_path / "store")
    images = np.stack([pixels.network(image_id, manifest.chain(image_id))[None] for image_id in table["image_id"]])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).y_fusion.malignant
    assert np.allclose(table["score_malignant"], expected, atol=1e-5)


def test_averaged_weights_are_tested(small_root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(small_root / "store")
    train(composed(tmp_path, *MODELS["floc"], *AVERAGED, "seed=3"))
    (run,) = tmp_path.glob("runs/floc-*-s3-*")
    network = FLoc.load_from_checkpoint(run / "best.ckpt", weights_only=True).eval()
    data = datamodule_of(composed(tmp_path, *MODELS["floc"], "seed=3"))
    plan = data.evaluation_plan(Split.TEST)
    logits = network(torch.from_numpy(data.split_data(Split.TEST).reader.patches(plan)[:, None])).detach()
    share = torch.sigmoid(logits[:, PatchClass.MALIGNANT] - logits[:, PatchClass.BENIGN]).numpy()
    expected = [share[plan.lesion == lesion].mean() for lesion in np.unique(plan.lesion)]
    assert np.allclose(pd.read_parquet(run / "lesions.parquet")["score"], expected, atol=1e-6)


def test_f_agg_without_f_loc_names_the_command(small_root: Path, tmp_path: Path) -> None:
    shutil.copytree(small_root / "store", tmp_path / "store")
    with pytest.raises(MammoError, match="model=floc"):
        train(composed(tmp_path, "maps=[emb]"))


def test_a_store_of_another_frame_is_rejected(root: Path) -> None:
    with pytest.raises(
        MammoError,
        match=r"frame is 2944 x 1920 px in cells of 64 px, but .*store was ingested with frame=eighth, 368 x 240",
    ):
        train(composed(root, "model=context", "frame=full"))


def test_pairing_chooses_the_networks_of_the_same_seed_or_the_best(root: Path, tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(root / "store")
    maps = saliency_cache(best_run(root, "context") / "best.ckpt", root, Manifest.load(root / "store")).folder
    for model, aucs in (("floc", (0.6, 0.9, 0.7)), ("context", (0.8, 0.6, 0.7))):
        for seed, auc in enumerate(aucs):
            copied = shutil.copytree(best_run(root, model), tmp_path / "runs" / f"{model}-{seed}")
            rewrite_result(copied, seed=seed, val_auc=auc)
            shutil.copytree(maps, tmp_path / "saliency" / f"{copied.name}-{maps.name[-16:]}")
    manifest = Manifest.load(tmp_path / "store")

    def read(*overrides: str) -> dict[str, str]:
        cfg = composed(tmp_path, "model=fagg", "maps=[emb,sal]", *overrides)
        return Inputs.of(cfg, manifest).paths(tmp_path / "runs")

    for seed in range(3):
        best = {"floc": "floc-1", "context": "context-0/best.ckpt"}
        assert read(f"seed={seed}") == read(f"seed={seed}", "pairing=fagg") == best
        paired = {"floc": f"floc-{seed}", "context": f"context-{seed}/best.ckpt"}
        assert read(f"seed={seed}", "pairing=all") == paired
        named = read(f"seed={seed}", "pairing=all", f"model.floc={tmp_path}/runs/floc-2")
        assert named == {**paired, "floc": "floc-2"}
