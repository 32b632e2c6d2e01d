"""COCO files as programs write them; every outline is the square of rows 90 to 110 and columns 30 to 50."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as run_lengths

from mammo.geometry import Box
from mammo.intake.coco import Annotation, CocoError, coco_files, read_coco
from mammo.intake.rejections import RejectedError
from mammo.records import MammoError

SHAPE = (200, 120)
BOX = Box(90, 110, 30, 50)
IMAGE = {"id": 7, "file_name": "a.dcm", "width": 120, "height": 200}
COUNTS = [6090, *[20, 180] * 19, 20, 14090]
HALF = IMAGE | {"width": 60, "height": 100}


def written(folder: Path, image: dict[str, Any], **fields: object) -> Path:
    file = folder / "coco.json"
    content = {"images": [image], "categories": [{"id": 1, "name": "mass"}]}
    annotation = {"id": 5, "image_id": 7, "category_id": 1} | fields
    file.write_text(json.dumps(content | {"annotations": [annotation]}))
    return file


@pytest.mark.parametrize(
    ("image", "fields"),
    [
        (IMAGE, {"bbox": [30, 90, 20, 20]}),
        (IMAGE, {"bbox": [30, 90, 20, 20], "image_id": "7", "category_id": "1", "id": "five"}),
        (IMAGE | {"width": "120", "height": "200"}, {"bbox": [30, 90, 20, 20]}),
        ({"id": 7, "file_name": "a.dcm"}, {"bbox": [30, 90, 20, 20]}),
        (HALF, {"bbox": [15, 45, 10, 10]}),
        (HALF, {"segmentation": [[15, 45, 25, 45, 25, 55, 15, 55]]}),
        (HALF, {"segmentation": {"size": [100, 60], "counts": [1545, *[10, 90] * 9, 10, 3545]}}),
        (IMAGE, {"segmentation": [30, 90, 50, 90, 50, 110, 30, 110]}),
        (IMAGE, {"bbox": [30, 90, 20, 20], "area": 400}),
        (IMAGE, {"bbox": [30, 90, 20, 20], "area": 300}),
        (IMAGE, {"bbox": [29, 90, 21, 20], "segmentation": {"size": [200, 120], "counts": COUNTS}}),
        (IMAGE, {"bbox": [0, 0, 0, 0], "segmentation": [[30, 90, 50, 90, 50, 110, 30, 110]]}),
        (IMAGE, {"bbox": [30, 90, 20, 20], "attributes": [{"name": "rotation", "value": 0}]}),
        (IMAGE, {"bbox": [30, 90, 20, 20], "attributes": {"rotation": 0.0}}),
    ],
)
def test_outlines_are_brought_to_the_stored_image(
    tmp_path: Path, image: dict[str, Any], fields: dict[str, Any]
) -> None:
    (annotation,) = read_coco(written(tmp_path, image, **fields))
    mask, box = annotation.outline(SHAPE)
    assert (box, mask.all()) == (BOX, True)
    assert annotation.edges(SHAPE) in ((90, 110, 30, 50), None)
    assert annotation.is_scaled(SHAPE) == (image is HALF)
    assert annotation.category == "mass"


@pytest.mark.parametrize(
    ("image", "fields", "message"),
    [
        (IMAGE | {"width": 200, "height": 120}, {"bbox": [30, 90, 20, 20]}, "which have other proportions"),
        (IMAGE, {"bbox": [0.25, 0.45, 0.17, 0.1]}, "fractions of the image, as YOLO writes them"),
        (IMAGE, {"segmentation": [[0.1, 0.1, 0.2, 0.2, 0.1, 0.2]]}, "fractions of the image"),
        (IMAGE, {"bbox": [30, 90, 50, 110], "area": 400}, "these look like the corners"),
        (IMAGE, {"bbox": [80, 90, 100, 110]}, "these look like the corners"),
        (IMAGE, {"bbox": [30, 90, -20, 20]}, "does not fit its image"),
        (IMAGE, {"bbox": [30, 90, 20, 20], "attributes": {"rotation": 45.0}}, "is a rotated box"),
        (
            IMAGE,
            {"bbox": [30, 90, 20, 20], "segmentation": [[5, 5, 9, 5, 9, 9]]},
            "its bbox is not around its segmentation",
        ),
        (IMAGE, {"bbox": [30, 90, 20, 20], "attributes": [{"name": "rotation", "value": 30}]}, "is a rotated box"),
        (IMAGE, {"bbox": [30, 90, 20, 20], "area": 4000}, "area is 4000, but its bbox has 400 px"),
        (
            IMAGE,
            {"bbox": [15, 80, 20, 15], "segmentation": [[30, 90, 50, 90, 50, 110, 30, 110]]},
            "its bbox is not around its segmentation",
        ),
        (
            IMAGE,
            {"bbox": [60, 90, 20, 20], "segmentation": {"size": [200, 120], "counts": COUNTS}},
            "its bbox is not around its segmentation",
        ),
    ],
)
def test_coordinates_of_another_format_are_named(
    tmp_path: Path, image: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    (annotation,) = read_coco(written(tmp_path, image, **fields))
    with pytest.raises(CocoError, match=message):
        annotation.outline(SHAPE)


def test_files_are_found_in_subfolders_and_other_json_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    file = written(tmp_path / "annotations", IMAGE)
    (tmp_path / "settings.json").write_text('{"seed": 1}')
    (tmp_path / "annotations" / "notes.json").write_text("no JSON")
    assert coco_files(tmp_path) == [file]


def test_broken_links_between_ids_are_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="annotation 5 has image_id 9, which no image has"):
        list(read_coco(written(tmp_path, IMAGE, image_id=9)))


def test_run_lengths_of_another_sum_are_rejected(tmp_path: Path) -> None:
    """pycocotools would fill what they leave with whatever is in memory."""
    good = run_lengths.encode(np.asfortranarray(np.eye(20, 30, dtype=np.uint8)))["counts"].decode()
    for counts in ([5, 10], [600, 1], [5, -10, 605], [5.5, 594.5], None, "zzz", good[:-1], good + "1", "\u20ac"):
        segmentation = {"size": [20, 30], "counts": counts}
        values = {"id": 1, "image_id": 1, "segmentation": segmentation}
        annotation = Annotation(tmp_path / "coco.json", "1", "a.png", (20, 30), "", values)
        with pytest.raises(RejectedError):
            annotation.outline((20, 30))
    values = {"id": 1, "image_id": 1, "segmentation": {"size": [20, 30], "counts": good}}
    mask, _ = Annotation(tmp_path / "coco.json", "1", "a.png", (20, 30), "", values).outline((20, 30))
    assert mask.sum() == 20
