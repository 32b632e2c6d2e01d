"""The command: its tables, the evaluation of the labeled lesions, and what it says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo import score
from mammo.cli import hydra_app
from mammo.inference.bundle import Bundle
from mammo.inference.bundle_facts import BundleFacts
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from tests.inference.conftest import MODELS, QUICK
from tests.quick_training import rewrite_result


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store with an f_agg run that reads the location map alone."""
    from mammo.training.fit import train
    from mammo.training.train_config import store_defaults

    root = tmp_path_factory.mktemp("scored")
    shutil.copytree(small_root / "store", root / "store")
    words = ("maps=[loc]", *MODELS[-1][1:])
    train(hydra_app.composed("train", [f"root={root}", *QUICK, *words], store_defaults))
    return root


def scored(root: Path, out: Path, *words: str) -> None:
    cfg = hydra_app.composed("score", [f"root={root}", f"out={out}", "n_windows=5", "n_pictures=0", *words])
    score.check(cfg)
    score.task(cfg)


def as_external(root: Path, folder: Path, label: str = "") -> Path:
    """A root with the same run and a store that it was not trained on; with a label, every lesion has this one."""
    shutil.copytree(root, folder)
    manifest = Manifest.load(folder / "store")
    manifest.images["split"] = ""
    if label:
        manifest.lesions["label"] = label
    else:
        manifest.lesions.loc[manifest.lesions.index[::4], "label"] = "none"
    manifest.save(folder / "store")
    return folder


