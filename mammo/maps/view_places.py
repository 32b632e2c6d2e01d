"""What the other images of an exam give one place of an image, for pictures: where it is read, and what is read."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, Points
from mammo.maps.view_geometry import Arc, Place, arc_of, cell_centers, corresponding
from mammo.maps.view_sources import Kind, OtherViewMaps, Pair
from mammo.records import View
from mammo.store.other_images import OTHER_VIEW


@dataclass(frozen=True)
class OtherPlace:
    """What another image gives a place of an image.

    Attributes:
        kind: ipsi for the other view of the breast, contra for the other breast.
        pair: both images; None where the exam has no such image.
        place: (row, col) of the place, network px.
        frame: the network window.
        missing: why the other image gives nothing, in words; empty if it does.
        read: malignant S: its maximum and mean over the arc of the other view (ipsi), or, at the place's cell, that of
            the other breast and own S minus it (contra). None outside the network window, or where something is
            missing.
    """

    kind: Kind
    pair: Pair | None
    place: Place
    frame: Frame
    missing: str
    read: tuple[float, float] | None

    @property
    def arc(self) -> Arc | None:
        """Where the other view is read; None for the other breast, or where something is missing."""
        if self.pair is None or self.kind != "ipsi":
            return None
        return arc_of(self.place, self.pair.own, self.pair.others, self.frame)

    def corresponding(self, points: Points) -> Points | None:
        """Where the other breast is read for points [..., 2], (row, col), network px; None for the other view.

        None, too, where something is missing.
        """
        if self.pair is None or self.kind != "contra":
            return None
        return corresponding(points, self.pair.own, self.pair.others)

    def words(self, own: str, other: str) -> tuple[str, ...]:
        """What was read, in words, a line each; empty if nothing was.

        Args:
            own: name of the image with the place, as in L CC.
            other: name of the other image.
        """
        if self.read is None:
            return ()
        first, second = self.read
        if self.kind == "ipsi":
            return (f"arc: maximum {first:.2f}, mean {second:.2f}",)
        return f"{own} at the lesion: {first + second:.2f}", f"{other} at this place: {first:.2f}"


def other_places(sources: Iterable[OtherViewMaps], image_id: str, view: View, place: Place) -> list[OtherPlace]:
    """What each source of maps of other images gives a place of an image.

    Args:
        sources: of the maps.
        image_id: the image.
        view: of the image, CC or MLO.
        place: (row, col), network px.
    """
    return [_other_place(source, image_id, view, place) for source in sources]


def center_of(mask: NDArray[np.bool_], box: Box) -> Place:
    """The mean (row, col) of the pixels of an outline, from its mask [box.height, box.width] and its box."""
    row, col = (np.argwhere(mask) + 0.5).mean(axis=0)
    return box.row0 + float(row), box.col0 + float(col)


def _other_place(source: OtherViewMaps, image_id: str, view: View, place: Place) -> OtherPlace:
    pair, frame = source.pair(image_id), source.frame
    missing, read = _missing(source.kind, pair, view), None
    cell = (int(place[0] // frame.cell_px), int(place[1] // frame.cell_px))
    if not missing and all(0 <= at < n for at, n in zip(cell, frame.grid, strict=True)):
        assert pair is not None
        read = _on_arc(source, pair, place) if source.kind == "ipsi" else _in_other_breast(source, image_id, cell)
    return OtherPlace(source.kind, pair, place, frame, missing, read)


def _on_arc(source: OtherViewMaps, pair: Pair, place: Place) -> tuple[float, float] | None:
    """Maximum and mean of the other view's malignant S over the cells of its breast box that lie on the arc."""
    if (arc := arc_of(place, pair.own, pair.others, source.frame)) is None:
        return None
    centers = cell_centers(source.frame)
    away = np.hypot(*np.moveaxis(centers - arc.nipple, -1, 0))
    on_arc = (away >= arc.near) & (away <= arc.far) & pair.others.in_breast_box(centers)
    values = source.saliency([pair.other])[0, 0][on_arc]
    return (float(values.max()), float(values.mean())) if values.size else (0.0, 0.0)


def _in_other_breast(source: OtherViewMaps, image_id: str, cell: tuple[int, int]) -> tuple[float, float]:
    there, difference = source([image_id])[0, [0, 2], *cell]
    return float(there), float(difference)


def _missing(kind: Kind, pair: Pair | None, view: View) -> str:
    """Why there are no maps of another image of a view of a breast, in words; empty if there are."""
    if pair is None:
        return f"no {OTHER_VIEW[view]} of this breast" if kind == "ipsi" else f"no {view} of the other breast"
    if pair.own.nipple is None:
        return "no nipple found on the lesion's image"
    return "" if pair.others.nipple else "no nipple found on this image"
