"""Outlines of a file for one open image: what `mammo predict` draws for the same file, and no other image's."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Box
from mammo.inference import outline_files
from mammo.inference.outline_files import OutlineFile, read_outlines
from mammo.inference.outlines import draw
from mammo.records import MammoError
from tests.intake.segmentation_object import write_segmentation

SHAPE = (400, 300)
RING = [(150, 150), (190, 160), (180, 220.5)]
RING_CELL = ";".join(f"{row},{col}" for row, col in RING)


def read(path: Path, image: str = "P1/L-CC.dcm", uid: str = "1.2") -> tuple[list[tuple[str, int, Box]], str]:
    """Id, pixels and box of each outline of a file, and the sentences on the others."""
    requests, errors = read_outlines(OutlineFile(path, image, uid, SHAPE))
    found = [(one.lesion_id, int(one.outline.mask.sum()), one.outline.box) for one in requests]
    return found, " ".join(errors)


def drawn(outline: object) -> tuple[int, Box]:
    mask, box, _ = draw(outline, SHAPE)  # type: ignore[arg-type]
    return int(mask.sum()), box


@pytest.mark.parametrize("image", ["P1/L-CC.dcm", "L-CC.dcm"])
def test_rows_of_a_table_are_those_of_the_image(tmp_path: Path, image: str) -> None:
    """By its path or, for an upload, by its name alone."""
    rows = [f'P1/L-CC.dcm,a,"{RING_CELL}"', 'P1/R-CC.dcm,b,"1,1;9,1;9,9"', 'P1/L-CC.dcm,c,"1,1;2,2"']
    (tmp_path / "outlines.csv").write_text("image,lesion_id,outline\n" + "\n".join(rows))
    found, errors = read(tmp_path / "outlines.csv", image)
    assert found == [("a", *drawn(RING))]
    assert "outlines.csv row 4: the outline needs three or more points" in errors
    assert "row 3" not in errors


def test_a_name_that_several_images_have_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "outlines.csv").write_text(
        "image,row0,row1,col0,col1\nP1/L-CC.dcm,10,20,10,20\nP2/L-CC.dcm,30,40,10,20\n"
    )
    assert [box for _, _, box in read(tmp_path / "outlines.csv")[0]] == [Box(10, 20, 10, 20)]
    with pytest.raises(MammoError, match=r"names P1/L-CC.dcm and P2/L-CC.dcm, and either can be this image"):
        read(tmp_path / "outlines.csv", "L-CC.dcm")
    with pytest.raises(MammoError, match=r"names no image other\.dcm: correct its column"):
        read(tmp_path / "outlines.csv", "other.dcm")


def test_annotations_of_a_coco_file_are_those_of_the_image(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "L-CC.dcm", "width": 300, "height": 400}, {"id": 2, "file_name": "x.png"}]
    annotations = [{"id": n, "image_id": n, "bbox": [40, 150, 30, 20]} for n in (1, 2)]
    (tmp_path / "outlines.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    ((_, n_px, box),), errors = read(tmp_path / "outlines.json", "L-CC.dcm")
    assert (n_px, box, errors) == (600, Box(150, 170, 40, 70), "")


def test_segments_are_those_on_the_image(tmp_path: Path) -> None:
    masks = np.zeros((3, *SHAPE), bool)
    for number in range(3):
        masks[number, 100 : 110 + number, 50:70] = True
    write_segmentation(tmp_path / "outlines.dcm", masks, ["1.2", "1.2", "9.9"], [1, 2, 3])
    found = [("segment 1", 200, Box(100, 110, 50, 70)), ("segment 2", 220, Box(100, 111, 50, 70))]
    assert read(tmp_path / "outlines.dcm") == (found, "")
    found, errors = read(tmp_path / "outlines.dcm", uid="7.7")
    assert found == []
    assert "other image" in errors
    (tmp_path / "outlines.dcm").write_bytes(b"no DICOM file")
    with pytest.raises(MammoError, match=r"outlines\.dcm: "):
        read(tmp_path / "outlines.dcm")


def test_a_mask_has_the_size_of_the_image(tmp_path: Path) -> None:
    for name, rows in (("outlines.png", 400), ("small.png", 200)):
        mask = np.zeros((rows, 300), np.uint8)
        mask[100:110, 50:70] = 255
        cv2.imwrite(str(tmp_path / name), mask)
    assert read(tmp_path / "outlines.png")[0][0][1:] == (200, Box(100, 110, 50, 70))
    assert "the mask is 200 x 300, but its image is 400 x 300" in read(tmp_path / "small.png")[1]


def test_outlines_that_take_too_much_memory_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outline_files, "MOST_BYTES", 1 << 10)
    (tmp_path / "outlines.csv").write_text("image,row0,row1,col0,col1\na.dcm,0,40,0,40\n")
    with pytest.raises(MammoError, match="take more than"):
        read(tmp_path / "outlines.csv", "a.dcm")


def test_a_table_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "outlines.csv").write_text("image,score\na.dcm,1\n")
    with pytest.raises(MammoError, match=r"lacks the column outline \(or mask"):
        read(tmp_path / "outlines.csv", "a.dcm")
