"""The images that the page lists."""

from pathlib import Path

import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.serving.page_files import ListedFiles, upload_name
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import read_own_ids


def test_images_with_outlines_come_first_and_test_images_can_be_asked_for(small_root: Path) -> None:
    table = pd.read_csv(small_root / "dicom" / "lesions.csv")
    found = ListedFiles.of(small_root / "dicom")
    counts = [len(case.lesions) for case in found.cases]
    outlined = table["image"].nunique()
    assert (len(counts), sum(counts)) == (48, len(table))
    assert all(counts[:outlined])
    assert not any(counts[outlined:])
    images, own = Manifest.load(small_root / "store").images, read_own_ids(small_root / "store")
    for number, case in enumerate(found.cases):
        exam = [found.cases[other].path for other in found.hangings[number].exam if other is not None]
        folder = case.path.split("/")[0]
        assert exam == [f"{folder}/{name}.dcm" for name in ("R-CC", "L-CC", "R-MLO", "L-MLO")]
    tested = {own[name].path for name in images.index if images["split"][name] == "test"}
    assert {case.path for case in ListedFiles.of(small_root / "dicom", small_root / "store").cases} == tested
    with pytest.raises(MammoError, match="no image of number -1"):
        found.case(-1)


def test_a_folder_without_outlines_is_listed_too(small_root: Path, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.dcm"
    (tmp_path / name).write_bytes(next((small_root / "dicom").rglob("*.dcm")).read_bytes())
    (listed,) = ListedFiles.of(tmp_path).as_json()
    assert (listed["name"], listed["n_outlines"], listed["prior"]) == (name, 0, None)
    with pytest.raises(MammoError, match="has no test image of"):
        ListedFiles.of(tmp_path, small_root / "store")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x89PNG\r\n\x1a\n", "image.png"),
        (b"II*\0", "image.tif"),
        (b"MM\0+", "image.tif"),
        (b"\xff\xd8\xff\xe0", "image.jpg"),
        (bytes(8), "image.dcm"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, name: str) -> None:
    assert upload_name(head) == name
