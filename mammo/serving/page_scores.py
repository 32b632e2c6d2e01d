"""Scores of the outlines that are drawn in the page, and what the page shows of them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from mammo.dicom_out.polygon import ring_around
from mammo.geometry import CORNERS, CropWindows
from mammo.inference.case_reading import OtherImages, Request
from mammo.inference.outlines import Circle, Drawn, Outline, draw_or_reject, whole_box
from mammo.inference.prediction import RESEARCH_USE, CasePrediction, LesionPrediction
from mammo.inference.predictor import Predictor
from mammo.intake.extents import OutlineError
from mammo.intake.rejections import Code, RejectedError
from mammo.progress import unreported
from mammo.records import MammoError, is_number, is_whole
from mammo.serving.page_images import OpenImage, ScoredOutline
from mammo.serving.page_words import AWAY, OUTLINES, in_page

MOST_POINTS = 10_000
"""Corners of a polygon."""

NUMBERS = {"box": 4, "circle": 3}
"""Numbers of the outlines that are not polygons."""

LESION_ID = "lesion-1"

FORMS = (
    '{"polygon": [[row, col], ...]}, {"box": [row0, row1, col0, col1]}, {"circle": [row, col, radius]} or {"known": n}'
)


def drawn_outline(content: object, image: OpenImage) -> Drawn:
    """The outline that the page sends, drawn as `mammo predict` draws it.

    Args:
        content: a JSON value, one of FORMS, in px of the image's file; known: the number of an outline of the folder.
        image: that it is on.

    Raises:
        MammoError: it has none of these forms, or `mammo predict` would reject it.
    """
    if not isinstance(content, Mapping) or len(content) != 1:
        raise MammoError(f"An outline is one of {FORMS}: draw it again.")
    ((kind, value),) = content.items()
    if kind == "known":
        if not is_whole(value) or not 0 <= value < len(image.known):
            raise MammoError(f"The folder has no outline of number {value} on this image: choose another.")
        return image.known[value].outline
    shape = image.image.admitted.chain.stored_shape
    if kind == "polygon" and _is_polygon(value):
        return _drawn(np.array(value, dtype=np.float64), shape)
    if kind in NUMBERS and isinstance(value, list) and len(value) == NUMBERS[kind] and all(map(is_number, value)):
        if kind == "circle":
            return _drawn(Circle(*value), shape)
        try:
            box = whole_box(*value)
        except (ValueError, OverflowError):
            raise MammoError(OUTLINES[Code.OUTLINE_EMPTY]) from None
        return _drawn(box, shape)
    raise MammoError(f"An outline is one of {FORMS}: draw it again.")


def _drawn(outline: Outline, shape: tuple[int, int]) -> Drawn:
    """An outline drawn on an image of (rows, cols); MammoError in the words of the page."""
    try:
        return draw_or_reject(outline, shape)
    except OutlineError:
        raise MammoError(AWAY) from None
    except RejectedError as error:
        raise MammoError(OUTLINES[error.code]) from None


def _is_polygon(value: object) -> bool:
    """Whether a JSON value is a list of 3 to MOST_POINTS pairs of numbers."""
    if not isinstance(value, list) or not 3 <= len(value) <= MOST_POINTS:
        return False
    return all(isinstance(each, list) and len(each) == 2 and all(map(is_number, each)) for each in value)


def score_outline(
    predictor: Predictor, image: OpenImage, content: Mapping[str, Any], others: OtherImages
) -> ScoredOutline:
    """The score of an outline, which the image keeps as its last.

    Args:
        predictor: the networks of a bundle.
        image: an open image.
        content: the outline, as drawn_outline.
        others: other images of its exam.

    Raises:
        MammoError: as drawn_outline.
    """
    outline = drawn_outline(content, image)
    with unreported():
        (found,) = predictor.predict(image.image, [Request(LESION_ID, outline)], others.images)
    found = replace(found, warnings=(*others.warnings, *found.warnings))
    image.last = ScoredOutline(image.last.number + 1 if image.last else 1, content, found, others.images)
    return image.last


def answer_json(found: ScoredOutline) -> dict[str, Any]:
    """What the page shows of a score: JSON values.

    Returns:
        number: of the score, by which results are asked for; prediction: its object in predictions.json; warnings: its
        warnings in the words of the page; windows: corners [n, 4, 2]; outline: the ring [N, 2] around the mask that was
        scored; saliency: None, or the maps malignant and benign [rows, cols] and the corners [2, 2] of the image's part
        that they show. All corners are (row, col), px of the image's file.
    """
    prediction = found.prediction
    chain = prediction.chain
    windows = chain.network_to_stored(CropWindows(prediction.windows).to_frame(np.array([CORNERS])))
    return {
        "number": found.number,
        "prediction": prediction.as_json(),
        "warnings": [in_page(warning) for warning in prediction.warnings],
        "windows": windows.round(2).tolist(),
        "outline": ring_around(prediction.outline).points.tolist(),
        "n_pixels": int(prediction.outline.mask.sum()),
        "saliency": _saliency(prediction),
    }


def _saliency(prediction: LesionPrediction) -> dict[str, Any] | None:
    if prediction.saliency is None:
        return None
    malignant, benign = prediction.saliency.astype(np.float64).round(4).tolist()
    frame = prediction.chain.frame
    corners = prediction.chain.network_to_stored([(0, 0), (frame.height, frame.width)])
    return {"malignant": malignant, "benign": benign, "corners": corners.tolist()}


def image_json(image: OpenImage) -> dict[str, Any]:
    """What the page needs to know of an open image, as JSON values."""
    admitted = image.image.admitted
    rows, cols = admitted.chain.stored_shape
    return {
        "key": image.key,
        "name": "" if image.is_upload else image.name,
        "rows": rows,
        "cols": cols,
        "spacing_mm": admitted.spacing_mm,
        "laterality": image.image.laterality,
        "view": image.image.view,
        "faces_left": admitted.chain.mirrored,
        "flags": [f"{flag}: {flag.reason}" for flag in admitted.flags],
        "problems": image.problems,
        "known": [_known(one) for one in image.known],
    }


def _known(request: Request) -> dict[str, Any]:
    """An outline of a file: its id, the corners [N, 2] of a polygon, and whether that encloses exactly its pixels."""
    ring = ring_around(request.outline)
    return {"id": request.lesion_id, "points": ring.points[:-1].tolist(), "is_exact": ring.exact}


def predictions_json(predictor: Predictor, image: OpenImage, found: ScoredOutline) -> dict[str, Any]:
    """A score on an image as predictions.json has it, with its outline."""
    case = CasePrediction(image.name, lesions=(found.prediction,))
    digests = {"image_sha256": image.image.sha256, "others_sha256": [other.sha256 for other in found.others]}
    options = {"windows": predictor.options.n_windows, "outline": found.outline, **digests}
    return {"bundle": asdict(predictor.facts.name), "use": RESEARCH_USE, **options, "cases": [case.as_json()]}


def scored(image: OpenImage, number: str | None = None) -> ScoredOutline:
    """What was scored last on an image.

    Args:
        image: the image.
        number: that it must have; None for any. The page shows one score while another outline is scored.

    Raises:
        MammoError: nothing was scored yet, or another outline since.
    """
    if image.last is None:
        raise MammoError("Nothing was scored on this image yet: draw an outline and choose Score.")
    if number not in (None, str(image.last.number)):
        raise MammoError(
            "Another outline was scored on this image since: choose Score again for the one that is shown."
        )
    return image.last
