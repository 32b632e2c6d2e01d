"""Outlines in a user's tables: masks, polygons, boxes and circles, under the names that people give their columns."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo.intake.adapters._table_columns import FIELD_OF, Entry, squeezed
from mammo.intake.dicom_seg import outline_of_segment, sop_instance_uid
from mammo.intake.extents import (
    Edges,
    OutlineError,
    are_beyond,
    check_inside,
    check_pixels,
    edges_of_box,
    edges_of_corners,
)
from mammo.intake.masks import MaskError, outline_of_mask_file
from mammo.intake.outlines import Outline, outline_of_box, outline_of_circle, outline_of_polygon
from mammo.intake.rasters import is_raster
from mammo.intake.source_folder import regular_file
from mammo.intake.stored_shape import Shape

FORMS = {
    "edges": ("row0 row1 col0 col1", "rowmin rowmax colmin colmax", "minrow maxrow mincol maxcol"),
    "corners": (
        "xmin ymin xmax ymax",
        "minx miny maxx maxy",
        "x1 y1 x2 y2",
        "x0 y0 x1 y1",
        "left top right bottom",
        "bboxx1 bboxy1 bboxx2 bboxy2",
        "bboxxmin bboxymin bboxxmax bboxymax",
    ),
    "size": (
        "x y w h",
        "x y width height",
        "xmin ymin width height",
        "xmin ymin w h",
        "left top width height",
        "bboxx bboxy bboxw bboxh",
        "bboxx bboxy bboxwidth bboxheight",
    ),
    "center": (
        "cx cy w h",
        "cx cy width height",
        "xcenter ycenter width height",
        "centerx centery width height",
        "xcenter ycenter w h",
        "centerx centery w h",
    ),
    "circle": (
        "row col radius",
        "row col r",
        "y x radius",
        "y x r",
        "cy cx radius",
        "cy cx r",
        "ycenter xcenter radius",
        "centery centerx radius",
        "centery centerx r",
        "ycenter xcenter r",
    ),
}
"""Names of the columns of each kind of box and circle, as in Entry.others; x is the column and y the row."""

FORM_OF = {tuple(names.split()): kind for kind, forms in FORMS.items() for names in forms}
SIZES = {"w", "h", "width", "height", "left", "right"}
PLACES = {name for names in FORM_OF for name in names} - SIZES
"""Columns that are only about a place; a width alone can also be the image's, and left the side of the breast."""

WIDTH_HEIGHT = (("width", "height"), ("w", "h"))
"""Columns beside an outline that give its size, or the image's."""

UNREADABLE = {
    *("bbox", "box", "boundingbox", "polygon", "points", "contour", "coordinates", "coords", "segmentation", "rle"),
    *("circle", "ellipse", "xy", "vertices", "contours"),
}
"""Columns that hold places in a form that is not read."""

HOW = (
    "give mask, or outline (row,col;row,col;...), or row0, row1, col0, col1, or x, y, w, h (x, y: top left corner), or "
    "xmin, ymin, xmax, ymax, or row, col, radius; outline=none says that a finding has no outline"
)


class Given(NamedTuple):
    """The outline that a row gives: its kind ("" for none), and the columns that hold it."""

    kind: str
    columns: tuple[str, ...] = ()


def has_outlines(header: Iterable[str]) -> bool:
    """Return whether a table has a column that says something about a place, also in a form that is not read."""
    names = {squeezed(column) for column in header}
    return bool(names & (PLACES | UNREADABLE)) or any(FIELD_OF.get(name) in ("mask", "outline") for name in names)


def outline_columns(header: Iterable[str]) -> set[str]:
    """Return the names, as in Entry.others, of the columns that outlines can be read from or are checked against."""
    names = {squeezed(column) for column in header}
    complete = {name for form in FORM_OF if names.issuperset(form) for name in form}
    return complete | {name for pair in WIDTH_HEIGHT for name in pair}


