"""The gallery's values: the choice of lesions, the viewer's data, and their size."""

import json
from base64 import b64decode

import cv2
import numpy as np
import pandas as pd
import pytest

from mammo.geometry import Box
from mammo.records import FULL_SCALE
from mammo.reporting.evaluation import SUBGROUP_COLUMNS
from mammo.reporting.gallery import (
    IMAGE_BYTES,
    MAX_HEIGHT,
    N_LESIONS,
    GalleryImage,
    choose_lesions,
    image_values,
    jpeg,
    lesion_values,
)

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


def test_images_of_noise_still_fit_the_page() -> None:
    noise = RNG.integers(0, FULL_SCALE + 1, (2944, 1920)).astype(np.uint16)
    address = jpeg(noise)
    assert len(b64decode(address.split(",")[1])) <= IMAGE_BYTES
    assert decoded(address).shape == (MAX_HEIGHT, 600)
    assert N_LESIONS * (IMAGE_BYTES * 4 / 3 + 12_000) < 25_000_000 - 2_500_000  # room for lesions and for figures


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
            **dict.fromkeys((*SUBGROUP_COLUMNS, "label", "split"), "</script>"),
            "high_risk": 1,
            "lesion_id": "a",
            "image_id": "i",
            "exam_id": "e",
            "patient_id": "somebody",
            "score": 0.5,
            "score_sd": 0.1,
            "without": without,
        }
    )
    windows = pd.DataFrame({"row": [1.0, 2.0], "col": [3.0, 4.0], "side": [16.0, 20.0], "score": [0.4, 0.6]})
    facts = lesion_values(lesion, windows, np.zeros((2, 2), np.float32))
    assert facts["windows"] == [[3, 1, 16], [4, 2, 20]]
    assert (facts["scores"], facts["without"], facts["high_risk"]) == ([0.4, 0.6], expected, "yes")
    assert "somebody" not in json.dumps(facts, allow_nan=False)
