"""Scores the cases of a node with the networks of a bundle, as `mammo predict` does."""

from functools import partial
from pathlib import Path

from mammo.inference.case_reading import PRELOAD, ReadCase, read_all
from mammo.inference.cases import Case, LesionRequest
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction
from mammo.inference.predictor import Predictor
from mammo.inference.segment_cases import draw_segment, segments_on
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.records import MammoError
from mammo.serving.node import Scored, Scorer


def bundle_scorer(predictor: Predictor) -> Scorer:
    """What scores the cases of a node by a predictor."""
    return Scorer(predictor.facts.name, partial(_score, predictor))


def _score(predictor: Predictor, image: Path, outlines: Path) -> Scored:
    """The prediction for every segment on an image, and a picture of each.

    Raises:
        MammoError: the image or a segment cannot be used: what is left would look like a whole result.
    """
    read = _read(predictor, image, outlines)
    if read.errors or read.image is None:
        raise MammoError(" ".join(read.errors) or "the image cannot be read")
    lesions = predictor.predict(read.image, read.requests)
    pictures = [overlay_pixels(lesion, read.image, predictor.facts.name) for lesion in lesions]
    return Scored(CasePrediction("image", lesions=lesions), pictures)


def _read(predictor: Predictor, image: Path, outlines: Path) -> ReadCase:
    """The image and its segments, read in child processes: they come from elsewhere."""
    (found,) = isolated(segments_on, [(image, outlines)], Workers(preload=PRELOAD))
    if isinstance(found, Code):
        raise MammoError(f"segmentation: {found.reason}: {found.remedy}")
    uid, numbers = found
    if not numbers:
        raise MammoError("the segmentation has no segment on this image: export it again")
    draws = {n: partial(draw_segment, outlines.parent, outlines.name, n, uid) for n in numbers}
    requests = tuple(LesionRequest(f"segment {n}", each, f"segment {n}") for n, each in draws.items())
    case = Case(image.parent, image.name, "image", lesions=requests)
    (read,) = read_all([case], predictor.placing, Workers(preload=PRELOAD))
    return read
