"""Columns of tables and keys of COCO files that no prediction depends on, so that none is ignored in silence."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mammo.intake.adapters._table_columns import FIELD_OF, squeezed
from mammo.intake.adapters._table_outlines import outline_columns
from mammo.limits import JSON_BYTES, read_json

OF_IMAGE = ("laterality", "view", "pixel_spacing")
"""Fields of own tables (adapters._table_columns.FIELDS) that say something about an image."""

OF_EXAM = ("patient", "exam", "date")
"""Fields by which networks that read the other images of an exam find them."""

OF_LESION = ("lesion_id", "lesion")
"""Fields that name a lesion."""

USED = ("image", *OF_EXAM, *OF_LESION, *OF_IMAGE, "mask", "segment", "outline")
"""Fields of a table of lesions that a prediction depends on."""

COCO_KEYS = {
    "images": ("id", "file_name", "height", "width"),
    "annotations": ("id", "image_id", "bbox", "segmentation", "area", "attributes"),
    "segmentation": ("size", "counts"),
    "attributes": ("rotation",),
}
"""Keys of a COCO file that a prediction depends on, by the object that they are in."""

OF_BOXES = ("area", "rotation")
"""Keys that are read of boxes only, not where an annotation has a segmentation."""


def unused_columns(
    header: Sequence[str], by_field: Mapping[str, Collection[str]], is_list: bool, exams: bool
) -> list[str]:
    """The columns of a table that no prediction depends on, in order.

    Args:
        header: its columns.
        by_field: its columns by field (_table_columns.columns_of).
        is_list: whether it is a table of lesions; else one of images.
        exams: whether the networks read the other images of an exam.
    """
    fields, places = (USED, outline_columns(header)) if is_list else (("image", *OF_EXAM, *OF_IMAGE), set[str]())
    left = () if exams else OF_EXAM
    used = {column for field, own in by_field.items() if field in fields and field not in left for column in own}
    return [column for column in header if column not in used and squeezed(column) not in places]


def unused_keys(file: Path, exams: bool) -> list[str]:
    """The keys of a COCO file that no prediction depends on, as in "annotations.iscrowd", in the order of the file.

    Args:
        file: that read_coco accepts.
        exams: whether the networks read the other images of an exam.
    """
    fields = (*OF_IMAGE, *OF_LESION, *(OF_EXAM if exams else ()))
    return list(dict.fromkeys(_unused(read_json(file, JSON_BYTES, "utf-8-sig"), fields)))


def _unused(content: Mapping[str, Any], fields: Collection[str]) -> Iterator[str]:
    yield from (key for key in content if key not in ("images", "annotations"))
    for image in content["images"]:
        yield from (f"images.{key}" for key in image if key not in COCO_KEYS["images"])
    for annotation in content["annotations"]:
        yield from (f"annotations.{key}" for key in _of_annotation(annotation, fields))


def _of_annotation(annotation: Mapping[str, Any], fields: Collection[str]) -> Iterator[str]:
    ignored = OF_BOXES if annotation.get("segmentation") else ()
    own, nested = ([key for key in COCO_KEYS[of] if key not in ignored] for of in ("annotations", "attributes"))
    yield from _without_field(annotation, own, fields)
    for key, value in annotation.items():
        if key == "attributes":
            yield from _of_attributes(value, nested, fields)
        elif key == "segmentation" and isinstance(value, dict):
            yield from (f"segmentation.{name}" for name in value if name not in COCO_KEYS["segmentation"])


def _of_attributes(attributes: object, known: Collection[str], fields: Collection[str]) -> Iterator[str]:
    """Yield the keys of attributes, an object or a list of {name, value}, that are not known."""
    if isinstance(attributes, dict):
        yield from (f"attributes.{key}" for key in _without_field(attributes, known, fields))
    elif isinstance(attributes, list):
        for item in attributes:
            if not isinstance(item, dict) or "name" not in item:
                yield "attributes"
                continue
            one = {str(item["name"]): item.get("value")}
            yield from (f"attributes.{key}" for key in _without_field(one, known, fields))
            yield from (f"attributes.{key}" for key in item if key not in ("name", "value"))
    elif attributes is not None:
        yield "attributes"


def _without_field(values: Mapping[str, Any], known: Collection[str], fields: Collection[str]) -> Iterator[str]:
    """Yield the keys that are neither known nor give one of these fields as a word or number."""
    for key, value in values.items():
        is_field = FIELD_OF.get(squeezed(key)) in fields
        if key not in known and not (is_field and isinstance(value, str | int | float | None)):
            yield key
