"""The other images of the exam in the report's gallery: where they are read for a lesion, ready for JSON.

Coordinates are (x, y) = (column, row) in the network frame of the other image; all breasts face right.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.maps.view_geometry import Place
from mammo.maps.view_places import OtherPlace, center_of, other_places
from mammo.maps.view_sources import OtherViewMaps
from mammo.records import View
from mammo.reporting.gallery_images import outline_rings
from mammo.reporting.views_table import has_views
from mammo.store.manifest import Manifest
from mammo.training.results import Run


def maps_with_views(runs: Iterable[Run]) -> str:
    """Of the runs' combinations with maps of other images the one with most maps; empty without one."""
    found = {run.maps for run in runs if run.model == "fagg" and not run.is_control and has_views(run.maps)}
    return max(found, key=lambda maps: (maps.count("+"), maps), default="")


def lesion_views(
    sources: Sequence[OtherViewMaps], manifest: Manifest, image_id: str, outline: tuple[NDArray[np.bool_], Box]
) -> list[dict[str, Any]]:
    """The values of the other images of a lesion's exam for the viewer, one for each source.

    Args:
        sources: of maps of other images.
        manifest: of the store.
        image_id: the lesion's image.
        outline: of the lesion: mask [box.height, box.width] and box, network frame.
    """
    own = manifest.images.loc[image_id]
    view = View(str(own["view"]))
    places = other_places(sources, image_id, view, center_of(*outline))
    return [_values(place, manifest, outline, f"{own['laterality']} {view}") for place in places]


def _values(place: OtherPlace, manifest: Manifest, outline: tuple[NDArray[np.bool_], Box], own: str) -> dict[str, Any]:
    name = "other view" if place.kind == "ipsi" else "other breast"
    if place.pair is None:
        empty: dict[str, Any] = {"words": "", "image": None, "nipple": None, "box": None, "arc": None, "rings": []}
        return {"missing": place.missing, "title": name, **empty}
    row, others, arc = manifest.images.loc[place.pair.other], place.pair.others, place.arc
    other = f"{row['laterality']} {row['view']}"
    words, title = ", ".join(place.words(own, other)), f"{other}, {name}"
    if arc is not None:
        title += f": {arc.distance_mm:.0f} ± {arc.tolerance_mm:.0f} mm from the nipple"
    return {
        "missing": place.missing,
        "words": words and f"S_m {words}",
        "title": title,
        "image": place.pair.other,
        "nipple": others.nipple and _point(others.nipple),
        "box": [*_point(others.top_left), *_point(others.bottom_right)],
        "arc": arc and [round(arc.near, 1), round(arc.far, 1)],
        "rings": [ring for each in outline_rings(*outline) if (ring := _ring(place, each))],
    }


def _ring(place: OtherPlace, ring: Sequence[Sequence[float]]) -> list[list[float]]:
    """Where a ring of (x, y) corresponds to in the other breast; empty in the other view."""
    found = place.corresponding(np.array(ring)[:, ::-1])
    return [] if found is None else np.round(found[:, ::-1], 1).tolist()


def _point(place: Place) -> list[float]:
    """A place (row, col) as (x, y)."""
    return [round(float(place[1]), 1), round(float(place[0]), 1)]
