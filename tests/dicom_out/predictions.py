"""Predictions of drawn outlines, and mammograms of every laterality and view, for the tests of DICOM results."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.geometry import Box, Frame, FrameChain
from mammo.inference.bundle_facts import BundleName, Rate, ThresholdFacts
from mammo.inference.outlines import Drawn
from mammo.inference.prediction import CasePrediction, LesionPrediction, ThresholdResult

BUNDLE = BundleName("ab" * 32, "demo", "0.9.0", ("phantom",), "f_agg sal+emb", 2)
FACTS = ThresholdFacts(0.02, 0.2345678, Rate(0.23, 0.2, 0.3), Rate(0.019), Rate(0.2), Rate(None))


def asymmetric(rows: int = 30, cols: int = 20) -> NDArray[np.bool_]:
    """An outline [rows, cols] like the letter L, with which every mirroring and rotation is seen."""
    mask = np.zeros((rows, cols), dtype=np.bool_)
    mask[:, :5] = True
    mask[-4:] = True
    return mask


def lesion(
    mask: NDArray[np.bool_], row: int = 40, col: int = 25, lesion_id: str = "a", score: float = 0.3
) -> LesionPrediction:
    """The prediction for an outline [H, W] whose box starts at a row and column."""
    box = Box(row, row + mask.shape[0], col, col + mask.shape[1])
    chain = FrameChain((400, 300), False, Box(0, 400, 0, 300), 1.0, (0, 0), Frame(368, 240, 8))
    return LesionPrediction(
        lesion_id=lesion_id,
        outline=Drawn(mask, box, False),
        chain=chain,
        windows=np.zeros((3, 4)),
        score=score,
        score_sd=0.0123,
        score_sd_seeds=None,
        probability=0.171234567,
        prevalence=0.4,
        score_without_context=0.25,
        thresholds=(ThresholdResult(FACTS, score < FACTS.threshold),),
        warnings=("The networks were trained on synthetic phantoms.",),
    )


def case(*lesions: LesionPrediction) -> CasePrediction:
    """The prediction for an image."""
    return CasePrediction("case.dcm", "", lesions)


def segment_mask(segmentation: Dataset, number: int) -> NDArray[np.bool_]:
    """One segment [rows, cols] of a segmentation, read from its bits alone."""
    n_px = segmentation.Rows * segmentation.Columns
    bits = np.unpackbits(np.frombuffer(segmentation.PixelData, np.uint8), bitorder="little")
    frames = bits[: n_px * segmentation.NumberOfFrames].reshape(-1, segmentation.Rows, segmentation.Columns)
    (index,) = [
        place
        for place, item in enumerate(segmentation.PerFrameFunctionalGroupsSequence)
        if item.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
    ]
    return frames[index] > 0
