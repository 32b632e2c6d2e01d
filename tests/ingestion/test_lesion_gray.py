"""The mean gray level inside an outline is that of the source's pixels there."""

from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.ingestion.lesion_gray import mean_gray
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

FRAME = Frame(368, 240, 8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("origin", [(-40, -3), (12, 5)])
def test_it_is_the_mean_of_the_pixels_inside(mirrored: bool, origin: tuple[int, int], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stored, mask, box = rng.integers(0, 4096, (200, 160)), rng.random((30, 20)) < 0.6, Box(60, 90, 70, 90)
    chain = FrameChain((200, 160), mirrored, Box(10, 180, 0, 150), 1.0, origin, FRAME)
    facing_right = stored[:, ::-1] if mirrored else stored
    store = ImageStore(tmp_path)
    store.write("a", facing_right[10:180, 0:150].astype(np.uint16))
    assert mean_gray(store, "a", chain, mask, box) == pytest.approx(stored[60:90, 70:90][mask].mean())


def test_an_ingested_lesion_has_it(small_root: Path) -> None:
    manifest, store = Manifest.load(small_root / "store"), ImageStore(small_root / "store")
    assert len(manifest.lesions)
    for lesion_id, row in manifest.lesions.iterrows():
        mask, box = manifest.network_outline(str(lesion_id))
        pixels = store.network(row["image_id"], manifest.chain(row["image_id"]))
        assert row["gray"] == pytest.approx(pixels[box.row0 : box.row1, box.col0 : box.col1][mask].mean())
