"""The report's first words: the result in one sentence, and the biopsies avoided per cancer missed."""

from mammo.paper import BEST, TABLE_3
from mammo.scoring.performance import Performance

ALLOWED = 0.02
"""The false negative rate of the first words; the paper's abstract and discussion speak of it."""


def result_sentence(performance: Performance, maps: str, data: str, n_seeds: int) -> str:
    """The result in one sentence.

    Args:
        performance: of the seed-mean score.
        maps: what was judged, maps joined by +.
        data: name of the data set, empty if unknown.
        n_seeds: over how many the score is a mean.
    """
    kind = {"phantom": "synthetic test lesions"}.get(data, "test lesions")
    told = f"{performance.n} {kind} ({performance.n_malignant} malignant) of {performance.n_patients} patients"
    if performance.undefined:
        return f"No metric is defined on these {told}: {performance.undefined}."
    auc = performance.auc
    judged = maps if n_seeds == 1 else f"{maps}, by the mean score of {n_seeds} seeds,"
    return (
        f"On {told}, {judged} tells malignant from benign with an AUC of {auc.value:.3f} (95 % interval "
        f"{auc.low:.3f} to {auc.high:.3f}); {BEST} of the paper, on real lesions, with {TABLE_3[BEST][0]:.3f}."
    )


def tradeoff_sentence(performance: Performance) -> str:
    """Biopsies avoided and cancers missed at the threshold for ALLOWED; empty where no metric exists."""
    if performance.undefined:
        return ""
    point = performance.transferred.get(ALLOWED)
    picked = f"At the threshold that misses at most {_percent(ALLOWED, 0)} of the malignant lesions "
    picked += "of validation" if point else "in question, picked on these very lesions, which flatters"
    point = point or performance.picked_here[ALLOWED]
    n_benign = performance.n - performance.n_malignant
    avoided, missed = round(point.tnr.value * n_benign), round(point.fnr.value * performance.n_malignant)
    share = _percent(point.fnr.value) + (", more than on validation" if point.fnr.value > ALLOWED else "")
    ratio = f"{avoided / missed:.1f} biopsies avoided per cancer missed" if missed else "no cancer is missed"
    return (
        f"{picked}, {avoided} of {n_benign} benign biopsies would be avoided ({_percent(point.tnr.value)}) and "
        f"{missed} of {performance.n_malignant} cancers missed ({share}): {ratio}."
    )


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"
