from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box
from mammo.records import MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.open_store import open_store


def test_images_have_their_pixels_and_lesions_in_one_frame(small_root: Path) -> None:
    store = open_store(small_root / "store")
    manifest, n_lesions = Manifest.load(small_root / "store"), 0
    assert [image.id for image in store.images] == list(manifest.images.index)
    for image in store.images:
        pixels, row = image.pixels(), manifest.images.loc[image.id]
        assert pixels.dtype == np.uint16
        assert pixels.shape == image.chain.store_shape
        assert pixels.max() <= 4095
        assert (image.laterality, image.view, "+".join(image.flags)) == (row["laterality"], row["view"], row["flags"])
        for lesion in image.lesions:
            n_lesions += 1
            box = lesion.box
            assert lesion.mask.shape == (box.height, box.width)
            gray = pixels[box.row0 : box.row1, box.col0 : box.col1][lesion.mask].mean()
            assert gray == pytest.approx(manifest.lesions.at[lesion.id, "gray"])
            assert lesion.label == manifest.lesions.at[lesion.id, "label"]
            assert lesion.id in repr(lesion)
    assert n_lesions == len(manifest.lesions)
    assert f"{n_lesions} lesions" in repr(store)


def test_images_are_a_sequence(small_root: Path) -> None:
    images = open_store(str(small_root / "store")).images
    assert images[-1].id == images[len(images) - 1].id
    assert [image.id for image in images[1:6:2]] == [images[number].id for number in (1, 3, 5)]
    with pytest.raises(IndexError):
        images[len(images)]


def test_flags_are_words(tmp_path: Path, small_root: Path) -> None:
    manifest, store = Manifest.load(small_root / "store"), ImageStore(small_root / "store")
    key = manifest.images.index[0]
    flags = ["implant+partial", *manifest.images["flags"][1:]]
    replace(manifest, images=manifest.images.assign(flags=flags)).save(tmp_path)
    ImageStore(tmp_path).append(key, *store.record(key))
    image = open_store(tmp_path).images[0]
    assert image.flags == ("implant", "partial")
    assert np.array_equal(image.pixels(), store.read(key, Box(0, store.shape(key)[0], 0, store.shape(key)[1])))


def test_a_missing_store_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="no store at"):
        open_store(tmp_path)
