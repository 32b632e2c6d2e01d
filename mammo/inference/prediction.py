"""What `mammo predict` says about a case: the scores of its lesions, as values and as predictions.csv and .json.

Numbers that a rule cannot give are null: an interval of too few patients, a change in mm where no spacing is known.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mammo.geometry import FrameChain
from mammo.inference.outlines import Drawn
from mammo.io import atomic_write
from mammo.records import Floats
from mammo.scoring.score_tables import safe_csv

RESEARCH_USE = "For research use only: not a medical device, and no basis for a decision about a patient."
"""The statement that stands in every output for a person."""


@dataclass(frozen=True)
class Rate:
    """A share of lesions with its 95 % interval by the bootstrap of patients; None where undefined.

    Attributes:
        value: in [0, 1].
        low: lower bound.
        high: upper bound.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ThresholdFacts:
    """A threshold chosen on validation lesions, and what it did there and on test lesions.

    Attributes:
        fnr: share of malignant validation lesions that may lie below it.
        threshold: a lesion with a lower score lies below it.
        tnr_validation: share of benign validation lesions below it: biopsies avoided.
        fnr_validation: share of malignant validation lesions below it: cancers missed.
        tnr_test: likewise of the test lesions.
        fnr_test: likewise of the test lesions.
    """

    fnr: float
    threshold: float
    tnr_validation: Rate
    fnr_validation: Rate
    tnr_test: Rate
    fnr_test: Rate

    def meaning(self) -> str:
        """One sentence on what calling lesions below the threshold benign did to the validation lesions."""
        avoided, missed = self.tnr_validation.value, self.fnr_validation.value
        if avoided is None or missed is None:
            return "what this threshold did on validation lesions is undefined"
        return f"below this: {avoided:.0%} of benign biopsies avoided, {missed:.1%} of cancers missed on validation"


@dataclass(frozen=True)
class ThresholdResult:
    """A threshold, and on which side of it a lesion lies."""

    facts: ThresholdFacts
    below: bool

    def as_json(self) -> dict[str, Any]:
        """The facts with intervals as [low, high], and `below`."""
        found: dict[str, Any] = {"fnr": self.facts.fnr, "threshold": self.facts.threshold, "below": self.below}
        for name in ("tnr_validation", "fnr_validation", "tnr_test", "fnr_test"):
            rate: Rate = getattr(self.facts, name)
            found |= {name: rate.value, f"{name}_interval": [rate.low, rate.high]}
        return found | {"meaning": self.facts.meaning()}


@dataclass(frozen=True, eq=False)
class LesionPrediction:
    """The prediction for one lesion.

    Attributes:
        lesion_id: the user's own id.
        outline: its mask and half-open box, pixels of the image's file as a viewer shows it.
        chain: the frames of its image, from the pixels of the file to the network window.
        windows: float64 [n, 4], (row, col, side, angle) of the crop windows, network px and degrees.
        score: in [0, 1]; the mean over windows and members.
        score_sd: standard deviation over windows, in [0, 0.5].
        score_sd_seeds: standard deviation over the members of an ensemble; None with one.
        probability: of malignancy, calibrated on validation lesions, in [0, 1].
        score_without_context: the score of f_loc alone on the same windows; None where the bundle has none.
        thresholds: by allowed false negative rate, ascending.
        outline_sensitivity: the score's change, by how the outline was changed (outline_changes.CHANGES); None for a
            change in mm where the pixel spacing is unknown; empty if it was not asked for.
        warnings: sentences on what makes the score doubtful.
    """

    lesion_id: str
    outline: Drawn
    chain: FrameChain
    windows: Floats
    score: float
    score_sd: float
    score_sd_seeds: float | None
    probability: float
    score_without_context: float | None
    thresholds: tuple[ThresholdResult, ...]
    outline_sensitivity: Mapping[str, float | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The lesion's object in predictions.json."""
        names = ("lesion_id", "score", "score_sd", "score_sd_seeds", "probability", "score_without_context")
        found = {name: getattr(self, name) for name in names}
        found["thresholds"] = [each.as_json() for each in self.thresholds]
        return found | {"outline_sensitivity": dict(self.outline_sensitivity), "warnings": list(self.warnings)}

    def as_row(self) -> dict[str, Any]:
        """The lesion's row of predictions.csv."""
        names = ("lesion_id", "score", "score_sd", "score_sd_seeds", "probability", "score_without_context")
        below = {f"below_at_fnr_{each.facts.fnr:.2f}": each.below for each in self.thresholds}
        changes = {f"change_{name}": value for name, value in self.outline_sensitivity.items()}
        return {
            **{name: getattr(self, name) for name in names},
            **below,
            **changes,
            "warnings": " ".join(self.warnings),
        }


@dataclass(frozen=True, eq=False)
class CasePrediction:
    """The prediction for one image of the user.

    Attributes:
        image: path of its file, as the user named it or relative to the folder that the user named.
        error: why nothing was scored, in one sentence; empty if it was.
        lesions: in the order of the user's table.
    """

    image: str
    error: str = ""
    lesions: tuple[LesionPrediction, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The case's object in predictions.json."""
        return {
            "image": self.image,
            "error": self.error or None,
            "lesions": [lesion.as_json() for lesion in self.lesions],
        }

    def rows(self) -> list[dict[str, Any]]:
        """The case's rows of predictions.csv: one for each lesion, or one with the error."""
        rows = [{"image": self.image, "error": "", **lesion.as_row()} for lesion in self.lesions]
        return rows or [{"image": self.image, "error": self.error}]


@dataclass(frozen=True)
class BundleName:
    """What identifies the bundle that made a prediction.

    Attributes:
        digest: SHA-256 of the bundle, as hex.
        name: of the bundle.
        version: of mammo, which wrote it.
        trained_on: names of the data sets of its training images.
        model: its model, as in "f_agg sal+emb".
        n_members: number of trainings whose scores are averaged.
    """

    digest: str
    name: str
    version: str
    trained_on: tuple[str, ...]
    model: str
    n_members: int


def write_case_predictions(bundle: BundleName, cases: Sequence[CasePrediction], out: Path) -> None:
    """Write predictions.json and predictions.csv, which only their owner can read: they name the user's files.

    Args:
        bundle: that made them.
        cases: in order.
        out: the folder, which exists.
    """
    content = {"bundle": asdict(bundle), "use": RESEARCH_USE, "cases": [case.as_json() for case in cases]}
    table = pd.DataFrame([row for case in cases for row in case.rows()])
    with atomic_write(out / "predictions.json") as text, atomic_write(out / "predictions.csv") as csv:
        for path in (text, csv):
            path.touch(mode=0o600)
        text.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        safe_csv(table, csv)
