"""How images are brought into the frame of trained networks: as the images that they were trained on."""

import re
from dataclasses import replace

from mammo.geometry import SCALES
from mammo.inference.case_image import Placing
from mammo.inference.scorer import Scorer
from mammo.intake.gray_values import ANY_DEPTH
from mammo.records import MammoError, is_number
from mammo.store.store_header import read_store_header
from mammo.training.build import frame_of

SPACING = re.compile(r"auto, to ([\d.]+) mm")
"""The scale in the header of a store whose images were brought to one spacing."""


def placing_of(scorer: Scorer, scale: object = None) -> Placing:
    """The frame of the networks and the scale of the images that they were trained on, or the one that is given.

    Raises:
        MammoError: the scale is wrong, or unknown.
    """
    frame = frame_of(scorer.cfg)
    if scale not in (None, "auto"):
        if not isinstance(scale, int | float) or not is_number(scale) or not SCALES[0] <= scale <= SCALES[1]:
            raise MammoError(
                f'scale={scale!r}: give a number from {SCALES[0]:g} to {SCALES[1]:g}, "auto", or leave it out'
            )
        return Placing(frame, scale)
    known = _training_scale(scorer) if scorer.run.scale is None else scorer.run.scale
    if isinstance(known, str) and (spacing := SPACING.fullmatch(known)):
        return Placing(frame, frame.fineness, replace(ANY_DEPTH, spacing_mm=float(spacing[1])))
    if not is_number(known):
        raise MammoError(f"{scorer.run.folder}: the scale {known!r} in result.json is not a number: give scale=")
    if scale == "auto":
        raise MammoError(
            f"scale='auto', but {scorer.run.name} was trained on images of data.scale={known}: leave scale= out, or "
            "give the number that fits your images"
        )
    return Placing(frame, float(known))


def _training_scale(scorer: Scorer) -> float | str:
    """The scale of the store that the networks were trained on; of several, the only one that is a spacing.

    Raises:
        MammoError: the store is gone, or it is not clear which of its scales is meant.
    """
    store = scorer.training_store
    if store is None:
        raise MammoError(
            f"no store at {scorer.cfg.store}, on which {scorer.run.name} was trained: give scale= a number"
        )
    sources = read_store_header(store).sources
    scales = {source.scale for source in sources}
    spacings = [scale for scale in scales if SPACING.fullmatch(str(scale))]
    if len(scales) == 1 or len(spacings) == 1:
        return (spacings or [*scales])[0]
    listed = ", ".join(f"{source.name}: {source.scale}" for source in sources)
    raise MammoError(f"the sources of {store} have several scales ({listed}): give scale= the number of your images")
