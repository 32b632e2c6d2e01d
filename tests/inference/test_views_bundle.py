"""A bundle whose networks read other images: the scores of its run from DICOM files, and warnings without them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mammo
from mammo import predict
from mammo.inference.ensemble import Ensemble
from mammo.inference.missing_images import missing_of_store
from mammo.inference.store_scores import score_store
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids
from mammo.training.results import Run

BOTH = "Scored without the other view of the breast and without the other breast, which the networks read"


@pytest.fixture(scope="module")
def tested(views_run: Run) -> dict[str, float]:
    """The score of each test lesion by the user's own id."""
    own = read_own_ids(views_run.folder.parents[1] / "store")
    return {own[row.lesion_id].id: row.score for row in views_run.lesions().itertuples()}


def predicted(bundle: Path, out: Path, *words: object) -> list[dict[str, Any]]:
    """The lesions of predictions.json."""
    options = ("--no-changes", "--no-pictures", "-o", out)
    assert predict.main([str(bundle), *map(str, (*words, *options))]) == 0
    cases = json.loads((out / "predictions.json").read_text())["cases"]
    return [lesion for case in cases for lesion in case["lesions"]]


def test_scoring_the_store_gives_the_scores_of_the_test(views_run: Run, views_bundle: Path) -> None:
    for path in (views_run.folder, views_bundle):
        table = score_store(Ensemble.load(path), views_run.folder.parents[1] / "store", n_windows=100).table
        found = table.set_index("lesion_id")["score"]
        own = views_run.lesions().set_index("lesion_id")["score"]
        assert (found[own.index] - own).abs().max() < 1e-6


def test_lesions_of_a_store_without_other_images_are_counted(views_run: Run, tmp_path: Path) -> None:
    source, store = views_run.folder.parents[1] / "store", tmp_path / "store"
    shutil.copytree(source, store)
    whole = Manifest.load(source)
    view = whole.lesions["image_id"].map(whole.images["view"])
    n_cc = int((view == "CC").sum())
    images = whole.images[whole.images["view"] == "CC"]  # as a source of one view
    replace(whole, images=images, lesions=whole.lesions[view == "CC"]).save(store)
    counts = [score_store(Ensemble.load(views_run.folder), each, n_windows=2).without for each in (source, store)]
    assert counts == [{"ipsi": 0, "contra": 0}, {"ipsi": n_cc, "contra": 0}]
    assert missing_of_store(counts[:1], len(view)) == []
    assert missing_of_store([*counts, {"contra": 2}], 90) == [
        f"Of 90 lesions the networks scored {n_cc} without the other view of the breast and 2 without the other "
        "breast, which they read where an exam has them: the store has no such image, or the nipple was not found."
    ]


def test_a_folder_gives_the_runs_own_scores(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    folder = tmp_path / "cases"
    shutil.copytree(views_run.folder.parents[1] / "dicom", folder)
    table = pd.read_csv(folder / "lesions.csv")
    table[table["lesion_id"].isin(tested)][["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    found = predicted(views_bundle, tmp_path / "out", folder)
    assert {lesion["lesion_id"]: lesion["score"] for lesion in found} == pytest.approx(tested, abs=1e-6)
    assert not any("Scored without" in warning for lesion in found for warning in lesion["warnings"])


def test_a_single_image_is_scored_with_a_warning(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    source = views_run.folder.parents[1] / "dicom"
    table = pd.read_csv(source / "lesions.csv").set_index("lesion_id")
    differences = []
    for lesion_id, score in list(tested.items())[:3]:
        image, mask = (source / table.loc[lesion_id, name] for name in ("image", "mask"))
        (found,) = predicted(views_bundle, tmp_path / lesion_id, image, "--mask", mask)
        assert found["warnings"][0].startswith(BOTH)
        differences.append(abs(found["score"] - score))
    assert max(differences) > 1e-4
    scored = mammo.load(views_bundle).score(image, mammo.Box(100, 140, 60, 100))
    assert scored.warnings[0].startswith(BOTH)


def test_another_image_that_cannot_be_read_is_named(
    views_run: Run, views_bundle: Path, tested: dict[str, float], tmp_path: Path
) -> None:
    """A file with a whole header and cut pixels."""
    folder, source = tmp_path / "cases", views_run.folder.parents[1] / "dicom"
    table = pd.read_csv(source / "lesions.csv")
    chosen = table[table["lesion_id"] == next(iter(tested))]
    (image,) = chosen["image"]
    shutil.copytree(source, folder, ignore=lambda _, names: [name for name in names if name.endswith(".csv")])
    chosen[["image", "lesion_id", "mask"]].to_csv(folder / "lesions.csv", index=False)
    view = Path(image).stem
    other = (folder / image).with_stem(view.replace("CC", "MLO") if "CC" in view else view.replace("MLO", "CC"))
    other.write_bytes(other.read_bytes()[:-3000])
    (lesion,) = predicted(views_bundle, tmp_path / "out", folder)
    assert lesion["warnings"][0].startswith(f"Not used as another image of the exam: {other}: ")
    assert lesion["warnings"][1].startswith("Scored without the other view of the breast, which the networks read")
