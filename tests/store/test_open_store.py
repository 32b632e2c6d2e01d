import re
import shutil
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Box
from mammo.records import MammoError
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.notebook_html import facts_html, table_html
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


def test_images_and_lesions_are_equal_to_themselves_read_again(small_root: Path, tmp_path: Path) -> None:
    store, again = open_store(small_root / "store"), open_store(small_root / "store")
    assert store.images[3] == again.images[3]
    assert store.images[3] in store.images
    assert store.images.index(again.images[3]) == 3
    assert len({store.images[3], again.images[3], store.images[4]}) == 2
    shutil.copytree(small_root / "store", tmp_path / "copy")
    assert store.images[3] not in open_store(tmp_path / "copy").images
    lesions = [lesion for image in store.images for lesion in image.lesions]
    assert lesions == [lesion for image in again.images for lesion in image.lesions]
    assert lesions[0] != lesions[1]
    assert lesions[0] != replace(lesions[0], mask=~lesions[0].mask)


def test_notebooks_show_a_table_of_images_and_an_image_with_its_outlines(small_root: Path) -> None:
    images = open_store(small_root / "store").images
    html = images._repr_html_()
    assert html.count("<tr>") == 11
    assert f"10 of {len(images)} images" in html
    image = next(image for image in images if image.lesions)
    shown = image._repr_html_()
    png = b64decode(re.search(r"base64,([^\"]+)", shown)[1])
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(int)
    scale = min(1.0, 360 / image.pixels().shape[0])
    assert picture.shape[0] == round(image.pixels().shape[0] * scale)
    colored = np.argwhere(np.ptp(picture, axis=2) > 0) / scale
    boxes = [lesion.box for lesion in image.lesions]
    inside = [
        (box.row0 - 3 <= row <= box.row1 + 3) and (box.col0 - 3 <= col <= box.col1 + 3)
        for row, col in colored
        for box in boxes
    ]
    assert len(colored) > 10
    assert sum(inside) >= len(colored), "only outlines have a color"


def test_text_in_a_notebooks_table_is_escaped() -> None:
    assert "<b>" not in facts_html({"<b>": "<b>"})
    assert "&lt;b&gt;" in table_html(["<b>"], [["<b>"]], "<b>")


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
