"""The lesions of a store are scored with or without a label, by the windows of the run's own test."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.inference.ensemble import Ensemble
from mammo.inference.store_scores import StoreScores, is_labeled, predictions, score_store
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import OWN_IDS, read_own_ids


@pytest.fixture(scope="module")
def scorer(fagg: Path) -> Ensemble:
    return Ensemble.load(fagg)


@pytest.fixture(scope="module")
def scores(scorer: Ensemble, trained_root: Path) -> StoreScores:
    return score_store(scorer, trained_root / "store", 100)


def unlabeled(source: Path, store: Path, lesion_ids: Collection[str]) -> Path:
    """A copy of a store without splits, and without the labels of these lesions."""
    manifest = Manifest.load(source)
    pixels, copy = ImageStore(source), ImageStore(store)
    for image_id in manifest.images.index:
        copy.append(image_id, *pixels.record(image_id))
    label = manifest.lesions["label"].mask(manifest.lesions.index.isin(list(lesion_ids)), "none")
    images, lesions = manifest.images.assign(split=""), manifest.lesions.assign(label=label)
    replace(manifest, images=images, lesions=lesions).save(store)
    return store


def test_scores_of_labeled_lesions_are_those_of_the_runs_own_test(scores: StoreScores, fagg: Path) -> None:
    own = pd.read_parquet(fagg / "lesions.parquet").set_index("lesion_id")
    again = scores.table.set_index("lesion_id").loc[own.index]
    assert np.array_equal(again["score"], own["score"])
    assert np.array_equal(again["score_sd"], own["score_sd"])
    assert len(scores.table) > len(own)
    assert set(scores.evaluated["lesion_id"]) == set(own.index), "on its own store a run is evaluated on its test split"


def test_a_score_does_not_depend_on_the_label(
    scores: StoreScores, scorer: Ensemble, trained_root: Path, tmp_path: Path
) -> None:
    without = list(scores.table["lesion_id"][::3])
    again = score_store(scorer, unlabeled(trained_root / "store", tmp_path / "store", without), 100)
    pd.testing.assert_series_equal(again.table["score"], scores.table["score"])
    assert not again.is_own
    assert set(again.evaluated["lesion_id"]) == set(scores.table["lesion_id"]) - set(without)
    assert is_labeled(again.table).sum() == len(scores.table) - len(without)
    shown = predictions(again.table).set_index("lesion_id")
    assert (shown.loc[without, ["label", "label_source"]] == "").all(axis=None)
    assert shown["label"].drop(index=without).isin(["malignant", "benign"]).all()


def test_own_names_stand_beside_the_scores_of_their_lesions(scores: StoreScores, tmp_path: Path) -> None:
    first, second, third = scores.table["lesion_id"][:3]
    rows = [("lesion", second, "mine", "=x.dcm", "7"), ("lesion", first, "mine", "y.dcm", "8")]
    OWN_IDS.write(tmp_path, "mine", rows, ["mine"])
    table = predictions(scores.table, read_own_ids(tmp_path))
    assert table["lesion_id"][:3].tolist() == [first, second, third]
    assert table["source"][:3].tolist() == ["mine", "mine", ""]
    assert table["source_path"][:3].tolist() == ["y.dcm", "=x.dcm", ""]
    assert table["source_id"][:3].tolist() == ["8", "7", ""]
    assert table["score"].tolist() == scores.table["score"].tolist()
