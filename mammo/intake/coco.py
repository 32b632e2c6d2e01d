"""COCO JSON files: annotations as polygons, run lengths or boxes, in the frame of images[].width and height."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as run_lengths

from mammo.intake.extents import edges_of_box
from mammo.intake.outlines import (
    SAME_ASPECT,
    Outline,
    outline_of_box,
    outline_of_mask,
    outline_of_polygon,
    scaled_to,
    union,
)
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import Folder, standardized_path
from mammo.limits import JSON_BYTES, read_json
from mammo.records import MammoError, is_whole


class CocoError(Exception):
    """An annotation's outline is wrong; the message says why and what to do."""


@dataclass(frozen=True)
class Annotation:
    """One annotation of a COCO file.

    Attributes:
        file: the COCO file.
        key: the annotation's id.
        image: file name of its image.
        size: (rows, cols) of the image that it was drawn on, None if the file does not say.
        category: its category's name.
        values: the annotation as parsed, all keys.
    """

    file: Path
    key: str
    image: str
    size: tuple[int, int] | None
    category: str
    values: dict[str, Any] = field(repr=False)

    @property
    def has_outline(self) -> bool:
        """Whether it has a segmentation or a box."""
        return bool(self.values.get("segmentation") or self.values.get("bbox"))

    def outline(self, shape: tuple[int, int]) -> Outline:
        """Return the outline of the segmentation, else of the box (x, y, width, height), scaled to the image.

        Args:
            shape: (rows, cols) of the image, stored px.

        Returns:
            A mask [box.height, box.width] and its half-open box, (row, col), stored px.

        Raises:
            CocoError: it was drawn on an image of other proportions, or its coordinates are of another format.
            RejectedError: the annotation has neither, or it covers no pixel of the image.
        """
        size = self.size or shape
        scale = (shape[0] / size[0], shape[1] / size[1])
        if abs(scale[0] / scale[1] - 1) > SAME_ASPECT:
            raise CocoError(
                f"its image is {size[1]} x {size[0]} in the COCO file, but {shape[1]} x {shape[0]} as stored, which "
                "have other proportions: correct images[].width and height, or the file name"
            )
        segmentation, box = self.values.get("segmentation"), self.values.get("bbox")
        try:
            if isinstance(segmentation, dict):
                drawn = _run_lengths(segmentation, size)
                _check_same_place(edges_of_box(outline_of_mask(drawn)[1]), box)
                return outline_of_mask(scaled_to(drawn, shape))
            if segmentation:
                polygons = [np.asarray(flat, dtype=np.float64).reshape(-1, 2)[:, ::-1] for flat in _lists(segmentation)]
                corners = np.concatenate(polygons)
                _check_pixels(corners)
                (row0, col0), (row1, col1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
                _check_same_place((row0, row1, col0, col1), box)
                return union(outline_of_polygon(points * scale, shape) for points in polygons)
            x, y, width, height = (float(number) for number in box or [])
        except (TypeError, ValueError, KeyError):
            raise RejectedError(Code.OUTLINE_BROKEN) from None
        if self._is_rotated():
            raise CocoError("is a rotated box, which is not read: convert it to a polygon in segmentation")
        _check_pixels(np.array([x, y, width, height]))
        self._check_box(x, y, width, height, size)
        (down, right) = scale
        return outline_of_box((y * down, (y + height) * down, x * right, (x + width) * right), shape)

    def edges(self, shape: tuple[int, int]) -> tuple[float, float, float, float] | None:
        """Return (row0, row1, col0, col1), stored px, of its polygons or box; None for run lengths.

        Args:
            shape: (rows, cols) of the image, stored px; outline(shape) has accepted the annotation.
        """
        size, segmentation = self.size or shape, self.values.get("segmentation")
        if isinstance(segmentation, dict):
            return None
        if segmentation:
            points = np.concatenate([np.asarray(flat, np.float64).reshape(-1, 2) for flat in _lists(segmentation)])
            (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        else:
            x0, y0, width, height = (float(number) for number in self.values["bbox"])
            x1, y1 = x0 + width, y0 + height
        down, right = shape[0] / size[0], shape[1] / size[1]
        return y0 * down, y1 * down, x0 * right, x1 * right

    def is_scaled(self, shape: tuple[int, int]) -> bool:
        """Return whether it was drawn on an image of another size than the stored one."""
        return self.size is not None and self.size != shape

    def _is_rotated(self) -> bool:
        """Return whether it is a box with an angle, as CVAT writes it."""
        return attributes_of(self.values).get("rotation") not in (None, "", 0, "0", "0.0")

    def _check_box(self, x: float, y: float, width: float, height: float, size: tuple[int, int]) -> None:
        """Check that the numbers are not those of two corners.

        Raises:
            CocoError: by the annotation's area or the image's size, they are.
        """
        area = self.values.get("area")
        corners = isinstance(area, (int, float)) and area > 0 and abs((width - x) * (height - y) / area - 1) < 0.01
        if (corners and abs(width * height / float(area or 1) - 1) > 0.01) or x + width > size[1] * 1.2:
            raise CocoError("bbox must be x, y, width, height; these look like the corners x0, y0, x1, y1")
        if min(width, height) <= 0 or y + height > size[0] * 1.2:
            raise CocoError(f"bbox does not fit its image of {size[1]} x {size[0]}; it must be x, y, width, height")
        if isinstance(area, (int, float)) and area > width * height * 1.01:
            raise CocoError(f"area is {area:g}, but its bbox has {width * height:g} px: correct one of them")


def coco_files(root: Path) -> list[Path]:
    """Return the JSON files below a folder that are COCO: with images and annotations.

    JSON files at the top of the folder that cannot be read count too, so that read_coco reports what is wrong.
    """
    files = [root / path for path in Folder(root).matching("*.json")]
    return [file for file in files if _is_meant_as_coco(file, unreadable=file.parent == root)]


def _is_meant_as_coco(file: Path, unreadable: bool) -> bool:
    try:
        content = read_json(file, JSON_BYTES, "utf-8-sig")
    except (ValueError, OSError):
        return unreadable
    return isinstance(content, dict) and "annotations" in content and (unreadable or "images" in content)


def read_coco(file: Path) -> Iterator[Annotation]:
    """Yield the annotations of a COCO file, in its order; ids are compared as text.

    Raises:
        MammoError: it is not a valid COCO file.
    """
    try:
        content = read_json(file, JSON_BYTES, "utf-8-sig")
        images = _by_id(content["images"], "image")
        categories = _by_id(content.get("categories", []), "category")
        for values in content["annotations"]:
            if str(values["image_id"]) not in images:
                raise ValueError(f"annotation {values['id']} has image_id {values['image_id']}, which no image has")
            image, category = images[str(values["image_id"])], categories.get(str(values.get("category_id")), {})
            path = standardized_path(str(image["file_name"]))
            name = str(category.get("name", ""))
            yield Annotation(file, str(values["id"]), path, _size(image), name, dict(values))
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise MammoError(f"{file} is not valid COCO JSON ({cause}): correct it or remove it from the folder") from None


def _by_id(items: list[dict[str, Any]], what: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if found.setdefault(str(item["id"]), item) != item:
            raise ValueError(f"two entries have the {what} id {item['id']}")
    return found


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    size = int(image.get("height") or 0), int(image.get("width") or 0)
    return size if min(size) > 0 else None


def attributes_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an annotation by name: of an object, or of a list of {name, value}."""
    attributes = values.get("attributes")
    if isinstance(attributes, dict):
        return attributes
    items = attributes if isinstance(attributes, list) else []
    return {str(item["name"]): item.get("value") for item in items if isinstance(item, dict) and "name" in item}


def _lists(segmentation: list[Any]) -> list[Any]:
    """Return polygons as lists of numbers; a single one can stand without a list around it."""
    return [segmentation] if isinstance(segmentation[0], (int, float)) else segmentation


def _check_pixels(numbers: NDArray[np.float64]) -> None:
    if np.abs(numbers).max() <= 1:
        raise CocoError("coordinates are fractions of the image, as YOLO writes them: convert them to pixels")


def _check_same_place(edges: tuple[float, float, float, float], box: Sequence[float] | None) -> None:
    """Check that the extent (row0, row1, col0, col1) of a segmentation is that of its box (x, y, width, height).

    Raises:
        CocoError: they share less than half of their area, so that one of them is of another lesion or frame.
        ValueError: the box is not four numbers.
    """
    if not box:
        return
    x, y, width, height = (float(number) for number in box)
    if min(width, height) <= 0:  # as programs write it that draw no boxes
        return
    widened = np.array([[(edges[0], edges[1]), (edges[2], edges[3])], [(y, y + height), (x, x + width)]])
    widened += (-0.5, 0.5)  # a pixel more or less is rounding
    shared = np.maximum(widened[..., 1].min(axis=0) - widened[..., 0].max(axis=0), 0).prod()
    if not 2 * shared >= np.ptp(widened, axis=-1).prod(axis=-1).sum() - shared:
        raise CocoError("its bbox is not around its segmentation: correct one of them, or remove the bbox")


def _run_lengths(segmentation: dict[str, Any], size: tuple[int, int]) -> NDArray[np.bool_]:
    if tuple(segmentation["size"]) != size:
        raise RejectedError(Code.OUTLINE_SIZE)
    counts = segmentation["counts"]
    lengths = counts if isinstance(counts, list) else list(_unpacked_lengths(str(counts).encode()))
    if not all(is_whole(length) and length >= 0 for length in lengths) or sum(lengths) != size[0] * size[1]:
        raise RejectedError(Code.OUTLINE_BROKEN)  # pycocotools would fill the rest with whatever is in memory
    if isinstance(counts, list):
        segmentation = run_lengths.frPyObjects(segmentation, *size)
    else:
        segmentation = segmentation | {"counts": counts.encode()}
    return np.asarray(run_lengths.decode(segmentation) > 0)


def _unpacked_lengths(text: bytes) -> Iterator[int]:
    """Yield the run lengths of COCO's compressed form: groups of 5 bits, from the fourth on differences to two before.

    Raises:
        ValueError: it is cut, or has other characters.
    """
    known: list[int] = []
    value = shift = 0
    for byte in text:
        bits = byte - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("not run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        known.append(value + (known[-2] if len(known) > 2 else 0))
        yield known[-1]
        value = shift = 0
    if shift:
        raise ValueError("cut run lengths")