def given_outline(entry: Entry) -> Given:
    """Return the outline that a row gives.

    Raises:
        MammoError: there is more than one, or a part of one.
    """
    outline = entry.get("outline")
    mask = "" if entry.get("mask").lower() == "none" else entry.get("mask")
    without = outline.lower() == "none"
    found = [Given("mask", ("mask",))] if mask else []
    found += [Given("outline", ("outline",))] if outline and not without else []
    found += _places(entry.others)
    if entry.get("segment") and not mask:
        raise entry.error("segment", "is of a mask, which the row does not name: give mask, or empty the cell")
    if len(found) > 1 or (found and without):
        names = [", ".join(given.columns) for given in found] + (["outline=none"] if without else [])
        raise entry.error("image", f"has several outlines: {' and '.join(names)}; keep one of them")
    if found or without:
        _check_single(entry, found)
        return found[0] if found else Given("")
    parts = sorted((PLACES | UNREADABLE) & entry.others.keys())
    reason = f"the outline cannot be read from {', '.join(parts)} alone" if parts else "has no outline"
    raise entry.error("image", f"{reason}; {HOW}")


def _check_single(entry: Entry, found: Iterable[Given]) -> None:
    """Check that a row has no second outline in numbered columns, such as x2, y2, w2 and h2 beside x, y, w and h."""
    for given in found:
        for number in "123":
            second = [f"{name}{number}" for name in given.columns]
            if all(entry.others.get(name) for name in second):
                raise entry.error("image", f"has a second outline in {', '.join(second)}: give every lesion a row")


def _places(cells: Mapping[str, str]) -> list[Given]:
    """Return the complete boxes and circles of a row."""
    complete = [names for names in FORM_OF if all(name in cells for name in names)]
    corners = {name for names in complete if FORM_OF[names] == "corners" for name in names}
    # a width and height beside two corners are those of the box or of the image
    complete = [names for names in complete if FORM_OF[names] == "corners" or corners.isdisjoint(names)]
    kept: dict[tuple[str, ...], Given] = {}
    for names in complete:
        kept.setdefault((FORM_OF[names], *(cells[name] for name in names)), Given(FORM_OF[names], names))
    return list(kept.values())


def read_outline(root: Path, entry: Entry, given: Given, mask: str, image: str, shape: Shape) -> Outline:
    """Return the outline of a row.

    Args:
        root: the source folder.
        entry: the row.
        given: the outline that it gives.
        mask: path of its mask, empty for other outlines.
        image: path of its image.
        shape: (rows, cols) of its image.

    Raises:
        OutlineError: it is wrong.
        RejectedError: it cannot be used.
    """
    if given.kind == "mask":
        outline = _mask(root, mask, entry.get("segment"), image, shape)
        _check_sizes(entry, given, edges_of_box(outline[1]), shape)
        return outline
    edges = edges_of(entry, given)
    assert edges is not None  # of all but a mask
    _check_sizes(entry, given, edges, shape)
    check_inside(edges, shape)
    if given.kind == "outline":
        return outline_of_polygon(_corners(entry.get("outline")), shape)
    if given.kind == "circle":
        row, col, radius = (_number(entry, name) for name in given.columns)
        return outline_of_circle((row, col), radius, shape)
    return outline_of_box(edges, shape)


def reaches_beyond(entry: Entry, given: Given, shape: Shape) -> bool:
    """Return whether an outline leaves its image of this shape, by more than a pixel; a mask never does."""
    edges = edges_of(entry, given)
    return edges is not None and are_beyond(edges, shape)


def edges_of(entry: Entry, given: Given) -> Edges | None:
    """Return the extent of the outline of a row, stored px; None for a mask.

    Raises:
        OutlineError: a cell is not a number in pixels, or a box or circle has no size.
    """
    if given.kind == "mask":
        return None
    if given.kind != "outline":
        return _box_edges(entry, given)
    corners = _corners(entry.get("outline"))
    return edges_of_corners(corners)


