"""The gallery holds each lesion's own windows, maps and outlines, and names no patient."""

import json
from base64 import b64decode
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.reporting.evaluation import evaluate
from mammo.reporting.gallery_data import build_gallery
from mammo.reporting.run_selection import reported_runs
from mammo.store.manifest import Manifest


@pytest.fixture(scope="module")
def gallery(reported_root: Path) -> dict:
    return build_gallery(evaluate(reported_runs(reported_root / "table3")), reported_root, reported_root / "store", 150)


def test_every_lesion_has_its_windows_scores_and_facts(reported_root: Path, gallery: dict) -> None:
    run = reported_root / "table3" / "fagg-sal+emb-s0-0"
    local = pd.read_parquet(reported_root / "table3" / "fagg-emb-s0-0" / "lesions.parquet").set_index("lesion_id")
    tables = [pd.read_parquet(run / f"lesions{ending}.parquet") for ending in ("", "-val")]
    lesions = pd.concat(tables).set_index("lesion_id")
    windows = pd.concat(pd.read_parquet(run / f"windows{ending}.parquet") for ending in ("", "-val"))
    assert {lesion["id"] for lesion in gallery["lesions"]} == set(lesions.index)
    for lesion in gallery["lesions"]:
        expected, table = windows[windows["lesion_id"] == lesion["id"]], lesions.loc[lesion["id"]]
        np.testing.assert_allclose(lesion["scores"], expected["score"], atol=1e-3)
        np.testing.assert_allclose(lesion["windows"], expected[["col", "row", "side"]], atol=0.06)
        assert lesion["score"] == pytest.approx(table["score"], abs=1e-4)
        assert lesion["sd"] == pytest.approx(table["score_sd"], abs=1e-4)
        assert (lesion["label"], lesion["split"], lesion["view"]) == (table["label"], table["split"], table["view"])
        if lesion["split"] == "test":
            assert lesion["without"] == pytest.approx(local.loc[lesion["id"], "score"], abs=1e-4)


def test_the_location_map_is_the_mean_over_the_windows(gallery: dict) -> None:
    cell = gallery["frame"]["height"] / gallery["frame"]["rows"]
    for lesion in gallery["lesions"][:3]:
        shares = np.frombuffer(b64decode(lesion["location"]), np.uint8) / 255
        inside = np.mean([side**2 for _, _, side in lesion["windows"]]) / cell**2
        assert shares.sum() <= inside + 1e-6 + len(shares) / 510
        assert shares.sum() > inside / 4  # windows can extend beyond the image


def test_images_show_their_own_lesions(reported_root: Path, gallery: dict) -> None:
    manifest = Manifest.load(reported_root / "store")
    for lesion in gallery["lesions"]:
        image = gallery["images"][lesion["image"]]
        lesion_ids = manifest.lesions.index[manifest.lesions["image_id"] == lesion["image"]]
        assert [outline["lesion"] for outline in image["outlines"]] == list(lesion_ids)
        assert image["malignant"] is not None


def test_no_patient_is_named(reported_root: Path, gallery: dict) -> None:
    text = json.dumps(gallery, allow_nan=False)
    for name in {"PHANTOM", *Manifest.load(reported_root / "store").images["patient_id"]}:
        assert name not in text
