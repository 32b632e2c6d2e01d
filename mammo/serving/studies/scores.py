"""The scores that readers see: computed once for all cases of a study, and kept with it."""

from typing import Any

from mammo.inference.bundle_facts import ThresholdFacts
from mammo.inference.predictor import Predictor
from mammo.serving.studies.cases import StudyCases


def score_cases(predictor: Predictor, cases: StudyCases) -> list[dict[str, Any]]:
    """The scores of the cases, in order, as JSON values; up to rounding those of `mammo score`.

    Args:
        predictor: the networks of a bundle.
        cases: of a store in the frame of the networks.

    Returns:
        For each case score, score_sd, probability, prevalence and thresholds, as in predictions.json, but for what
        each threshold did on test lesions, which can be these cases.

    Raises:
        MammoError: the store is of another frame.
    """
    manifest, ensemble = cases.manifest, predictor.ensemble
    data = ensemble.datamodules(cases.store.path, predictor.options.n_windows, manifest=manifest)
    saliency = ensemble.saliency(cases.store.path, manifest, cases.image_ids)
    scored = ensemble.score(data, saliency).mean
    facts, prevalence = predictor.facts, predictor.options.prevalence
    probabilities = facts.calibration.probability(scored.scores.score, prevalence)
    return [
        {
            "score": float(score),
            "score_sd": float(sd),
            "probability": float(probability),
            "prevalence": prevalence or facts.calibration.prevalence,
            "thresholds": [_threshold(each, float(score)) for each in facts.thresholds],
        }
        for score, sd, probability in zip(scored.scores.score, scored.scores.sd, probabilities, strict=True)
    ]


def _threshold(facts: ThresholdFacts, score: float) -> dict[str, Any]:
    return {"threshold": facts.threshold, "below": score < facts.threshold, "meaning": facts.meaning()}
