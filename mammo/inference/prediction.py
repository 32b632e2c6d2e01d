"""What `mammo predict` says about a case: the scores of its lesions, as values and as predictions.csv and .json.

Numbers that a rule cannot give are null: an interval of too few patients, a change in mm where no spacing is known.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.geometry import FrameChain
from mammo.inference.bundle_facts import RATES, BundleName, ThresholdFacts
from mammo.inference.other_image import OtherImage
from mammo.inference.outlines import Drawn
from mammo.inference.result_files import CSV, JSON
from mammo.io import atomic_write
from mammo.records import Floats
from mammo.scoring.score_tables import csv_text

RESEARCH_USE = "For research use only: not a medical device, and no basis for a decision about a patient."
"""The statement that stands in every output for a person."""

SCORES = ("score", "score_sd", "score_sd_seeds", "probability", "prevalence", "score_without_context")
"""Numbers of a lesion that the tables repeat as they are."""


CASE_FIELDS = {
    "image": "its path",
    "error": "null, or why the image or one of its outlines has no score",
    "other_view": (
        "path of the image of the breast's other view that the scores depend on; null where there is none, its nipple "
        "was not found, or the networks do not read it"
    ),
    "other_breast": "likewise of the other breast in this view",
    "lesions": "its scored lesions",
}
"""What predictions.json says about a case."""

LESION_FIELDS = {
    "lesion_id": "the user's own id, or lesion-1 and so on for outlines of the command line",
    "score": "mean over windows and members, in [0, 1]",
    "score_sd": "standard deviation over windows, in [0, 0.5]",
    "score_sd_seeds": "standard deviation over the members of an ensemble; null with one",
    "probability": "of malignancy, after the calibration, in (0, 1)",
    "prevalence": "share of malignant lesions that the probability holds for: that of --prevalence, or of validation",
    "score_without_context": "score of f_loc alone on the same windows; null for a bundle without a context network",
    "thresholds": (
        "list by allowed false negative rate: fnr, threshold, below, meaning; tnr and fnr of validation and of test "
        "with 95 % intervals [low, high], null where undefined"
    ),
    "outline_sensitivity": (
        "change of the score by the change of the outline, which is clipped to the image; null where nothing of it is "
        "left there, and for shifts in mm where no pixel spacing is known; empty with --no-changes"
    ),
    "warnings": "sentences on what makes the score doubtful",
    "picture": "its picture, below the folder; not with --no-pictures",
    "dicom": "folder of the DICOM objects of its image; with --dicom",
}
"""What predictions.json says about a lesion."""


@dataclass(frozen=True)
class ThresholdResult:
    """A threshold, and on which side of it a lesion lies."""

    facts: ThresholdFacts
    below: bool

    def as_json(self) -> dict[str, Any]:
        """The facts with intervals as [low, high], and `below`."""
        found: dict[str, Any] = {"fnr": self.facts.fnr, "threshold": self.facts.threshold, "below": self.below}
        for name in RATES:
            rate = getattr(self.facts, name)
            found |= {name: rate.value, f"{name}_interval": [rate.low, rate.high]}
        return found | {"meaning": self.facts.meaning()}


@dataclass(frozen=True, eq=False)
class LesionPrediction:
    """The prediction for one lesion.

    Attributes:
        lesion_id: the user's own id.
        outline: its mask and half-open box, pixels of the image's file as a viewer shows it.
        chain: the frames of its image, from the pixels of the file to the network window.
        score: in [0, 1]; the mean over windows and members.
        score_sd: standard deviation over windows, in [0, 0.5].
        score_sd_seeds: standard deviation over the members of an ensemble; None with one.
        probability: of malignancy, calibrated on validation lesions, in (0, 1).
        prevalence: share of malignant lesions that the probability holds for, in (0, 1).
        score_without_context: the score of f_loc alone on the same windows; None where the bundle has none.
        thresholds: by allowed false negative rate, ascending.
        outline_sensitivity: the score's change, by how the outline was changed (outline_changes.CHANGES); None where
            nothing of it is left in the image, and for a shift where the pixel spacing is unknown; empty if it was not
            asked for.
        warnings: sentences on what makes the score doubtful.
        windows: float64 [n, 4], (row, col, side, angle) of the crop windows, network px and degrees.
        saliency: float32 [2, rows, cols] in [0, 1], saliency maps of the image (malignant, benign), the mean over the
            members; None without a context network.
        h: float64 [K], mean over the windows of the representation h by each member's f_loc, one after the other; None
            without f_loc.
        others: the other images of the exam that the networks read, missing ones, too; empty where they read none.
    """

    lesion_id: str
    outline: Drawn
    chain: FrameChain
    score: float
    score_sd: float
    score_sd_seeds: float | None
    probability: float
    prevalence: float
    score_without_context: float | None
    thresholds: tuple[ThresholdResult, ...]
    outline_sensitivity: Mapping[str, float | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    windows: Floats = field(default_factory=lambda: np.empty((0, 4)))
    saliency: NDArray[np.float32] | None = None
    h: Floats | None = None
    others: tuple[OtherImage, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The lesion's object in predictions.json."""
        found = {name: getattr(self, name) for name in ("lesion_id", *SCORES)}
        found["thresholds"] = [each.as_json() for each in self.thresholds]
        return found | {"outline_sensitivity": dict(self.outline_sensitivity), "warnings": list(self.warnings)}


@dataclass(frozen=True, eq=False)
class CasePrediction:
    """The prediction for one image of the user.

    Attributes:
        image: path of its file, as the user named it or relative to the folder that the user named.
        error: why nothing was scored, in one sentence; empty if it was.
        lesions: in the order of the user's table.
        others: files of the other images that the scores depend on, other_view and other_breast; None for one that is
            missing; empty where other images are not named by files.
    """

    image: str
    error: str = ""
    lesions: tuple[LesionPrediction, ...] = ()
    others: Mapping[str, str | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The case's object in predictions.json."""
        lesions = [lesion.as_json() for lesion in self.lesions]
        return {"image": self.image, "error": self.error or None, **self.others, "lesions": lesions}


def write_case_predictions(
    bundle: BundleName, options: Mapping[str, Any], cases: Sequence[Mapping[str, Any]], out: Path
) -> None:
    """Write predictions.json and predictions.csv, which only their owner can read: they name the user's files.

    Args:
        bundle: that made them.
        options: how lesions were scored, and what was not: further keys of predictions.json.
        cases: in order, as CasePrediction.as_json.
        out: the folder, which exists.
    """
    content = {"bundle": asdict(bundle), "use": RESEARCH_USE, **options, "cases": cases}
    table = pd.DataFrame([row for case in cases for row in _rows(case)])
    names = (out / JSON, out / CSV)
    with atomic_write(names[0], mode=0o600) as text, atomic_write(names[1], mode=0o600) as csv:
        text.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        csv.write_text(csv_text(table), encoding="utf-8")


def _rows(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a case in predictions.csv: one for each lesion, or one with the error."""
    if not case["lesions"]:
        yield {"image": case["image"], "error": case["error"] or ""}
    for lesion in case["lesions"]:
        row = {"image": case["image"], "error": "", **{name: lesion[name] for name in ("lesion_id", *SCORES)}}
        row |= {f"below_at_fnr_{each['fnr']:.2f}": each["below"] for each in lesion["thresholds"]}
        row |= {f"change_{name}": value for name, value in lesion["outline_sensitivity"].items()}
        row |= {name: lesion[name] for name in ("picture", "dicom") if name in lesion}
        yield row | {"warnings": " ".join(lesion["warnings"])}
