"""The gallery: the choice of lesions, the viewer's data, their size, and their origin in runs and store."""

import json
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Box
from mammo.records import FULL_SCALE
from mammo.reporting import N_LESIONS
from mammo.reporting.evaluation import SUBGROUP_COLUMNS, evaluate
from mammo.reporting.gallery import build_gallery, choose_lesions, lesion_values
from mammo.reporting.gallery_images import OTHER, WHOLE, WHOLE_WITH_OTHERS, GalleryImage, Size, image_values, jpeg
from mammo.reporting.reported_runs import reported_runs
from mammo.store.manifest import Manifest

RNG = np.random.default_rng(0)


def decoded(address: str) -> np.ndarray:
    content = b64decode(address.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_the_largest_errors_are_shown_and_the_rest_spread_over_the_scores() -> None:
    lesions = pd.DataFrame({"lesion_id": [f"L{i:03}" for i in range(200)], "malignant": np.tile([1, 0], 100)})
    lesions = lesions.assign(score=RNG.random(200))
    shown = choose_lesions(lesions, 30)
    assert len(shown) == 30
    malignant, benign = (lesions[lesions["malignant"] == label].sort_values("score") for label in (1, 0))
    assert set(malignant["lesion_id"].head(10)) <= set(shown["lesion_id"])
    assert set(benign["lesion_id"].tail(10)) <= set(shown["lesion_id"])
    assert shown["score"].between(0.3, 0.7).sum() >= 3
    assert len(choose_lesions(lesions, 500)) == 200


@pytest.mark.parametrize("size", [WHOLE, WHOLE_WITH_OTHERS, OTHER])
def test_images_of_noise_still_fit_the_page(size: Size) -> None:
    noise = RNG.integers(0, FULL_SCALE + 1, (2944, 1920)).astype(np.uint16)
    address = jpeg(noise, size)
    assert len(b64decode(address.split(",")[1])) <= size.n_bytes
    assert decoded(address).shape == (size.height, size.height * 1920 // 2944)
    assert N_LESIONS * (size.n_bytes * 4 / 3 + 12_000) < 25_000_000 - 2_500_000  # room for lesions and for figures


def test_an_image_keeps_its_gray_values_and_proportions() -> None:
    pixels = np.tile(np.linspace(0, FULL_SCALE, 240).astype(np.uint16), (368, 1))
    shown = decoded(jpeg(pixels))
    assert shown.shape == (368, 240)
    assert np.abs(shown.astype(int) - (pixels / FULL_SCALE * 255)).max() < 6


def test_outlines_follow_the_edges_of_their_pixels() -> None:
    mask = np.zeros((6, 5), dtype=np.bool_)
    mask[1:5, 1:4] = True
    image = GalleryImage(np.zeros((46, 30), np.uint16), None, [("a", "benign", mask, Box(10, 16, 20, 25))])
    facts = image_values(image)
    (ring,) = facts["outlines"][0]["rings"]
    xs, ys = zip(*ring, strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == (21, 24, 11, 15)
    assert facts["malignant"] is None


def test_maps_are_bytes_row_by_row() -> None:
    saliency = RNG.random((2, 4, 3)).astype(np.float32)
    facts = image_values(GalleryImage(np.zeros((8, 6), np.uint16), saliency, []))
    values = np.frombuffer(b64decode(facts["benign"]), np.uint8).reshape(4, 3) / 255
    np.testing.assert_allclose(values, saliency[1], atol=1 / 500)


@pytest.mark.parametrize(("without", "expected"), [(0.25, 0.25), (np.nan, None)])
def test_a_lesion_does_not_name_its_patient(without: float, expected: float | None) -> None:
    lesion = pd.Series(
        {
            **dict.fromkeys((*SUBGROUP_COLUMNS, "pathology_type", "label", "split"), "</script>"),
            "high_risk": 1,
            "lesion_id": "a",
            "image_id": "i",
            "exam_id": "e",
            "patient_id": "somebody",
            "score": 0.5,
            "score_sd": 0.1,
            "without": without,
            "with_others": np.nan,
        }
    )
    windows = pd.DataFrame({"row": [1.0, 2.0], "col": [3.0, 4.0], "side": [16.0, 20.0], "score": [0.4, 0.6]})
    facts = lesion_values(lesion, windows, np.zeros((2, 2), np.float32))
    assert facts["windows"] == [[3, 1, 16], [4, 2, 20]]
    assert (facts["scores"], facts["without"], facts["high_risk"]) == ([0.4, 0.6], expected, "yes")
    assert facts["with_others"] is None
    assert "somebody" not in json.dumps(facts, allow_nan=False)


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
