"""Lesions whose outline lies beside the breast: they are left out with their reason, and keep their image's label."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mammo.geometry import Frame
from mammo.ingestion.worker import ImageFacts
from mammo.intake.gate import FILM
from mammo.intake.rejections import Code, left_out
from mammo.records import Cohort, LesionRecord
from mammo.store.schema import chain_of, tissue_of

MIN_ON_FILM = 0.65
"""Mean tissue share under an outline on film below which it lies in air: on mini-MIAS the circle in air covers
0.44, and the lowest of the others 0.87."""


def without_misplaced(
    cohort: Cohort, image_of: Mapping[str, str], facts: Mapping[str, ImageFacts], frame: Frame
) -> Cohort:
    """Return the cohort with the lesions in air moved to those left out.

    Args:
        cohort: the source.
        image_of: id of the image that is kept, by path, of every accepted image and duplicate.
        facts: what the notes of the images say, by id.
        frame: the network window.
    """
    in_air = {
        lesion.lesion_key
        for lesion in cohort.lesions
        if lesion.path in image_of and _in_air(lesion, facts[image_of[lesion.path]], frame)
    }
    if not in_air:
        return cohort
    moved = tuple(
        left_out(lesion.path, Code.OUTLINE_OFF_BREAST, lesion.path, lesion.label)
        for lesion in cohort.lesions
        if lesion.lesion_key in in_air
    )
    kept = tuple(lesion for lesion in cohort.lesions if lesion.lesion_key not in in_air)
    return replace(cohort, lesions=kept, left_out=(*cohort.left_out, *moved))


def _in_air(lesion: LesionRecord, facts: ImageFacts, frame: Frame) -> bool:
    """Return whether an outline lies in the network window, but not on the breast."""
    mask, box = chain_of(facts.row, frame).mask_to_network(lesion.mask, lesion.box)
    points = np.argwhere(mask) + np.array((box.row0, box.col0))
    points = points[((points >= 0) & (points < (frame.height, frame.width))).all(axis=1)]
    if not len(points):
        return False
    share = float(tissue_of(facts.row, frame)[tuple((points // frame.cell_px).T)].mean())
    return share < MIN_ON_FILM if FILM in str(facts.row["notes"]).split("+") else share == 0
