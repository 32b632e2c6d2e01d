"""Panels of the picture of a prediction: where the other images of the exam are read, on pixels and saliency maps.

The other breast is drawn facing as the lesion's breast does, so that corresponding places look alike.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle, Wedge

from mammo.inference.case_image import CaseImage
from mammo.inference.lesion_panels import OUTLINE, DrawnImage, draw_outline, draw_saliency, lesion_outline
from mammo.inference.other_image import OtherImage
from mammo.inference.prediction import LesionPrediction
from mammo.maps.view_geometry import Arc, Place
from mammo.reporting.image_figures import HALO
from mammo.store.other_images import OTHER_BREAST, OTHER_VIEW

PANELS = 2
"""Panels of each other image: its pixels, and its saliency map over them."""


def draw_other_image(slots: Sequence[Axes], other: OtherImage, prediction: LesionPrediction, own: CaseImage) -> None:
    """Draw another image into PANELS slots, with the arc or the corresponding place, or say why there is none."""
    (plain, mapped), name = slots, _name(other, own)
    if other.place.missing:
        style: dict[str, Any] = {"color": "white", "path_effects": HALO, "ha": "center", "va": "center"}
        missing = other.place.missing if other.image else f"{name} not given"
        plain.text(0.5, 0.5, missing, transform=plain.transAxes, **style)
    if other.image is None or other.saliency is None:
        plain.set(title=name, aspect=1.5)
        plain.add_patch(Rectangle((0, 0), 1, 1, transform=plain.transAxes, color="black"))
        return
    admitted = other.image.admitted
    image = DrawnImage(admitted.pixels, admitted.chain, prediction.chain.mirrored)
    for axes in slots:
        image.show(axes)
    draw_saliency(mapped, other.saliency[0], image)
    for axes in slots:
        _draw_place(axes, other, image, prediction)
        axes.set(xlim=(0, image.pixels.shape[1]), ylim=(image.pixels.shape[0], 0))
    plain.set_title(_title(other, name, is_flipped=prediction.chain.mirrored != admitted.chain.mirrored))
    lines = other.place.words(f"{own.laterality} {own.view}", name)
    mapped.set_title("\n".join([f"{name}, malignant saliency", *lines]))


def draw_nipple(axes: Axes, nipple: Place, image: DrawnImage) -> None:
    """Mark the nipple, (row, col), network px, by a ring."""
    row, col = image.points(np.array(nipple))
    axes.plot(col, row, "o", color="white", markersize=6, fillstyle="none", path_effects=HALO, clip_on=False)


def _draw_place(axes: Axes, other: OtherImage, image: DrawnImage, prediction: LesionPrediction) -> None:
    """Draw the nipple of the other image, and where it is read for the lesion."""
    place = other.place
    if place.pair is not None and place.pair.others.nipple is not None:
        draw_nipple(axes, place.pair.others.nipple, image)
    if (arc := place.arc) is not None:
        _draw_arc(axes, arc, image)
    mask, centers = lesion_outline(prediction)
    if (places := place.corresponding(centers)) is not None:
        draw_outline(axes, mask, image.points(places), "dashed")


def _draw_arc(axes: Axes, arc: Arc, image: DrawnImage) -> None:
    row, col = image.points(np.array(arc.nipple))
    band = Wedge((col, row), arc.far, 0, 360, width=arc.far - arc.near)
    band.set(facecolor="none", edgecolor=OUTLINE, linewidth=1.0, path_effects=HALO)
    axes.add_patch(band)


def _name(other: OtherImage, own: CaseImage) -> str:
    """Breast and view that another image shows or would show, as in R CC, by the image of the lesion."""
    if other.place.kind == "ipsi":
        return f"{own.laterality} {OTHER_VIEW[own.view]}"
    return f"{OTHER_BREAST[own.laterality]} {own.view}"


def _title(other: OtherImage, name: str, is_flipped: bool) -> str:
    name += ", mirrored" if is_flipped else ""
    if (arc := other.place.arc) is not None:
        return f"{name}\n{arc.distance_mm:.0f} ± {arc.tolerance_mm:.0f} mm from the nipple"
    return f"{name}\ncorresponding place" if not other.place.missing else name
