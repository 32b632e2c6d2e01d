"""Scores the cases of a node with the networks of a bundle, as `mammo predict` does."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from mammo.inference.case_reading import PRELOAD, ReadCase, read_all
from mammo.inference.cases import Case, CaseFolder, LesionRequest
from mammo.inference.exams import other_cases, read_exam_images
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction
from mammo.inference.predictor import Predictor
from mammo.inference.segment_cases import draw_segment, segments_on
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.maps.view_sources import Kind
from mammo.records import MammoError
from mammo.serving.case_queue import Case as QueuedCase
from mammo.serving.node import Scored, Scorer


def bundle_scorer(predictor: Predictor) -> Scorer:
    """What scores the cases of a node by a predictor."""
    return Scorer(predictor.facts.name, partial(_score, predictor))


def _score(predictor: Predictor, case: QueuedCase) -> Scored:
    """The prediction for every segment on an image, and a picture of each.

    Raises:
        MammoError: the image or a segment cannot be used: what is left would look like a whole result.
    """
    read = _read(predictor, case)
    if read.errors or read.image is None:
        raise MammoError(" ".join(read.errors) or "the image cannot be read")
    warnings = tuple(_unnamed(warning, case) for warning in read.others.warnings)
    found = predictor.predict(read.image, read.requests, read.others.images)
    lesions = tuple(replace(lesion, warnings=(*warnings, *lesion.warnings)) for lesion in found)
    pictures = [overlay_pixels(lesion, read.image, predictor.facts.name) for lesion in lesions]
    return Scored(CasePrediction("image", lesions=lesions), pictures)


def _unnamed(warning: str, case: QueuedCase) -> str:
    """A warning without the paths of other images."""
    for path in case.others:
        warning = warning.replace(str(path), "an image of the study")
    return warning


def _read(predictor: Predictor, queued: QueuedCase) -> ReadCase:
    """The image, its segments and the other images of its study, read in child processes: they come from elsewhere."""
    image, outlines = queued.image, queued.outlines
    (found,) = isolated(segments_on, [(image, outlines)], Workers(preload=PRELOAD))
    if isinstance(found, Code):
        raise MammoError(f"segmentation: {found.reason}: {found.remedy}")
    uid, numbers = found
    if not numbers:
        raise MammoError("the segmentation has no segment on this image: export it again")
    draws = {n: partial(draw_segment, outlines.parent, outlines.name, n, uid) for n in numbers}
    requests = tuple(LesionRequest(f"segment {n}", each, f"segment {n}") for n, each in draws.items())
    case = Case(image.parent, image.name, "image", lesions=requests, others=_others(queued, predictor.other_images))
    (read,) = read_all([case], predictor.placing, Workers(preload=PRELOAD))
    return read


def _others(queued: QueuedCase, kinds: Collection[Kind]) -> tuple[Case, ...]:
    """The other images of its study that scores depend on, by their headers."""
    if not (kinds and queued.others):
        return ()
    folder, own = queued.image.parent, queued.image.name
    images = read_exam_images(CaseFolder(folder), [own, *(path.name for path in queued.others)])
    return other_cases(folder, images, kinds).get(own, ())
