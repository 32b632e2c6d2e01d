"""BI-RADS categories as what they are: a radiologist's suspicion, not a biopsy's result."""

from mammo.records import LabelSource, Pathology

SUSPICIOUS = ("4", "5", "6")
"""Categories that lead to a biopsy, or follow one."""


def proxy_label(category: str, benign_too: bool) -> tuple[Pathology, LabelSource]:
    """The label that a category stands for, marked as a proxy.

    Args:
        category: "4a", "BI-RADS 5", ...; empty where there is none.
        benign_too: whether the categories 1 to 3 stand for benign; else for no label, as nobody biopsied those.
    """
    digit = next((sign for sign in category if sign.isdigit()), "")
    if not digit or digit == "0":
        return Pathology.NONE, LabelSource.NONE
    if digit in SUSPICIOUS:
        return Pathology.MALIGNANT, LabelSource.BIRADS_PROXY
    return (Pathology.BENIGN if benign_too else Pathology.NONE), LabelSource.BIRADS_PROXY
