"""COCO JSON files: annotations of images as polygons, run lengths or boxes.

A category named malignant, benign or none is the label. Any other name is the kind of finding; the annotation's own
"label" is then the label. An annotation can also have "label_source" and "high_risk".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as run_lengths

from mammo.intake.outlines import Outline, outline_of_box, outline_of_mask, outline_of_polygon, union
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import standardized_path
from mammo.records import MammoError


@dataclass(frozen=True)
class Annotation:
    """One annotation of a COCO file.

    Attributes:
        file: the COCO file.
        key: the annotation's id.
        image: file name of its image.
        category: its category's name.
        values: the annotation as parsed, all keys.
    """

    file: Path
    key: str
    image: str
    category: str
    values: dict[str, Any]

    def outline(self, shape: tuple[int, int]) -> Outline:
        """Return the outline of the segmentation, else of the box (x, y, width, height).

        Args:
            shape: (rows, cols) of the image, stored px.

        Returns:
            A mask [box.height, box.width] and its half-open box, (row, col), stored px.

        Raises:
            RejectedError: the annotation has neither, or it does not fit the image.
        """
        segmentation, box = self.values.get("segmentation"), self.values.get("bbox")
        try:
            if isinstance(segmentation, dict):
                return _outline_of_run_lengths(segmentation, shape)
            if segmentation:
                polygons = [np.asarray(flat, dtype=np.float64).reshape(-1, 2)[:, ::-1] for flat in segmentation]
                return union(outline_of_polygon(points, shape) for points in polygons)
            x, y, width, height = (float(number) for number in box or [])
        except (TypeError, ValueError, KeyError):
            raise RejectedError(Code.OUTLINE_BROKEN) from None
        return outline_of_box((y, y + height, x, x + width), shape)

    def error(self, key: str, remedy: str) -> MammoError:
        """Return an error that names file, annotation, key and value, with the remedy."""
        return MammoError(f"{self.file} annotation {self.key}: {key} {self.values.get(key)!r}: {remedy}")


def coco_files(root: Path) -> list[Path]:
    """Return the JSON files directly in a folder that are meant as COCO: with annotations, or not readable as JSON."""
    return [file for file in sorted(root.iterdir()) if file.suffix.lower() == ".json" and _is_meant_as_coco(file)]


def _is_meant_as_coco(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError:
        return True  # read_coco reports what is wrong
    return isinstance(content, dict) and "annotations" in content


def read_coco(file: Path) -> Iterator[Annotation]:
    """Yield the annotations of a COCO file, in its order.

    Raises:
        MammoError: it is not a valid COCO file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
        images = {image["id"]: standardized_path(str(image["file_name"])) for image in content["images"]}
        categories = {category["id"]: str(category["name"]) for category in content.get("categories", [])}
        for values in content["annotations"]:
            category = categories.get(values.get("category_id"), "")
            yield Annotation(file, str(values["id"]), images[values["image_id"]], category, values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise MammoError(f"{file} is not valid COCO JSON ({cause}): correct it or remove it from the folder") from None


def _outline_of_run_lengths(segmentation: dict[str, Any], shape: tuple[int, int]) -> Outline:
    if tuple(segmentation["size"]) != shape:
        raise RejectedError(Code.OUTLINE_SIZE)
    counts = segmentation["counts"]
    if isinstance(counts, list):
        segmentation = run_lengths.frPyObjects(segmentation, *shape)
    else:
        segmentation = segmentation | {"counts": counts.encode()}
    return outline_of_mask(run_lengths.decode(segmentation) > 0)
