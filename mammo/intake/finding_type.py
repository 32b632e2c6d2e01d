"""Types of finding: the free text of a source, reduced to a closed list, so that no name or note reaches a report."""

import re
from enum import StrEnum


class FindingType(StrEnum):
    """The types of finding; a text that names several is the first of them."""

    MASS = "mass"
    CALCIFICATION = "calcification"
    DISTORTION = "distortion"
    ASYMMETRY = "asymmetry"
    OTHER = "other"


PATTERNS = {
    FindingType.MASS: r"\bmass(es)?\b|fibroadenom|nodul|tumou?r|\blump|spicul|\bspic\b|circumscribed|\bcirc\b",
    FindingType.CALCIFICATION: r"calcif|\bcalcs?\b|cluster",
    FindingType.DISTORTION: r"distort|architect|\barch\b",
    FindingType.ASYMMETRY: r"ass?ym|focal density",
}
"""What names a type, in lower case."""

UNKNOWN = ("", "-", "?", "na", "n/a", "nan", "none", "null", "unknown", "not known")
"""Texts that say nothing, in lower case."""


def finding_type(text: str) -> str:
    """Return the type of finding (FindingType) that a text names, other for any other text, empty where it is empty."""
    words = " ".join(text.lower().replace("_", " ").split())
    if words in UNKNOWN:
        return ""
    return next((kind for kind, pattern in PATTERNS.items() if re.search(pattern, words)), FindingType.OTHER).value
