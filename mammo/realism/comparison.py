"""The measurement of a store's realism: its figures beside those of real images, and what the critic says."""

from dataclasses import dataclass
from pathlib import Path

from mammo.progress import track
from mammo.realism.assessment import Beside, beside, ranges
from mammo.realism.breasts import StoreBreasts, exam_breasts
from mammo.realism.discriminator import Verdict, judge, patches
from mammo.realism.measures import TEXTURE_SCALE, figures
from mammo.realism.reference_values import RECORDED
from mammo.records import MammoError


@dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes:
        n_images: how many of the store's images were measured.
        scale: pixels per full-size pixel at which patches were judged.
        figure_scale: the scale of the figures.
        rows: the figures.
        measured: how many real images were measured; 0 where recorded figures stand for them.
        verdict: the critic's, None without real images.
    """

    n_images: int
    scale: float
    figure_scale: float
    rows: tuple[Beside, ...]
    measured: int
    verdict: Verdict | None


def compare(store: Path, exam: Path | None, most: int) -> Comparison:
    """Measure a store.

    Args:
        store: its folder.
        exam: a real exam in the format of data=nyu, at full size; None: recorded figures, and no critic.
        most: about how many images to measure, whole patients.

    Raises:
        MammoError: there is no store or no exam, or they hold too little to measure.
    """
    breasts = StoreBreasts(store, most)
    if not len(breasts):
        raise MammoError(f"{store} has no images whose realism could be measured: fill it with python -m mammo.ingest")
    figure_scale = min(breasts.scale, TEXTURE_SCALE)
    real = [] if exam is None else [image.at(breasts.scale) for image in exam_breasts(exam)]
    drawn, seen = [], []
    for image in track(breasts, "realism", len(breasts)):
        drawn.append(figures(image))
        seen.append(patches(image) if real else None)
    known = ranges([figures(image) for image in real]) if real else RECORDED[figure_scale]
    verdict = judge([patches(image) for image in real], [one for one in seen if one]) if real else None
    return Comparison(len(drawn), breasts.scale, figure_scale, beside(drawn, known), len(real), verdict)