def test_an_external_store_is_scored_and_evaluated(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = as_external(root, tmp_path / "root"), tmp_path / "out"
    scored(other, out)
    manifest = Manifest.load(other / "store")
    every = pd.read_csv(out / "predictions.csv")
    assert every["lesion_id"].tolist() == list(manifest.lesions.index)
    labeled = pd.read_parquet(out / "lesions.parquet")
    assert set(labeled["label"]) == {"malignant", "benign"}
    assert every["label"].isna().sum() == len(every) - len(labeled) == (manifest.lesions["label"] == "none").sum()
    auc = roc_auc_score(labeled["malignant"], labeled["score"])
    found = json.loads((out / "external.json").read_text())
    assert found["auc"] == pytest.approx(auc)
    assert found["n"] == len(labeled)
    said = capsys.readouterr().out
    assert f"AUC {auc:.3f} (95 % interval {found['auc_ci'][0]:.3f} to {found['auc_ci'][1]:.3f}" in said
    assert score.PHANTOM_CAUTION in said
    page = (out / "external.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3
    assert f"<strong>{auc:.3f}</strong>" in page
    assert score.PHANTOM_CAUTION in page
    cases = json.loads((out / "predictions.json").read_text())["cases"]
    lesions = {one["lesion_id"]: one for case in cases for one in case["lesions"]}
    assert [lesions[key]["score"] for key in every["lesion_id"]] == pytest.approx(every["score"].tolist())
    assert {one["label"] for one in lesions.values()} == {"malignant", "benign", None}


def test_images_of_the_training_store_under_another_name_are_cautioned_about(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = as_external(root, tmp_path / "root"), tmp_path / "out"
    scored(root, out, f"store={other}/store")
    images = Manifest.load(root / "store").images
    n_used = int(images["split"].isin(["train", "val"]).sum())
    assert 0 < n_used < len(images)
    assert f"caution: {score.KNOWN.format(n_used, len(images))}" in capsys.readouterr().out
    assert score.KNOWN.format(n_used, len(images)) in (out / "external.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("scale", "remedy"), [(2.0, "data.scale=1"), ("auto, to 0.28 mm", "data.scale=1")])
def test_images_of_another_scale_than_those_of_training_are_cautioned_about(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float | str, remedy: str
) -> None:
    other = as_external(root, tmp_path / "root")
    manifest = Manifest.load(other / "store")
    replaced = tuple(replace(source, scale=scale) for source in manifest.sources)
    replace(manifest, sources=replaced).save(other / "store")
    scored(other, tmp_path / "out")
    said = capsys.readouterr().out
    assert f"ingested with data.scale={scale}" in said
    assert remedy in said
    assert remedy in (tmp_path / "out" / "external.html").read_text(encoding="utf-8")
    scored(as_external(root, tmp_path / "equal"), tmp_path / "out")
    assert "data.scale" not in capsys.readouterr().out


def test_a_bundle_knows_its_training_images_after_the_store_is_gone(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mammo import bundle

    (run,) = root.glob("runs/fagg-*")
    assert bundle.main([str(run), "-o", str(tmp_path / "my.bundle"), "--sensitivity-lesions", "0"]) == 0
    other, images = as_external(root, tmp_path / "root"), Manifest.load(root / "store").images
    images["sha256"] = [sha256 if n % 2 else f"{n:064x}" for n, sha256 in enumerate(images["sha256"])]
    manifest = Manifest.load(other / "store")
    manifest.images["sha256"] = images["sha256"]
    manifest.save(other / "store")
    scored(other, tmp_path / "out", f"run={tmp_path / 'my.bundle'}")
    n_used = int(images["split"].isin(["train", "val"]).to_numpy()[1::2].sum())
    assert 0 < n_used < len(images) // 2
    assert f"caution: {score.KNOWN.format(n_used, len(images))}" in capsys.readouterr().out
    content = (tmp_path / "my.bundle").read_bytes()
    assert not any(sha256[:16].encode() in content for sha256 in Manifest.load(root / "store").images["sha256"])


def test_lesions_without_labels_have_scores_and_no_evaluation(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = as_external(root, tmp_path / "root", "none"), tmp_path / "out"
    out.mkdir()
    (out / "external.html").write_text("of an earlier store")
    (config,) = other.glob("runs/*/config.yaml")
    config.write_text(config.read_text().replace("name: phantom", "name: mine"))
    rewrite_result(config.parent)
    scored(other, out, "own_ids=true")
    assert len(pd.read_csv(out / "predictions.csv")) == len(Manifest.load(other / "store").lesions)
    for name in ("predictions.json", "predictions.csv"):
        assert (out / name).stat().st_mode & 0o077 == 0, "only their owner reads the names of files"
    assert not (out / "external.html").exists()
    said = capsys.readouterr().out
    assert "No AUC" in said
    assert "phantom" not in said.splitlines()[-1], "the network was trained on data of another name"


def test_a_named_f_loc_scores_by_itself(small_root: Path, tmp_path: Path) -> None:
    from mammo.training.fit import train
    from mammo.training.train_config import store_defaults

    root, out = tmp_path / "root", tmp_path / "out"
    shutil.copytree(small_root / "store", root / "store")
    words = ("model=floc", "backbone=small", *MODELS[-1][1:])
    train(hydra_app.composed("train", [f"root={root}", *QUICK, *words], store_defaults))
    (floc,) = root.glob("runs/floc-*")
    scored(root, out, f"run={floc}")
    known = pd.read_parquet(floc / "lesions.parquet").set_index("lesion_id")["score"]
    found = pd.read_csv(out / "predictions.csv").set_index("lesion_id")["score"]
    assert len(found) == len(Manifest.load(root / "store").lesions)
    assert (found[known.index] - known).abs().max() < 0.5, "of other windows than its own test"
    with pytest.raises(MammoError, match=r"^run=.*nowhere is not the folder of a finished f_agg or f_loc run"):
        scored(root, out, f"run={root / 'nowhere'}")


def test_a_bundle_scores_as_its_run(root: Path, tmp_path: Path) -> None:
    from mammo import bundle

    (run,) = root.glob("runs/fagg-*")
    file = tmp_path / "my.bundle"
    assert bundle.main([str(run), "-o", str(file), "--sensitivity-lesions", "0"]) == 0
    for name, model in (("run", run), ("bundle", file)):
        scored(root, tmp_path / name, f"run={model}")
    one, other = (pd.read_csv(tmp_path / name / "predictions.csv") for name in ("run", "bundle"))
    pd.testing.assert_frame_equal(one, other)
    external = json.loads((tmp_path / "bundle" / "external.json").read_text())
    assert external["auc"] == json.loads((tmp_path / "run" / "external.json").read_text())["auc"]
    facts = BundleFacts.of(Bundle.open(file))
    lesions = pd.read_parquet(tmp_path / "bundle" / "lesions.parquet")
    lesions = lesions[lesions["split"] == "test"]
    for each in facts.thresholds:
        point = external["tnr_at_fnr_transferred"][f"{each.fnr:g}"]
        below = lesions["score"] < each.threshold
        assert point["threshold"] == each.threshold
        assert point["tnr"] == pytest.approx(below[lesions["malignant"] == 0].mean())
        assert point["fnr"] == pytest.approx(below[lesions["malignant"] == 1].mean())
        assert point["tnr_ci"][0] <= point["tnr"] <= point["tnr_ci"][1]
        assert (point["tnr_validation"], point["fnr_test"]) == (each.tnr_validation.value, each.fnr_test.value)
    page = (tmp_path / "bundle" / "external.html").read_text(encoding="utf-8")
    assert "What the same thresholds did on the lesions of the bundle" in page
    (changed := tmp_path / "changed.bundle").write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(MammoError, match=r"^run=.*changed\.bundle is not a whole bundle"):
        scored(root, tmp_path / "out", f"run={changed}")