def _box_edges(entry: Entry, given: Given) -> Edges:
    values = [_number(entry, name) for name in given.columns]
    check_pixels(values[:2] if given.kind != "edges" and all(0 < value < 1 for value in values[:2]) else values)
    if given.kind == "circle":
        row, col, radius = values
        if radius <= 0:
            raise OutlineError("the radius must be above 0")
        return row - radius, row + radius, col - radius, col + radius
    one, two, three, four = values
    if given.kind in ("size", "center") and min(three, four) <= 0:
        raise OutlineError("width and height must be above 0")
    edges = {
        "edges": (one, two, three, four),
        "corners": (two, four, one, three),
        "size": (two, two + four, one, one + three),
        "center": (two - four / 2, two + four / 2, one - three / 2, one + three / 2),
    }[given.kind]
    if edges[0] > edges[1] or edges[2] > edges[3]:
        raise OutlineError("the end of the box comes before its start")
    return edges


def _check_sizes(entry: Entry, given: Given, edges: Edges, shape: Shape) -> None:
    """Where an outline has widths or heights beside it, they must be those of the outline or of the image."""
    own = (edges[3] - edges[2], edges[1] - edges[0])
    for pair in WIDTH_HEIGHT:
        named = [side for side, name in enumerate(pair) if name in entry.others and name not in given.columns]
        sizes = [_number(entry, pair[side]) for side in named]
        if sizes != [shape[1 - side] for side in named] and any(
            abs(size - own[side]) > 1 for size, side in zip(sizes, named, strict=True)
        ):
            names = " and ".join(pair[side] for side in named)
            stated = f"{names} {'is' if len(named) == 1 else 'are'} {' and '.join(f'{size:g}' for size in sizes)}"
            raise OutlineError(
                f"{stated}, neither the outline's ({own[0]:g}, {own[1]:g}) nor the stored image's ({shape[1]}, "
                f"{shape[0]}): give coordinates of the stored image"
            )


def _number(entry: Entry, column: str) -> float:
    try:
        value = float(_with_point(entry.others[column]))
    except ValueError:
        raise OutlineError(f"{column} {entry.others[column]!r} must be a number with a decimal point") from None
    if not isfinite(value):
        raise OutlineError(f"{column} {entry.others[column]!r} must be a finite number")
    return value


def _with_point(text: str) -> str:
    """Return a number with a decimal point for a decimal comma; three digits behind it could also be thousands."""
    return text.replace(",", ".") if re.fullmatch(r"-?\d+,(\d{1,2}|\d{4,})", text) else text


def _corners(text: str) -> NDArray[np.float64]:
    """Return the corners [N, 2] (row, col) of a polygon; OutlineError where they are none."""
    try:
        points = [[float(number) for number in point.split(",")] for point in text.strip("; ").split(";")]
    except ValueError:
        raise OutlineError("must be row,col;row,col;... in numbers") from None
    if len(points) < 3 or {len(point) for point in points} != {2}:
        raise OutlineError("needs three or more points row,col;row,col;...")
    corners = np.array(points)
    if not np.isfinite(corners).all():
        raise OutlineError("must be row,col;row,col;... in finite numbers")
    return corners


def _mask(root: Path, path: str, segment: str, image: str, shape: Shape) -> Outline:
    try:
        number = float(segment) if segment else None
    except ValueError:
        number = 0.0
    if number is not None and not (number.is_integer() and number >= 1):
        raise OutlineError(f"segment {segment!r} must be a whole number of at least 1")
    file, chosen = regular_file(root, path), None if number is None else int(number)
    if not is_raster(path):
        return outline_of_segment(file, chosen, sop_instance_uid(root, image), shape)
    try:
        return outline_of_mask_file(file, shape, chosen)
    except MaskError as error:
        raise OutlineError(str(error)) from None
