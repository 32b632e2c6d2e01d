"""What a bundle says about its model, as typed values: thresholds, calibration, training ranges, names and licenses."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from mammo.inference.bundle import AGAIN, FACTS, Bundle
from mammo.inference.training_images import TrainingImages
from mammo.inference.training_ranges import TrainingRanges
from mammo.records import MammoError, is_number, is_whole
from mammo.scoring.calibration import RULES, Calibration
from mammo.text import percent

RATES = ("tnr_validation", "fnr_validation", "tnr_test", "fnr_test")


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
        shares = f"{percent(avoided)} of benign biopsies avoided, {percent(missed)} of cancers missed"
        return f"below this: {shares} on validation"


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


@dataclass(frozen=True)
class BundleFacts:
    """The facts of a bundle that predictions need.

    Attributes:
        name: what identifies it.
        thresholds: by allowed false negative rate, ascending.
        calibration: from score to probability.
        ranges: of the training lesions and their images.
        images: that the networks were trained or selected on.
    """

    name: BundleName
    thresholds: tuple[ThresholdFacts, ...]
    calibration: Calibration
    ranges: TrainingRanges
    images: TrainingImages

    @classmethod
    def of(cls, bundle: Bundle) -> "BundleFacts":
        """The facts of an opened bundle.

        Raises:
            MammoError: one is missing, or of another type or range.
        """
        try:
            return cls(
                name=_name(bundle),
                thresholds=tuple(_threshold(each) for each in bundle.part("thresholds", list)),
                calibration=parse_calibration(bundle.part("calibration", dict)),
                ranges=TrainingRanges.parse(bundle.part("ranges", dict)),
                images=TrainingImages.parse(bundle.part("training_images", dict)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise MammoError(f"{bundle.path}: its {FACTS} cannot be used ({reason}): {AGAIN}") from None


def facts_json(
    thresholds: tuple[ThresholdFacts, ...], calibration: Calibration, ranges: TrainingRanges, images: TrainingImages
) -> dict[str, Any]:
    """The JSON values of these facts in bundle.json."""
    return {
        "thresholds": [asdict(each) for each in thresholds],
        "calibration": asdict(calibration) | {"reason": calibration.reason()},
        "ranges": asdict(ranges),
        "training_images": images.as_json(),
    }


def _name(bundle: Bundle) -> BundleName:
    texts = {name: bundle.part(name, str) for name in ("name", "version", "model")}
    trained_on = tuple(str(each) for each in bundle.part("trained_on", list))
    return BundleName(bundle.digest, trained_on=trained_on, n_members=len(bundle.part("members", list)), **texts)


def _threshold(content: Mapping[str, Any]) -> ThresholdFacts:
    rates = {name: _rate(content[name]) for name in RATES}
    return ThresholdFacts(_number(content["fnr"], 0, 1), _number(content["threshold"], 0, 1), **rates)


def _rate(content: Mapping[str, Any]) -> Rate:
    return Rate(*(None if content[k] is None else _number(content[k], 0, 1) for k in ("value", "low", "high")))


def parse_calibration(content: Mapping[str, Any]) -> Calibration:
    """The calibration from its JSON values; ValueError, KeyError or TypeError where they are none."""
    rule, n = content["rule"], content["n"]
    if rule not in RULES or not is_whole(n) or n < 1:
        raise ValueError(f"calibration: rule {rule!r}, n {n!r}")
    knots = tuple((_number(x), _number(y)) for x, y in content["knots"])
    if not knots or (rule == "isotonic" and any(a[0] >= b[0] for a, b in pairwise(knots))):
        raise ValueError("calibration: its knots are not ascending")
    prevalence = _number(content["prevalence"], 0, 1)
    briers = {str(name): _number(value, 0, 1) for name, value in content["brier"].items()}
    return Calibration(rule, knots, prevalence, n, briers)


def _number(value: object, low: float = -1e9, high: float = 1e9) -> float:
    if not is_number(value) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{value!r} is not a number from {low:g} to {high:g}")
    return float(value)
