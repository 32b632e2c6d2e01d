"""An outline that the page is sent, and its score, as /openapi.json describes them."""

from typing import Any

from pydantic import ConfigDict, Field

from mammo.inference.prediction import LESION_FIELDS
from mammo.serving.api_schema import Described, Digest, Point
from mammo.serving.page_schema import BundleFacts
from mammo.serving.page_scores import MOST_POINTS

Interval = tuple[float | None, float | None]


class Outline(Described):
    """An outline: one of these, (row, col) in px of the image's file, from its upper left corner."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    polygon: list[Point] = Field([], min_length=3, max_length=MOST_POINTS)
    """Corners, [row, col] each."""
    box: tuple[float, float, float, float] = (0, 0, 0, 0)
    """[row0, row1, col0, col1], half-open."""
    circle: tuple[float, float, float] = (0, 0, 0)
    """[row, col, radius]."""
    known: int = Field(0, ge=0)
    """Number of an outline that a file gives, from 0."""


class ThresholdResult(Described):
    """A threshold, and on which side of it a lesion lies. Rates are null where undefined."""

    fnr: float
    """Share of malignant validation lesions that may lie below it."""
    threshold: float
    """A lesion with a lower score lies below it."""
    below: bool
    """Whether the lesion does."""
    tnr_validation: float | None
    """Share of benign validation lesions below it."""
    tnr_validation_interval: Interval
    """Its 95 % interval."""
    fnr_validation: float | None
    """Share of malignant validation lesions below it."""
    fnr_validation_interval: Interval
    """Its 95 % interval."""
    tnr_test: float | None
    """Share of benign test lesions below it."""
    tnr_test_interval: Interval
    """Its 95 % interval."""
    fnr_test: float | None
    """Share of malignant test lesions below it."""
    fnr_test_interval: Interval
    """Its 95 % interval."""
    meaning: str
    """What the threshold did on validation lesions, in words."""


class Prediction(Described):
    """A lesion as in predictions.json."""

    lesion_id: str = Field(description=LESION_FIELDS["lesion_id"])
    score: float = Field(description=LESION_FIELDS["score"])
    score_sd: float = Field(description=LESION_FIELDS["score_sd"])
    score_sd_seeds: float | None = Field(description=LESION_FIELDS["score_sd_seeds"])
    probability: float = Field(description=LESION_FIELDS["probability"])
    prevalence: float = Field(description=LESION_FIELDS["prevalence"])
    score_without_context: float | None = Field(description=LESION_FIELDS["score_without_context"])
    thresholds: list[ThresholdResult] = Field(description=LESION_FIELDS["thresholds"])
    outline_sensitivity: dict[str, float | None] = Field(description="empty: the page scores no changed outlines")
    warnings: list[str] = Field(description=LESION_FIELDS["warnings"])


class Saliency(Described):
    """The saliency maps of an image."""

    malignant: list[list[float]]
    """[rows, cols] in [0, 1]."""
    benign: list[list[float]]
    """Likewise."""
    corners: tuple[Point, Point]
    """First and last corner of the part of the image that they show, (row, col), px; it can be mirrored."""


class ScoreAnswer(Described):
    """The score of an outline."""

    number: int
    """Of the score on this image, from 1."""
    prediction: Prediction
    """As in predictions.json."""
    warnings: list[str]
    """Its warnings in the words of the page."""
    windows: list[list[Point]]
    """Corners [n, 4, 2] of the crop windows, (row, col), px of the image's file."""
    outline: list[Point]
    """The ring around what was scored."""
    n_pixels: int
    """Pixels of the image that the outline covers."""
    saliency: Saliency | None
    """Null without a context network."""
    not_saved: str
    """Why the score was not saved on the server, where --save asks for it; empty if it was, or is not asked for."""


class PredictedCase(Described):
    """An image and its lesion."""

    image: str
    """Path below the folder of --data, or image for an upload."""
    error: str | None
    """Null: the lesion was scored."""
    lesions: list[Prediction]
    """The lesion."""


class PredictionsFile(Described):
    """The last score of an image as predictions.json has it."""

    bundle: BundleFacts
    """The bundle."""
    use: str
    """What scores are for."""
    windows: int
    """Crop windows per lesion."""
    outline: dict[str, Any]
    """The outline as it was sent."""
    image_sha256: Digest
    """SHA-256 of the image's file."""
    others_sha256: list[Digest]
    """Of the other images of the exam that were read."""
    cases: list[PredictedCase]
    """The image."""
