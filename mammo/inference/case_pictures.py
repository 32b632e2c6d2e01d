"""Writes the pictures of scored cases, under names that say nothing of the patient."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.inference.cases import Case
from mammo.inference.prediction import CasePrediction
from mammo.inference.prediction_run import After
from mammo.inference.result_files import PICTURES, picture_name
from mammo.io import atomic_write


def case_pictures(out: Path) -> After:
    """What predict_cases calls for each scored case.

    Args:
        out: the folder of the results; the pictures are in a folder below it.
    """

    def write(number: int, _: Case, __: CasePrediction, pictures: Sequence[NDArray[np.uint8]]) -> list[dict[str, str]]:
        """Write the picture [H, W, 3] of every lesion; returns what their objects in predictions.json say about it."""
        (out / PICTURES).mkdir(exist_ok=True)
        names = [picture_name(number, place) for place in range(1, len(pictures) + 1)]
        for name, pixels in zip(names, pictures, strict=True):
            with atomic_write(out / name, durable=False) as written:
                Image.fromarray(pixels).save(written, format="png")
        return [{"picture": name} for name in names]

    return write
