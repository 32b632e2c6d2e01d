"""What a reviewer would hold against an evaluation, said before they ask."""

from collections.abc import Iterable

from mammo.records import LabelSource

FEW_MALIGNANT = 30
TOO_GOOD = 0.9
"""An AUC that no one has reached on the biopsied lesions of CBIS-DDSM with its patients kept apart."""


def cautions(n_malignant: int, undefined: str, label_sources: Iterable[str], auc: float, data: str = "") -> list[str]:
    """Sentences to print beside the results; none where there is nothing to say.

    Args:
        n_malignant: malignant lesions judged.
        undefined: why no metric exists (metrics.why_undefined).
        label_sources: where each lesion's label comes from (LabelSource).
        auc: of the best model judged, NaN if undefined.
        data: name of the data set, empty if unknown.
    """
    told = []
    if undefined:
        told.append(f"No metric exists: {undefined}.")
    elif n_malignant < FEW_MALIGNANT:
        told.append(
            f"Only {n_malignant} malignant lesions (fewer than {FEW_MALIGNANT}): intervals are wide, and rates at a "
            "few per cent missed hang on single lesions."
        )
    sources = list(label_sources)
    proxies = sources.count(LabelSource.BIRADS_PROXY)
    if proxies:
        told.append(
            f"{proxies} of {len(sources)} labels are BI-RADS proxies: what a radiologist suspected, not what a biopsy "
            "found."
        )
    if data == "cbis_ddsm" and auc > TOO_GOOD:
        told.append(
            f"An AUC of {auc:.3f} on CBIS-DDSM lesions is above {TOO_GOOD}: check for leakage (a patient or image in "
            "two splits, crops centred on the outline, labels in the file names) before believing it."
        )
    return told
