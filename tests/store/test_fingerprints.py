from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.store.fingerprints import Fingerprint, read_fingerprints, similar_pairs


def breast(seed: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:368, :240]
    texture = cv2.GaussianBlur(rng.standard_normal((368, 240)), (0, 0), 6.0) * 4000
    inside = ((rows - 180) / 150) ** 2 + (cols / 200) ** 2 < 1
    return np.where(inside, np.clip(1800 + texture + rng.standard_normal(rows.shape) * 60, 100, 4000), 0).astype(
        np.uint16
    )


def test_copies_are_similar_and_other_breasts_are_not() -> None:
    images = {str(seed): breast(seed) for seed in range(60)}
    noise = np.random.default_rng(1).integers(0, 40, images["3"].shape)
    images["equal"] = images["5"]
    images["lossy"] = np.clip(images["3"] * 1.03 + noise, 0, 4095).astype(np.uint16)
    images["resized"] = cv2.resize(cv2.resize(images["7"], (180, 276), interpolation=cv2.INTER_AREA), (240, 368))
    images["black"], images["dark"] = np.zeros((300, 200), np.uint16), np.zeros((200, 300), np.uint16)
    pairs = similar_pairs({key: Fingerprint.of(pixels) for key, pixels in images.items()})
    assert set(pairs) == {("5", "equal"), ("3", "lossy"), ("7", "resized")}
    assert similar_pairs({}) == []


def test_ingest_writes_fingerprints_into_the_notes(small_root: Path) -> None:
    from mammo.store.manifest import Manifest

    images = Manifest.load(small_root / "store").images
    fingerprints = dict(read_fingerprints(small_root / "store", images.index))
    assert list(fingerprints) == list(images.index)
    assert similar_pairs(fingerprints) == []
