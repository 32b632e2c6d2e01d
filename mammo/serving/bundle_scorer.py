"""Scores the cases of a node with the networks of a bundle, as `mammo predict` does."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mammo.inference.case_reading import PRELOAD, ReadCase, read_all
from mammo.inference.cases import Case, LesionRequest
from mammo.inference.outlines import Drawn
from mammo.inference.overlay import overlay_pixels
from mammo.inference.prediction import CasePrediction
from mammo.inference.predictor import Predictor
from mammo.intake.dicom_seg import outline_of_segment, read_segments, sop_instance_uid
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.sandbox import Workers, isolated
from mammo.records import MammoError
from mammo.serving.node import Scored, Scorer


def bundle_scorer(predictor: Predictor) -> Scorer:
    """What scores the cases of a node by a predictor."""
    return Scorer(predictor.facts.name, partial(_score, predictor))


@dataclass(frozen=True)
class _Segment:
    """Draws one segment in the child process that reads the image."""

    file: Path
    number: int
    uid: str

    def __call__(self, shape: tuple[int, int]) -> Drawn:
        return Drawn(*outline_of_segment(self.file, self.number, self.uid, shape), False)


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
    (found,) = isolated(partial(_segments, image, outlines), [outlines.name])
    if isinstance(found, Code):
        raise MammoError(f"segmentation: {found.reason}: {found.remedy}")
    uid, numbers = found
    if not numbers:
        raise MammoError("the segmentation has no segment on this image: export it again")
    requests = tuple(LesionRequest(f"segment {n}", _Segment(outlines, n, uid), f"segment {n}") for n in numbers)
    case = Case(image.parent, image.name, "image", lesions=requests)
    (read,) = read_all([case], predictor.placing, Workers(preload=PRELOAD))
    return read


def _segments(image: Path, outlines: Path, _: str) -> tuple[str, tuple[int, ...]]:
    """SOP Instance UID of an image, and the numbers of the segments on it."""
    uid = sop_instance_uid(image.parent, image.name)
    found = read_segments(outlines.parent, outlines.name)
    if not found.is_object:
        raise RejectedError(Code.OUTLINE_BROKEN)
    return uid, found.numbers.get(uid, ())
