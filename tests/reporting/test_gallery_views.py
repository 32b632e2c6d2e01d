"""The gallery's other images of the exam: the right ones, with arcs and places where the maps read, and no names."""

import json
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mammo.maps.landmarks import landmarks
from mammo.maps.view_sources import KINDS, view_sources
from mammo.reporting import N_LESIONS
from mammo.reporting.evaluation import evaluate
from mammo.reporting.gallery import build_gallery
from mammo.reporting.gallery_images import OTHER, WHOLE_WITH_OTHERS
from mammo.reporting.gallery_views import lesion_views
from mammo.reporting.reported_runs import reported_runs
from mammo.store.manifest import Manifest
from tests.reporting.conftest import VIEWS


@pytest.fixture(scope="module")
def gallery(views_root: Path) -> dict[str, Any]:
    return build_gallery(evaluate(reported_runs(views_root / "table3")), views_root, views_root / "store", 150)


@pytest.fixture(scope="module")
def manifest(views_root: Path) -> Manifest:
    return Manifest.load(views_root / "store")


def center(rings: list[list[list[float]]]) -> np.ndarray:
    """The middle (row, col) of the extent of rings of (x, y)."""
    points = np.concatenate([np.array(ring) for ring in rings])
    return ((points.min(axis=0) + points.max(axis=0)) / 2)[::-1]


def test_each_lesion_has_the_other_view_and_the_other_breast_of_its_exam(
    gallery: dict[str, Any], manifest: Manifest
) -> None:
    assert gallery["lesions"]
    for lesion in gallery["lesions"]:
        own = manifest.images.loc[lesion["image"]]
        ipsi, contra = (manifest.images.loc[view["image"]] for view in lesion["views"])
        assert own["exam_id"] == ipsi["exam_id"] == contra["exam_id"]
        assert (ipsi["laterality"], ipsi["view"] != own["view"]) == (own["laterality"], True)
        assert (contra["laterality"] != own["laterality"], contra["view"]) == (True, own["view"])
        for view, row in zip(lesion["views"], (ipsi, contra), strict=True):
            assert view["title"].startswith(f"{row['laterality']} {row['view']}, other ")
            assert (view["missing"], view["words"][:4]) == ("", "S_m ")
            image = gallery["images"][view["image"]]
            assert len(b64decode(image["malignant"])) == gallery["frame"]["rows"] * gallery["frame"]["cols"]


def test_arcs_and_places_keep_the_lesions_offset_from_the_nipple(gallery: dict[str, Any], manifest: Manifest) -> None:
    marks = landmarks(manifest)
    for lesion in gallery["lesions"]:
        (outline,) = (one for one in gallery["images"][lesion["image"]]["outlines"] if one["lesion"] == lesion["id"])
        own, (ipsi, contra) = marks(lesion["image"]), lesion["views"]
        there, other = marks(ipsi["image"]), marks(contra["image"])
        assert own.nipple
        assert there.px_mm
        assert own.px_mm
        assert other.nipple
        away = np.linalg.norm(center(outline["rings"]) - own.nipple) * own.px_mm
        near, far = (radius * there.px_mm for radius in ipsi["arc"])
        assert ipsi["nipple"] == pytest.approx(there.nipple[::-1] if there.nipple else (), abs=0.06)
        assert far - 12 == pytest.approx(away, abs=2), "an outline's mean is not the middle of its extent"
        assert near == pytest.approx(max(0, far - 24), abs=0.2)
        ratio = np.subtract(other.bottom_right, other.top_left) / np.subtract(own.bottom_right, own.top_left)
        expected = other.nipple + (center(outline["rings"]) - own.nipple) * ratio
        assert center(contra["rings"]) == pytest.approx(expected, abs=0.2)
        assert contra["arc"] is None
        assert ipsi["rings"] == []


def test_a_lesion_has_the_score_with_other_images_too(gallery: dict[str, Any], views_root: Path) -> None:
    folder = views_root / "table3" / f"fagg-{VIEWS}-s0-0"
    tables = [pd.read_parquet(folder / f"lesions{ending}.parquet") for ending in ("", "-val")]
    scores = pd.concat(tables).set_index("lesion_id")["score"]
    for lesion in gallery["lesions"]:
        assert lesion["with_others"] == pytest.approx(scores[lesion["id"]], abs=1e-4)


def test_missing_images_are_named(manifest: Manifest) -> None:
    lesion_id, lesion = next(manifest.lesions.iterrows())
    image_id, view = lesion["image_id"], manifest.images.at[lesion["image_id"], "view"]
    alone = replace(manifest, images=manifest.images.loc[[image_id]])
    empty = np.zeros((1, 2, *manifest.frame.grid), np.float32)
    sources = view_sources(alone, KINDS, lambda _: empty, lambda _: empty)
    found = lesion_views(list(sources.values()), alone, image_id, manifest.network_outline(str(lesion_id)))
    words = f"no {'MLO' if view == 'CC' else 'CC'} of this breast", f"no {view} of the other breast"
    assert tuple(one["missing"] for one in found) == words
    assert [one["image"] for one in found] == [None, None]


def test_no_patient_is_named_and_the_page_stays_small(gallery: dict[str, Any], manifest: Manifest) -> None:
    text = json.dumps(gallery, allow_nan=False)
    for name in {"PHANTOM", *manifest.images["patient_id"]}:
        assert name not in text
    most = (WHOLE_WITH_OTHERS.n_bytes + 2 * OTHER.n_bytes) * 4 / 3 + 2 * 4_000
    assert N_LESIONS * (most + 12_000) < 25_000_000 - 2_500_000  # room for lesions and for figures
